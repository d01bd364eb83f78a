"""How a client's report looks: its accent colour in light and dark, its logo and its footer."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from segkit.errors import SegkitError
from segkit.params import Params
from segkit.plots.style import tint

LIGHT, DARK = "#ffffff", "#12171d"  # paper, as in page.css
ACCENT = "#00639c"  # as there, on white
LEGIBLE = 4.5  # contrast of text to its background, WCAG 2.2, level AA
LOGO_BYTES = 200_000  # it is inlined in every report, which phones load at once
LOGO_HEAD = 2000  # bytes in which a picture says what it is
LOGO_TYPES = {
    ".png": ("png", b"\x89PNG"),
    ".jpg": ("jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("jpeg", b"\xff\xd8\xff"),
    ".svg": ("svg+xml", b"<svg"),
}


@dataclass(frozen=True)
class Theme:
    """What a client's own look adds to the page.

    Parameters
    ----------
    css : str
        Rules that go over those of the page; empty without a colour.
    logo : str
        Data address of the logo; empty without one.
    footer : str
        A line at the end of the report; plain text.
    accent : str
        Colour of small titles and lines on white.
    """

    css: str = ""
    logo: str = ""
    footer: str = ""
    accent: str = ACCENT


def theme_of(params: Params, root: Path) -> Theme:
    """Return the look that a client's parameters ask for.

    Parameters
    ----------
    params : Params
    root : Path
        Folder that the path of the logo starts from.

    Raises
    ------
    SegkitError
        When text in the accent colour could not be read on white, or the logo is missing, too
        heavy or no picture.
    """
    theme = params.report.theme
    return Theme(
        css=_colours(theme.accent) if theme.accent else "",
        logo=_logo(root / theme.logo) if theme.logo else "",
        footer=theme.footer,
        accent=theme.accent or ACCENT,
    )


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, 1 (none) to 21 (black on white).

    Source
    ------
    Web Content Accessibility Guidelines 2.2, contrast ratio.

    Examples
    --------
    >>> round(contrast("#000000", "#ffffff")), round(contrast("#00639c", "#ffffff"), 1)
    (21, 6.4)
    """
    bright, dim = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def legible(colour: str, paper: str) -> str:
    """Return a colour as it is, or mixed with as little white as makes it legible on dark paper.

    Examples
    --------
    >>> legible("#00639c", "#12171d"), legible("#78bfee", "#12171d")
    ('#3b87b3', '#78bfee')
    """
    steps = (tint(colour, white / 100).lower() for white in range(101))
    return next(mixed for mixed in steps if contrast(mixed, paper) >= LEGIBLE)


def _luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colours(accent: str) -> Markup:
    if contrast(accent, LIGHT) < LEGIBLE:
        raise SegkitError(
            f"is too pale to read on white (contrast {contrast(accent, LIGHT):.1f})",
            where="report.theme.accent",
            values=[accent],
            fix=f"take a darker one, with a contrast of {LEGIBLE} or more",
        )
    dark = legible(accent, DARK)
    return Markup(
        ":root{{--accent:{light};--bar:{light}80}}"
        "@media screen and (prefers-color-scheme:dark){{:root{{--accent:{dark};--bar:{dark}80}}}}"
    ).format(light=accent, dark=dark)


def _logo(file: Path) -> Markup:
    kind, mark = LOGO_TYPES.get(file.suffix.lower(), ("", b""))
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SegkitError(
            f"cannot be read ({error.strerror})", where="report.theme.logo", values=[file.name],
            fix="write its path from the project's folder",
        ) from None  # fmt: skip
    if len(content) > LOGO_BYTES:
        raise SegkitError(
            f"weighs {len(content):,} bytes",
            where="report.theme.logo",
            values=[file.name],
            fix=f"give one of at most {LOGO_BYTES:,}",
        )
    if not kind or mark not in content[:LOGO_HEAD]:
        fix = f"give a picture: {', '.join(LOGO_TYPES)}"
        raise SegkitError("is no picture", where="report.theme.logo", values=[file.name], fix=fix)
    return Markup("data:image/{};base64,{}").format(kind, base64.b64encode(content).decode())
