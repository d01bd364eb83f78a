"""A study of purchase days, as the kit's own forecast is asked of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from segkit import Study
from segkit.params import check_params

COLUMNS = {"customer": "customer", "date": "date", "amount": "amount"}


def study_of(days: pd.DataFrame, as_of: pd.Timestamp, months: int, folder: Path) -> Study:
    """Return the study of purchase days, each of them an order, that looks so many months ahead.

    Parameters
    ----------
    days : DataFrame
        `customer`, `day`, `value`; those from `as_of` on are left out.
    as_of : Timestamp
        The first day that is not known.
    months : int
        How far is looked ahead, and how far earlier forecasts are tested.
    folder : Path
        For the log and the results; empty.
    """
    orders = days[days["day"] < as_of]
    orders = orders.set_axis(["customer", "date", "amount"], axis=1).astype({"customer": "str"})
    orders.to_parquet(folder / "orders.parquet", index=False)
    content = {
        "client": "benchmark",
        "currency": "EUR",
        "as_of": as_of.date(),
        "orders": {"path": "orders.parquet", "columns": COLUMNS},
        "clv": {"horizon_months": months, "resamples": 0},
        "evidence": {"horizon_months": months},
    }
    return Study(check_params(content), root=folder, run_dir=folder / "run")
