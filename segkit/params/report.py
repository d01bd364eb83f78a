"""What the report shows, what is offered, and who is written to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from segkit.params.section import Section
from segkit.params.segments import Segmentation
from segkit.params.values import colour

Place = Literal["who", "leading", "expect", "act", "trust", "annex"]
"""Where an exhibit stands: in a section of the report, in the order of reading, or in its annex."""

OLD_NAME = "recommendations"
"""What `report.segmentation` was called."""


class ProductParams(Section):
    """Which products are offered (definitions, section 10).

    `min_support` customers have bought whatever is offered; a purchase counts half after
    `half_life_days`; what `rebuy_share` of its customers bought again may be offered again; what
    nobody has bought for `discontinued_days` is not offered. `level`: products, or categories in
    their place (`auto`: where no product has been bought by enough
    customers). What sells in a season of its own waits until that comes within `season_months`, if
    at least `season_sales` sales in whole earlier years tell of one.
    """

    level: Literal["auto", "product", "category"] = "auto"
    min_support: Annotated[int, Field(ge=1)] = 5
    half_life_days: Annotated[float, Field(gt=0)] = 365.0
    max_products: Annotated[int, Field(ge=10, le=10_000)] = 3000
    rebuy_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    discontinued_days: Annotated[int, Field(ge=1)] = 180
    season_months: Annotated[int, Field(ge=1, le=6)] = 1
    season_sales: Annotated[int, Field(ge=1)] = 10
    sample: Annotated[int, Field(ge=1000)] = 200_000


class ThemeParams(Section):
    """How the report looks.

    `accent` is the colour of links and small titles, `#rrggbb`; `logo` a PNG, JPEG or SVG file,
    its path from the project's folder; `footer` a line at the report's end.
    """

    accent: Annotated[str, AfterValidator(colour)] | None = None
    logo: str | None = None
    footer: Annotated[str, Field(max_length=500)] = ""


class ReportParams(Section):
    """What the report and its recommendations show.

    `segmentation` is the one that leads: cards, lists, findings and movements speak of it. It was
    called `recommendations`, which is still understood. `places` moves tables and pictures, by
    name, to another section of the report or to its annex. `pdf` prints the report and its brief,
    `annex_pdf` its annex; `slides` makes a deck of eight.
    """

    segmentation: Segmentation = "value_groups"
    playbook: str | None = None
    insights: str | None = None
    min_cell: Annotated[int, Field(ge=1)] = 5
    places: dict[str, Place] = {}
    pdf: bool = True
    annex_pdf: bool = False
    slides: bool = False
    theme: ThemeParams = ThemeParams()

    @model_validator(mode="before")
    @classmethod
    def _by_its_old_name(cls, given: object) -> object:
        if isinstance(given, dict) and OLD_NAME in given and "segmentation" not in given:
            renamed = {key: value for key, value in given.items() if key != OLD_NAME}
            return renamed | {"segmentation": given[OLD_NAME]}
        return given


class AudienceParams(Section):
    """Who is written to, and who is kept aside to tell what it changed.

    `contact` is what a list holds of a customer's address; `control_share` of a list is not
    contacted, drawn by `campaign` (default: the client) and `seed`; `power` and `level` are
    those of the test that compares the two groups.
    """

    contact: Literal["none", "plain", "hashed"] = "plain"
    control_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    campaign: Annotated[str, Field(min_length=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 42
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.8
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    segmentations: list[Segmentation] = []

    @model_validator(mode="after")
    def _each_once(self) -> AudienceParams:
        if len(set(self.segmentations)) < len(self.segmentations):
            raise ValueError(f"segmentations: {self.segmentations} repeat one; write each once")
        return self
