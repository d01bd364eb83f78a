"""The kit's offers, one step of them, from what earlier steps have left in the run's folder."""

from __future__ import annotations

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

from segkit import Study
from segkit.params import check_params
from segkit.study.offers import Offers

STEPS = {
    "customers": lambda offers: offers.base.customers,
    "products": lambda offers: offers.products,
    "affinities": lambda offers: offers.affinities,
    "table": lambda offers: offers.table,
}
"""In this order; each needs those before it."""
COLUMNS = {
    "customer": "customer_id",
    "order": "order_id",
    "date": "date",
    "product": "product_id",
    "category": "category",
    "quantity": "quantity",
    "amount": "amount",
}


def main() -> None:
    """Do the step that the command line names, and write down how long it took.

    Time of the processor, imports too, says more than the clock where others use the machine.
    """
    given = arguments()
    begun = time.perf_counter()
    study = study_of(given)
    made = STEPS[given.step](Offers(study))
    seconds = time.perf_counter() - begun
    processor = time.process_time()
    study.close()
    packages = ("segkit", "ibis-framework", "duckdb", "numpy", "scipy", "pandas")
    versions = {"python": platform.python_version()} | {name: version(name) for name in packages}
    report = {"seconds": seconds, "processor": processor, "rows": len(made), "versions": versions}
    given.report.write_text(json.dumps(report), encoding="utf-8")


def study_of(given: argparse.Namespace) -> Study:
    """Return the study of the log."""
    content = {
        "client": "benchmark",
        "currency": "EUR",
        "as_of": given.as_of,
        "orders": {"path": given.log.name, "columns": COLUMNS},
        "engine": {"memory_limit": given.memory, "threads": given.threads},
    }
    return Study(check_params(content), root=given.log.parent, run_dir=given.run_dir.resolve())


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("log", "run-dir", "report"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--step", choices=STEPS, required=True)
    parser.add_argument("--as-of", required=True)
    parser.add_argument("--memory", required=True)
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
