"""Small tables as HTML: headers and values in the reader's words, everything escaped."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from segkit.words.format import NUMBER_KINDS, TIME_KINDS
from segkit.words.wording import Wording, is_summary

MANY_COLUMNS = 8  # beyond it a table needs a page on its side

# Seen by screen readers and not by eyes, in a page without the kit's style sheet too.
QUIET = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"


def html_table(
    df: pd.DataFrame,
    wording: Wording,
    caption: str,
    *,
    name: str = "",
    max_rows: int = 60,
    file: str = "",
    beside: Mapping[str, str] | None = None,
) -> Markup:
    """Return a table as HTML that scrolls inside its own region.

    Parameters
    ----------
    df : DataFrame
        Small table with English column keys; its index is not shown.
    wording : Wording
        How headers and values are said.
    caption : str
        What the table is, for those who do not see the heading above it.
    name : str, optional
        Name of the table, for columns that mean something else in it.
    max_rows : int, optional
        Rows shown; a row of totals at the end is always shown.
    file : str, optional
        Where the whole table is, for the sentence below a shortened one.
    beside : mapping of str to str, optional
        Columns that stand in the cells of other columns, below their values, and not by
        themselves; by the column whose cells they share. Those without any value are left out.

    Returns
    -------
    Markup
        Escaped; without a heading.

    Examples
    --------
    >>> from segkit.words.columns import Columns
    >>> from segkit.words.format import Formats
    >>> from segkit.words.texts import Texts
    >>> wording = Wording(Texts("en"), Columns("en"), Formats("en_US", "USD"))
    >>> html = html_table(pd.DataFrame({"segment": ["<b>"], "revenue": [12.5]}), wording, "Sales")
    >>> "&lt;b&gt;" in html, "$12.50" in html
    (True, True)
    """
    shown = _shortened(df, max_rows)
    kinds: dict[Hashable, str] = dict(zip(df.columns, wording.kinds(df, name), strict=True))
    pairs = {above: below for above, below in (beside or {}).items() if {above, below} <= {*kinds}}
    lower = {above: below for above, below in pairs.items() if df[below].notna().any()}
    columns = [_Column(key, kinds, lower, df) for key in kinds if key not in pairs.values()]
    head = Markup("").join(_head(wording, column) for column in columns)
    rows = Markup("\n").join(_row(row, columns, wording) for row in shown.to_dict("records"))
    table = Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{caption}">\n'
        '<table>\n<caption style="{quiet}">{caption}</caption>\n'
        "<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    ).format(caption=caption, quiet=QUIET, head=head, rows=rows)
    if len(shown) == len(df):
        return table
    rest = wording.texts.say(
        "page.rows_shown", wording.formats, shown=len(shown), rows=len(df), file=file or name
    )
    return table + Markup('\n<p class="rest">{}</p>').format(rest)


def html_pairs(pairs: Mapping[str, object], headers: tuple[str, str], caption: str) -> Markup:
    """Return names and their values as a two-column table.

    Examples
    --------
    >>> "3.11" in html_pairs({"python": "3.11"}, ("Program", "Version"), "Versions")
    True
    """
    rows = Markup("\n").join(
        Markup('<tr><th scope="row">{}</th><td>{}</td></tr>').format(name, value)
        for name, value in pairs.items()
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{caption}">\n'
        '<table class="pairs">\n<caption style="{quiet}">{caption}</caption>\n'
        '<thead><tr><th scope="col">{first}</th><th scope="col">{second}</th></tr></thead>\n'
        "<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    ).format(caption=caption, quiet=QUIET, first=headers[0], second=headers[1], rows=rows)


def _shortened(df: pd.DataFrame, max_rows: int) -> pd.DataFrame:
    if len(df) <= max_rows:
        return df
    last = df.tail(1)
    if not is_summary(next(last.itertuples(index=False, name=None), ())):
        return df.head(max_rows)
    return pd.concat([df.head(max_rows - 1), last])


def _head(wording: Wording, column: _Column) -> Markup:
    title = escape(wording.header(column.key))
    if column.lower:
        title += Markup(" <small>{}</small>").format(wording.header(column.lower))
    return Markup('<th scope="col"{}>{}</th>').format(_class(column.kind), title)


class _Column:
    """A column of a page's table: how its values are said, and which stand below them."""

    def __init__(
        self,
        key: Hashable,
        kinds: Mapping[Hashable, str],
        lower: Mapping[str, str],
        df: pd.DataFrame,
    ) -> None:
        self.key, self.kind = key, kinds[key]
        self.lower = lower.get(str(key))
        self.lower_kind = kinds[self.lower] if self.lower else ""
        self.part = self.lower or key
        self.top = _top(df[self.part], kinds[self.part])


def _row(row: Mapping[Hashable, Any], columns: list[_Column], wording: Wording) -> Markup:
    total = is_summary(tuple(row.values()))
    cells = [_cell(row, column, wording, total=total) for column in columns[1:]]
    first = [
        Markup('<th scope="row"{}>{}</th>').format(
            _class(column.kind), wording.value(row[column.key], column.kind)
        )
        for column in columns[:1]
    ]
    start = Markup('<tr class="total">') if total else Markup("<tr>")
    return start + Markup("").join(first + cells) + Markup("</tr>")


def _cell(row: Mapping[Hashable, Any], column: _Column, wording: Wording, *, total: bool) -> Markup:
    """A share of the whole is also drawn, as a thin line under its number."""
    upper = wording.value(row[column.key], column.kind)
    text = Markup("<strong>{}</strong>").format(upper) if total else escape(upper)
    lower = wording.value(row[column.lower], column.lower_kind) if column.lower else upper
    if lower != upper:
        text = Markup("{} <small>{}</small>").format(text, lower)
    part = row[column.part]
    if total or not column.top or pd.isna(part) or part <= 0:
        return Markup("<td{}>{}</td>").format(_class(column.kind), text)
    return Markup('<td class="num bar" style="--part:{}">{}</td>').format(
        round(float(part) / column.top, 3), text
    )


def _top(column: pd.Series, kind: str) -> float:
    """Return the largest share of a column of parts of a whole; 0 of any other column."""
    is_part = kind.startswith("percent") and str(column.name).endswith("_share")
    if not is_part or not pd.api.types.is_numeric_dtype(column):
        return 0.0
    below_one = column[(column > 0) & (column < 1)]  # a total is no part
    return float(below_one.max()) if len(below_one) else 0.0


def _class(kind: str) -> Markup:
    name = kind.partition(".")[0]
    looks = {"text": "text", "flag": ""} | dict.fromkeys(NUMBER_KINDS + TIME_KINDS, "num")
    look = looks.get(name, "word")
    return Markup(' class="{}"').format(look) if look else Markup("")
