"""Cards: what to know about a segment or a finding and what to do, each in a box of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from segkit.report.page.pieces import figure, paragraph


def cards(boxes: Iterable[Markup]) -> Markup:
    """Return cards below each other."""
    return Markup('<div class="cards">\n{}\n</div>').format(Markup("\n").join(boxes))


def card(
    title: str,
    parts: Sequence[tuple[str, Markup]],
    *,
    anchor: str,
    figures: Mapping[str, str] | None = None,
    lead: str = "",
    first: str = "",
) -> Markup:
    """Return one card; whatever is no Markup is escaped.

    Parameters
    ----------
    title : str
    parts : sequence of (str, Markup)
        Heading and content of each part; those without content are left out.
    anchor : str
        Where links to the card lead.
    figures : mapping of str to str, optional
        Figure by label.
    lead : str
        A paragraph below the figures.
    first : str
        What a reader sees of a card that is folded; without it, the card is open.

    Examples
    --------
    >>> from segkit.report.page.pieces import bullets
    >>> print(card("<Loyal>", [("Do", bullets(["Thank & greet"]))], anchor="loyal"))
    <section class="card">
    <h3 class="title" id="loyal">&lt;Loyal&gt;</h3>
    <h4 class="about">Do</h4>
    <ul><li>Thank &amp; greet</li></ul>
    </section>
    """
    heading = Markup('<h3 class="title" id="{}">{}</h3>').format(anchor, title)
    shown = [] if first else [heading]
    if figures:
        pairs = Markup("").join(map(figure, figures.items()))
        shown.append(Markup('<dl class="profile">{}</dl>').format(pairs))
    if lead:
        shown.append(paragraph(lead))
    shown += [Markup('<h4 class="about">{}</h4>\n{}').format(*part) for part in parts if part[1]]
    body = Markup("\n").join(shown)
    if not first:
        return Markup('<section class="card">\n{}\n</section>').format(body)
    summary = Markup("<summary>{}{}</summary>").format(heading, paragraph(first, tag="span"))
    return Markup('<details class="card">{}\n{}\n</details>').format(summary, body)
