"""A client's first params file, written only where it leads to lines that can be used."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from segkit.data.spans import HORIZONS, fitting_horizon, months_of, told_length
from segkit.errors import SegkitError
from segkit.params import NO_CURRENCY, Params, load_params
from segkit.sniff.given import valid
from segkit.sniff.guess import Guess, sniff
from segkit.sniff.layouts import Known
from segkit.sniff.sample import Finding, shown

PERIODS = (12, 6, 3, 1)
"""Months of a period, the longest first."""

HINTS = Path(__file__).with_name("hints.yaml")


def write_params(
    client: str,
    file: Path,
    out: Path,
    *,
    currency: str | None,
    root: Path,
    check: Callable[[Params, Path], object],
    others: Sequence[Path] = (),
    overrides: Mapping[str, Any] | None = None,
    tell: Callable[[str], object] | None = None,
) -> Path:
    """Write a client's params file from a look at its order log, each guess explained.

    Parameters
    ----------
    client : str
        Lower-case letters, digits, `_` and `-`.
    file : Path
        The order log.
    out : Path
        Where to write; nothing may be there yet.
    currency : str or None
        ISO 4217 code; None to take what the amounts say.
    root : Path
        Folder that relative paths in params start from.
    check : callable
        Called with the params and `root`: raises where they lead to nothing that can be used.
    others, overrides : optional
        As of `sniff`.
    tell : callable, optional
        Called with what somebody has to know at once: which system's export the file is taken
        for, and what of it is not known.

    Returns
    -------
    Path
        `out`, which has passed `load_params` and `check`.

    Raises
    ------
    SegkitError, DataError
        As `sniff`; also a client that is no slug, a file that is there already, and a
        currency that is not known.

    Source
    ------
    Definitions, section 2.

    Examples
    --------
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "log.csv").write_text("customer,date,amount\\n7,2025-12-31,1.50\\n")
    >>> out = root / "params" / "acme.yaml"
    >>> written = write_params("acme", root / "log.csv", out, currency="EUR", root=root,
    ...     check=lambda params, root: None)
    >>> load_params(written).orders.columns.amount
    'amount'
    """
    valid(Params, "client", client, where="CLIENT")
    if currency is not None:
        valid(Params, "currency", currency, where="--currency")
    _require_free(out)
    given = {"currency": currency, "no_amounts": currency == NO_CURRENCY, **(overrides or {})}
    guess = sniff(file, others=others, overrides=given)
    for line in guess.told if tell else ():
        tell(line)  # type: ignore[misc]
    text = _document(guess, client, _money(guess, currency), root)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.touch(exist_ok=False)
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
        found = check(load_params(out), root)
        if spans := _spans(getattr(found, "days", 0)):
            out.write_text(
                text.replace("\norders:\n", f"{spans}\norders:\n", 1),
                encoding="utf-8",
                newline="\n",
            )
            load_params(out)
    except BaseException:
        out.unlink()
        raise
    return out


def _spans(days: int) -> str:
    """Return the lines of params that a short log needs: a period and a horizon that fit it."""
    if not days:
        return ""
    # Two periods can be compared.
    period = next((months for months in PERIODS if 2 * months <= months_of(days)), min(PERIODS))
    horizon = fitting_horizon(days) or min(HORIZONS)
    why = f"# the log has {told_length(days)}"
    lines = (
        f"period_months: {period}  {why}\n" if period < max(PERIODS) else "",
        f"clv: {{horizon_months: {horizon}}}  {why}\n" if horizon < max(HORIZONS) else "",
    )
    return "".join(lines)


def _require_free(out: Path) -> None:
    if out.exists():
        raise SegkitError(
            "is there already and is not written over",
            where=str(out),
            fix="remove it first, or choose another client name",
        )


def _money(guess: Guess, currency: str | None) -> Finding:
    if currency == NO_CURRENCY:
        return Finding(currency, "no amounts: units are counted")
    if currency:
        return Finding(currency, "as given")
    if guess.currency is None:
        problem, fix = "nothing in the file says the currency of its amounts", "--currency EUR"
        raise SegkitError(problem, where=str(guess.file), fix=f"say which: {fix}")
    return guess.currency


def _portable(file: Path, root: Path) -> str:
    """Return the file as params name it: without the machine's folders where possible."""
    file, root = file.resolve(), root.resolve()
    if file.is_relative_to(root):
        return file.relative_to(root).as_posix()
    shared = os.environ.get("SEGKIT_DATA")
    if shared and file.is_relative_to(folder := (root / shared).resolve()):
        return "${SEGKIT_DATA}/" + file.relative_to(folder).as_posix()
    return file.as_posix()


def _document(guess: Guess, client: str, currency: Finding, root: Path) -> str:
    """Return the params file's text: values quoted, reasons as comments."""
    lines = [
        _remark(f"{client}: written from a look at {guess.lines} lines of {guess.file.name}."),
        "# Each guess says why: look through them before the first run.",
        f"client: {_scalar(client)}",
        "# name:                      # as reports show it; default: the client's key",
        "language: es                 # of the report: es or en",
        _entry("currency", currency),
        _entry("timezone", guess.timezone)
        if guess.timezone
        else "# timezone: Europe/Madrid    # of the dates, and of times with an offset; default: UTC",
        "",
        "orders:",
        f"  path: {_scalar(_portable(guess.file, root))}",
        f"  format: {guess.format}",
        *_reading(guess),
        *(_layout(guess.known, guess.notes) if guess.known else _columns(guess)),
        *_joins(guess, root),
        "",
        *(_sections(guess.known) if guess.known else _cleaning(guess)),
    ]
    return "\n".join([*lines, "", HINTS.read_text(encoding="utf-8")])


def _columns(guess: Guess) -> Iterator[str]:
    yield "  columns:"
    yield from (_entry(role, found, 4) for role, found in guess.columns.items())
    amounts = (guess.level.amounts or {}).values()
    names = [shown(name) for name in guess.unused if name not in amounts]
    unused = f"not used: {', '.join(names)}" if names else ""
    yield from (_remark(line, 4) for line in (*guess.notes, *textwrap.wrap(unused, 88)))
    if guess.statuses:
        first, second, *rest = _block("statuses", [guess.statuses.value], 2)
        yield first
        yield f"{second}  {_remark(guess.statuses.why)}"
        yield from rest
    if guess.level.layout != "lines":
        yield f"  layout: {guess.level.layout}  {_remark(_LAYOUTS[guess.level.layout])}"
    if guess.level.amounts:
        first, *rest = _block("amounts", guess.level.amounts, 2)
        yield f"{first}  {_remark(guess.level.why)}"
        yield from rest


_LAYOUTS = {
    "orders": "one line an order",
    "order_then_lines": "an order's own fields stand on its first line",
}


def _layout(known: Known, notes: Iterable[str]) -> Iterator[str]:
    """Yield what a known system's export says of its orders."""
    for place, (key, value) in enumerate(known.orders.items()):
        first, *rest = _block(key, value, 2)
        yield f"{first}  {_remark(known.why)}" if place == 0 else first
        yield from rest
        if key == "statuses":
            yield from (_remark(note, 4) for note in notes)


def _sections(known: Known) -> Iterator[str]:
    for key in ("customers", "cleaning"):
        if section := getattr(known, key):
            yield from _block(key, section, 0)


def _joins(guess: Guess, root: Path) -> Iterator[str]:
    if guess.joins:
        yield "  join:"
    for file, sample, join in guess.joins:
        yield f"    - path: {_scalar(_portable(file, root))}"
        yield f"      format: {sample.format}"
        if sample.separator and sample.encoding:
            marks = {"separator": sample.separator.value, "encoding": sample.encoding.value}
            yield from _block("csv", marks, 6)
        for key, value in join.items():
            yield from _block(key, value, 6)


def _block(key: str, value: Any, indent: int) -> list[str]:
    """Return a key of params and what stands below it, as lines."""
    space = " " * indent
    if isinstance(value, Mapping):
        below = [line for name, each in value.items() for line in _block(name, each, indent + 2)]
        return [f"{space}{key}:", *below]
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        lines = [f"{space}{key}:"]
        for each in value:
            first, *rest = [
                part for name, v in each.items() for part in _block(name, v, indent + 4)
            ]
            lines += [f"{space}  - {first.lstrip()}", *rest]
        return lines
    if isinstance(value, list):
        return [f"{space}{key}: [{', '.join(_scalar(str(each)) for each in value)}]"]
    plain = str(value).lower() if isinstance(value, bool | int | float) else _scalar(str(value))
    return [f"{space}{key}: {plain}"]


def _reading(guess: Guess) -> Iterator[str]:
    indents = {"sheet": 2, "skip_rows": 2, "separator": 4, "encoding": 4}
    indents |= dict.fromkeys(("date_format", "decimal", "thousands"), 2)
    for key, indent in indents.items():
        if found := getattr(guess, key):
            yield from ["  csv:"] * (key == "separator")
            yield _entry(key, found, indent)


def _cleaning(guess: Guess) -> Iterator[str]:
    if guess.addresses:
        yield "customers:"
        yield f"  match: email  {_remark(guess.addresses)}"
    yield "cleaning:"
    if guess.level.layout != "lines" or guess.level.amounts:
        yield "  exact_duplicate: keep  # two equal lines of an order can be two articles"
    elif "order" in guess.columns:
        yield "  exact_duplicate: reject  # the same line twice in an order is taken for a fault"
        yield _proposed(
            guess.prefix, "cancelled_order_prefix", "C", "how cancelled orders' numbers begin"
        )
    else:
        yield "  exact_duplicate: keep  # no order number: two equal lines can be two purchases"
    if "product" in guess.columns:
        told = "postage, fees and the like; * is any end"
        yield _proposed(guess.non_products, "non_product_codes", "[SHIPPING, ADJ*]", told)


def _proposed(found: Finding | None, key: str, example: str, told: str) -> str:
    """Return a rule of cleaning as a comment: what was seen, or else how it is written."""
    if found is None:
        return f"  # {key}: {example}  # {told}"
    return f"  # {_entry(key, found)}"


def _entry(key: str, found: Finding, indent: int = 0) -> str:
    if found.value is None:
        return _remark(f"no {key}: {found.why}", indent)
    several = [_scalar(part) for part in found.value] if isinstance(found.value, list) else None
    text = f"[{', '.join(several)}]" if several else _scalar(found.value)
    return f"{' ' * indent}{key}: {text}  {_remark(found.why)}"


def _scalar(text: str | int) -> str:
    """Return a number or a text as YAML on one line, in quotes unless it is plain words.

    Examples
    --------
    >>> [_scalar(text) for text in ("Order Date", "NO", "a: b", 5)]
    ['Order Date', '"NO"', '"a: b"', '5']
    """
    if isinstance(text, int):
        return str(text)
    words = re.fullmatch(r"(\$\{SEGKIT_DATA\}/)?[\w ./-]*[^\W\d_][\w ./-]*", text)
    if words and yaml.safe_load(text) == text:
        return text
    width = float("inf")
    return yaml.safe_dump(text, width=width, default_style='"', allow_unicode=True).rstrip("\n")


def _remark(text: str, indent: int = 0) -> str:
    """Return a comment on one line: nothing that a file holds can end it."""
    safe = "".join(sign if sign.isprintable() else " " for sign in text)
    return f"{' ' * indent}# {' '.join(safe.split())}"
