"""What `segkit check` says of a client's orders: what counts, what does not, and what is strange."""

from __future__ import annotations

from collections.abc import Iterator

from segkit.data.bridge import NOT_COUNTED, explained
from segkit.data.spans import HORIZONS_OF_HISTORY, fits, fitting_horizon, told_length
from segkit.params import Params
from segkit.run.preflight import Examined


def told(found: Examined, params: Params, total: float | None = None) -> Iterator[str]:
    """Yield lines for a terminal.

    Parameters
    ----------
    found : Examined
    params : Params
    total : float, optional
        The net revenue that the client says.
    """
    counts = found.lines.items()
    looked = ", ".join(f"{lines} line{'s' * (lines != 1)} of {name}" for name, lines in counts)
    verdict = "is read, but look at what is lost" if found.loss.is_loud else "is fine"
    yield f"{params.client} {verdict} (looked at {looked})"
    if found.loss.is_loud:
        yield found.loss.told
    yield from _statuses(found)
    if params.has_amounts:
        yield _bridge(found, params)
    yield from _horizon(found, params)
    if total is not None:
        yield _compared(found, params, total)


def _horizon(found: Examined, params: Params) -> Iterator[str]:
    """Yield a question where the forecast's horizon cannot be tested on the history."""
    own = params.evidence.horizon_months
    key, months = ("evidence", own) if own else ("clv", params.clv.horizon_months)
    if not found.days or fits(months, found.days):
        return
    needs, other = HORIZONS_OF_HISTORY * months, fitting_horizon(found.days)
    asked = f"{key}.horizon_months: is {months} right? A test takes {needs:g} months of orders"
    advice = f"{other} would fit" if other else "no horizon fits yet: forecasts go untested"
    yield f"{asked}, there are {told_length(found.days)}; {advice}"


def _statuses(found: Examined) -> Iterator[str]:
    rows = found.quality[found.quality["source"] == "orders"].set_index("rule")
    for rule in (
        *("unknown_status", "order_total_differs"),
        *("order_lines_differ", "discount_over_order"),
    ):
        if rule in rows.index and rows["lines"][rule]:
            row = rows.loc[rule]
            what = "lines" if rule == "unknown_status" else "orders"
            yield f"{rule}: {row['lines']:,} {what}, {row['amount']:,.2f} ({row['first_values']})"


def _bridge(found: Examined, params: Params) -> str:
    """Return the steps from gross to net, and what did not count, on one line."""
    rows = found.bridge[found.bridge["amount"] != 0]
    rows = rows[~rows["step"].isin(["shipping", "tax", "total"])]
    beside = rows["step"].isin(NOT_COUNTED)
    steps = [f"{row['step']} {row['amount']:,.2f}" for _, row in rows[~beside].iterrows()]
    aside = [
        f"{row['step']} {row['amount']:,.2f} in {row['orders']} orders"
        for _, row in rows[beside].iterrows()
    ]
    text = f"{params.currency}: {', '.join(steps) or 'nothing'}"
    return f"{text}; not counted: {', '.join(aside)}" if aside else text


def _compared(found: Examined, params: Params, total: float) -> str:
    """Return whether the net revenue is the client's figure, and else which steps lie between."""
    net, known = found.net, found.bridge.set_index("step")["amount"].astype(float)
    if abs(net - total) < 0.01:
        return f"the net revenue is the figure given: {total:,.2f} {params.currency}"
    gap = f"the net revenue is {net:,.2f}, the figure given {total:,.2f}: {net - total:+,.2f}"
    steps = explained(found.bridge, total)
    if steps is None:
        return f"{gap}; no rules make up the difference: ask how the figure was made"
    parts = ", ".join(f"{step} ({known[step]:,.2f})" for step in steps)
    return f"{gap}; it is explained by {parts}"
