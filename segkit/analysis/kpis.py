"""Key figures of segments in a period (definitions, section 3)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segkit.errors import DataError

PERIOD = ["orders", "gross", "revenue", "units", "returned_units"]
TOTAL = "total"
NO_CUSTOMER = "no_customer"
"""The row of what was sold to nobody known: the brand's revenue, and no segment's."""
MAIN_KPIS = [
    "segment",
    "customers",
    "customers_share",
    "orders",
    "revenue",
    "revenue_share",
    "aov",
    "upt",
    "repeat_rate",
    "ltv",
    "revenue_all_time_share",
    "clv",
]
"""The columns that a reader sees first: the period's figures beside the all-time ones."""
SHARES = {
    "customers": "customers_share",
    "revenue": "revenue_share",
    "ltv": "revenue_all_time_share",
}
"""Which figures of `MAIN_KPIS` a page shows in one cell with their shares of the whole."""
VIEW_KPIS = [
    "segment",
    "customers",
    "customers_share",
    "revenue_all_time",
    "ltv",
    "orders_per_customer",
    "clv",
]
"""Those of a view, whose customers are in one stage of the lifecycle."""


def segment_kpis(
    labels: pd.Series,
    customers: pd.DataFrame,
    period: pd.DataFrame,
    *,
    order: list[str] | None = None,
    resamples: int = 200,
    seed: int = 42,
) -> pd.DataFrame:
    """Return one row a segment and a total row.

    Parameters
    ----------
    labels : Series
        Segment key of each customer, indexed as `customers`.
    customers : DataFrame
        The customer table; all-time figures come from here, and `clv` where it has one.
    period : DataFrame
        `customer_id`, `orders`, `gross`, `revenue` (net), `units`, `returned_units` in the
        period.
    order : list of str, optional
        Segments in the order wanted; by default by all-time revenue, largest first.
    resamples : int
        Bootstrap resamples of customers behind the interval of `revenue_share`; 0 for none.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns of definitions section 3; shares as 0..1, money in the log's currency.

    Raises
    ------
    DataError
        Segments do not add up to the brand's totals, a customer has no segment, or there
        are no customers.

    Examples
    --------
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "orders": [2, 1],
    ...     "gross": [30.0, 10.0], "revenue": [30.0, 10.0], "aov": [15.0, 10.0], "recency_days": [5, 90]})
    >>> period = pd.DataFrame({"customer_id": ["a"], "orders": [2], "gross": [30.0],
    ...     "revenue": [30.0], "units": [3.0], "returned_units": [0.0]})
    >>> table = segment_kpis(pd.Series(["loyal", "new"]), customers, period, resamples=0)
    >>> table[["segment", "customers", "revenue", "ltv"]]
      segment  customers  revenue   ltv
    0   loyal          1     30.0  30.0
    1     new          1      0.0  10.0
    2   total          2     30.0  20.0
    """
    rows = rows_of(labels, customers, period)
    found = by_all_time_revenue(rows)
    order = found if order is None else [segment for segment in order if segment in set(found)]
    sums = summed(rows, ["segment"]).reindex(order)
    total = summed(rows.assign(segment=TOTAL), ["segment"])
    require_whole(sums, total, period)
    table = figures(pd.concat([sums, total]), total.iloc[0])
    table = table.join(_share_interval(rows, order, resamples, seed))
    return table.rename_axis("segment").reset_index()


def with_no_customer(kpis: pd.DataFrame, period: pd.DataFrame) -> pd.DataFrame:
    """Return key figures with a row below the total: what nobody known bought in the period.

    Parameters
    ----------
    kpis : DataFrame
        From `segment_kpis`: segments add up to its total with or without that row.
    period : DataFrame
        What was bought by no customer, in rows of any cut: `orders` (missing where the log does
        not tell one from the next), `gross`, `revenue` (net), `units`, `returned_units`.

    Returns
    -------
    DataFrame
        The row is `NO_CUSTOMER`, has the period's orders, money and their ratios, and is blank
        in all that needs a customer. Where nothing was bought so, there is none.

    Source
    ------
    Definitions, section 2, "Who is a customer".

    Examples
    --------
    >>> kpis = pd.DataFrame({"segment": ["new", "total"], "customers": 2, "orders": 3, "revenue": 30.0})
    >>> till = pd.DataFrame({"orders": [1], "gross": [9.0], "revenue": [8.0], "units": [2.0],
    ...     "returned_units": [0.0]})
    >>> with_no_customer(kpis, till)
           segment  customers  orders  revenue
    0          new          2       3     30.0
    1        total          2       3     30.0
    2  no_customer       <NA>       1      8.0
    """
    bought = period[PERIOD].sum(min_count=1)
    if not bought[["gross", "revenue"]].fillna(0).any():
        return kpis
    orders, units = bought["orders"], bought["units"]
    row = {
        "segment": NO_CUSTOMER,
        "orders": orders,
        "gross": bought["gross"],
        "returned": bought["gross"] - bought["revenue"],
        "revenue": bought["revenue"],
        "aov": bought["revenue"] / orders if orders else np.nan,
        "upt": units / orders if orders else np.nan,
        "return_rate": bought["returned_units"] / units if units else np.nan,
    }
    known = {name: row.get(name) for name in kpis.columns}
    types = {name: "Int64" for name in kpis.columns if pd.api.types.is_integer_dtype(kpis[name])}
    below = pd.DataFrame([known]).astype(kpis.dtypes.to_dict() | types)
    return pd.concat([kpis.astype(types), below], ignore_index=True)


def by_all_time_revenue(rows: pd.DataFrame) -> list[str]:
    """Return the segments of `rows_of`, those of most all-time revenue first."""
    sums = rows.groupby("segment")["revenue_all_time"].sum()
    return list(sums.sort_values(ascending=False, kind="stable").index)


def rows_of(labels: pd.Series, customers: pd.DataFrame, period: pd.DataFrame) -> pd.DataFrame:
    """Return one row a customer, with its segment and what key figures are made of.

    Parameters
    ----------
    labels, customers, period
        As for `segment_kpis`.

    Raises
    ------
    DataError
        A customer has no segment, or there are no customers.
    """
    _require_labels(labels, customers)
    return _one_row_a_customer(labels, customers, period)


def _require_labels(labels: pd.Series, customers: pd.DataFrame) -> None:
    if customers.empty:
        raise DataError("there are no customers", fix="choose a later as_of, or check the input")
    missing = customers.loc[labels.reindex(customers.index).isna(), "customer_id"]
    if len(missing):
        raise DataError(
            "customers have no segment",
            values=missing.head(3),
            count=len(missing),
            fix="a segmentation assigns every customer; use 'prospects' for those without orders",
        )


def _one_row_a_customer(
    labels: pd.Series, customers: pd.DataFrame, period: pd.DataFrame
) -> pd.DataFrame:
    so_far = ["orders", "gross", "revenue"]
    known = customers[["customer_id", *so_far, "aov", "recency_days"]]
    known = known.assign(clv=customers.get("clv", np.nan))
    known = known.rename(columns={name: f"{name}_all_time" for name in so_far})
    within = period[["customer_id", *PERIOD]]
    rows = known.assign(segment=labels.astype(str)).merge(within, on="customer_id", how="left")
    rows[PERIOD] = rows[PERIOD].fillna(0)
    for column in ("revenue", "revenue_all_time"):
        rows[f"{column}_exact"] = _exact(rows[column])
    return rows


def _exact(money: pd.Series) -> pd.Series:
    """Return money in ten-thousandths, as whole numbers: parts add up to the whole exactly."""
    scaled = np.rint(money * 10_000)
    fits = scaled.abs().sum() < 2**62
    return scaled.astype("int64") if fits else scaled.map(int).astype(object)


def summed(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return what of `rows_of` can be added up, by some of its columns."""
    buyers, active = rows["orders_all_time"] > 0, rows["orders"] > 0
    flags = rows.assign(
        buyers_all_time=buyers,
        buyers=active,
        repeaters=rows["orders"] > 1,
        one_order=rows["orders_all_time"] == 1,
        aov_counted=rows["aov"].notna(),
        clv_counted=rows["clv"].notna(),
    )
    counted = [
        "buyers_all_time",
        "buyers",
        "repeaters",
        "one_order",
        "aov_counted",
        "clv_counted",
        *PERIOD,
        "orders_all_time",
        "gross_all_time",
        "revenue_exact",
        "revenue_all_time_exact",
        "aov",
        "clv",
        "recency_days",
    ]
    groups = flags.groupby(by)
    return groups[counted].sum().assign(customers=groups.size())


def require_whole(sums: pd.DataFrame, total: pd.DataFrame, period: pd.DataFrame) -> None:
    """Raise DataError where parts do not add up to the brand, as `summed` and as in the period."""
    whole = {
        "customers": total["customers"].item(),
        "orders": int(period["orders"].sum()),
        "revenue_exact": int(_exact(period["revenue"]).sum()),
        "revenue_all_time_exact": total["revenue_all_time_exact"].item(),
    }
    for name, expected in whole.items():
        if int(sums[name].sum()) != expected:
            raise DataError(
                f"segments do not add up to the brand's {name.removesuffix('_exact')}",
                values=[int(sums[name].sum()), expected],
                fix="every customer of the period must stand in the customer table",
            )


def figures(sums: pd.DataFrame, total: pd.Series) -> pd.DataFrame:
    """Return key figures from what `summed` returns; shares are of `total`."""
    revenue = sums["revenue_exact"].astype(float) / 10_000
    all_time = sums["revenue_all_time_exact"].astype(float) / 10_000
    return pd.DataFrame(
        {
            "customers": sums["customers"].astype("int64"),
            "customers_share": _ratio(sums["customers"], total["customers"]),
            "buyers": sums["buyers"].astype("int64"),
            "buyers_share": _ratio(sums["buyers"], total["buyers"]),
            "orders": sums["orders"].astype("int64"),
            "gross": sums["gross"],
            "returned": sums["gross"] - revenue,
            "revenue": revenue,
            "revenue_share": _ratio(sums["revenue_exact"], total["revenue_exact"]),
            "aov": _ratio(revenue, sums["orders"]),
            "aov_mean": _ratio(sums["aov"], sums["aov_counted"]),
            "upt": _ratio(sums["units"], sums["orders"]),
            "ltv": _ratio(all_time, sums["customers"]),
            "clv": _ratio(sums["clv"], sums["clv_counted"]),
            "repeat_rate": _ratio(sums["repeaters"], sums["buyers"]),
            "one_order_share": _ratio(sums["one_order"], sums["buyers_all_time"]),
            "return_rate": _ratio(sums["returned_units"], sums["units"]),
            "recency_days": _ratio(sums["recency_days"], sums["buyers_all_time"]),
            "orders_per_customer": _ratio(sums["orders_all_time"], sums["buyers_all_time"]),
            "orders_all_time": sums["orders_all_time"].astype("int64"),
            "gross_all_time": sums["gross_all_time"],
            "returned_all_time": sums["gross_all_time"] - all_time,
            "revenue_all_time": all_time,
            "revenue_all_time_share": _ratio(
                sums["revenue_all_time_exact"], total["revenue_all_time_exact"]
            ),
        }
    )


def _ratio(part: pd.Series, whole: pd.Series | float) -> pd.Series:
    whole = pd.Series(whole, index=part.index, dtype=float)
    return part.astype(float).div(whole.where(whole != 0))


def _share_interval(
    rows: pd.DataFrame, order: list[str], resamples: int, seed: int
) -> pd.DataFrame:
    """Return the 95 % interval of each segment's share of revenue, over resampled customers."""
    columns = ["revenue_share_low", "revenue_share_high"]
    if not resamples or rows["revenue_exact"].sum() <= 0:
        return pd.DataFrame(np.nan, index=[*order, TOTAL], columns=columns)
    codes = pd.Categorical(rows["segment"], categories=order).codes
    value = rows["revenue"].to_numpy()
    random = np.random.default_rng(seed)
    shares = np.empty((resamples, len(order)))
    for place in range(resamples):
        sums = np.bincount(
            codes, weights=value * random.poisson(1.0, len(value)), minlength=len(order)
        )
        shares[place] = sums / sums.sum() if sums.sum() > 0 else np.nan
    low, high = np.nanquantile(shares, [0.025, 0.975], axis=0)
    table = pd.DataFrame({columns[0]: low, columns[1]: high}, index=order)
    return table.reindex([*order, TOTAL])
