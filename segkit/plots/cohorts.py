"""Customers who came at the same time: one cohort, all of them side by side, and their revenue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from segkit.errors import DataError
from segkit.plots.canvas import (
    LINE,
    canvas,
    letters_across,
    line_legend,
    literal,
    name_axes,
    no_data,
    numbers,
    require,
    speak_ticks,
    spoken,
)
from segkit.plots.direct import note_above
from segkit.plots.migration import name_parts, stack_feet
from segkit.plots.panels import (
    HATCHED,
    Curve,
    cohort_colours,
    cohort_strengths,
    flags,
    in_order,
    name_ends,
    name_panel,
    name_units,
    panels,
    spaced,
    zero_line,
)
from segkit.plots.style import BLUE, ENGLISH, GREY, Style

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

FACTORS = {"active_share": "percent", "orders_per_active": "number", "aov": "money"}
FACTORS |= {"revenue": "money"}  # and how each is said
UNITS = ("day", "week", "month", "quarter", "year")
COHORT = ["cohort", "cohort_name"]
SHARE, VALUE = "active_share", "revenue_per_acquired"
SO_FAR = "revenue_per_acquired_so_far"
MOST_NAMES = 5
FEW = 8  # parts of a bar that are all named
LEAST = 20  # customers: shares of fewer jump about
TREND = 3  # points from which a line says where it goes
WIDTH = 14  # letters of a cohort's name
NEWEST = 2.6  # points: how wide the line of the newest cohort is
HOLLOW: dict[str, Any] = {
    "marker": "o",
    "markerfacecolor": "white",
    "linestyle": ":",
    "markersize": 7,
}
OLD = {"color": BLUE, "linestyle": (0, (5, 2)), "linewidth": 1.6}
BAR = 0.84


def cohort_factors(
    factors: pd.DataFrame,
    *,
    unit: Literal["day", "week", "month", "quarter", "year"] = "month",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw what one cohort's revenue is made of, unit by unit after its first orders.

    Parameters
    ----------
    factors : DataFrame
        One row an age: `age` (units since the first order), `active_share` (0..1),
        `orders_per_active` (a number), `aov`, `revenue` (money), `complete` (bool).
    unit : str, optional
        The calendar unit of the ages.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        It holds a panel a factor, in `child_axes`. The values at age 0, when everybody
        bought, stand over the panels, so that what follows is not dwarfed; ages that
        were not observed whole are hollow and dotted.

    Raises
    ------
    DataError
        If a column is missing or the unit is unknown.

    Source
    ------
    Fader, Hardie and Ross (2022), The Customer-Base Audit.

    Examples
    --------
    >>> factors = pd.DataFrame({"age": [0, 1, 2], "active_share": [1.0, 0.2, 0.1],
    ...                         "orders_per_active": [1.1, 1.2, 1.0], "aov": [30.0, 33.0, 31.0],
    ...                         "revenue": [3300.0, 792.0, 310.0], "complete": [True, True, False]})
    >>> [panel.get_title("left") for panel in cohort_factors(factors).child_axes][:2]
    ['Active share (at start: 100%)', 'Orders per active (at start: 1.1)']
    """
    _check_unit(unit, "cohort_factors")
    require(factors, ["age", *FACTORS, "complete"], "cohort_factors")
    rows = _aged(factors)
    if rows.empty:
        return no_data(ax, style)
    with panels(ax, [1.15] * len(FACTORS)) as (whole, parts):
        for part, (factor, kind) in zip(parts, FACTORS.items(), strict=True):
            _draw_factor(part, rows, factor, getattr(style, kind), style)
            name_panel(part, *_factor_title(rows, factor, getattr(style, kind), style))
        _name_ages(parts, style, unit)
        if not rows["whole"].all():
            line_legend(whole, _hollow(), style)
        return whole


def cohorts_compared(
    cohorts: pd.DataFrame,
    *,
    unit: Literal["day", "week", "month", "quarter", "year"] = "month",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw how cohorts go on after their first orders, each from its own age 0.

    Parameters
    ----------
    cohorts : DataFrame
        One row a cohort and age: `cohort` (its first day), `cohort_name`, `age` (units
        since the first order), `active_share` (0..1), `revenue_per_acquired` (money,
        of that unit alone), `complete`, `is_truncated` (bools). If there is a `size`
        (customers), cohorts of fewer than 20 are left out where there are larger ones.
    unit : str, optional
        The calendar unit of the ages.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        It holds two panels, in `child_axes`: the active share from age 1 on, and the
        revenue a customer has brought in so far. Older cohorts are fainter. Units that
        were not observed whole are left out, and so are cohorts whose first unit was
        not; a cohort that may include earlier customers has a broken line.

    Raises
    ------
    DataError
        If a column is missing or the unit is unknown.

    Source
    ------
    Fader, Hardie and Ross (2022), The Customer-Base Audit.

    Examples
    --------
    >>> cohorts = pd.DataFrame({"cohort": pd.to_datetime(["2024-01-01"] * 3), "cohort_name": "Q1",
    ...                         "age": [0, 1, 2], "active_share": [1.0, 0.3, 0.2],
    ...                         "revenue_per_acquired": [40.0, 10.0, 5.0],
    ...                         "complete": True, "is_truncated": False})
    >>> [list(map(float, part.lines[0].get_ydata()))
    ...  for part in cohorts_compared(cohorts).child_axes]
    [[0.3, 0.2], [40.0, 50.0, 55.0]]
    """
    _check_unit(unit, "cohorts_compared")
    require(cohorts, [*COHORT, "age", SHARE, VALUE, "complete", "is_truncated"], "cohorts_compared")
    rows = _aged(in_order(_large(cohorts), "cohort"))
    rows = _begun_whole(rows)
    rows = rows[rows["whole"]]
    if rows.empty:
        return no_data(ax, style)
    rows = rows.assign(so_far=rows.groupby("cohort")[VALUE].cumsum())
    with panels(ax, [2.3, 2.3]) as (whole, parts):
        shown = {SHARE: style.percent, "so_far": style.money}
        for part, (column, speak) in zip(parts, shown.items(), strict=True):
            later = rows[rows["age"] > 0] if column == SHARE and rows["age"].max() > 0 else rows
            _draw_cohorts(part, later, "age", column)
            speak_ticks(part.yaxis, speak, most=4)
            name_panel(part, style.label(SO_FAR if column == "so_far" else SHARE))
        _name_ages(parts, style, unit)
        _explain_old(whole, rows, style)
        return whole


def second_order_curves(
    curves: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw the share of each cohort that has bought again, by days since the first order.

    Parameters
    ----------
    curves : DataFrame
        One row a cohort and day: `cohort` (its first day), `cohort_name`, `days` (since
        the first order), `came_back_share` (0..1), `is_truncated` (bool). If there is
        a `size` (customers), cohorts of fewer than 20 are left out where there are
        larger ones.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        One line a cohort, fainter the older it is; a cohort that may include earlier
        customers has a broken line.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Fader, Hardie and Ross (2022), The Customer-Base Audit.

    Examples
    --------
    >>> curves = pd.DataFrame({"cohort": pd.to_datetime(["2024-01-01"] * 2), "cohort_name": "Q1",
    ...                        "days": [0, 30], "came_back_share": [0.0, 0.3],
    ...                        "is_truncated": False})
    >>> [text.get_text() for text in second_order_curves(curves).texts]
    ['Q1']
    """
    require(curves, [*COHORT, "days", "came_back_share", "is_truncated"], "second_order_curves")
    rows = in_order(_large(curves), "cohort")
    rows = rows.assign(age=numbers(rows["days"]), came_back=numbers(rows["came_back_share"]))
    rows = rows.dropna(subset=["age"]).sort_values(["cohort", "age"])
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4.2) as panel:
        _draw_cohorts(panel, rows, "age", "came_back")
        speak_ticks(panel.xaxis, style.number, whole=True)
        speak_ticks(panel.yaxis, style.percent)
        _explain_old(panel, rows, style)
        name_axes(panel, style.label("days_since_first_order"), style.label("bought_again"))
        return panel


def cohort_revenue(
    revenue: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw the revenue of each calendar unit by the cohort that made it.

    Parameters
    ----------
    revenue : DataFrame
        One row a cohort and unit: `cohort` (its first day; missing = of customers
        without an order that stands), `cohort_name`, `unit` (its first day),
        `unit_name`, `revenue` (money; may be negative), `complete` (bool).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        One bar a unit, the oldest cohort below and dark; units that were not observed
        whole are hatched.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Fader, Hardie and Ross (2022), The Customer-Base Audit.

    Examples
    --------
    >>> units = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-01"])
    >>> revenue = pd.DataFrame({"cohort": units[[0, 0, 1]], "cohort_name": ["Jan", "Jan", "Feb"],
    ...                         "unit": units, "unit_name": ["Jan", "Feb", "Feb"],
    ...                         "revenue": [900.0, 300.0, 800.0], "complete": True})
    >>> [float(bar.get_y()) for bar in cohort_revenue(revenue).patches if bar.get_height()]
    [0.0, 0.0, 300.0]
    """
    columns = [*COHORT, "unit", "unit_name", "revenue", "complete"]
    require(revenue, columns, "cohort_revenue")
    rows = in_order(revenue)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4.4) as panel:
        heights, names = _by_cohort(rows, style)
        partial = ~rows.assign(whole=flags(rows["complete"], True)).groupby("place")["whole"].all()
        bottoms = _draw_stack(panel, heights, partial.to_numpy())
        speak_ticks(panel.yaxis, style.money, whole=True)
        shown = _named_parts(panel, heights, bottoms, names)
        name_units(panel, rows, taken=max(map(len, shown.values()), default=0) + 2)
        for place in partial.index[partial][-1:]:
            top = heights.loc[place].clip(lower=0).sum()
            note_above(panel, place, top, style.label("incomplete_unit"))
        name_axes(panel, style.label("calendar_period"), style.label("revenue"))
        return panel


def _check_unit(unit: str, picture: str) -> None:
    if unit not in UNITS:
        fix = f"use one of {', '.join(UNITS)}"
        raise DataError("unknown unit", where=f"{picture}: unit", values=[unit], fix=fix)


def _large(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of cohorts that are not too small, or all if there is no other."""
    if "size" not in table:
        return table
    large = numbers(table["size"]) >= LEAST
    return table[large] if large.any() else table


def _begun_whole(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of cohorts whose first unit was observed whole, or all if there is none."""
    begun = rows.groupby("cohort")["whole"].transform("first").to_numpy()
    return rows[begun] if begun.any() else rows


def _aged(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have an age, in order, with plain numbers and flags."""
    plain = {key: numbers(table[key]) for key in ("age", *FACTORS, VALUE) if key in table}
    rows = table.assign(**plain, whole=flags(table["complete"], True))
    by = ["cohort", "age"] if "cohort" in rows and "place" in rows else ["age"]
    return rows.dropna(subset=["age"]).sort_values(by, kind="stable")


def _draw_factor(
    ax: Axes, rows: pd.DataFrame, factor: str, speak: Callable[[float], str], style: Style
) -> None:
    """Draw the ages after the first one; what was not observed whole hangs on by a dotted line."""
    later = rows[rows["age"] > 0] if rows["age"].max() > 0 else rows
    whole, last = later[later["whole"]], later[~later["whole"]]
    dot: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 5}
    ax.plot(whole["age"], whole[factor], linewidth=2, **dot)
    if len(last):
        joined = pd.concat([whole[-1:], last])
        ax.plot(joined["age"], joined[factor], **HOLLOW, color=BLUE, markevery=_after(whole))
    highest = np.nanmax(later[factor].to_numpy(), initial=0)
    lowest = np.nanmin(later[factor].to_numpy(), initial=0)
    ax.set_ylim(1.1 * lowest, 1.15 * highest or (0 if lowest else 1))
    speak_ticks(ax.yaxis, speak, most=3)
    zero_line(ax)


def _after(whole: pd.DataFrame) -> slice:
    """Return which marks of the dotted line are hollow: not the whole one that it starts from."""
    return slice(1 if len(whole) else 0, None)


def _factor_title(
    rows: pd.DataFrame, factor: str, speak: Callable[[float], str], style: Style
) -> tuple[str, int]:
    first = rows[rows["age"] == 0][factor]
    name = literal(style.label(factor), 30)
    if first.empty or rows["age"].max() == 0:
        return name, 50
    start = literal(style.label("at_start"), 14)
    start = start[:1].lower() + start[1:]
    return f"{name} ({start}: {spoken(speak, first.iloc[0])})", 62


def _name_ages(parts: list[Axes], style: Style, unit: str) -> None:
    """Give all panels one axis of ages, written below the last one."""
    lines = [line for part in parts for line in part.lines]
    ages = [line for line in lines if np.size(line.get_xdata()) > 1]
    ends = [part.get_xlim() for part in parts]
    low = max(0, min(end[0] for end in ends)) if ages else 0
    high = max(end[1] for end in ends)
    for part in parts:
        part.set_xlim(low, high)
        speak_ticks(part.xaxis, style.number, whole=True)
        if part is not parts[-1]:
            part.set_xticklabels([])
    name_axes(parts[-1], style.label(f"age_{unit}"))


def _hollow() -> dict[str, dict[str, Any]]:
    return {"incomplete_unit": {**HOLLOW, "color": BLUE}}


def _draw_cohorts(ax: Axes, rows: pd.DataFrame, x: str, y: str) -> None:
    """Draw a line a cohort, fainter the older it is, and name some at their ends."""
    groups = [group for _, group in rows.dropna(subset=[x, y]).groupby("cohort", sort=True)]
    trends = [index for index, group in enumerate(groups) if len(group) >= TREND]
    newest = trends[-1] if trends else len(groups) - 1
    strengths = cohort_strengths(len(groups))
    for index, (group, strength) in enumerate(zip(groups, strengths, strict=True)):
        kind = OLD if flags(group["is_truncated"], False).any() else {"linewidth": 1.6}
        look: dict[str, Any] = {**kind, "color": BLUE, "alpha": strength}
        look |= {"marker": "o", "markersize": 4} if len(group) == 1 else {}
        look |= {"linewidth": NEWEST} if index == newest else {}
        ax.plot(group[x], group[y], **look)
    _set_limits(ax, rows, x, y)
    curves = [_curve(group, x, y) for group in groups[: newest + 1]]
    if curves:
        name_ends(ax, curves, spaced(len(curves), MOST_NAMES))


def _curve(group: pd.DataFrame, x: str, y: str) -> Curve:
    points = group[[x, y]].to_numpy(dtype=float)
    return Curve(literal(group["cohort_name"].iloc[0], WIDTH), *points.T)


def _set_limits(ax: Axes, rows: pd.DataFrame, x: str, y: str) -> None:
    """Start at zero and leave room for a name beside the last point and above the highest."""
    last = max(rows[x].max(), 1)
    name = max(len(literal(name, WIDTH)) for name in rows["cohort_name"].unique())
    ax.set_xlim(0, last / (1 - min(0.9 * (name + 1) / letters_across(ax), 0.5)))
    heights = rows[y].to_numpy(dtype=float)
    low, high = np.nanmin(heights, initial=0), np.nanmax(heights, initial=0)
    ax.set_ylim(1.1 * low, 1.2 * high or (0 if low else 1))
    zero_line(ax)


def _explain_old(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    if flags(rows["is_truncated"], False).any():
        line_legend(ax, {"truncated_cohort": OLD}, style)


def _by_cohort(rows: pd.DataFrame, style: Style) -> tuple[pd.DataFrame, dict[int, str]]:
    """Return revenue with a row a unit and a column a cohort, the oldest last, and their names."""
    cohorts = pd.to_datetime(rows["cohort"], errors="coerce")
    known = np.sort(cohorts.dropna().unique())
    number = np.where(cohorts.isna(), -1, np.searchsorted(known, cohorts.fillna(pd.Timestamp(0))))
    plain = rows.assign(number=number, amount=np.nan_to_num(numbers(rows["revenue"])))
    wide = plain.pivot_table(index="place", columns="number", values="amount", aggfunc="sum")
    first = plain.drop_duplicates("number")
    names = dict(zip(first["number"].astype(int), first["cohort_name"], strict=True))
    if -1 in names:
        names[-1] = style.label("returns_only")
    # Feet are stacked from the last column upwards, and the oldest stands below.
    return wide.fillna(0).sort_index(axis=1, ascending=False), names


def _draw_stack(ax: Axes, heights: pd.DataFrame, partial: np.ndarray) -> pd.DataFrame:
    bottoms = stack_feet(heights)
    cohorts = [int(key) for key in heights.columns if int(key) >= 0]
    colours = dict(zip(sorted(cohorts), cohort_colours(len(cohorts)), strict=True))
    for key in heights.columns[::-1]:
        colour = colours.get(int(key), GREY)
        look: dict[str, Any] = {
            "color": colour,
            "edgecolor": "white",
            "linewidth": 0.5,
            "width": BAR,
        }
        some = heights[key].to_numpy() != 0
        sizes, feet = heights.loc[some, key], bottoms.loc[some, key]
        bars = ax.bar(heights.index[some], sizes, bottom=feet, **look)
        for bar, cut in zip(bars, partial[some], strict=True):
            if cut:
                bar.set(**HATCHED, edgecolor=colour)
    low = heights.clip(upper=0).sum(axis=1).min()
    high = heights.clip(lower=0).sum(axis=1).max()
    ax.set_ylim(1.03 * low, 1.03 * high or (0 if low else 1))
    half = max(len(heights) / 2, 2)
    ax.set_xlim((len(heights) - 1) / 2 - half, (len(heights) - 1) / 2 + half)
    zero_line(ax)
    return bottoms


def _named_parts(
    ax: Axes, heights: pd.DataFrame, bottoms: pd.DataFrame, names: dict[int, str]
) -> dict[int, str]:
    """Name beside the last bar the parts that are as tall as a line of letters, and the ends."""
    sizes = heights.iloc[-1]
    inches = ax.get_window_extent().height / ax.figure.dpi
    tall = sizes.abs() > LINE * np.ptp(ax.get_ylim()) / inches
    ends = [sizes.index[sizes != 0][-1:], sizes.index[sizes != 0][:1]]
    few = (sizes != 0).sum() <= FEW
    chosen = [
        key
        for key in sizes.index
        if tall[key] or any(key in end for end in ends) or (few and sizes[key])
    ]
    shown = {key: literal(names[key], WIDTH) for key in chosen}
    if shown:
        edge = heights.index[-1] + BAR / 2
        name_parts(ax, shown, sizes[chosen], bottoms.iloc[-1][chosen], edge)
    return shown
