"""Which column of a log is what: by its name, and by what it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from segkit.data.numbers import number_body
from segkit.errors import SegkitError, suggestion
from segkit.sniff.dates import date_format
from segkit.sniff.given import Given
from segkit.sniff.names import Names
from segkit.sniff.sample import NEARLY_ALL, Column, Finding, Sample, Unfit, shown
from segkit.sniff.trial import Trial

ENOUGH = 30
"""Rows from which a column with one value, or with another in each row, tells something."""

STATUSES = 12
"""Different values that a column of statuses may have."""

NUMBERS = ("amount", "price", "quantity", "discount", "profit")
_PATTERN = ", or how its dates are written: --date-format"


@dataclass
class Columns:
    """The columns of a log by key of `orders.columns`, and why; `notes` tell what is left out."""

    sample: Sample
    names: Names
    given: Given
    tried: Trial
    by_role: dict[str, Column] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    date_format: Finding | None = None

    @property
    def has_price(self) -> bool:
        """Whether a line's value follows from price and quantity."""
        return self.by_role.keys() >= {"price", "quantity"}

    def assign(self) -> None:
        """Find each role's column; an error where several fit, or one named by hand does not."""
        for role in self.names.columns:
            for row in self._candidates(role):
                fitting = [column for column in row if self._fits(role, column)]
                if len(fitting) > 1 and role == "amount":
                    fitting = self._subtotals(fitting) or fitting
                if len(fitting) > 1:
                    raise _tied(role, [column.name for column in fitting])
                if fitting:
                    self.by_role[role] = fitting[0]
                    break

    def _subtotals(self, fitting: list[Column]) -> list[Column]:
        """Of an order's amounts, return what its products come to: shipping and tax are in totals."""
        names = {key for row in self.names.amounts["subtotal"] for key in row}
        return [column for column in fitting if self.names.key(column.name) in names]

    def _candidates(self, role: str) -> list[list[Column]]:
        columns = {column.name: column for column in self.sample.columns}
        if role in self.given.columns:
            name = self.given.columns[role]
            if name not in columns:
                fix, where = suggestion(name, columns), f"--column {role}"
                raise SegkitError("no such column", where=where, values=[name], fix=fix)
            return [[columns[name]]]
        taken = {*self.given.columns.values(), *(column.name for column in self.by_role.values())}
        keys = {name: self.names.key(name) for name in columns if name not in taken}
        rows = self.names.columns[role]
        return [[columns[name] for name, key in keys.items() if key in row] for row in rows]

    def _fits(self, role: str, column: Column) -> bool:
        try:
            self.why[role] = self._reason(role, column)
        except Unfit as unfit:
            note = f"{role}: not {shown(column.name)}: {unfit}"
            if role in self.given.columns:
                fix = f"name another column: --column {role}=NAME{_PATTERN * (role == 'date')}"
                raise SegkitError(note, fix=fix) from None
            self.notes.append(note)
            return False
        return True

    def _reason(self, role: str, column: Column) -> str:
        if told := _unfit(role, column):
            raise Unfit(told)
        if role == "date":
            self.date_format, read = date_format(column, self.tried, self.given.date_format)
            return f"{read} of {column.present} values are dates"
        return _why(role, column)

    def leave_out(self, role: str, why: str) -> None:
        """Take a column's place away, and note why."""
        self.notes.append(f"{role}: not {why}")
        del self.by_role[role]

    def require_complete(self, *, has_order_value: bool = False) -> None:
        """Raise where a log lacks a customer, a date or an amount."""
        missing = [role for role in ("customer", "date") if role not in self.by_role]
        if not (has_order_value or "amount" in self.by_role or self.has_price):
            missing.append("amount (or both price and quantity)")
        if not missing:
            return
        seen = ", ".join(shown(column.name) for column in self.sample.columns)
        told = f" ({'; '.join(self.notes)})" if self.notes else ""
        options = " ".join(f"--column {role.split()[0]}=NAME" for role in missing)
        pattern = _PATTERN * ("date" in missing and bool(self.notes))
        raise SegkitError(
            f"no column is known for: {', '.join(missing)}{told}. The columns are {seen}",
            fix=f"say which it is: {options}{pattern}; the first line has to hold names",
        )


def _tied(role: str, names: list[str]) -> SegkitError:
    problem = f"several columns can be the {role} equally well"
    shared = [re.sub(r" \(\d+\)$", "", name) for name in names]
    if len({name.lower() for name in shared}) == 1:
        problem += f": they stand twice in the header, as {shown(shared[0])}"
    fix = f"say which, such as --column {role}={shown(names[0])}"
    return SegkitError(problem, values=names, fix=fix)


def _unfit(role: str, column: Column) -> str:
    """Return why a column cannot be what its name says, or nothing."""
    lines, different = column.present, len(column.counts)
    if lines >= ENOUGH and role in ("customer", "order") and different == 1:
        return "the same value on each line"
    if lines >= ENOUGH and role == "customer" and different == lines:
        return f"another value on each of {lines} lines, so nobody buys twice"
    if lines >= ENOUGH and role == "product" and different == lines:
        return f"another value on each of {lines} lines, so nothing is sold twice"
    if lines >= ENOUGH and role in ("category", "channel") and different > lines / 2:
        return f"{different} different values on {lines} lines"
    if role == "status" and different > STATUSES:
        return f"{different} different values are no statuses"
    strange = [text for text in column.counts if not number_body(text)]
    wrong = column.lines_of(strange)
    if role in NUMBERS and column.kind != "number" and wrong > (1 - NEARLY_ALL) * lines:
        return f"{wrong} of {lines} values are no numbers: {', '.join(map(shown, strange[:3]))}"
    return "" if lines else "it is empty"


def _why(role: str, column: Column) -> str:
    if role in ("customer", "order"):
        return f"{len(column.counts)} {role}s on {column.present} lines"
    if role in NUMBERS:
        return f"numbers, such as {next(iter(column.counts))!r}"
    if role == "status":
        return ", ".join(shown(text) for text in list(column.counts)[:4])
    return f"{len(column.counts)} different values"
