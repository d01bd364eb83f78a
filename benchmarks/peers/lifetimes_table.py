"""lifetimes: its summary of x, t_x, T and the mean value, four columns of the table."""

from __future__ import annotations

from argparse import Namespace

import pandas as pd
from lifetimes.utils import summary_data_from_transaction_data
from measure import measure


def main(given: Namespace) -> None:
    """Write the summary of the log, under the customer table's names."""
    log = pd.read_parquet(given.log, columns=["customer_id", "date", "amount"])
    summary = summary_data_from_transaction_data(
        log,
        "customer_id",
        "date",
        monetary_value_col="amount",
        observation_period_end=given.as_of,
    )
    names = {"frequency": "x", "recency": "t_x", "monetary_value": "monetary_mean"}
    summary.rename(columns=names).reset_index().to_parquet(given.out, index=False)


if __name__ == "__main__":
    measure(main, ["lifetimes", "pandas", "numpy", "scipy", "pyarrow"])
