"""New customers, returning revenue, and what to expect of the next calendar units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segkit.plots.canvas import (
    canvas,
    legend,
    literal,
    name_axes,
    no_data,
    numbers,
    require,
    speak_ticks,
)
from segkit.plots.direct import Mark, name_marks, note_above
from segkit.plots.panels import (
    HATCHED,
    flags,
    in_order,
    incomplete,
    name_panel,
    name_units,
    panels,
    zero_line,
)
from segkit.plots.style import BLUE, ENGLISH, GREY, INK, ORANGE, SKY, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNIT = ["unit", "unit_name"]
BAR = 0.84
REPEAT = "repeat_revenue_share"
EXPECTED = ["expected_known", "expected_new", "low", "high"]
ENDS = ("expected_known", "expected_new", "high")
LEAST_MONTHS = 12  # before those that are forecast: a month stands beside that of a year before
KNOWN, NEW = SKY, ORANGE
NAMES = 19  # letters beside the last bar
DOT: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 5}
HOLLOW: dict[str, Any] = {"color": BLUE, "marker": "o", "markerfacecolor": "white", "markersize": 7}


def acquisition(base: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw how many customers came new, and how much of the revenue was not a first order.

    Parameters
    ----------
    base : DataFrame
        One row a calendar unit: `unit` (its first day), `unit_name`, `new_customers`
        (a count), `repeat_revenue_share` (0..1), `complete` (bool: observed whole),
        `is_truncated` (bool: customers who seem new may be earlier ones).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        It holds two panels, in `child_axes`. Units that were not observed whole are
        hatched, pale where customers may be earlier ones; their shares are hollow.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Fader, Hardie and Ross (2022), The Customer-Base Audit.

    Examples
    --------
    >>> base = pd.DataFrame({"unit": pd.to_datetime(["2024-01-01", "2024-02-01"]),
    ...                      "unit_name": ["Jan", "Feb"], "new_customers": [40, 30],
    ...                      "repeat_revenue_share": [0.1, 0.4], "complete": [True, False],
    ...                      "is_truncated": False})
    >>> [panel.get_title("left") for panel in acquisition(base).child_axes]
    ['New customers', 'Repeat revenue share']
    """
    columns = [*UNIT, "new_customers", REPEAT, "complete", "is_truncated"]
    require(base, columns, "acquisition")
    rows = _marked(in_order(base))
    if rows.empty:
        return no_data(ax, style)
    with panels(ax, [1.9, 1.6]) as (whole, (top, bottom)):
        _draw_new(top, rows)
        speak_ticks(top.yaxis, style.number, whole=True, most=4)
        _draw_repeats(bottom, rows)
        speak_ticks(bottom.yaxis, style.percent, most=3)
        for panel, key in ((top, "new_customers"), (bottom, REPEAT)):
            name_panel(panel, style.label(key))
            _end_units(panel, rows)
        name_units(bottom, rows)
        name_axes(bottom, style.label("calendar_period"))
        _explain_units(whole, rows, style)
        return whole


def projection(units: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw the revenue of past calendar units and what to expect of the next, with a range.

    Parameters
    ----------
    units : DataFrame
        One row a calendar unit: `unit` (its first day), `unit_name`, `revenue` (money;
        NaN in the future), `complete` (bool), `is_future` (bool: something is expected
        of it), `expected_known`, `expected_new` (money: of today's customers and of
        those still to come; NaN in the past), `low`, `high` (range of both together).
        A unit that has begun has a revenue so far, which is part of `expected_known`.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Full bars for what was observed, hatched where the unit was not observed whole;
        two stacked bars with a range for what is expected.

    Raises
    ------
    DataError
        If a column is missing.

    Examples
    --------
    >>> units = pd.DataFrame({"unit": pd.to_datetime(["2024-01-01", "2024-02-01"]),
    ...                       "unit_name": ["Jan", "Feb"], "revenue": [900.0, None],
    ...                       "complete": [True, False], "is_future": [False, True],
    ...                       "expected_known": [None, 700.0], "expected_new": [None, 250.0],
    ...                       "low": [None, 800.0], "high": [None, 1100.0]})
    >>> sorted(text.get_text() for text in projection(units).texts)
    ['Expected known', 'Expected new', 'Observed', 'Projected range']
    """
    require(units, [*UNIT, "revenue", "complete", "is_future", *EXPECTED], "projection")
    rows = _marked(in_order(units))
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4.6) as panel:
        _draw_projection(panel, rows, style)
        name_axes(panel, style.label("calendar_period"), style.label("revenue"))
        return panel


def forecast_months(
    months: pd.DataFrame,
    *,
    observed: pd.DataFrame | None = None,
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw the revenue forecast of each calendar month, beside that of the months before.

    The look is that of `projection`, whose table an audit makes in its own calendar unit.

    Parameters
    ----------
    months : DataFrame
        One row a month and part: `month` (its first day), `part` (`existing`: today's
        customers; `new`: those still to come; `everyone`: both), `revenue` (money),
        `revenue_low`, `revenue_high` (of `everyone`: the range); optionally `until` (the
        first day that is not forecast).
    observed : DataFrame, optional
        One row a month so far: `month`, `revenue`, `complete` (bool). As many are drawn
        as are forecast, and at least twelve. A month that has begun has a row in both;
        what it has brought so far counts as part of what is expected of it.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Full bars for what was observed, and two stacked bars with a range for what is
        expected; hatched where a month was not observed, or is not forecast, whole.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 6.

    Examples
    --------
    >>> months = pd.DataFrame({"month": pd.Timestamp("2024-02-01"),
    ...                        "part": ["existing", "new", "everyone"],
    ...                        "revenue": [700.0, 250.0, 950.0],
    ...                        "revenue_low": [600.0, 150.0, 800.0],
    ...                        "revenue_high": [820.0, 400.0, 1100.0]})
    >>> observed = pd.DataFrame({"month": [pd.Timestamp("2024-01-01")], "revenue": [900.0],
    ...                          "complete": [True]})
    >>> [float(bar.get_height()) for bar in forecast_months(months, observed=observed).patches]
    [900.0, 700.0, 250.0]
    """
    require(months, ["month", "part", "revenue", "revenue_low", "revenue_high"], "forecast_months")
    if observed is not None:
        require(observed, ["month", "revenue", "complete"], "forecast_months (observed)")
    rows = _month_by_month(months, observed, style)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4.6) as panel:
        _draw_projection(panel, rows, style)
        name_axes(panel, style.label("month"), style.label("revenue"))
        return panel


def _marked(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with plain flags: `whole` (observed whole) and `old` (truncated)."""
    old = flags(rows["is_truncated"], False) if "is_truncated" in rows else False
    return rows.assign(whole=flags(rows["complete"], True), old=old)


def _draw_new(ax: Axes, rows: pd.DataFrame) -> None:
    new = np.nan_to_num(numbers(rows["new_customers"]))
    bars = ax.bar(rows["place"], new, width=BAR, color=ORANGE)
    for bar, whole, old in zip(bars, rows["whole"], rows["old"], strict=True):
        if old:
            bar.set_facecolor((ORANGE, 0.35))
        if not whole:
            bar.set(**HATCHED, edgecolor=ORANGE)
    ax.set_ylim(0, 1.1 * new.max() or 1)
    zero_line(ax)


def _draw_repeats(ax: Axes, rows: pd.DataFrame) -> None:
    """Join the units that were observed whole; the others are hollow marks beside the line."""
    shares = numbers(rows[REPEAT])
    sure = rows["whole"].to_numpy() & ~rows["old"].to_numpy()
    ax.plot(rows["place"], np.where(sure, shares, np.nan), linewidth=2, **DOT)
    ax.plot(rows["place"], np.where(sure, np.nan, shares), linestyle="none", **HOLLOW)
    ax.set_ylim(np.nanmin(shares, initial=-0.04), np.nanmax(shares, initial=1.05))
    zero_line(ax)


def _end_units(ax: Axes, rows: pd.DataFrame) -> None:
    """End the axis a little beyond the first and the last unit, and name none of them."""
    middle = (len(rows["place"].unique()) - 1) / 2
    ax.set_xlim(middle - max(middle + 0.6, 2), middle + max(middle + 0.6, 2))
    ax.set_xticks([])


def _explain_units(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    looks: dict[str, dict[str, Any]] = {}
    if not rows["whole"].all():
        looks |= incomplete(style)
    if rows["old"].any():
        looks["truncated_cohort"] = {"facecolor": (ORANGE, 0.35)}
    if looks:
        legend(ax, looks, style)


def _month_by_month(
    months: pd.DataFrame, observed: pd.DataFrame | None, style: Style
) -> pd.DataFrame:
    """Return the rows of `projection`: months so far, then those that are forecast."""
    future = _forecast_parts(months)
    first = future["unit"].min() - pd.DateOffset(months=max(len(future), LEAST_MONTHS))
    past = _observed(months[:0].assign(complete=True) if observed is None else observed)
    past = past[past["unit"].between(first, future["unit"].max())]
    rows = past.merge(future, "outer", "unit")
    rows["is_future"] = flags(rows["is_future"], False)
    begun = rows["revenue"].where(rows["is_future"]).fillna(0.0)
    for key in ("expected_known", "low", "high"):
        rows[key] = rows[key] + begun
    names = [style.month(day.date()) for day in rows["unit"]]
    return _marked(in_order(rows.assign(unit_name=names)))


def _observed(months: pd.DataFrame) -> pd.DataFrame:
    """Return the months so far, as the rows of `projection` have them."""
    table = pd.DataFrame(
        {
            "unit": pd.to_datetime(months["month"], errors="coerce"),
            "revenue": numbers(months["revenue"]),
            "complete": flags(months["complete"], True),
        }
    )
    return table.dropna(subset=["unit"])


def _forecast_parts(months: pd.DataFrame) -> pd.DataFrame:
    """Return one row a forecast month, what is expected of each part in a column of its own."""
    table = months.assign(
        unit=pd.to_datetime(months["month"], errors="coerce"),
        **{key: numbers(months[key]) for key in ("revenue", "revenue_low", "revenue_high")},
    ).dropna(subset=["unit"])
    columns = {
        "expected_known": ("existing", "revenue"),
        "expected_new": ("new", "revenue"),
        "low": ("everyone", "revenue_low"),
        "high": ("everyone", "revenue_high"),
    }
    rows = pd.DataFrame({"unit": table["unit"].drop_duplicates().sort_values()})
    for name, (part, column) in columns.items():
        values = table[table["part"].astype(str) == part].groupby("unit")[column].first()
        rows[name] = rows["unit"].map(values).astype(float)
    ends = pd.to_datetime(table["until"]) if "until" in table else rows["unit"].iloc[:0]
    is_cut = (rows["unit"] + pd.offsets.MonthBegin(1)).gt(ends.max())
    return rows.assign(is_future=True, is_cut=is_cut).reset_index(drop=True)


def _draw_projection(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    future = rows[flags(rows["is_future"], False)]
    _draw_past(ax, rows)
    _draw_future(ax, future)
    _set_heights(ax, rows)
    speak_ticks(ax.yaxis, style.money)
    _end_units(ax, rows)
    taken = _name_future(ax, future, style)
    name_units(ax, rows, taken=taken)
    _part_future(ax, rows, future, style)
    _note_cut(ax, rows, style)


def _draw_past(ax: Axes, rows: pd.DataFrame) -> None:
    heights = numbers(rows["revenue"])
    past = rows[~np.isnan(heights)]
    bars = ax.bar(past["place"], heights[~np.isnan(heights)], width=BAR, color=BLUE)
    for bar, whole in zip(bars, past["whole"], strict=True):
        if not whole:
            bar.set(**HATCHED, edgecolor=BLUE)


def _draw_future(ax: Axes, future: pd.DataFrame) -> None:
    """Stack what is expected of either part on what a unit has brought so far."""
    so_far, known, new = (
        np.nan_to_num(numbers(future[key])) for key in ("revenue", "expected_known", "expected_new")
    )
    stacked = {KNOWN: (known - so_far, so_far), NEW: (new, known)}
    cut = flags(future["is_cut"], False) if "is_cut" in future else np.zeros(len(future), bool)
    for colour, (heights, bottoms) in stacked.items():
        bars = ax.bar(future["place"], heights, bottom=bottoms, width=BAR, color=colour)
        for bar, is_cut in zip(bars, cut, strict=True):
            if is_cut:
                bar.set(**HATCHED, edgecolor=colour)
    low, high = (numbers(future[key]) for key in ("low", "high"))
    ax.vlines(future["place"], low, high, color=INK, linewidth=1.5)
    for ends in (low, high):
        ax.plot(future["place"], ends, color=INK, marker="_", markersize=6, linestyle="none")


def _set_heights(ax: Axes, rows: pd.DataFrame) -> None:
    both = numbers(rows["expected_known"]) + numbers(rows["expected_new"])
    heights = np.concatenate([both, *(numbers(rows[key]) for key in ("revenue", "low", "high"))])
    low, high = np.nanmin(heights, initial=0), np.nanmax(heights, initial=0)
    ax.set_ylim(1.05 * low, 1.08 * high or (0 if low else 1))
    zero_line(ax)


def _name_future(ax: Axes, future: pd.DataFrame, style: Style) -> int:
    """Name the parts of the last bar and its range beside it; return the letters they take."""
    if future.empty:
        return 0
    so_far, known, new, high = (numbers(future[key])[-1] for key in ("revenue", *ENDS))
    known, new, so_far = np.nan_to_num([known, new, so_far])
    marks = [
        Mark(style.label("expected_known"), (known + so_far) / 2, known - so_far),
        Mark(style.label("expected_new"), known + new / 2, new),
        Mark(style.label("projected_range"), high),
    ]
    return name_marks(ax, future["place"].max() + BAR / 2, marks, NAMES)


def _part_future(ax: Axes, rows: pd.DataFrame, future: pd.DataFrame, style: Style) -> None:
    """Draw a line where what is expected begins, and say that what is left of it was observed."""
    past = rows[~rows["place"].isin(future["place"])]
    if past.empty:
        return
    border = past["place"].max() + 0.5
    offset: dict[str, Any] = {"xytext": (-4, 4), "textcoords": "offset points"}
    if len(future):
        ax.axvline(border, color=GREY, linewidth=1, linestyle=":")
    word = literal(style.label("observed"), 20)
    at: dict[str, Any] = {"xycoords": ax.get_xaxis_transform(), "annotation_clip": False}
    ax.annotate(word, (border, 1), **at, **offset, ha="right", va="bottom")


def _note_cut(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    """Say above the last unit that was not observed, or is not forecast, whole that it was not."""
    is_cut = flags(rows["is_cut"], False) if "is_cut" in rows else np.zeros(len(rows), bool)
    known = ~np.isnan(numbers(rows["revenue"]))
    partial = np.flatnonzero((~rows["whole"] & known).to_numpy() | is_cut)
    if len(partial):
        bar = rows.iloc[partial[-1:]]
        known, new, high, revenue = (numbers(bar[key])[0] for key in (*ENDS, "revenue"))
        height = np.nanmax([0.0, np.nansum([known, new]), high, revenue])
        note_above(ax, bar["place"].iloc[0], height, style.label("incomplete_unit"), row=1)
