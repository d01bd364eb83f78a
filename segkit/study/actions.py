"""A study's next best action for each customer: what to do, through which channel, with what."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segkit.analysis.affinity import SOURCES
from segkit.data.contacts import asks_consent, contacts, reachable
from segkit.foundation.cached import cached_property
from segkit.foundation.nothing import NOTHING
from segkit.params import CHANNELS, SEGMENTATIONS
from segkit.segments.base import RETURNED_ALL
from segkit.study.advice import Advice
from segkit.study.base import Base
from segkit.study.forecast import Forecast
from segkit.study.gaps import Gaps
from segkit.study.offers import Offers
from segkit.study.part import StudyPart, records
from segkit.study.segmented import Segmented
from segkit.study.store import key_of
from segkit.words.format import Formats
from segkit.words.playbook import Entry, strictest
from segkit.words.said import Said
from segkit.words.texts import Texts

PRODUCTS = 3
URGENT = "_cart_abandoned"
"""What the micro-segments end with whose own advice goes before that of the segmentation."""
NO_CHANNEL = "none"


class Actions(StudyPart):
    """What to do next with each customer of one study (definitions, section 10).

    Parameters
    ----------
    base : Base
    gaps : Gaps
    forecast : Forecast
    segmented : Segmented
    offers : Offers
    advice : Advice
    """

    def __init__(
        self,
        base: Base,
        gaps: Gaps,
        forecast: Forecast,
        segmented: Segmented,
        offers: Offers,
        advice: Advice,
    ) -> None:
        self.base, self.gaps, self.forecast = base, gaps, forecast
        self.segmented, self.offers, self.advice = segmented, offers, advice
        self.segmentation = self.base.params.report.segmentation

    @cached_property
    def contacts(self) -> pd.DataFrame | None:
        """How customers may be reached, in the rows of `Study.customers`; None where not given.

        Read from the client's own table whenever it is asked for, and kept in no other file.
        """
        if self.base.params.registered is None:
            return None
        columns = self.base.params.registered.table
        if not (columns.email or columns.phone or columns.consent):
            return None
        table = contacts(self.base.raw("customers"), self.base.params).to_pyarrow().to_pandas()
        rows = table.set_index("customer_id").reindex(self.base.customers["customer_id"])
        return rows.reset_index()

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a customer, in the rows of `Study.customers`.

        `customer_id`; its segment in every segmentation; `cell`; `advice` (the segment whose advice
        is taken), `discount` (the strictest policy of the customer's segment, micro-segment
        and cell), `channel` (`none`: no channel that it agreed to), `contact_frequency`,
        `kpi`, `product_1` … `product_3` (names) and their ids `product_1_id` …, `clv`, `reason`.
        """
        params = self.base.params
        said = [params.language, params.display_locale]
        rules = [self.segmentation, said, self.base.playbook.model_dump()]
        key = key_of(self.offers.key, *self.segmented.rules_key(), rules, self.base.inputs)
        return self.base.store.frame("actions", key, self._compute)

    def _compute(self) -> pd.DataFrame:
        segments = self.segmented.table
        labels = segments[["customer_id", *SEGMENTATIONS, "cell"]]
        parts = [labels, self._advice, self._products]
        table = pd.concat(parts, axis=1)
        table["clv"] = self.forecast.values["clv"]
        return table.assign(reason=self._reasons(table))

    @cached_property
    def by_channel(self) -> pd.DataFrame:
        """How many customers each channel is for, the most used first.

        `contact_channel`, `customers`, `customers_share`, `no_discount` (whose policy is never).
        """
        table = self.table.assign(no_discount=self.table["discount"] == "never")
        groups = table.groupby(table["channel"].rename("contact_channel"))
        counts = groups.agg(customers=("customer_id", "size"), no_discount=("no_discount", "sum"))
        counts = counts.sort_values("customers", ascending=False, kind="stable").reset_index()
        share = counts["customers"] / max(len(table), 1)
        counts.insert(2, "customers_share", share)
        return counts.replace({"contact_channel": {NO_CHANNEL: "no_channel"}})

    def with_rules(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows about customers with their `discount` policy and `channel`.

        Parameters
        ----------
        rows : DataFrame
            With `customer_id`.
        """
        if rows is NOTHING:
            return NOTHING
        rules = self.table.set_index("customer_id")[["discount", "channel"]]
        return rows.join(rules, on="customer_id")

    @property
    def remarks(self) -> Said:
        """What to know about the actions: keys of sentences, and their fields."""
        table = self.table
        never = {
            "never": int((table["discount"] == "never").sum()),
            "best": int((self.segmented.rule_cells == "555").sum()),
        }
        reached = int((table["channel"] != NO_CHANNEL).sum())
        counts = {"customers": len(table), "reached": reached, "unreached": len(table) - reached}
        people = self.contacts
        asked = people is not None and asks_consent(people)
        consent = ("actions_consent", counts) if asked else ("actions_no_consent", {})
        return [consent, ("actions_discount", never)]

    # Advice ---------------------------------------------------------------------------

    @cached_property
    def _advice(self) -> pd.DataFrame:
        """Whose advice is taken, and what it says."""
        segments = self.segmented.table
        micro, own = segments["micro_segments"], segments[self.segmentation]
        urgent = micro.str.endswith(URGENT)
        cells = self.segmented.rule_cells.fillna("")
        kinds = pd.DataFrame({"micro": micro, "own": own, "cell": cells})
        kinds["urgent"] = urgent
        names, places = _distinct(kinds)
        rows = [self._entry_row(**row) for row in records(names)]
        advice = pd.DataFrame(rows).iloc[places].reset_index(drop=True)
        channel = self._channels(advice.pop("channels"))
        advice.insert(2, "channel", channel)
        return advice

    def _entry_row(self, micro: str, own: str, cell: str, urgent: bool) -> dict[str, object]:
        of_micro = self.advice.of("micro_segments", micro)
        of_own = self.advice.of(self.segmentation, own)
        of_cell = self.advice.of_cells.get(cell)
        chosen = of_micro if urgent else of_own
        entries = [of_micro, of_own, *([of_cell] if of_cell else [])]
        return {
            "advice": chosen.name,
            "discount": strictest([entry.discount for entry in entries]),
            "contact_frequency": chosen.contact_frequency,
            "kpi": chosen.kpi,
            "channels": self._keys(chosen),
        }

    def _keys(self, entry: Entry) -> tuple[str, ...]:
        """The channels of an entry, then the others; its own word for one that has no key."""
        known = [self.base.playbook.channel_key(name) or name for name in entry.channels]
        others = [channel for channel in CHANNELS if channel not in known]
        return (*known, *others)

    def _channels(self, wanted: pd.Series) -> pd.Series:
        """The first channel wanted through which each customer may be reached."""
        people = self.contacts
        if people is None:
            return wanted.str[0]
        may = {channel: reachable(people, channel) for channel in CHANNELS}
        found = pd.Series(NO_CHANNEL, index=wanted.index)
        for channels in wanted.unique():
            rows = wanted == channels
            left = rows.copy()
            for channel in channels:
                now = left & may.get(channel, False)
                found[now] = channel
                left &= ~now
        return found

    # Products -------------------------------------------------------------------------

    @cached_property
    def _products(self) -> pd.DataFrame:
        offers = self.offers
        if not offers.ready:
            names = [name for rank in range(1, PRODUCTS + 1) for name in _product_names(rank)]
            return pd.DataFrame("", index=self.base.customers.index, columns=names)
        columns = {}
        for rank in range(1, PRODUCTS + 1):
            name, number = _product_names(rank)
            places = offers.table[name]
            columns[name] = offers.about(places, "product").fillna("")
            columns[number] = offers.about(places, "product_id").fillna("")
        return pd.DataFrame(columns)

    # Reasons --------------------------------------------------------------------------

    def _reasons(self, table: pd.DataFrame) -> pd.Series:
        """A sentence or two a customer: where it stands, and why the first product."""
        situation = self._said(self._situations())
        product = self._said(self._product_reasons(table))
        return (situation + " " + product).str.strip()

    def _situations(self) -> pd.DataFrame:
        """The key of the sentence about where each customer stands, and its fields."""
        customers, gaps = self.base.customers, self.gaps.spans
        stage, micro = self.segmented.table["lifecycle"], self.segmented.table["micro_segments"]
        usual = customers["median_gap_days"].fillna(gaps["usual_days"] or np.nan)
        usual = usual.clip(lower=1)
        late = customers["recency_days"] > usual
        seen = customers.get("known_days", pd.Series(np.nan, index=customers.index))
        key = np.select(
            [
                micro.str.endswith(URGENT),
                stage == RETURNED_ALL,
                (stage == "prospect") & seen.notna(),
                stage == "prospect",
                stage == "churned",
                stage == "returned",
                usual.isna(),
                customers["orders"] == 1,
                late,
            ],
            [
                "cart",
                "no_orders",
                "prospect_known",
                "prospect",
                "churned",
                "returned",
                "no_gap",
                "once",
                "late",
            ],
            "in_time",
        )
        return pd.DataFrame(
            {
                "key": key,
                "orders": customers["orders"],
                "days": customers["recency_days"].fillna(seen).round(),
                # Whole days that have passed: who is late by half a day is later than these.
                "gap": np.floor(np.where(stage == "returned", customers["last_gap_days"], usual)),
                "carts": customers.get("carts_abandoned", 0),
                "open": self.base.params.carts.open_days,
            }
        )

    def _product_reasons(self, table: pd.DataFrame) -> pd.DataFrame:
        """The key of the sentence about the first product, and its fields."""
        if not self.offers.ready:
            return pd.DataFrame({"key": "", "product": "", "because": ""}, index=table.index)
        offers = self.offers
        source = offers.table["source_1"].map(lambda place: SOURCES[place] if place >= 0 else "")
        because = offers.about(offers.table["because"], "product").fillna("")
        key = source.where((source != "affinity") | (because != ""), "best_seller")
        gap = offers.about(offers.table["product_1"], "repeat_gap_days").clip(lower=1).round()
        return pd.DataFrame(
            {"key": key, "product": table["product_1"], "because": because, "gap": gap}
        )

    def _said(self, fields: pd.DataFrame) -> pd.Series:
        """Each row's sentence; equal rows are written once."""
        params = self.base.params
        texts, formats = Texts(params.language), Formats(params.display_locale, params.currency)
        said = pd.Series("", index=fields.index, dtype=object)
        for key, rows in fields[fields["key"] != ""].groupby("key"):
            path = f"reasons.{key}"
            names, places = _distinct(rows[[*texts.fields(path)] or ["key"]])
            written = [texts.fill(path, formats, **row) for row in records(names)]
            said[rows.index] = np.array(written, dtype=object)[places]
        return said


def _distinct(table: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the different rows of a table, and the place of each of its rows among them."""
    places = table.groupby(list(table.columns), sort=False, dropna=False).ngroup().to_numpy()
    first = pd.Series(np.arange(len(table))).groupby(places).first()
    return table.iloc[first].reset_index(drop=True), places


def _product_names(rank: int) -> tuple[str, str]:
    return f"product_{rank}", f"product_{rank}_id"
