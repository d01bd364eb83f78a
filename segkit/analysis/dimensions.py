"""Key figures of segments cut by a dimension: a channel, a shop, a category (definitions, section 2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from segkit.analysis.kpis import TOTAL, by_all_time_revenue, figures, require_whole, rows_of, summed
from segkit.data.customers import DIMENSION, dimension_keys
from segkit.errors import SegkitError, suggestion

OTHER = "other"
"""What stands for the values that are too many to be shown."""
FIRST = "first_"
"""How the name of a dimension of the first order begins."""
FEWEST, MOST = 2, 30
"""How many values a dimension has by which a whole report can be cut."""
FILLED = 0.5
"""The least share of buyers who have a value of it."""
LONGEST = 40
"""Letters of a dimension's name: files are named after it."""


def dimension_columns(customers: pd.DataFrame) -> dict[str, str]:
    """Return the dimensions of a customer table, and the column of each.

    Parameters
    ----------
    customers : DataFrame
        The customer table (`segkit.data.customers.customer_table`).

    Returns
    -------
    dict of str to str
        `channel`, `category`, and the key of each of `orders.dimensions`: the one in which a
        customer spent most; after `first_`, the one of its first order.

    Examples
    --------
    >>> dimension_columns(pd.DataFrame({"channel": ["web"], "top_store": ["A"], "first_store": ["B"]}))
    {'channel': 'channel', 'store': 'top_store', 'first_store': 'first_store'}
    """
    found: dict[str, str] = {}
    for column in customers.columns:
        if column != "channel" and not column.startswith("top_"):
            continue
        key = column.removeprefix("top_")
        own = {key: column, f"{FIRST}{key}": f"{FIRST}{key}"}
        for name, place in own.items():
            if place in customers and _is_text(customers[place]):
                short = name[:LONGEST].strip("_")
                found[short if short not in found else f"{short[: LONGEST - 3]}_{len(found)}"] = (
                    place
                )
    return found


def _is_text(column: pd.Series) -> bool:
    types = pd.api.types
    return not types.is_numeric_dtype(column) and not types.is_datetime64_any_dtype(column)


def cutting_dimensions(customers: pd.DataFrame) -> list[str]:
    """Return the dimensions that cut a base into parts: of 2 to 30 values, known of most buyers.

    Parameters
    ----------
    customers : DataFrame
        The customer table.

    Returns
    -------
    list of str
        Names of `dimension_columns`, without those of the first order.

    Examples
    --------
    >>> customers = pd.DataFrame({"orders": 1, "channel": ["web", "shop"], "top_category": ["a", "a"]})
    >>> cutting_dimensions(customers)
    ['channel']
    """
    buyers = customers[customers["orders"] > 0]
    known = {name: buyers[column] for name, column in dimension_columns(customers).items()}
    return [
        name
        for name, values in known.items()
        if not name.startswith(FIRST)
        and FEWEST <= values.nunique() <= MOST
        and values.notna().mean() >= FILLED
    ]


def find_dimension(asked: str, customers: pd.DataFrame, named: Sequence[str] = ()) -> str:
    """Return the column of the customer table that a dimension is in.

    Parameters
    ----------
    asked : str
        A name of `dimension_columns`, the column itself, or the client's own name for it.
    customers : DataFrame
        The customer table.
    named : sequence of str
        What the client calls its dimensions: `orders.dimensions`.

    Raises
    ------
    SegkitError
        There is no such dimension.

    Examples
    --------
    >>> find_dimension("País", pd.DataFrame({"top_pais": ["AR"]}), ["País"])
    'top_pais'
    """
    columns = dimension_columns(customers)
    keys = dimension_keys(f"{DIMENSION}{name}" for name in named)
    own = {place.removeprefix(DIMENSION): f"top_{key}" for place, key in keys.items()}
    known = {column: column for column in columns.values()} | own | columns
    if asked not in known:
        none = "name a column in orders.dimensions, and this client has one"
        fix = suggestion(asked, columns) if columns else none
        raise SegkitError("no such dimension", values=[asked], fix=fix)
    return known[asked]


def dimension_kpis(
    labels: pd.Series,
    customers: pd.DataFrame,
    period: pd.DataFrame,
    values: pd.Series,
) -> pd.DataFrame:
    """Return the key figures of each segment by the values of a dimension.

    Parameters
    ----------
    labels, customers, period
        As for `segkit.analysis.kpis.segment_kpis`.
    values : Series
        The dimension's value of each customer, indexed as `customers`, missing where it is not
        known; its name is that of the column.

    Returns
    -------
    DataFrame
        `segment`, the dimension, and the columns of `segment_kpis` without an interval; shares
        are of the whole base. Segments and values are in the order of their revenue, all-time
        and of the period; what is not known comes last, as a row whose value is missing. Below a
        segment's rows stands its total (the value `total`); at the end each value of all
        segments (the segment `total`), and the brand. A value that is called `total` itself
        becomes `(total)`.

    Raises
    ------
    DataError
        As `segment_kpis`: parts do not add up to the brand, exactly.

    Source
    ------
    Definitions, sections 2 and 3.

    Examples
    --------
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "orders": [2, 1],
    ...     "gross": [30.0, 10.0], "revenue": [30.0, 10.0], "aov": [15.0, 10.0], "recency_days": [5, 90]})
    >>> period = pd.DataFrame({"customer_id": ["a"], "orders": [2], "gross": [30.0],
    ...     "revenue": [30.0], "units": [3.0], "returned_units": [0.0]})
    >>> channel = pd.Series(["web", None], name="channel")
    >>> dimension_kpis(pd.Series(["new", "new"]), customers, period, channel)[
    ...     ["segment", "channel", "customers", "revenue"]]
      segment channel  customers  revenue
    0     new     web          1     30.0
    1     new     NaN          1      0.0
    2     new   total          2     30.0
    3   total     web          1     30.0
    4   total     NaN          1      0.0
    5   total   total          2     30.0
    """
    rows = rows_of(labels, customers, period)
    places, names = _placed(values.reindex(customers.index), rows["revenue_exact"].to_numpy())
    order = [*by_all_time_revenue(rows), TOTAL]
    rows = rows.assign(place=places, segment=pd.Categorical(rows["segment"], order).codes)
    cells = summed(rows, ["segment", "place"])
    brand = summed(rows.assign(segment=len(order) - 1, place=len(names)), ["segment", "place"])
    require_whole(cells, brand, period)
    table = pd.concat([*_margins(cells, len(order) - 1, len(names)), brand]).sort_index()
    codes = [table.index.get_level_values(level) for level in ("segment", "place")]
    found = figures(table, brand.iloc[0]).reset_index(drop=True)
    found.insert(0, "segment", np.array(order, dtype=object)[codes[0]])
    found.insert(1, str(values.name), np.array([*names, TOTAL], dtype=object)[codes[1]])
    return found


def _placed(values: pd.Series, revenue: np.ndarray) -> tuple[np.ndarray, list[object]]:
    """Return the place of each customer's value, and the values by revenue; what is not known last."""
    codes, found = pd.factorize(values)
    sums = pd.Series(revenue).groupby(codes).sum().reindex(range(len(found)), fill_value=0)
    ranked = sorted(
        range(len(found)), key=lambda it: (found[it] == OTHER, -sums[it], str(found[it]))
    )
    names = [f"({TOTAL})" if found[code] == TOTAL else found[code] for code in ranked]
    place = np.empty(len(found) + 1, dtype=int)
    place[ranked] = range(len(found))
    place[-1] = len(found)  # where codes of -1 point
    return place[codes], [*names, np.nan]


def _margins(cells: pd.DataFrame, segment: int, place: int) -> list[pd.DataFrame]:
    """Return cells with the sums of each segment and of each value, at the places of totals."""
    by_segment = cells.groupby("segment").sum().assign(place=place)
    by_value = cells.groupby("place").sum().assign(segment=segment)
    keys = ["segment", "place"]
    return [cells, *(part.reset_index().set_index(keys) for part in (by_segment, by_value))]


def fewer_values(values: pd.Series, revenue: pd.Series, most: int) -> pd.Series:
    """Return values with only those of most revenue by their names; the rest is `other`.

    Parameters
    ----------
    values : Series
        The dimension's value of each customer, missing where it is not known.
    revenue : Series
        Of each, in the same rows.
    most : int
        Names to keep; where `other` would stand for a single one, that is kept too.

    Examples
    --------
    >>> values = pd.Series(["web", "shop", "fair", None], name="channel")
    >>> fewer_values(values, pd.Series([9.0, 5.0, 1.0, 2.0]), most=1).tolist()
    ['web', 'other', 'other', nan]
    """
    sums = revenue.groupby(values).sum().sort_values(ascending=False, kind="stable")
    if len(sums) <= most + 1:
        return values
    return values.where(values.isin(sums.index[:most]) | values.isna(), OTHER)


def without_few(table: pd.DataFrame, least: int) -> pd.DataFrame:
    """Return figures of `dimension_kpis`, blank in rows of fewer customers than `least`.

    Everything of such a row is blank but its names, the number of customers too: a few people's
    figures are theirs, and tell nothing of a group. Totals count them, as they did when the
    table was found to add up: who subtracts can work out what a single blank row holds.

    Parameters
    ----------
    table : DataFrame
        `segment`, the dimension, `customers`, and figures.
    least : int
        The smallest number of customers that is told of.

    Examples
    --------
    >>> table = pd.DataFrame({"segment": ["new", "new"], "channel": ["web", "shop"],
    ...     "customers": [9, 2], "revenue": [90.0, 7.0]})
    >>> without_few(table, 5)
      segment channel  customers  revenue
    0     new     web          9     90.0
    1     new    shop       <NA>      NaN
    """
    few, shown = table["customers"] < least, table.columns[2:]
    counts = [name for name in shown if pd.api.types.is_integer_dtype(table[name])]
    blank = table.astype(dict.fromkeys(counts, "Int64"))
    blank[shown] = blank[shown].mask(few)
    return blank


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `dimension_kpis` that are of one segment and one value.

    Examples
    --------
    >>> table = pd.DataFrame({"segment": ["new", "new", "total"], "channel": ["web", "total", "web"]})
    >>> cells_of(table)
      segment channel
    0     new     web
    """
    inner = (table["segment"] != TOTAL) & (table.iloc[:, 1] != TOTAL)
    return table[inner].reset_index(drop=True)
