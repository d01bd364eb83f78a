"""What customers are expected to be worth, and how that is put to the test."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from segkit.params.section import Section


class AuditParams(Section):
    """By which calendar units the base is audited, and whether the log begins with the business.

    `unit`: of cohorts and of calendar figures (`auto`: the shortest that parts the history
    into at most twenty). `whole_log`: nobody had bought before the log's first day, so that
    who is first seen there is new.
    """

    unit: Literal["auto", "day", "week", "month", "quarter", "year"] = "auto"
    whole_log: bool = False


class CLVSegmentParams(Section):
    """Thresholds of the seven segments (definitions, section 6)."""

    champions_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    loyal_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    low_share: Annotated[float, Field(gt=0, lt=1)] = 1 / 3
    falling: Annotated[float, Field(gt=0, le=1)] = 0.25
    rising: Annotated[float, Field(gt=0)] = 0.25
    recent_days: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _leaves_room(self) -> CLVSegmentParams:
        if self.champions_share + self.loyal_share >= 1:
            raise ValueError(
                f"loyal_share: {self.champions_share} and {self.loyal_share} leave nobody below; "
                "give shares that add up to less than 1"
            )
        return self


class CLVParams(Section):
    """How the value of customers is predicted (definitions, section 6).

    `worth`: value is of `revenue`, of which `margin` is kept, or of the log's `profit`.
    """

    model: Literal["auto", "bg_nbd", "mbg_nbd", "pareto_nbd"] = "mbg_nbd"
    spend: Literal["all", "repeats"] = "all"
    worth: Literal["revenue", "profit"] = "revenue"
    time_unit: Literal["days", "weeks", "months"] = "weeks"
    horizon_months: Annotated[int, Field(ge=1, le=60)] = 12
    previous_months: Annotated[int, Field(ge=1, le=60)] = 3
    discount_rate: Annotated[float, Field(ge=0, le=10)] = 0.1
    margin: Annotated[float, Field(gt=0, le=1)] = 1.0
    resamples: Annotated[int, Field(ge=0, le=1000)] = 100
    seed: Annotated[int, Field(ge=0)] = 42
    segments: CLVSegmentParams = CLVSegmentParams()

    @model_validator(mode="after")
    def _takes_costs_off_once(self) -> CLVParams:
        if self.worth == "profit" and self.margin < 1:
            raise ValueError(
                "margin: of profit, costs are off already; leave margin out, or set worth: revenue"
            )
        return self


class EvidenceParams(Section):
    """How predictions are compared with what happened (definitions, section 9)."""

    horizon_months: Annotated[int, Field(ge=1, le=60)] | None = None
    cuts: Annotated[int, Field(ge=1, le=12)] = 6
    min_customers: Annotated[int, Field(ge=10)] = 100
    min_repeat_buyers: Annotated[int, Field(ge=2)] = 30
    resamples: Annotated[int, Field(ge=10, le=2000)] = 200
    seed: Annotated[int, Field(ge=0)] = 42
