"""Small pieces of a page, with whatever is put into them escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from markupsafe import Markup


def paragraph(text: str, kind: str = "", tag: str = "p") -> Markup:
    """Return a text as a paragraph; of an empty one, nothing.

    Examples
    --------
    >>> paragraph("a < b", "note"), paragraph("")
    (Markup('<p class="note">a &lt; b</p>'), Markup(''))
    """
    if not text:
        return Markup("")
    look = Markup(' class="{}"').format(kind) if kind else ""
    return Markup("<{tag}{look}>{text}</{tag}>").format(tag=tag, look=look, text=text)


def lines(*pieces: Markup) -> Markup:
    """Return pieces below each other, each with its line end; empty ones are left out."""
    return Markup("").join(piece + Markup("\n") for piece in pieces if piece)


def bullets(items: Iterable[str], *, numbered: bool = False) -> Markup:
    """Return a list; of no items, nothing.

    Examples
    --------
    >>> bullets(["<b>"], numbered=True), bullets([])
    (Markup('<ol><li>&lt;b&gt;</li></ol>'), Markup(''))
    """
    shown = Markup("").join(Markup("<li>{}</li>").format(item) for item in items)
    tag = Markup("ol" if numbered else "ul")
    return Markup("<{tag}>{items}</{tag}>").format(tag=tag, items=shown) if shown else shown


def tiles(figures: Mapping[str, str]) -> Markup:
    """Return key figures as tiles.

    Examples
    --------
    >>> tiles({"Tickets": "5.009"})
    Markup('<dl class="tiles">\\n<div><dt>Tickets</dt><dd>5.009</dd></div>\\n</dl>')
    """
    each = Markup("\n").join(map(figure, figures.items()))
    return Markup('<dl class="tiles">\n{}\n</dl>').format(each)


def figure(pair: tuple[str, str]) -> Markup:
    """Return a label and a value, as lists of figures hold them."""
    return Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*pair)
