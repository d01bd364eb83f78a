"""How much of a file was lost in reading it, rather than left out by the client's own rules."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from segkit.data.rules import UNREAD
from segkit.errors import DataError
from segkit.params import Params

LOUD = 0.01
"""Share of lines, or of money, that may be lost without a word."""


@dataclass(frozen=True)
class Loss:
    """Lines of an order log that could not be read, and what they were worth.

    Attributes
    ----------
    lines, read : int
        Lines lost, and all.
    amount : float
        What those lost would have been worth, as far as they say so.
    share : float
        Of the lines or of the amount, whichever is more; 0 to 1.
    rules : tuple of str
        The rules that they broke, the one of most lines first.
    first_values : str
        What broke the first of them.
    """

    lines: int
    read: int
    amount: float
    share: float
    rules: tuple[str, ...]
    first_values: str

    @property
    def is_loud(self) -> bool:
        """Whether a reader has to know of it."""
        return self.share > LOUD

    @property
    def told(self) -> str:
        """One line for a terminal."""
        values = f": {self.first_values}" if self.first_values else ""
        return (
            f"{self.lines:,} of {self.read:,} lines were not read ({self.share:.1%} of lines or "
            f"money; {', '.join(self.rules)}{values})"
        )

    def plain(self) -> dict[str, Any]:
        """Return it as a manifest writes it."""
        return asdict(self) | {"rules": list(self.rules)}


def reading_loss(quality: pd.DataFrame) -> Loss:
    """Return what was lost in reading an order log.

    Parameters
    ----------
    quality : DataFrame
        `source`, `rule`, `action`, `lines`, `amount`, `first_values`.

    Source
    ------
    Definitions, section 2; what a client's own rules leave out is no loss.
    """
    rows = quality[quality["source"] == "orders"].set_index("rule")
    amounts = rows["amount"].astype(float)
    lost = rows[rows.index.isin(UNREAD) & rows["action"].isin(["reject", "fail"])]
    lost = lost[lost["lines"] > 0].sort_values("lines", ascending=False, kind="stable")
    read, worth = int(rows["lines"]["read"]), amounts["read"]
    lines, amount = int(lost["lines"].sum()), float(amounts[lost.index].sum())
    of_money = abs(amount) / abs(worth) if worth else 0.0
    share = max(lines / read if read else 0.0, min(of_money, 1.0))
    first = str(lost["first_values"].iloc[0]) if len(lost) else ""
    return Loss(lines, read, amount, share, tuple(lost.index), first)


def require_little_loss(quality: pd.DataFrame, params: Params) -> None:
    """Raise a DataError where more is lost than `cleaning.accept_loss` allows."""
    loss = reading_loss(quality)
    if loss.share > params.cleaning.accept_loss:
        raise DataError(
            loss.told,
            where=f"client {params.client}: orders",
            fix="mend what the rules name (orders.columns, layout, statuses, date_format, decimal, "
            f"thousands), or set cleaning.accept_loss above {params.cleaning.accept_loss:g}",
        )
