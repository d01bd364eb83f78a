"""How customers are scored, clustered, told apart and followed."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from segkit.params.section import Section
from segkit.params.values import Number, Share

SCORES = {3: "three", 4: "four", 5: "five", 10: "ten"}
"""How many scores there can be, in figures and in words."""


def _known_scores(count: int) -> int:
    if count not in SCORES:
        raise ValueError(f"{count} is no number of scores; write 3, 4, 5 or 10")
    return count


class RFMParams(Section):
    """How recency, frequency and value are scored (definitions, section 4).

    `recency`: by the client's own rhythm, or by quantiles of the buyers; cuts in `bins` win.
    `scores`: how many each measure has. `value_groups`: a rule table over these scores; the
    kit's own is written for five, and other scores are read on five for it.
    """

    recency: Literal["rhythm", "quantile"] = "rhythm"
    scores: Annotated[int, AfterValidator(_known_scores)] = 5
    bins: dict[Literal["recency", "frequency", "monetary"], list[Number]] = {}
    monetary: Literal["total", "mean"] = "total"
    frequency_bins: Literal["gated", "quantile"] = "gated"
    value_groups: str | None = None

    @field_validator("bins", mode="before")
    @classmethod
    def _cuts(cls, given: object) -> object:
        if isinstance(given, int):
            raise ValueError(f"holds cuts, as in {{recency: [30, 90]}}; write scores: {given}")
        return given

    @model_validator(mode="after")
    def _ascending(self) -> RFMParams:
        for measure, cuts in self.bins.items():
            if len(cuts) != self.scores - 1:
                raise ValueError(
                    f"bins.{measure}: {len(cuts)} cuts {cuts}; "
                    f"write {self.scores - 1}, for {SCORES[self.scores]} scores"
                )
            if any(low >= high for low, high in pairwise(cuts)):
                raise ValueError(
                    f"bins.{measure}: the cuts {cuts} do not rise; write the lowest first"
                )
        return self


class ClusterParams(Section):
    """How customers are clustered (definitions, section 5)."""

    features: Annotated[list[str], Field(min_length=1)] = ["recency_days", "orders", "revenue"]
    log: list[str] | None = None
    clip: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = [0.01, 0.99]
    scaling: Literal["standard", "robust", "none"] = "standard"
    k: Annotated[int, Field(ge=2, le=12)] | None = None
    k_range: Annotated[list[int], Field(min_length=2, max_length=2)] = [2, 10]
    n_init: Annotated[int, Field(ge=1)] = 10
    seed: Annotated[int, Field(ge=0)] = 42
    sample: Annotated[int, Field(ge=1000)] = 50_000
    min_stability: Share = 0.8

    @model_validator(mode="after")
    def _in_order(self) -> ClusterParams:
        if self.clip is not None and not 0 <= self.clip[0] < self.clip[1] <= 1:
            raise ValueError(
                f"clip: {self.clip} are no rising quantiles; write it like [0.01, 0.99]"
            )
        if not 2 <= self.k_range[0] <= self.k_range[1] <= 12:
            raise ValueError(f"k_range: {self.k_range} does not rise within 2 to 12; write [2, 10]")
        return self


class GapParams(Section):
    """When a customer is late, and when lost (definitions, section 7); measured unless given."""

    usual_days: Annotated[int, Field(ge=1)] | None = None
    churn_days: Annotated[int, Field(ge=1)] | None = None
    return_share: Annotated[float, Field(gt=0, lt=1)] = 0.1

    @model_validator(mode="after")
    def _in_order(self) -> GapParams:
        if self.usual_days and self.churn_days and self.usual_days >= self.churn_days:
            raise ValueError(
                f"usual_days: {self.usual_days} is not below churn_days {self.churn_days}; "
                "a customer is late before it is lost"
            )
        return self


class LifecycleParams(Section):
    """What tells the stages and views of the lifecycle apart (definitions, section 7)."""

    new_days: Annotated[int, Field(ge=1)] | None = None
    second_days: Annotated[int, Field(ge=1)] | None = None
    welcome_days: Annotated[int, Field(ge=1)] = 14
    high_potential_share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    frequent_returns_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    high_value_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    discount_driven_share: Annotated[float, Field(gt=0, le=1)] = 0.5


class CartParams(Section):
    """When a cart counts as abandoned, and for how long it is worth a word."""

    window_hours: Annotated[float, Field(gt=0)] = 24.0
    open_days: Annotated[int, Field(ge=1)] = 30


class MigrationParams(Section):
    """Between which dates customers are followed (definitions, section 8).

    `months` between two dates (default: `clv.previous_months`), and how many `dates`. Whose
    score is past its edge by less than `edge_tolerance` of the edge's value has not moved.
    """

    months: Annotated[int, Field(ge=1, le=60)] | None = None
    dates: Annotated[int, Field(ge=2, le=36)] = 5
    edge_tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.05


Segmentation = Literal[
    "families",
    "sub_segments",
    "value_groups",
    "clusters",
    "clv_segments",
    "lifecycle",
    "micro_segments",
]

SEGMENTATIONS: tuple[str, ...] = get_args(Segmentation)
