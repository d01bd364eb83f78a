"""What a purchase model says of customers, and how far it fits what they did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from seaborn import color_palette, heatmap

from segkit.errors import DataError
from segkit.plots.canvas import (
    LETTER,
    canvas,
    hatch_cells,
    legend,
    letters_across,
    literal,
    name_axes,
    name_places,
    no_data,
    numbers,
    require,
    speak_ticks,
    spoken,
    write_cells,
)
from segkit.plots.direct import Mark, name_marks
from segkit.plots.style import BLUE, ENGLISH, GREY, INK, VERMILLION, Style
from segkit.plots.times import name_times

VALUES = {"expected_orders": "number", "p_order": "percent"}  # and how each is said
SIDES = ["repeats", "recency_days"]
SHORT_OF_BLACK = 0.85
EPOCH = date(1970, 1, 1).toordinal()
LEAST_DAYS = 14  # either side of the middle, so that one day alone is not a point in time
PAIR: dict[str, dict[str, Any]] = {
    "observed": {"color": BLUE, "linewidth": 2, "marker": "o"},
    "expected": {"color": VERMILLION, "linewidth": 2, "marker": "s", "linestyle": "--"},
}


def frequency_recency(
    matrix: pd.DataFrame,
    *,
    value: Literal["expected_orders", "p_order"] = "expected_orders",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw what a purchase model expects of customers, by repeats and by recency.

    Parameters
    ----------
    matrix : DataFrame
        One row a cell: `repeats` (repeat purchases), `recency_days` (days since the
        last purchase), and `expected_orders` (a number) or `p_order` (0..1, the
        chance of an order within the horizon); NaN where no customer can be.
    value : {"expected_orders", "p_order"}, optional
        What colours the cells; it is written in them where it fits, otherwise a
        colour bar says it.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        The customers who bought last on top; cells without a value are hatched.

    Raises
    ------
    DataError
        If a column is missing, a cell comes twice, or `value` is neither.

    Source
    ------
    Definitions, section 6; Fader, Hardie and Lee (2005), RFM and CLV: using
    iso-value curves for customer base analysis.

    Examples
    --------
    >>> matrix = pd.DataFrame({"repeats": [0, 1], "recency_days": [7, 7], "p_order": [0.8, 0.95]})
    >>> [text.get_text() for text in frequency_recency(matrix, value="p_order").texts]
    ['80%', '95%']
    """
    shown = _matrix(matrix, value)
    if not shown.notna().any(axis=None):
        return no_data(ax, style)
    with canvas(ax, height=2.2 + 0.36 * len(shown)) as panel:
        _draw_cells(panel, shown, value)
        _name_cells(panel, shown, style)
        _say_values(panel, shown, value, style)
        name_axes(panel, style.label("repeats"), style.label("recency_days"))
        return panel


def customer_history(
    history: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw one customer's chance of an order to come, day by day, above the purchases.

    Parameters
    ----------
    history : DataFrame
        One row a day: `day` (timestamp), `p_order` (0..1, the chance of an order within
        the horizon), `purchase` (bool: whether the customer bought on that day).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        A line from 0 to 100 % and, below it, a stroke for each purchase.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 6.

    Examples
    --------
    >>> history = pd.DataFrame({"day": pd.to_datetime(["2024-01-01", "2024-02-01"]),
    ...                         "p_order": [1.0, 0.6], "purchase": [True, False]})
    >>> [text.get_text() for text in customer_history(history).get_xticklabels()]
    ['Jan\\n2024', 'Feb']
    """
    require(history, ["day", "p_order", "purchase"], "customer_history")
    rows = _dated(history, "day")
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4.2) as panel:
        panel.plot(rows["place"], numbers(rows["p_order"]), color=BLUE, linewidth=2)
        bought = rows.loc[rows["purchase"].fillna(False).astype(bool), "place"]
        panel.vlines(bought, -0.1, -0.03, color=INK, linewidth=1.5)
        panel.axhline(0, color=GREY, linewidth=0.8)
        panel.set_ylim(-0.13, 1.03)
        speak_ticks(panel.yaxis, style.percent)
        marks = [Mark(style.label("purchase"), -0.065)] if len(bought) else []
        taken = name_marks(panel, rows["place"].max(), marks)
        _name_months(panel, rows["place"].to_numpy(), style, taken)
        name_axes(panel, style.label("month"), style.label("p_order"))
        return panel


def repeat_histogram(fit: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw how many customers bought again 0, 1, 2, … times, beside what the model expects.

    Parameters
    ----------
    fit : DataFrame
        One row a number of repeat purchases: `repeats`, `open` (bool: that many or
        more), `observed`, `expected` (customers).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Two bars a number: filled as observed, hatched as expected.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 6; Fader, Hardie and Lee (2005), Counting your customers
    the easy way.

    Examples
    --------
    >>> fit = pd.DataFrame({"repeats": [0, 1], "open": [False, True],
    ...                     "observed": [60, 40], "expected": [58.5, 41.5]})
    >>> [text.get_text() for text in repeat_histogram(fit).get_xticklabels()]
    ['0', '1+']
    """
    require(fit, ["repeats", "open", *PAIR], "repeat_histogram")
    rows = _counted(fit)
    if rows.empty:
        return no_data(ax, style)
    looks: dict[str, dict[str, Any]] = {
        "observed": {"facecolor": BLUE, "edgecolor": BLUE},
        "expected": {"facecolor": "none", "edgecolor": VERMILLION, "hatch": "//"},
    }
    with canvas(ax, height=3.6) as panel:
        for shift, (measure, look) in zip((-0.21, 0.21), looks.items(), strict=True):
            heights = np.nan_to_num(numbers(rows[measure]))
            panel.bar(np.arange(len(rows)) + shift, heights, width=0.38, **look)
        _end_scale(panel, rows[list(looks)], room=1.05)
        speak_ticks(panel.yaxis, style.number, whole=True)
        name_places(panel, range(len(rows)), _count_words(rows, style))
        legend(panel, looks, style)
        name_axes(panel, style.label("repeats"), style.label("customers"))
        return panel


def tracking(
    weeks: pd.DataFrame,
    *,
    cumulative: bool = False,
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw the repeat purchases of each week against those that the model expects.

    Parameters
    ----------
    weeks : DataFrame
        One row a week: `week` (its first day), `observed`, `expected` (repeat
        purchases in the week), `cumulative_observed`, `cumulative_expected` (up to
        its end), `holdout` (bool: the model has not seen the week).
    cumulative : bool, optional
        Whether to draw the cumulative numbers instead of those of each week.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Two lines; a labelled vertical line stands where the holdout begins.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, sections 6 and 9; Fader, Hardie and Lee (2005), Counting your
    customers the easy way.

    Examples
    --------
    >>> weeks = pd.DataFrame({"week": pd.to_datetime(["2024-01-01", "2024-01-08"]),
    ...                       "observed": [12, 9], "expected": [11.0, 10.0],
    ...                       "holdout": [False, True]})
    >>> [text.get_text() for text in tracking(weeks).texts]
    ['Observed', 'Expected', 'Holdout →']
    """
    columns = {f"cumulative_{key}" if cumulative else key: key for key in PAIR}
    require(weeks, ["week", *columns, "holdout"], "tracking")
    rows = _dated(weeks, "week")
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4) as panel:
        looks: dict[str, dict[str, Any]]
        looks = {key: {**look, "marker": ""} for key, look in PAIR.items()}
        for column, key in columns.items():
            panel.plot(rows["place"], numbers(rows[column]), **looks[key])
        _end_scale(panel, rows[list(columns)], room=1.2)
        speak_ticks(panel.yaxis, style.number, whole=True)
        ends = {key: numbers(rows[column]) for column, key in columns.items()}
        marks = [Mark(style.label(key), heights[-1]) for key, heights in ends.items()]
        taken = name_marks(panel, rows["place"].max(), marks)
        _name_months(panel, rows["place"].to_numpy(), style, taken)
        _mark_holdout(panel, rows, style)
        y = "cumulative_repeats" if cumulative else "weekly_repeats"
        name_axes(panel, style.label("month"), style.label(y))
        return panel


def holdout_by_frequency(
    fit: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw the repeat purchases in the holdout by those before it, observed and expected.

    Parameters
    ----------
    fit : DataFrame
        One row a number of repeat purchases before the holdout: `repeats`, `open`
        (bool: that many or more), `customers`, `observed`, `expected` (mean number
        of purchases a customer in the holdout).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Two lines with markers; below each number stand its customers.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 9; Fader, Hardie and Lee (2005), Counting your customers
    the easy way.

    Examples
    --------
    >>> fit = pd.DataFrame({"repeats": [0, 1], "open": [False, True], "customers": [60, 40],
    ...                     "observed": [0.2, 0.9], "expected": [0.25, 0.8]})
    >>> [text.get_text() for text in holdout_by_frequency(fit).get_xticklabels()]
    ['0\\n60', '1+\\n40']
    """
    require(fit, ["repeats", "open", "customers", *PAIR], "holdout_by_frequency")
    rows = _counted(fit)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4) as panel:
        for measure, look in PAIR.items():
            panel.plot(np.arange(len(rows)), numbers(rows[measure]), **look, markersize=8)
        _end_scale(panel, rows[list(PAIR)], room=1.08)
        speak_ticks(panel.yaxis, style.number)
        panel.set_xlim(-0.5, len(rows) - 0.5)
        customers = [spoken(style.number, count) for count in numbers(rows["customers"])]
        words = zip(_count_words(rows, style), customers, strict=True)
        ends = {measure: numbers(rows[measure])[-1] for measure in PAIR}
        marks = [Mark(style.label(measure), height) for measure, height in ends.items()]
        taken = name_marks(panel, len(rows) - 1 + 0.15, marks)
        _name_columns(panel, [f"{repeats}\n{count}" for repeats, count in words], taken)
        x = f"{literal(style.label('repeats_before'), 30)} · {literal(style.label('customers'))}"
        name_axes(panel, x, style.label("repeats_per_customer"))
        return panel


def _matrix(matrix: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return the values with a row a recency and a column a number of repeats."""
    if value not in VALUES:
        fix = "use 'expected_orders' or 'p_order'"
        raise DataError("unknown value", where="frequency_recency: value", values=[value], fix=fix)
    require(matrix, [*SIDES, value], "frequency_recency")
    plain = pd.DataFrame({column: numbers(matrix[column]) for column in (*SIDES, value)})
    plain = plain.dropna(subset=SIDES)
    _check_once(plain)
    return plain.pivot(index="recency_days", columns="repeats", values=value)


def _check_once(plain: pd.DataFrame) -> None:
    twice = plain.loc[plain.duplicated(SIDES), SIDES].to_numpy()
    if len(twice):
        cells = [f"repeats={repeats:g} recency_days={days:g}" for repeats, days in twice]
        where = "frequency_recency"
        raise DataError("a cell comes twice", where=where, values=cells, count=len(cells))


def _draw_cells(ax: Axes, shown: pd.DataFrame, value: str) -> None:
    top = 1 if value == "p_order" else np.nanmax(shown.to_numpy(), initial=0) or 1
    heat = {"vmin": 0, "vmax": top, "cmap": _colours(), "cbar": False, "linewidths": 1}
    bare = {"xticklabels": False, "yticklabels": False}
    heatmap(shown.fillna(0), mask=shown.isna(), **heat, **bare, ax=ax)
    hatch_cells(ax, shown.isna().to_numpy())


def _colours() -> Colormap:
    shades = color_palette("mako_r", as_cmap=True)
    return ListedColormap(shades(np.linspace(0, SHORT_OF_BLACK, 256)))


def _name_cells(ax: Axes, shown: pd.DataFrame, style: Style) -> None:
    step = -(-len(shown) // 12)
    days = [spoken(style.number, day) for day in shown.index]
    ax.set_yticks(np.arange(len(days))[::step] + 0.5, labels=days[::step])
    repeats = [spoken(style.number, float(count)) for count in shown.columns]
    name_places(ax, np.arange(len(repeats)) + 0.5, repeats)
    ax.tick_params(length=0, rotation=0)


def _say_values(ax: Axes, shown: pd.DataFrame, value: str, style: Style) -> None:
    """Write the values into the cells, or explain their colours where there is no room."""
    speak = getattr(style, VALUES[value])
    words = np.vectorize(lambda cell: spoken(speak, cell), otypes=[object])(shown.to_numpy())
    name = literal(style.label(value), letters_across(ax))
    height = ax.get_window_extent().height / ax.figure.dpi / len(shown)
    across = letters_across(ax) / len(shown.columns)
    if max(map(len, words.flat)) + 1 <= across and height > 2 * LETTER:
        ax.set_title(name, loc="left", size=12, parse_math=False, usetex=False)
        write_cells(ax, words)
    else:
        _explain_colours(ax, name, speak)


def _explain_colours(ax: Axes, name: str, speak: Callable[[float], str]) -> None:
    mesh = ax.collections[-1]
    bar = ax.figure.colorbar(mesh, ax=ax, location="top", aspect=40, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label(name)
    speak_ticks(bar.ax.xaxis, speak)


def _dated(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the rows that have a time, in order, with their place on the axis in days."""
    times = pd.to_datetime(table[column], errors="coerce").to_numpy(dtype="datetime64[s]")
    rows = table.assign(place=(times - np.datetime64(0, "s")) / np.timedelta64(1, "D"))
    return rows[~np.isnat(times)].sort_values("place")


def _name_months(ax: Axes, days: np.ndarray, style: Style, taken: int = 0) -> None:
    first, last = days.min(), days.max()
    starts = _month_starts(first, last)
    # The first month began before the first day; alone, it is named there all the same.
    places = [start for start in starts if start >= first] or [first]
    months = [date.fromordinal(EPOCH + start) for start in starts[-len(places) :]]
    half = max((last - first) * 0.51, LEAST_DAYS)
    ax.set_xlim((first + last) / 2 - half, (first + last) / 2 + half)
    words = [literal(style.month(month), 14) for month in months]
    name_times(ax, places, months, words, taken=taken)
    ax.grid(axis="y")


def _month_starts(first: float, last: float) -> list[int]:
    """Return the first day of each month between two places, the first one's too."""
    ends = [
        np.datetime64(int(np.floor(place)), "D").astype("datetime64[M]") for place in (first, last)
    ]
    return np.arange(ends[0], ends[1] + 1).astype("datetime64[D]").astype(int).tolist()


def _mark_holdout(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    unseen = rows.loc[rows["holdout"].fillna(False).astype(bool), "place"]
    if unseen.empty:
        return
    start, (left, right) = unseen.min(), ax.get_xlim()
    ax.axvspan(start, right, color=GREY, alpha=0.15, linewidth=0, zorder=0)
    ax.axvline(start, color=GREY, linewidth=1.5, linestyle=":", zorder=1)
    words = literal(style.label("holdout"), 20)
    after = start < (left + right) / 2
    side: dict[str, Any] = (
        {"xytext": (6, -4), "ha": "left"} if after else {"xytext": (-6, -4), "ha": "right"}
    )
    place: dict[str, Any] = {
        "xycoords": ax.get_xaxis_transform(),
        "textcoords": "offset points",
        "va": "top",
    }
    ax.annotate(words if after else f"{words} →", (start, 1), **side, **place)


def _counted(fit: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a number of repeats, in order."""
    rows = fit.assign(repeats=numbers(fit["repeats"]), open=fit["open"].fillna(False).astype(bool))
    return rows.dropna(subset=["repeats"]).sort_values(["repeats", "open"])


def _count_words(rows: pd.DataFrame, style: Style) -> list[str]:
    pairs = zip(rows["repeats"], rows["open"], strict=True)
    return [spoken(style.number, repeats) + "+" * is_open for repeats, is_open in pairs]


def _name_columns(ax: Axes, words: list[str], taken: int) -> None:
    """Write two-line words below their columns; as many as fit, as for words of one line."""
    lines = [max(word.split("\n"), key=len) for word in words]
    name_places(ax, range(len(words)), lines, taken=taken)
    shown = [int(place) for place in ax.get_xticks()]
    ax.set_xticks(shown, labels=[words[place] for place in shown])


def _end_scale(ax: Axes, heights: pd.DataFrame, room: float) -> None:
    """Start the y axis at zero and leave room above the highest value."""
    tops = [np.nanmax(numbers(heights[column]), initial=0) for column in heights]
    ax.set_ylim(0, room * max(tops) or 1)
    ax.grid(axis="y")
