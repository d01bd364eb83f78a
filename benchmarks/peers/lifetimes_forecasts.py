"""lifetimes: totals at a cut. Its BG/NBD and MBG/NBD have no probability of an order."""

from __future__ import annotations

from lifetimes_models import Lifetimes
from totals import of_tool, report

if __name__ == "__main__":
    report(of_tool(Lifetimes), Lifetimes.packages)
