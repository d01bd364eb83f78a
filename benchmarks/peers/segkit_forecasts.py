"""The kit: totals at a cut, by its forecast or by its purchase model alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

from segkit_study import study_of
from totals import Case, Totals, report

from segkit.models import MBGNBD

FORECAST = "forecast"


def totals(case: Case, model: str) -> Totals:
    """Return what the kit expects: its weighed forecast, or what a plain model says."""
    return forecast_totals(case) if model == FORECAST else model_totals(case)


def forecast_totals(case: Case) -> Totals:
    """Return the forecast of a study that knows the days before the cut."""
    months = round((case.end - case.cut).days / (365.25 / 12))
    with tempfile.TemporaryDirectory() as folder:
        study = study_of(case.days, case.cut, months, Path(folder))
        orders = study.forecast.totals.set_index("part").loc["existing", "orders"]
        chance = study.forecast.values["p_order"].mean()
        study.close()
    return Totals(float(orders), float(chance))


def model_totals(case: Case) -> Totals:
    """Return what MBG/NBD expects, in calendar weeks."""
    x, t_x, T = (case.customers[name].to_numpy() for name in ("x", "t_x", "T"))
    fitted = MBGNBD(time_unit="weeks").fit(x, t_x, T)
    orders = fitted.expected_orders(case.weeks, x, t_x, T)
    none = fitted.order_probability(0, case.weeks, x, t_x, T)
    return Totals(float(orders.sum()), float((1 - none).mean()))


if __name__ == "__main__":
    report(totals, ("segkit", "numpy", "scipy", "pandas"))
