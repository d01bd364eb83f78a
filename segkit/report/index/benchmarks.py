"""Clients beside each other, in figures that do not depend on size or currency."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from string import ascii_uppercase
from typing import Any

import pandas as pd

from segkit.errors import SegkitError
from segkit.report.index.runs import Run
from segkit.words.format import Formats
from segkit.words.texts import Texts

MEASURES = {
    "repeat_rate": "percent",
    "one_order_share": "percent",
    "aov_ratio": "ratio",
    "top_share": "percent",
    "gini": "decimal",
    "active_share": "percent",
}
"""Figures that are compared, and their kinds."""
SPREAD = ("count", "lowest", "lower", "median", "upper", "highest")
TOP = 0.1
LEAST = 3
"""Fewer clients than these can be told from each other without their names."""


@dataclass(frozen=True)
class Benchmarks:
    """Comparable figures of several clients.

    Parameters
    ----------
    figures : DataFrame
        One row a client: `client`, and a column a key of `MEASURES` (missing where unknown).
    is_anonymous : bool
        Whether clients carry letters instead of their names.

    Examples
    --------
    >>> table = pd.DataFrame({"client": list("xyz"), "repeat_rate": [0.2, 0.4, 0.3]})
    >>> told = Benchmarks(table.reindex(columns=["client", *MEASURES]))
    >>> float(told.spread.loc["repeat_rate", "median"]), told.places["repeat_rate"].tolist()
    (0.3, [3.0, 1.0, 2.0])
    """

    figures: pd.DataFrame
    is_anonymous: bool = False

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Benchmarks:
        """Return the figures of finished runs, one of each client."""
        rows = [{"client": run.title} | figures_of(run) for run in runs]
        table = pd.DataFrame(rows, columns=["client", *MEASURES])
        table["aov_ratio"] = _against_the_median(
            pd.Series([run.headline.get("aov") for run in runs], dtype=float),
            pd.Series([run.params.currency for run in runs], dtype=str),
            pd.Series([run.params.has_amounts for run in runs], dtype=bool),
        )
        return cls(table.astype(dict.fromkeys(MEASURES, float)))

    @property
    def clients(self) -> int:
        """How many clients there are."""
        return len(self.figures)

    @property
    def spread(self) -> pd.DataFrame:
        """How each figure is spread: one row a figure, one column a key of `SPREAD`."""
        table = self.figures[list(MEASURES)]
        quantiles = table.quantile([0, 0.25, 0.5, 0.75, 1]).T
        quantiles.columns = list(SPREAD[1:])
        return quantiles.assign(count=table.count())[list(SPREAD)]

    @property
    def places(self) -> pd.DataFrame:
        """Place of each client in each figure, 1 for the highest; equals share the best."""
        return self.figures[list(MEASURES)].rank(ascending=False, method="min")

    def anonymous(self) -> Benchmarks:
        """Return the same figures under letters drawn by lot.

        Raises
        ------
        SegkitError
            When there are fewer than three clients with figures.
        """
        known = self.figures.dropna(how="all", subset=list(MEASURES))
        if len(known) < LEAST:
            problem = f"only {len(known)} with figures: a client could be told from the rest"
            fix = f"run at least {LEAST} clients"
            raise SegkitError(problem, where="clients", fix=fix)
        order = random.SystemRandom().sample(range(len(known)), len(known))
        table = known.iloc[order].reset_index(drop=True).assign(client=letters(len(known)))
        few = [name for name in MEASURES if table[name].count() < LEAST]
        table[few] = float("nan")
        # One who knows the own order value could work out the others' from precise ratios.
        return Benchmarks(table.assign(aov_ratio=table["aov_ratio"].round(1)), is_anonymous=True)

    def spoken(self, texts: Texts, formats: Formats) -> dict[str, object]:
        """Return everything a page says of the comparison, as plain texts."""

        def say(key: str, **fields: object) -> str:
            return texts.fill(f"page.{key}", formats, **fields)

        rows = zip(self.figures.to_dict("records"), self.places.to_dict("records"), strict=True)
        return {
            "intro": say("benchmarks_intro", clients=self.clients),
            "notes": [say("benchmarks_place")] + [say("benchmarks_hidden")] * self.is_anonymous,
            "measures": {name: say(f"benchmark_{name}") for name in MEASURES},
            "helps": {name: say(f"benchmark_{name}_help") for name in MEASURES},
            "heads": [say(f"benchmark_{name}") for name in SPREAD],
            "spread": [
                (say(f"benchmark_{name}"), [*self._spread_cells(row, str(name), formats)])
                for name, row in self.spread.iterrows()
            ],
            "rows": [
                (self._name(row["client"], say), [*self._cells(row, places, formats)])
                for row, places in rows
            ],
        }

    def _kind(self, name: str) -> str:
        is_rounded = self.is_anonymous and name == "aov_ratio"
        return "decimal.1" if is_rounded else MEASURES[name]

    def _name(self, client: str, say: Callable[..., str]) -> str:
        return say("benchmark_letter", letter=client) if self.is_anonymous else client

    def _cells(
        self, row: Mapping[Hashable, Any], places: Mapping[Hashable, Any], formats: Formats
    ) -> Iterator[tuple[str, str]]:
        for name in MEASURES:
            count = int(self.figures[name].count())
            place = "" if pd.isna(places[name]) else f"{int(places[name])}/{count}"
            yield formats.by_kind(self._kind(name))(row[name]), place

    def _spread_cells(self, row: pd.Series, name: str, formats: Formats) -> Iterator[str]:
        yield formats.integer(row["count"])
        for column in SPREAD[1:]:
            yield formats.by_kind(self._kind(name))(row[column])


def figures_of(run: Run) -> dict[str, float]:
    """Return the comparable figures of a run, as far as it has them; not `aov_ratio`."""
    found = {"repeat_rate": run.headline.get("repeat_rate")}
    found["one_order_share"] = _cell(run, "segment_kpis_families", "segment", "total")
    found["top_share"] = _cell(run, "concentration", "top_share", TOP, "revenue_share")
    found["gini"] = _cell(run, "evidence_rankings", "ranking", "clv_model", "gini")
    found["active_share"] = _active_share(run)
    return {name: value for name, value in found.items() if value is not None}


def letters(count: int) -> list[str]:
    """Return so many names for clients: A to Z, then AA, AB and on.

    Examples
    --------
    >>> letters(3), letters(28)[-2:]
    (['A', 'B', 'C'], ['AA', 'AB'])
    """
    names = list(ascii_uppercase)
    while len(names) < count:
        names += ["".join(pair) for pair in product(names, ascii_uppercase)]
    return names[:count]


def _cell(
    run: Run, name: str, key: str, where: object, column: str = "one_order_share"
) -> float | None:
    table = run.table(name)
    if table is None or not {key, column} <= set(table.columns):
        return None
    found = table.loc[table[key] == where, column]
    numbers = pd.to_numeric(found, errors="coerce").dropna()
    return float(numbers.iloc[0]) if len(numbers) else None


def _active_share(run: Run) -> float | None:
    table = run.table("lifecycle")
    if table is None or not {"segment", "customers"} <= set(table.columns):
        return None
    sizes = table.set_index("segment")["customers"].drop(
        ["total", "prospect", "returned_all"], errors="ignore"
    )
    return float(1 - sizes.get("churned", 0) / sizes.sum()) if sizes.sum() else None


def _against_the_median(aov: pd.Series, currency: pd.Series, has_amounts: pd.Series) -> pd.Series:
    known = aov.where((aov > 0) & has_amounts)
    groups = known.groupby(currency)
    return (known / groups.transform("median")).where(groups.transform("count") >= LEAST)
