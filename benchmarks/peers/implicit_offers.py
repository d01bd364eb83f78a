"""Four recommenders of `implicit`: ten products to each tested customer, for both questions.

Customers and products are whole numbers. `pairs` has `customer`, `product` and `days` (who
bought what before the cut, on how many days); `tested` has `customer`; `products` has
`is_offered`, one row a product: no recommender may name another.
"""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from implicit.recommender_base import RecommenderBase
from scipy import sparse

TOP, NEIGHBOURS, FACTORS, SEED = 10, 100, 64, 42
NOTHING = -1
MAY_REPEAT = {"any_product": True, "new_product": False}


def recommenders() -> dict[str, RecommenderBase]:
    """Return the recommenders by name, as their package sets them but for their size."""
    return {
        "TF-IDF": TFIDFRecommender(K=NEIGHBOURS),
        "BM25": BM25Recommender(K=NEIGHBOURS),
        "cosine": CosineRecommender(K=NEIGHBOURS),
        "ALS": AlternatingLeastSquares(factors=FACTORS, random_state=SEED),
    }


def main() -> None:
    """Write a table of `recommender`, `question`, `customer`, `rank` and `product`."""
    given = arguments()
    pairs, tested = pd.read_parquet(given.pairs), pd.read_parquet(given.tested)["customer"]
    is_offered = pd.read_parquet(given.products)["is_offered"].to_numpy()
    bought = purchases(pairs, max(pairs["customer"].max(), tested.max()) + 1, len(is_offered))
    tables = []
    for name, recommender in recommenders().items():
        recommender.fit(bought, show_progress=False)
        for question, may_repeat in MAY_REPEAT.items():
            offered = offers(recommender, bought, tested.to_numpy(), ~is_offered, may_repeat)
            tables.append(offered.assign(recommender=name, question=question))
    pd.concat(tables).to_parquet(given.out, index=False)
    packages = ("implicit", "numpy", "scipy")
    versions = {"python": platform.python_version()} | {name: version(name) for name in packages}
    given.report.write_text(json.dumps(versions), encoding="utf-8")


def purchases(pairs: pd.DataFrame, customers: int, products: int) -> sparse.csr_matrix:
    """Return the purchase days of each customer and product."""
    place = (pairs["customer"], pairs["product"])
    days = pairs["days"].to_numpy("float32")
    return sparse.csr_matrix((days, place), shape=(customers, products))


def offers(
    recommender: RecommenderBase,
    bought: sparse.csr_matrix,
    customers: np.ndarray,
    barred: np.ndarray,
    may_repeat: bool,
) -> pd.DataFrame:
    """Return the products of positive scores, at most ten a customer, best first."""
    product, score = recommender.recommend(
        customers,
        bought[customers],
        N=TOP,
        filter_already_liked_items=not may_repeat,
        filter_items=np.flatnonzero(barred) if barred.any() else None,
    )
    product = np.where(score > 0, product, NOTHING)[:, :TOP]
    table = pd.DataFrame(product, index=pd.Index(customers, name="customer"))
    table = table.rename_axis(columns="rank").stack().rename("product").reset_index()
    return table[table["product"] != NOTHING]


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("pairs", "tested", "products", "out", "report"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
