"""Whether segments and predictions say something about what comes (definitions, section 9).

Everything was fitted on what was known at an earlier date, the cut. Then what each customer
did after it is set beside what had been said. A *tested* table has one row for each buyer of
before the cut: its segment in each segmentation, what was predicted, what simple rules say,
and what happened (`orders_after`, `revenue_after`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from segkit.errors import DataError

TOPS = (0.1, 0.2, 0.5)
BASELINES = ("past_revenue", "recency", "last_period", "random")
"""Simple rules that rank customers: columns of a tested table; more is better."""
MODEL_RANKING = "clv_model"
CURVE_POINTS = 100  # a point a percent, however many the customers


def segment_outcomes(
    tested: pd.DataFrame,
    segmentations: Sequence[str],
    *,
    resamples: int = 200,
    seed: int = 42,
) -> pd.DataFrame:
    """Return what the customers of each segment did after the cut.

    Parameters
    ----------
    tested : DataFrame
        One column for each segmentation, `orders_after`, `revenue_after` (money).
    segmentations : sequence of str
    resamples : int
        Bootstrap resamples of customers behind the intervals.
    seed : int

    Returns
    -------
    DataFrame
        `segmentation`, `segment`, `customers`, `customers_share`, `repurchase_rate` (share who
        bought again), `revenue_per_customer` (money), both with `_low` and `_high` (95 %),
        `revenue_after`, `revenue_after_share`, `times_the_base` (revenue per customer over that
        of all); the best segment first, and a row `total`.

    Examples
    --------
    >>> tested = pd.DataFrame({"families": ["loyal", "loyal", "beginners"],
    ...     "orders_after": [2, 0, 0], "revenue_after": [30.0, 0.0, 0.0]})
    >>> table = segment_outcomes(tested, ["families"], resamples=20)
    >>> table[["segment", "customers", "repurchase_rate", "revenue_per_customer"]]
         segment  customers  repurchase_rate  revenue_per_customer
    0      loyal          2         0.500000                  15.0
    1  beginners          1         0.000000                   0.0
    2      total          3         0.333333                  10.0
    """
    draws = _resampled(len(tested), resamples, seed)
    tables = [_outcomes(tested, name, draws).assign(segmentation=name) for name in segmentations]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "segmentation", table.pop("segmentation"))
    return table


def rankings(
    tested: pd.DataFrame, segmentations: Sequence[str], *, resamples: int = 200, seed: int = 42
) -> pd.DataFrame:
    """Return how well each way of ranking customers found the revenue after the cut.

    Segments are ranked by the value that was expected of their customers at the cut, those
    of one segment alike; then come the model's own ranking and the simple rules.

    Parameters
    ----------
    tested : DataFrame
        As `segment_outcomes`; also `expected_value`, `past_revenue`, `recency`, `last_period`,
        `random` (more is better).
    segmentations : sequence of str
    resamples, seed : int
        Bootstrap resamples; 0: no intervals.

    Returns
    -------
    DataFrame
        `ranking`, `kind` (`segmentation`, `model` or `baseline`), `gini` with `_low` and
        `_high` (95 %), `top10`, `top20`, `top50` (share of revenue of the best-ranked
        customers); the best first.

    Notes
    -----
    The Gini coefficient is twice the area between the gain curve and the diagonal: 0 for a
    ranking that says nothing.
    """
    scores = ranking_scores(tested, segmentations)
    revenue = tested["revenue_after"].to_numpy(dtype=float)
    draws = _resampled(len(tested), resamples, seed)
    rows = []
    for name, score in scores.items():
        order, groups = _ranked(score)
        gini = _gini(revenue[order], np.ones(len(order)), groups)
        spread = [_gini(revenue[order], draw[order], groups) for draw in draws]
        curve = _gain(revenue[order], groups)
        tops = {f"top{top:.0%}".rstrip("%"): _share_at(curve, top) for top in TOPS}
        low, high = np.quantile(spread, [0.025, 0.975]) if spread else (np.nan, np.nan)
        rows.append(
            {"ranking": name, "kind": _kind(name, segmentations), "gini": gini}
            | {"gini_low": low, "gini_high": high}
            | tops
        )
    table = pd.DataFrame(rows)
    return table.sort_values("gini", ascending=False, kind="stable").reset_index(drop=True)


def segment_means(tested: pd.DataFrame, segmentations: Sequence[str]) -> pd.DataFrame:
    """Return what each segment's customers did after one cut, and what was expected of them.

    Parameters
    ----------
    tested : DataFrame
        As for `segment_outcomes`; also `expected_value`.
    segmentations : sequence of str

    Returns
    -------
    DataFrame
        `segmentation`, `segment`, `customers`, `repurchase_rate`, `revenue_per_customer`,
        `expected_per_customer`, `times_the_base`.
    """
    rows = tested.assign(again=tested["orders_after"] > 0)
    whole = float(rows["revenue_after"].mean())
    parts = []
    for name in segmentations:
        groups = rows.groupby(rows[name].astype(str).rename("segment"))
        table = groups.agg(
            customers=("again", "size"),
            repurchase_rate=("again", "mean"),
            revenue_per_customer=("revenue_after", "mean"),
            expected_per_customer=("expected_value", "mean"),
        )
        parts.append(table.reset_index().assign(segmentation=name))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(times_the_base=table["revenue_per_customer"] / (whole or np.nan))


def segment_spread(cuts: pd.DataFrame) -> pd.DataFrame:
    """Return how what segments did differs from cut to cut.

    Parameters
    ----------
    cuts : DataFrame
        `segment_means` of several cuts, with `cut`.

    Returns
    -------
    DataFrame
        `segmentation`, `segment`, `cuts` (at which it had customers), `customers` (on average),
        `repurchase_rate`, `revenue_per_customer`, `times_the_base`: their means over the cuts,
        and the `_lowest` and `_highest` of the last two; most revenue first.
    """
    groups = cuts.groupby(["segmentation", "segment"], sort=False)
    table = groups.agg(
        cuts=("cut", "nunique"),
        customers=("customers", "mean"),
        repurchase_rate=("repurchase_rate", "mean"),
        **{
            f"{name}{end}": (name, how)
            for name in ("revenue_per_customer", "times_the_base")
            for end, how in (("", "mean"), ("_lowest", "min"), ("_highest", "max"))
        },
    ).reset_index()
    places = {name: place for place, name in enumerate(dict.fromkeys(table["segmentation"]))}
    order = table["segmentation"].map(places), -table["revenue_per_customer"]
    return table.iloc[np.lexsort(order[::-1])].reset_index(drop=True)


def ranking_spread(cuts: pd.DataFrame) -> pd.DataFrame:
    """Return how well each ranking found the revenue, over several cuts.

    Parameters
    ----------
    cuts : DataFrame
        `rankings` of several cuts, with `cut`.

    Returns
    -------
    DataFrame
        `ranking`, `kind`, `cuts`, `gini` (mean) with `gini_lowest` and `gini_highest`, `top10`,
        `top20`, `top50` (means); the best first.
    """
    groups = cuts.groupby(["ranking", "kind"], sort=False)
    table = groups.agg(
        cuts=("cut", "nunique"),
        gini=("gini", "mean"),
        gini_lowest=("gini", "min"),
        gini_highest=("gini", "max"),
        top10=("top10", "mean"),
        top20=("top20", "mean"),
        top50=("top50", "mean"),
    ).reset_index()
    return table.sort_values("gini", ascending=False, kind="stable").reset_index(drop=True)


def chances(tested: pd.DataFrame) -> pd.DataFrame:
    """Return how many customers were expected to order at all after one cut, and how many did.

    Returns
    -------
    DataFrame
        One row: `customers`, `p_order` (mean chance), `ordered` (share of them).

    Examples
    --------
    >>> tested = pd.DataFrame({"p_order": [0.2, 0.8], "orders_after": [0, 3]})
    >>> chances(tested).round(2).to_dict("records")
    [{'customers': 2, 'p_order': 0.5, 'ordered': 0.5}]
    """
    known = tested[tested["p_order"].notna()]
    row = {"customers": len(known), "p_order": known["p_order"].mean()}
    return pd.DataFrame([row | {"ordered": (known["orders_after"] > 0).mean()}])


def gain_curves(
    tested: pd.DataFrame, segmentations: Sequence[str], names: Iterable[str]
) -> pd.DataFrame:
    """Return the gain curves of some rankings.

    Parameters
    ----------
    tested : DataFrame
        As for `rankings`.
    segmentations : sequence of str
    names : iterable of str
        Which rankings.

    Returns
    -------
    DataFrame
        `ranking`, `customers_share`, `revenue_share`, both cumulated from the best-ranked on.
    """
    scores = ranking_scores(tested, segmentations)
    revenue = tested["revenue_after"].to_numpy(dtype=float)
    share = np.linspace(0, 1, CURVE_POINTS + 1)
    parts = []
    for name in names:
        order, groups = _ranked(scores[name])
        curve = _gain(revenue[order], groups)
        part = {
            "ranking": name,
            "customers_share": share,
            "revenue_share": np.interp(share, *curve),
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def ranking_scores(tested: pd.DataFrame, segmentations: Sequence[str]) -> dict[str, np.ndarray]:
    """Return each customer's score in each ranking, from what was known at the cut."""
    value = tested["expected_value"].where(tested["expected_value"].notna(), tested["past_revenue"])
    scores = {
        name: value.groupby(tested[name]).transform("mean").to_numpy(dtype=float)
        for name in segmentations
    }
    if tested["expected_value"].notna().any():
        scores[MODEL_RANKING] = value.to_numpy(dtype=float)
    return scores | {name: tested[name].to_numpy(float) for name in BASELINES}


def calibration(
    tested: pd.DataFrame, predicted: str, actual: str, *, resamples: int = 200, seed: int = 42
) -> pd.DataFrame:
    """Return predicted and actual means by tenth of the predictions.

    Parameters
    ----------
    tested : DataFrame
    predicted, actual : str
        Columns to compare.
    resamples, seed : int

    Returns
    -------
    DataFrame
        `decile` (1 is the highest tenth), `customers`, `predicted`, `actual`, `actual_low`,
        `actual_high` (95 %). Equal predictions may stand in two tenths.
    """
    known = tested[tested[predicted].notna()].sort_values(predicted, ascending=False, kind="stable")
    decile = np.arange(len(known)) * 10 // max(len(known), 1) + 1
    groups = known.groupby(decile)
    random = np.random.default_rng(seed)
    ends = [_mean_ends(part[actual].to_numpy(float), resamples, random) for _, part in groups]
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "predicted": groups[predicted].mean(),
            "actual": groups[actual].mean(),
        }
    )
    table[["actual_low", "actual_high"]] = np.array(ends).reshape(-1, 2)
    return table.rename_axis("decile").reset_index()


def poisson_deviance(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Return how far each prediction of a count was off, as a Poisson model counts it.

    Notes
    -----
    Predictions below 0.01 count as so many: the deviance knows no zero.

    Examples
    --------
    >>> poisson_deviance(np.array([1.0, 2.0]), np.array([1.0, 0.0])).tolist()
    [0.0, 4.0]
    """
    mean = np.maximum(predicted, 0.01)
    logs = np.log(np.where(actual > 0, actual / mean, 1.0))
    deviance: np.ndarray = 2 * (actual * logs - actual + mean)
    return deviance


def prediction_errors(predictions: Mapping[str, pd.Series], actual: pd.Series) -> pd.DataFrame:
    """Return how far predictions were from what happened, customer by customer.

    Parameters
    ----------
    predictions : mapping of str to Series
        Predicted number (or money) by model, indexed as `actual`.
    actual : Series

    Returns
    -------
    DataFrame
        `model`, `mae` and `rmse` (mean absolute error, root mean squared error),
        `rank_correlation` (Spearman), `predicted_total`, `actual_total`, `total_ratio`
        (predicted over actual); the smallest `rmse` first.

    Examples
    --------
    >>> actual = pd.Series([0.0, 1.0, 3.0])
    >>> prediction_errors({"good": pd.Series([0.2, 1.0, 2.0])}, actual).round(2).T[0].tolist()
    ['good', 0.4, 0.59, 1.0, 3.2, 4.0, 0.8]
    """
    rows = []
    for name, predicted in predictions.items():
        if not predicted.index.equals(actual.index):
            raise DataError("predictions and outcomes have different rows", values=[name])
        error = predicted - actual
        total = float(actual.sum())
        rows.append(
            {
                "model": name,
                "mae": float(error.abs().mean()),
                "rmse": float(np.sqrt((error**2).mean())),
                "rank_correlation": _spearman(predicted, actual),
                "predicted_total": float(predicted.sum()),
                "actual_total": total,
                "total_ratio": float(predicted.sum() / total) if total else np.nan,
            }
        )
    return pd.DataFrame(rows).sort_values("rmse", kind="stable").reset_index(drop=True)


def _spearman(predicted: pd.Series, actual: pd.Series) -> float:
    ranks = predicted.rank(), actual.rank()
    if min(rank.nunique() for rank in ranks) < 2:
        return np.nan
    return float(ranks[0].corr(ranks[1]))


def _outcomes(tested: pd.DataFrame, segmentation: str, draws: np.ndarray) -> pd.DataFrame:
    codes, names = pd.factorize(tested[segmentation].astype(str), sort=True)
    again = (tested["orders_after"] > 0).to_numpy(float)
    revenue = tested["revenue_after"].to_numpy(float)
    counts, bought, sums = (
        _with_total(codes, len(names), weights) for weights in (np.ones(len(codes)), again, revenue)
    )
    table = pd.DataFrame(
        {
            "segment": [*names, "total"],
            "customers": counts.astype("int64"),
            "customers_share": counts / len(codes),
            "repurchase_rate": bought / counts,
            "revenue_per_customer": sums / counts,
            "revenue_after": sums,
            "revenue_after_share": sums / sums[-1] if sums[-1] else np.nan,
        }
    )
    table["times_the_base"] = table["revenue_per_customer"] / (sums[-1] / counts[-1] or np.nan)
    for name, values in (("repurchase_rate", again), ("revenue_per_customer", revenue)):
        drawn = np.array([_means(codes, len(names), values, draw) for draw in draws])
        ends = np.nanquantile(drawn, [0.025, 0.975], axis=0)
        place = list(table.columns).index(name)
        table.insert(place + 1, f"{name}_low", ends[0])
        table.insert(place + 2, f"{name}_high", ends[1])
    order = np.append(np.argsort(-table["revenue_per_customer"].to_numpy()[:-1], kind="stable"), -1)
    return table.iloc[order].reset_index(drop=True)


def _means(codes: np.ndarray, length: int, values: np.ndarray, draw: np.ndarray) -> np.ndarray:
    counts, sums = _with_total(codes, length, draw), _with_total(codes, length, draw * values)
    return np.divide(sums, counts, out=np.full(length + 1, np.nan), where=counts > 0)


def _with_total(codes: np.ndarray, length: int, weights: np.ndarray) -> np.ndarray:
    sums = np.bincount(codes, weights, minlength=length)
    return np.append(sums, sums.sum())


def _resampled(length: int, resamples: int, seed: int) -> np.ndarray:
    """Return how often each customer stands in each resample (Poisson bootstrap)."""
    random = np.random.default_rng(seed)
    draws = np.empty((resamples, length), dtype=np.uint8)
    for draw in draws:
        draw[:] = random.poisson(1.0, length)
    return draws


def _mean_ends(values: np.ndarray, resamples: int, random: np.random.Generator) -> list[float]:
    draws = random.poisson(1.0, (resamples, len(values)))
    sums, counts = draws @ values, draws.sum(axis=1)
    means = sums[counts > 0] / counts[counts > 0]
    return np.quantile(means, [0.025, 0.975]).tolist() if len(means) else [np.nan, np.nan]


def _ranked(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the customers in order, the best first, and where each group of equals begins."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    return order, np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def _gain(revenue: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the gain curve; equals share their revenue evenly."""
    sums, counts = np.add.reduceat(revenue, groups), np.diff(np.append(groups, len(revenue)))
    share = np.append(0, np.cumsum(counts)) / len(revenue)
    gained = np.append(0, np.cumsum(sums))
    return share, gained / gained[-1] if gained[-1] else share


def _gini(revenue: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> float:
    weights = weights.astype(float)
    sums, counts = np.add.reduceat(revenue * weights, groups), np.add.reduceat(weights, groups)
    share, gained = (np.append(0, np.cumsum(part)) for part in (counts, sums))
    if not gained[-1]:
        return 0.0
    return float(2 * np.trapezoid(gained / gained[-1], share / share[-1]) - 1)


def _share_at(curve: tuple[np.ndarray, np.ndarray], top: float) -> float:
    return float(np.interp(top, *curve))


def _kind(name: str, segmentations: Sequence[str]) -> str:
    if name in segmentations:
        return "segmentation"
    return "model" if name == MODEL_RANKING else "baseline"
