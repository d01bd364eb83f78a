"""A small picture of the months: how revenue went, beside the other figures of a client."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

MONTHS = 24  # two years, so that a season is seen to come back
WIDTH, HEIGHT, EDGE = 132, 34, 4  # in units of the picture
LOOK = Markup('<g fill="none" stroke="currentColor" stroke-width="1.75">')
"""For WeasyPrint, which does not ask style sheets how a drawing looks."""


def sparkline(monthly: pd.DataFrame, alt: str) -> Markup:
    """Return revenue by month as a small picture; a month cut short is a hollow point.

    Parameters
    ----------
    monthly : DataFrame
        `month`, `revenue` (money), `complete`; as `trend_of` gives.
    alt : str
        What the picture says, for those who do not see it.

    Examples
    --------
    >>> months = pd.date_range("2025-01-01", periods=3, freq="MS")
    >>> table = pd.DataFrame({"month": months, "revenue": [1.0, 3.0, 2.0], "complete": True})
    >>> print(sparkline(table, "<up>"))
    <svg class="trend" viewBox="0 0 132 34" role="img" aria-label="&lt;up&gt;">
    <polyline points="4,21.3 66,4 128,12.7"/>
    <circle class="last" cx="128" cy="12.7" r="2.5"/>
    </svg>
    """
    points = list(zip(*_places(monthly["revenue"]), strict=True))
    whole = [point for point, complete in zip(points, monthly["complete"]) if complete]
    parts = [Markup('<polyline points="{}"/>').format(_path(whole))]
    parts += [_point(whole[-1], "last")] if whole else []
    if len(points) > len(whole):
        parts += [Markup('<polyline class="cut" points="{}"/>').format(_path(points[-2:]))]
        parts += [_point(points[-1], "cut")]
    start = '<svg class="trend" viewBox="0 0 {} {}" role="img" aria-label="{}">\n{}\n</svg>'
    return Markup(start).format(WIDTH, HEIGHT, alt, Markup("\n").join(parts))


def line_of(values: Sequence[float]) -> Markup:
    """Return values in order as a small line, for beside the figure that says them.

    Examples
    --------
    >>> print(line_of([1.0, 3.0, 2.0]))
    <svg class="trend" viewBox="0 0 132 34" aria-hidden="true">
    <g fill="none" stroke="currentColor" stroke-width="1.75">
    <polyline points="4,21.3 66,4 128,12.7"/>
    <circle class="last" cx="128" cy="12.7" r="2.5"/>
    </g></svg>
    """
    points = list(zip(*_places(pd.Series(values)), strict=True))
    start = '<svg class="trend" viewBox="0 0 {} {}" aria-hidden="true">\n{}\n{}\n{}\n</g></svg>'
    line = Markup('<polyline points="{}"/>').format(_path(points))
    return Markup(start).format(WIDTH, HEIGHT, LOOK, line, _point(points[-1], "last"))


def trend_of(monthly: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the last complete months and, where there is one, the incomplete one after them.

    Parameters
    ----------
    monthly : DataFrame or None
        As `Study.monthly`.

    Returns
    -------
    DataFrame or None
        `month`, `revenue` (money; 0 in a month without any), `complete`; None where there are
        fewer than two complete months.
    """
    if monthly is None or not {"month", "revenue", "complete"} <= set(monthly.columns):
        return None
    try:
        months = pd.DatetimeIndex(monthly["month"]).tolist()
        revenue = monthly["revenue"].astype(float).fillna(0.0).tolist()
        rows = dict(zip(months, zip(revenue, monthly["complete"].astype(bool)), strict=True))
    except (ValueError, TypeError):
        return None
    whole = sorted(month for month, (_, complete) in rows.items() if complete)
    if len(whole) < 2 or len(rows) < len(months) or pd.NaT in rows:
        return None
    last = max(rows)
    shown = [
        (month, *rows.get(month, (0.0, True)))
        for month in pd.date_range(whole[0], last, freq="MS")[-MONTHS - 1 :]
        if month <= whole[-1] or month == last
    ]
    if not shown:
        return None
    is_cut = not shown[-1][2]
    return pd.DataFrame(shown[-MONTHS - is_cut :], columns=["month", "revenue", "complete"])


def _places(revenue: pd.Series) -> tuple[list[float], list[float]]:
    held = revenue.tolist()
    low, high = min(0.0, *held), max(0.0, *held)
    across, up = (WIDTH - 2 * EDGE) / max(len(held) - 1, 1), HEIGHT - 2 * EDGE
    heights = [(value - low) / (high - low) if high > low else 0.0 for value in held]
    return (
        [round(EDGE + across * place, 1) for place in range(len(held))],
        [round(HEIGHT - EDGE - up * height, 1) for height in heights],
    )


def _path(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _point(point: tuple[float, float], name: str) -> Markup:
    x, y = (f"{value:g}" for value in point)
    return Markup('<circle class="{}" cx="{}" cy="{}" r="2.5"/>').format(name, x, y)
