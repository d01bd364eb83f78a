"""How a figure moved: worked out, and said."""

from __future__ import annotations

import math

from segkit.words.format import Formats
from segkit.words.texts import Texts


def change_of(
    now: float, before: float, formats: Formats, texts: Texts, *, is_share: bool
) -> tuple[str, str]:
    """Return how a figure moved, in words, and whether up, down or not at all.

    Shares move by percentage points, everything else by percent of what it was.

    Examples
    --------
    >>> change_of(0.25, 0.2, Formats("en_US", "USD"), Texts("en"), is_share=True)
    ('+5.0 points', 'up')
    """
    moved = change(before, now, is_share=is_share)
    if moved is None or not (math.isfinite(now) and math.isfinite(before)):
        return "", "same"
    said = (
        texts.fill("page.points", formats, points=100 * abs(moved))
        if is_share
        else formats.percent(abs(moved))
    )
    if is_nothing(said):
        return f"± {said}", "same"
    return (f"+{said}", "up") if moved > 0 else (f"−{said}", "down")


def change(before: float | None, after: float | None, *, is_share: bool) -> float | None:
    """Return how a figure moved: a share by its difference, all else relative to what it was.

    Returns
    -------
    float or None
        None where a figure is missing, or there is nothing to relate it to.

    Examples
    --------
    >>> change(50, 75, is_share=False), change(0.25, 0.5, is_share=True), change(0, 1, is_share=False)
    (0.5, 0.25, None)
    """
    if before is None or after is None:
        return None
    if is_share:
        return after - before
    return after / before - 1 if not before <= 0 else None


def is_nothing(written: str) -> bool:
    """Tell whether a written number is rounded to nothing.

    Examples
    --------
    >>> is_nothing("0,0 %"), is_nothing("0,1 %")
    (True, False)
    """
    return not any(digit in written for digit in "123456789")


def change_between(
    before: float | None, after: float | None, kind: str, formats: Formats, texts: Texts
) -> str:
    """Return how much a figure changed: in percent, of shares in percentage points.

    Examples
    --------
    >>> formats, texts = Formats("en_US", "USD"), Texts("en")
    >>> change_between(50, 75, "count", formats, texts), change_between(0, 1, "count", formats, texts)
    ('+50.0%', '')
    """
    is_share = kind.partition(".")[0] == "percent"
    moved = change(before, after, is_share=is_share)
    if moved is None:
        return ""
    if is_share:
        points = formats.decimal(100 * moved, 1)
        return signed(texts.fill("page.index_points", formats, points=points), moved > 0)
    return signed(formats.percent(moved), moved > 0)


def signed(text: str, is_more: bool) -> str:
    """Return a written change with its plus sign, unless it is rounded to nothing."""
    return f"+{text}" if is_more and not is_nothing(text) else text
