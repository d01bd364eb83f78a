"""What the parts of a study have in common: a client at a date, and how they show themselves."""

from __future__ import annotations

from typing import Any

import pandas as pd

from segkit.foundation.display import Shown
from segkit.foundation.nothing import NOTHING
from segkit.study.base import Base


class StudyPart(Shown):
    """What a study answers about one matter; `self.base` is the client at its date."""

    base: Base

    def only(self, condition: object) -> Any:
        """Return this part, or, unless a condition holds, nothing: no cell then shows any of it.

        Parameters
        ----------
        condition : bool, or anything that is empty or not
        """
        return self if condition else NOTHING

    @property
    def if_ready(self) -> Any:
        """The part itself, or nothing where it is not ready."""
        return self.only(getattr(self, "ready", True))

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.base!r}"

    def _title(self) -> str:
        return f"{type(self).__name__} of {self.base.params.title}"

    def _tables(self) -> dict[str, pd.DataFrame]:
        held = vars(self).get("table")
        return {} if held is None else {"table": held}


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as fields by name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
