"""Tables of a study as the charts of its slides."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from segkit.analysis.audit import EARLIER, LATER
from segkit.analysis.distributions import best_month
from segkit.report.exports.deck import Chart, Series
from segkit.report.page.chapter import Chapter
from segkit.study.study import Study

MONTHS = 24
"""Months that a chart shows; the table has all."""
MOST_SEGMENTS = 12
BEFORE_FORECAST = 12
PERCENT = "0%"


def money_pattern(chapter: Chapter) -> str:
    """Return Excel's format of whole amounts, the currency where the client's readers write it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from segkit.words.format import Formats
    >>> money_pattern(SimpleNamespace(formats=Formats("es_ES", "EUR")))
    '#,##0" €"'
    """
    before, _, after = chapter.formats.money(1, 0).replace("\u00a0", " ").partition("1")
    quoted = [f'"{part}"' if part else "" for part in (before, after)]
    return f"{quoted[0]}#,##0{quoted[1]}"


def monthly_chart(study: Study, chapter: Chapter) -> Chart | None:
    """Return the revenue of each month; of less than two, nothing."""
    table = study.monthly.tail(MONTHS)
    if len(table) < 2:
        return None
    whole = table["complete"].astype(bool)
    parts = {"revenue": ("full", table["revenue"].where(whole))}
    if not whole.all():
        parts["incomplete_month"] = ("pale", table["revenue"].where(~whole))
    label = chapter.style.label
    return Chart(
        _said(chapter, "monthly_revenue", "title"),
        _said(chapter, "monthly_revenue", "alt", **best_month(table)),
        _months(chapter, table["month"]),
        tuple(Series(label(key), _values(part), look) for key, (look, part) in parts.items()),
        money_pattern(chapter),
        stacked=True,
    )


def deciles_chart(study: Study, chapter: Chapter) -> Chart | None:
    """Return what each tenth of the customers brought; of less than ten customers, nothing."""
    table = study.audit.deciles
    table = table[table["spend_decile"].str.isdecimal()]
    if not (table["customers"] > 0).all() or table["revenue_share"].isna().any():
        return None
    return Chart(
        _said(chapter, "deciles", "title"),
        _said(chapter, "deciles", "alt", **study.audit.about("deciles")),
        tuple(table["spend_decile"]),
        (Series(chapter.style.label("revenue_share"), _values(table["revenue_share"])),),
        PERCENT,
        labelled=True,
    )


def change_chart(study: Study, chapter: Chapter) -> Chart | None:
    """Return what changed revenue since the period before; where nothing is to compare, nothing."""
    table = study.audit.period_change
    if table.empty:
        return None
    steps = table[~table["step"].isin([EARLIER, LATER])]
    ends = dict(study.audit.about("period_change"))
    return Chart(
        _said(chapter, "period_change", "title"),
        chapter.texts.fill("page.slides_change_alt", chapter.formats, **ends),
        tuple(map(chapter.texts.label, steps["step"])),
        (Series(chapter.style.label("revenue"), _values(steps["revenue"])),),
        money_pattern(chapter),
        labelled=True,
    )


def sizes_chart(study: Study, chapter: Chapter) -> Chart | None:
    """Return each segment's share of customers and of revenue."""
    table, main = told_segments(study), study.params.report.segmentation
    if table.empty:
        return None
    style = chapter.style_of(main)
    looks = {"customers_share": "quiet", "revenue_share": "full"}
    return Chart(
        _said(chapter, "leading_sizes", "title", segmentation=chapter.texts.label(main)),
        _said(chapter, "leading_sizes", "alt", segmentation=chapter.texts.label(main)),
        tuple(map(style.label, table["segment"])),
        tuple(Series(style.label(key), _values(table[key]), look) for key, look in looks.items()),
        PERCENT,
        across=True,
        labelled=True,
    )


def told_segments(study: Study) -> pd.DataFrame:
    """Return the key figures of the leading segments, those of most revenue where they are many.

    None where no segment brought revenue.
    """
    kpis = study.kpis(study.params.report.segmentation)
    named = kpis[(kpis["segment"] != "total") & (kpis["customers"] > 0)]
    if not (named["revenue"] > 0).any():
        return named[:0]
    most = named.nlargest(MOST_SEGMENTS, "revenue", keep="first").index
    return named[named.index.isin(most)]


def forecast_chart(study: Study, chapter: Chapter) -> Chart | None:
    """Return months so far and those to come, with their range; without a forecast, nothing."""
    if not study.forecast.ready:
        return None
    rows = _with_future(study)
    label, none = chapter.texts.label, (None,) * len(rows)
    observed = Series(label("observed"), _values(rows["observed"]), "quiet")
    existing = Series(label("existing"), _values(rows["existing"]))
    ends = [_values(rows[key]) for key in ("low", "high")]
    new = Series(label("new"), _values(rows["new"]), "pale", *ends)
    return Chart(
        _said(chapter, "forecast_months", "title"),
        _said(chapter, "forecast_months", "alt", **study.forecast.everyone),
        _months(chapter, rows["month"]),
        tuple(each for each in (observed, existing, new) if each.values != none),
        money_pattern(chapter),
        stacked=True,
    )


def _with_future(study: Study) -> pd.DataFrame:
    """Return months so far, and those to come: `observed`, `existing`, `new`, `low`, `high`.

    The range is of what is still to come, around the top of the bars of `new`.
    """
    table = study.forecast.by_month
    future = table.pivot(index="month", columns="part", values="revenue")
    both = table[table["part"] == "everyone"].set_index("month")
    top = future["new"]
    future = future.assign(
        low=top - (both["revenue"] - both["revenue_low"]),
        high=top + (both["revenue_high"] - both["revenue"]),
    )
    first = future.index.min() - pd.DateOffset(months=BEFORE_FORECAST)
    past = study.monthly[["month", "revenue"]].rename(columns={"revenue": "observed"})
    past = past[past["month"].between(first, future.index.max())].set_index("month")
    return past.join(future, how="outer").sort_index().rename_axis("month").reset_index()


def rolling_chart(study: Study, chapter: Chapter) -> Chart | None:
    """Return what was forecast at earlier dates, with its range, and what came; untested, nothing."""
    tested = study.evidence
    if not tested.ready or tested.rolling_revenue.empty:
        return None
    rows = tested.rolling_revenue.assign(cut=lambda table: pd.to_datetime(table["cut"]))
    rows = rows.sort_values("cut")
    ends = (_values(rows["low"]), _values(rows["high"]))
    label = chapter.texts.label
    return Chart(
        _said(chapter, "rolling_totals", "title"),
        chapter.texts.fill("page.slides_tested_alt", chapter.formats, **tested.span),
        tuple(map(chapter.formats.date, rows["cut"].dt.date)),
        (
            Series(label("predicted"), _values(rows["predicted"]), "pale", *ends),
            Series(label("actual"), _values(rows["actual"])),
        ),
        money_pattern(chapter),
        weight=1.4,
    )


def _said(chapter: Chapter, picture: str, part: str, **fields: object) -> str:
    return chapter.texts.fill(f"pictures.{picture}.{part}", chapter.formats, **fields)


def _months(chapter: Chapter, months: Iterable[pd.Timestamp]) -> tuple[str, ...]:
    return tuple(chapter.formats.month(month.date()) for month in months)


def _values(column: pd.Series) -> tuple[float | None, ...]:
    """Return numbers, None where one is missing or infinite."""
    numbers = column.astype(float)
    known = numbers.abs() < float("inf")
    return tuple(value if is_known else None for value, is_known in zip(numbers, known))
