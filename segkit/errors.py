"""Errors that say where, what and how to mend it, on one line."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any


class SegkitError(Exception):
    """A problem that a user can mend; its text is one line.

    Parameters
    ----------
    problem : str
        What is wrong, in a few words.
    where : str, optional
        File, and key or column, where it was found.
    values : iterable, optional
        The first offending values, shown as given.
    count : int, optional
        How many values offend in all.
    fix : str, optional
        What to do about it.

    Examples
    --------
    >>> print(SegkitError("unknown key", where="params/acme.yaml: rfm.bin", fix="write 'bins'"))
    params/acme.yaml: rfm.bin: unknown key. Fix: write 'bins'
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str = "",
        values: Iterable[object] = (),
        count: int | None = None,
        fix: str = "",
    ) -> None:
        super().__init__(problem, where, tuple(values), count, fix)

    def __reduce__(self) -> tuple[Any, ...]:
        problem, where, values, count, fix = self.args
        return _rebuild, (type(self), problem, where, values, count, fix)

    def __str__(self) -> str:
        problem, where, values, count, fix = self.args
        text = f"{where}: {problem}" if where else problem
        if count is not None:
            text += f" ({count} in all)"
        if values:
            text += ": " + ", ".join(_shown(value) for value in values[:5])
        if fix:
            text += f". Fix: {fix}"
        return text

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the text and the lines of the user; asked again, all.

        IPython calls it when the error ends a cell, and for `%tb`.
        """
        shown = vars(self).get("_shown")
        self._shown = self.__traceback__
        if shown is not None and shown is self.__traceback__:
            return _whole_traceback(self)
        lines = [f"{type(self).__name__}: {self}", *_own_lines(self.__traceback__)]
        return [*lines, "", "(%tb shows where in the kit it arose)"]


class ParamsError(SegkitError):
    """The parameters of a client are wrong; one problem a line in `problems`."""

    def __init__(self, problems: Iterable[SegkitError]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


class DataError(SegkitError):
    """A client's data cannot be read or leave nothing to work with."""


class RuleError(SegkitError):
    """A rule table, playbook or catalogue is incomplete or contradicts itself."""


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name most like `name`, or None when none is alike.

    Examples
    --------
    >>> nearest("frequency_bin", ["recency_bins", "frequency_bins"])
    'frequency_bins'
    """
    matches = get_close_matches(name.lower(), list(valid), n=1, cutoff=0.6)
    return matches[0] if matches else None


def suggestion(name: str, valid: Iterable[str]) -> str:
    """Return the fix for an unknown name: the nearest valid one, and all of them.

    Examples
    --------
    >>> suggestion("revenu", ["orders", "revenue"])
    "did you mean 'revenue'? Valid names: orders, revenue"
    """
    valid = list(valid)
    close = nearest(name, valid)
    listing = f"valid names: {', '.join(valid)}"
    if close is None:
        return f"use one of the {listing}"
    return f"did you mean '{close}'? {listing[0].upper()}{listing[1:]}"


def _rebuild(
    kind: type[SegkitError],
    problem: str,
    where: str,
    values: tuple[object, ...],
    count: int | None,
    fix: str,
) -> SegkitError:
    return kind(problem, where=where, values=values, count=count, fix=fix)


def _own_lines(trace: TracebackType | None) -> list[str]:
    """Return the lines of a traceback that are neither the kit's nor a library's."""
    kit = Path(__file__).parent
    frames = [
        frame
        for frame in traceback.extract_tb(trace)
        if not {"site-packages", "dist-packages"} & set(Path(frame.filename).parts)
        and not Path(frame.filename).is_relative_to(kit)
    ]
    return [f"  {_place(frame.filename)}, line {frame.lineno}: {frame.line}" for frame in frames]


def _place(file: str) -> str:
    """Return what a reader calls a file of code; in a notebook, its cell."""
    from IPython import get_ipython  # only notebooks have it

    shell = get_ipython()
    named = shell.compile.format_code_name(file) if shell else None
    return " ".join(named) if named else f"File {file}"


def _whole_traceback(error: BaseException) -> list[str]:
    from IPython import get_ipython  # only notebooks have it

    kind, trace = type(error), error.__traceback__
    shell = get_ipython()
    if shell is None:
        return traceback.format_exception(error)
    return shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=1)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
