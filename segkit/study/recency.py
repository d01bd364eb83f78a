"""Why the edges of recency are where they are: keys of sentences, and their fields."""

from __future__ import annotations

from segkit.analysis.gaps import FEW_REPEAT_BUYERS
from segkit.params.segments import RFMParams
from segkit.segments.rfm import RFM
from segkit.study.gaps import Gaps
from segkit.words.said import Said, Saying

WRITTEN_FOR = 5
"""The number of scores that the kit's rule tables are written for."""


def recency_remarks(params: RFMParams, gaps: Gaps, rfm: RFM) -> Said:
    """Return how recency is scored and why, and how other scores than five are read.

    Parameters
    ----------
    params : RFMParams
    gaps : Gaps
        How long customers take to buy again.
    rfm : RFM
        The fitted scores.

    Notes
    -----
    Definitions, section 4.
    """
    table = "rfm_own_table" if params.value_groups else "rfm_on_five"
    scale: Said = [(table, {"scores": rfm.bins})] if rfm.bins != WRITTEN_FOR else []
    return [*_reasons(params, gaps, rfm), *scale]


def _reasons(params: RFMParams, gaps: Gaps, rfm: RFM) -> Said:
    if "recency" in params.bins:
        return [("rfm_agreed", {"edges": ", ".join(f"{cut:g}" for cut in params.bins["recency"])})]
    if params.recency == "quantile":
        return [("rfm_relative", {"scores": rfm.bins})]
    if not gaps.paces:
        return [_why_relative(gaps, rfm)]
    return [*_of_gaps(gaps, rfm), *_between(rfm), _beyond(rfm)]


def _why_relative(gaps: Gaps, rfm: RFM) -> Saying:
    fields: dict[str, object] = {
        "repeat": gaps.repeat_buyers,
        "buyers": rfm.buyers_,
        "needed": FEW_REPEAT_BUYERS,
        "months": gaps.base.params.clv.horizon_months,
        "scores": rfm.bins,
    }
    few = gaps.repeat_buyers < FEW_REPEAT_BUYERS
    return ("rfm_relative_few" if few else "rfm_relative_none", fields)


def _of_gaps(gaps: Gaps, rfm: RFM) -> Said:
    fields = gaps.paces | {
        "share": gaps.params.return_share,
        "months": gaps.base.params.clv.horizon_months,
        "scores": rfm.bins,
    }
    keys = {"usual_days": "rfm_usual", "churn_days": "rfm_churn"}
    return [(f"{key}_fixed" if name in gaps.fixed else key, fields) for name, key in keys.items()]


def _between(rfm: RFM) -> Said:
    """How far apart the edges between the two gaps are, where there are any."""
    usual, churn = rfm.usual_days, rfm.churn_days
    if usual is None or churn is None or usual >= churn:
        return []
    factor = (churn / usual) ** (1 / (rfm.bins - 2))
    return [("rfm_steps", {"factor": factor})] if rfm.bins > 3 else []


def _beyond(rfm: RFM) -> Saying:
    edges = rfm.edges().query("measure == 'recency'")
    last = edges[edges["score"] == 1].iloc[0]
    count = int(last["customers"])
    fields = {"customers": count, "share": last["share"], "buyers": rfm.buyers_}
    return ("rfm_beyond" if count else "rfm_nobody_beyond", fields)
