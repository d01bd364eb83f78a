"""The real logs as purchase days, and what is known of customers at a cut.

`customer`, `day`, `value`: one row a customer and day with a positive value, before returns.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from contest import PEERS, Contender, python_of

WEEK = 7.0
MONTH = 365.25 / 12
QUARTER = 3
EARLIER = 5
SLACK = 0.25
"""Months that a history may be short: months differ in length, and a log begins with a sale."""
JOURNEY = Contender("Complete Journey", "journey_log.py", "journey")


@dataclass(frozen=True)
class Log:
    """Purchase days (`customer`, `day`, `value`), and the first day that is not observed."""

    name: str
    days: pd.DataFrame
    end: pd.Timestamp


class Cut(NamedTuple):
    """The first day that a forecast does not know, and the first after its horizon."""

    day: pd.Timestamp
    end: pd.Timestamp


# Logs -----------------------------------------------------------------------------------


def purchase_days(lines: pd.DataFrame, customer: str, date: str, value: str) -> pd.DataFrame:
    """Return one row a customer and day with a positive value."""
    days = lines.assign(day=lines[date].dt.normalize(), customer=lines[customer])
    days = days.groupby(["customer", "day"], as_index=False)[value].sum()
    return days[days[value] > 0].rename(columns={value: "value"})


def cdnow(data: Path, folder: Path) -> Log:
    lines = pd.read_parquet(data / "cdnow_sample.parquet")
    days = purchase_days(lines, "sample_id", "date", "dollar_value")
    return Log("CDNOW sample", days, pd.Timestamp("1998-07-01"))


def cdnow_master(data: Path, folder: Path) -> Log:
    lines = pd.read_parquet(data / "cdnow_master.parquet")
    days = purchase_days(lines, "customer_id", "date", "dollar_value")
    return Log("CDNOW", days, pd.Timestamp("1998-07-01"))


def superstore(data: Path, folder: Path) -> Log:
    lines = pd.read_parquet(data / "superstore_orders.parquet")
    days = purchase_days(lines, "Customer ID", "Order Date", "Sales")
    return Log("Superstore", days, _after_last(days))


def online_retail(data: Path, folder: Path) -> Log:
    lines = pd.read_parquet(data / "online_retail_ii_2009_2010.parquet")
    sold = ~lines["Invoice"].str.startswith("C") & (lines["Quantity"] > 0) & (lines["Price"] > 0)
    lines = lines[sold & lines["Customer ID"].notna()]
    lines = lines.assign(value=lines["Quantity"] * lines["Price"])
    days = purchase_days(lines, "Customer ID", "InvoiceDate", "value")
    return Log("Online Retail II", days, _after_last(days))


def complete_journey(data: Path, folder: Path) -> Log:
    file = folder / "complete_journey.parquet"
    if not file.exists():
        python = python_of(JOURNEY, folder)
        subprocess.run([str(python), str(PEERS / JOURNEY.script), str(file)], check=True)
    days = purchase_days(pd.read_parquet(file), "customer_id", "date", "amount")
    end = pd.Timestamp("2018-01-01")
    return Log("Complete Journey", days[days["day"] < end], end)


def tienda_demo(data: Path, folder: Path) -> Log:
    from segkit.data.demo import shop

    file = shop.path(folder, "tienda_demo/pedidos.csv")
    lines = pd.read_csv(file, sep=";", decimal=",", encoding="utf-8-sig", dtype={"cliente": str})
    lines["day"] = pd.to_datetime(lines["fecha"], format="%d/%m/%Y %H:%M", errors="coerce")
    postage = lines["producto_id"] == shop.POSTAGE[0]
    sold = (lines["estado"] != "cancelado") & (lines["cantidad"] > 0) & ~postage
    lines = lines[sold & lines["cliente"].notna() & lines["day"].notna()]
    lines = lines.drop_duplicates().assign(value=lines["cantidad"] * lines["precio"])
    days = purchase_days(lines, "cliente", "day", "value")
    return Log("tienda_demo", days, pd.Timestamp(shop.END_DAY))


def _after_last(days: pd.DataFrame) -> pd.Timestamp:
    return days["day"].max() + pd.Timedelta(days=1)


LOGS: dict[str, Callable[[Path, Path], Log]] = {
    "cdnow": cdnow,
    "cdnow_master": cdnow_master,
    "superstore": superstore,
    "online_retail": online_retail,
    "complete_journey": complete_journey,
    "tienda_demo": tienda_demo,
}
"""Each is handed the folder of the logs and that of the benchmarks, where peers' things are."""


# Cuts -----------------------------------------------------------------------------------


def cuts(log: Log, horizon_months: int, history: float = 1.5) -> list[Cut]:
    """Return the cuts of a log, the latest first: its end less the horizon, and quarters before.

    Parameters
    ----------
    log : Log
    horizon_months : int
    history : float
        Horizons that each cut must have before it; a log that is too short has no cut.
    """
    begin, found = log.days["day"].min(), []
    for back in range(0, (1 + EARLIER) * QUARTER, QUARTER):
        day = log.end - pd.DateOffset(months=back + horizon_months)
        if (day - begin).days / MONTH >= history * horizon_months - SLACK:
            found.append(Cut(day, log.end - pd.DateOffset(months=back)))
    return found


def histories(days: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    """Return what is known of everyone who bought before the cut, one row a customer.

    `x`, `t_x`, `T` (weeks), `monetary` (mean value of the days after the first, 0 without) and
    `mean_value` (of all days).
    """
    days = days[days["day"] < cut]
    first = days.groupby("customer")["day"].transform("min")
    days = days.assign(later=days["value"].where(days["day"] > first, 0.0))
    grouped = days.groupby("customer")
    begun, last, x = grouped["day"].min(), grouped["day"].max(), grouped.size() - 1
    table = {
        "x": x,
        "t_x": (last - begun).dt.days / WEEK,
        "T": (cut - begun).dt.days / WEEK,
        "monetary": grouped["later"].sum() / x.clip(lower=1),
        "mean_value": grouped["value"].mean(),
    }
    return pd.DataFrame(table)


def between(
    days: pd.DataFrame, begin: pd.Timestamp, end: pd.Timestamp, who: pd.Index
) -> pd.DataFrame:
    """Return purchase days (`orders`) and `revenue` of customers in a stretch of time."""
    inside = days[(days["day"] >= begin) & (days["day"] < end)]
    table = inside.groupby("customer")["value"].agg(orders="size", revenue="sum")
    return table.reindex(who, fill_value=0).astype(float)


def actual(days: pd.DataFrame, cut: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return `orders` and `revenue` from the cut on of everyone who bought before it."""
    known = days.loc[days["day"] < cut, "customer"]
    return between(days, cut, end, pd.Index(known.drop_duplicates().sort_values()))
