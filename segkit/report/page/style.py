"""How pictures speak in a report: its labels, numbers, money and months."""

from __future__ import annotations

from collections import ChainMap

from segkit.plots.style import Style
from segkit.words.wording import Wording


def picture_style(wording: Wording) -> Style:
    """Return how pictures say what tables say by `wording`, with as few digits as tell."""
    formats = wording.formats
    return Style(
        labels=ChainMap(dict(wording.names), wording.columns.labels, _labels(wording)),
        money=lambda value: formats.money(value, None if _digits(value) else 0),
        number=lambda value: formats.number(value, _digits(value)),
        percent=lambda share: formats.percent(share, _percent_digits(100 * share)),
        month=formats.month,
        month_name=lambda number: formats.month_name(number, short=True),
    )


def _labels(wording: Wording) -> dict[str, str]:
    texts, start = wording.texts, "labels."
    paths = [path for path in texts.paths if path.startswith(start)]
    return {path.removeprefix(start): texts.text(path) for path in paths}


def _digits(value: float) -> int:
    """Decimals of a number in a picture: none from a hundred up."""
    size = abs(value)
    return 0 if size >= 100 or not size else 1 if size >= 1 else 2


def _percent_digits(percent: float) -> int:
    # 9.95 is written as 10; a whole percentage needs no decimal.
    return 0 if abs(percent) >= 9.95 or abs(percent - round(percent)) < 0.05 else 1
