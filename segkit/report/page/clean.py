"""What a page may contain: harmless tags and data pictures; scripts and requests are refused."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import bleach
import mistune
from bs4 import BeautifulSoup
from markupsafe import Markup

from segkit.errors import SegkitError

IMAGE_SOURCE = re.compile(
    r"data:image/(?:(?:png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*|svg\+xml,[^\"<>#]*)\Z"
)
# fmt: off
TAGS = frozenset(
    {
        "a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "details", "div",
        "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img",
        "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "section", "small", "span", "strong",
        "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
    }
)
ATTRIBUTES = frozenset(
    {
        "alt", "aria-label", "class", "colspan", "id", "role", "rowspan", "scope", "src", "style",
        "tabindex",
    }
)
DROPPED_WITH_CONTENT = (
    "iframe", "math", "noembed", "noframes", "noscript", "object", "plaintext", "script", "select",
    "style", "svg", "template", "textarea", "title", "xmp",
)
# fmt: on


def clean_html(html: str) -> Markup:
    """Return an analyst's HTML reduced to harmless tags, without links to the outside.

    Examples
    --------
    >>> clean_html('<p onclick="x()">Hello<script>alert(1)</script></p>')
    Markup('<div class="scroll analyst" tabindex="0"><p>Hello</p></div>')
    """
    soup = parsed(html)
    for element in soup(DROPPED_WITH_CONTENT):
        element.decompose()
    for title in soup(("h1", "h2")):  # chapters are the kit's
        title.name = "h3"
    for head in soup("th"):  # Markdown and pandas leave it out
        if head.get("scope") not in ("col", "row"):
            head["scope"] = "row" if head.find_parent("tbody") else "col"
    clean = bleach.clean(
        str(soup), tags=TAGS - {"a"}, attributes=_is_harmless, protocols=["data"], strip=True
    )
    return Markup('<div class="scroll analyst" tabindex="0">{}</div>').format(Markup(clean.strip()))


def clean_markdown(source: str) -> Markup:
    """Return Markdown as HTML; raw HTML in it is shown as text.

    Examples
    --------
    >>> "<strong>$5</strong> &lt;b&gt;x&lt;/b&gt;" in clean_markdown("**$5** <b>x</b>")
    True
    """
    as_html = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])
    return clean_html(str(as_html(source)))


def clean_image(output: Mapping[str, Mapping[str, Any]], mimetype: str) -> Markup:
    """Return an analyst's picture as an image without scripts, with its alternative text."""
    data = output["data"][mimetype]
    if mimetype == "image/svg+xml":
        data = base64.b64encode(data.encode()).decode("ascii")
    metadata = output.get("metadata", {})
    alt = metadata.get(mimetype, {}).get("alt") or metadata.get("alt", "")
    source = f"data:{mimetype};base64,{''.join(data.split())}"
    return Markup('<figure><img alt="{}" src="{}"></figure>').format(alt, source)


def clean_text(text: str) -> Markup:
    """Return plain text as it is.

    Examples
    --------
    >>> clean_text("1 < 2")
    Markup('<pre class="scroll" tabindex="0">1 &lt; 2</pre>')
    """
    return Markup('<pre class="scroll" tabindex="0">{}</pre>').format(text)


def parsed(html: str) -> BeautifulSoup:
    """Return HTML as elements."""
    return BeautifulSoup(html, "html.parser")


def _is_harmless(tag: str, name: str, value: str) -> bool:
    if tag == "img":
        return name == "alt" or (name == "src" and bool(IMAGE_SOURCE.match(value)))
    if tag in ("td", "th"):
        return name in ("scope", "colspan", "rowspan")
    return False


def refuse_requests(soup: BeautifulSoup) -> None:
    """Stop at a script or an address: the kit's own outputs come uncleaned and have none."""
    for element in soup.find_all(True):
        bad = [name for name, value in element.attrs.items() if not _is_plain(name, str(value))]
        if element.name not in TAGS or bad:
            raise SegkitError(
                "an output would run a script or request something",
                where="report",
                values=[f"<{element.name}>", *(f"{name}={element[name]}" for name in bad)],
                fix="make the output with a Chapter, or tag its cell 'report' to have it cleaned",
            )


def _is_plain(name: str, value: str) -> bool:
    if name == "src":
        return bool(IMAGE_SOURCE.match(value))
    if name == "href":
        return value.startswith("#")
    if name == "style":
        return not re.search(r"url|@|\\", value, re.IGNORECASE)
    return name in ATTRIBUTES
