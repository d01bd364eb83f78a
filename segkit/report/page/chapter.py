"""A chapter of the report, as a notebook writes it: titles, sentences, tables and pictures."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd
from markupsafe import Markup

from segkit.errors import RuleError
from segkit.foundation.files import AUDIENCES, write_csv, write_json, write_parquet
from segkit.foundation.nothing import NOTHING
from segkit.plots.style import Style
from segkit.report.page import places
from segkit.report.page.drawing import drawn
from segkit.report.page.fragment import Fragment
from segkit.report.page.pieces import lines, paragraph, tiles
from segkit.report.page.places import settled
from segkit.report.page.style import picture_style
from segkit.report.page.tables import MANY_COLUMNS, html_table
from segkit.words.columns import Columns
from segkit.words.format import Formats
from segkit.words.said import Saying
from segkit.words.texts import FINDING, SECTIONS, Texts
from segkit.words.wording import Wording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 60
"""Rows of a table that a page shows, unless a notebook says otherwise."""


class Placing(Protocol):
    """Where a client wants tables and pictures, and which segmentation leads."""

    @property
    def places(self) -> Mapping[str, str]: ...
    @property
    def segmentation(self) -> str: ...


class Reader(Protocol):
    """In whose language, country and money a chapter speaks."""

    @property
    def language(self) -> str: ...
    @property
    def display_locale(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def report(self) -> Placing: ...


class StudyLike(Protocol):
    """What a chapter needs of a study.

    Attributes
    ----------
    params : Reader
    run_dir : Path
        Folder of the run.
    segment_names : mapping
        Label by segment key, by segmentation.
    """

    @property
    def params(self) -> Reader: ...
    @property
    def run_dir(self) -> Path: ...
    @property
    def segment_names(self) -> Mapping[str, Mapping[str, str]]: ...


class Chapter:
    """One chapter of a client's report.

    Each method returns a `Fragment`: as the last expression of a notebook cell it is shown
    there, and later in the report. Tables and pictures also leave their data in the folder
    of the run.

    Parameters
    ----------
    study : StudyLike
        Whose customers the chapter is about.
    key : str
        Key of the chapter in the texts, such as ``rfm``.
    run_dir : Path, optional
        Folder of the run; by default that of the study.
    texts : Texts, optional
        By default the kit's texts in the client's language.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> params = SimpleNamespace(language="en", display_locale="en_US", currency="USD")
    >>> params.report = SimpleNamespace(places={}, segmentation="families")
    >>> study = SimpleNamespace(params=params, run_dir=Path("run"), segment_names={})
    >>> texts = Texts("en", {"sentences": {"size": "There are {customers:count} customers."}})
    >>> print(Chapter(study, "rfm", texts=texts).say("size", customers=793))
    There are 793 customers.
    """

    def __init__(
        self,
        study: StudyLike,
        key: str,
        run_dir: Path | None = None,
        *,
        texts: Texts | None = None,
    ) -> None:
        params = study.params
        self.key = key
        self.run_dir = Path(run_dir or study.run_dir)
        self.segment_names = study.segment_names
        self.formats = Formats(params.display_locale, params.currency)
        self.texts = texts or Texts(params.language)
        self.columns = Columns(self.texts.language)
        self.placing = params.report

    @property
    def style(self) -> Style:
        """How pictures speak: the report's labels, numbers, money and months."""
        return self.style_of(None)

    def style_of(self, segmentation: str | None) -> Style:
        """Return the style of pictures about one segmentation (None: about any)."""
        return picture_style(self.wording(segmentation))

    def opening(self, conclusion: str = "", **fields: object) -> Fragment:
        """Return the chapter's title, what it comes to, and its introduction.

        Parameters
        ----------
        conclusion : str, optional
            One sentence with a number in it, such as `segkit.conclusion` returns.
        **fields
            Fields of the title and the introduction.
        """
        path = f"chapters.{self.key}"
        title = self.texts.fill(f"{path}.title", self.formats, **fields)
        intro = self._optional(f"{path}.intro", fields)
        html = Markup('<h2 id="{}">{}</h2>').format(self.key, title)
        html += lines(paragraph(conclusion, "conclusion"), paragraph(intro, "lead"))
        plain = "\n".join(filter(None, (title, conclusion, intro)))
        return Fragment(html, plain, "opening", name=self.key)

    def heading(self, key: str, *, place: str = "", **fields: object) -> Fragment:
        """Return the heading of a part of the chapter; its text is in the section ``labels``.

        In the report, what follows belongs to the part: its own headings are one level lower.
        """
        title = self.texts.fill(f"labels.{key}", self.formats, **fields)
        html = Markup('<h3 class="part" id="{}-{}">{}</h3>\n').format(self.key, key, title)
        return Fragment(html, title, "heading", place=settled(key, place, {}))

    def say(
        self, key: str, segmentation: str | None = None, *, place: str = "", **fields: object
    ) -> Fragment:
        """Return a sentence of the section ``sentences`` as a paragraph.

        Parameters
        ----------
        key : str
            Key of the sentence.
        segmentation : str, optional
            Whose labels fields of the kind ``segment`` take.
        place : str, optional
            Section of the report that says it, too; see `segkit.report.page.places`.
        **fields
            Value of each field.

        Raises
        ------
        RuleError
            When there is no such sentence or a field of it is not given.
        """
        plain = self._sentence(key, segmentation, fields)
        return Fragment(lines(paragraph(plain)), plain, "sentence", place=settled(key, place, {}))

    def tell(
        self,
        said: Iterable[Saying] | None,
        segmentation: str | None = None,
        *,
        place: str = "",
    ) -> Fragment | None:
        """Return several sentences, each a paragraph; of none, nothing.

        Parameters
        ----------
        said : iterable of (str, mapping), or None
            Keys of sentences and their fields, as parts of a study give them, such as
            `study.carts.remarks`.
        segmentation, place : str, optional
            As for `say`.
        """
        parts = [self.say(key, segmentation, **fields) for key, fields in said or ()]
        if not parts:
            return None
        html = Markup("").join(part.html for part in parts)
        plain = "\n".join(part.plain for part in parts)
        return Fragment(html, plain, "sentence", place=settled("sentences", place, {}))

    def _sentence(self, key: str, segmentation: str | None, fields: Mapping[str, object]) -> str:
        return self._filled(f"sentences.{key}", segmentation, fields)

    def _filled(self, path: str, segmentation: str | None, fields: Mapping[str, object]) -> str:
        kinds, wording = self.texts.fields(path), self.wording(segmentation)
        words = {"segment": wording.name, "label": self.texts.label}
        spoken = {
            name: words[kinds[name]](value) if kinds.get(name) in words else value
            for name, value in fields.items()
        }
        return self.texts.fill(path, self.formats, **spoken)

    def table(
        self,
        name: str,
        df: pd.DataFrame | None,
        segmentation: str | None = None,
        *,
        title: str | None = None,
        max_rows: int = MOST_ROWS,
        columns: Sequence[str] | None = None,
        where: pd.Series[bool] | None = None,
        beside: Mapping[str, str] | None = None,
        place: str = "",
        **fields: object,
    ) -> Fragment | None:
        """Return a table with its title and note, and leave it as CSV and Parquet in the run.

        Parameters
        ----------
        name : str
            Name of the table, such as ``segment_kpis_clusters``; file names and texts follow it.
        df : DataFrame or None
            Small table with English column keys; a last row ``total`` is set in bold. Of None,
            and of a part of a study that is not ready, nothing is shown and nothing left.
        segmentation : str, optional
            Whose labels the segment keys take; by default the one that the name ends with.
        title : str, optional
            Instead of the title in the texts.
        max_rows : int, optional
            Rows shown; the file has all of them.
        columns : sequence of str, optional
            Columns shown; the file has all of them.
        where : Series of bool, optional
            Rows shown; likewise.
        beside : mapping of str to str, optional
            Columns shown in the cells of other columns: ``{"customers": "customers_share"}``.
        place : str, optional
            Section of the report that shows it, too, as far as there is room; see
            `segkit.report.page.places`.
        **fields
            Fields of title and note.

        Raises
        ------
        RuleError
            When the name is no plain name, or has no title.
        """
        if df is None or df is NOTHING:
            return None
        segmentation = segmentation or self._segmentation_of(name)
        words = self._words("tables", name, title, segmentation, fields)
        file = self._keep(name, df)
        view = df if where is None else df[where]
        view = view if columns is None else view[list(columns)]
        heading = self._title(name, words["title"]) + lines(paragraph(words["note"], "note"))
        shown = partial(
            self._shown, name=name, caption=words["title"], segmentation=segmentation, beside=beside
        )
        html, short = heading + shown(view, max_rows=max_rows, file=file), Markup("")
        fit = view.iloc[:, : places.MOST_COLUMNS + len(beside or ())]
        if view.shape != df.shape:
            rest = self.texts.fill("page.more_in_file", self.formats, file=file)
            html += lines(paragraph(rest, "rest"))
        if place := self._placed(name, place, segmentation):
            short = _exhibit(
                heading + shown(fit, max_rows=min(max_rows, places.MOST_ROWS), file=file)
            )
        is_wide = view.shape[1] - len(beside or ()) > MANY_COLUMNS
        plain = f"{words['title']}: {len(df)} × {df.shape[1]}, {file}"
        keys, few = tuple(map(str, view.columns)), tuple(map(str, fit.columns))
        return Fragment(_exhibit(html, is_wide), plain, "table", keys, place, name, short, few)

    def picture(
        self,
        plot: Callable[..., Axes],
        table: pd.DataFrame | None,
        segmentation: str | None = None,
        *,
        name: str | None = None,
        title: str | None = None,
        options: Mapping[str, object] | None = None,
        place: str = "",
        **fields: object,
    ) -> Fragment | None:
        """Return a picture with its title, its caption and the table behind it.

        Parameters
        ----------
        plot : callable
            A picture of `segkit.plots`: called with the table and `style=`, returns an Axes.
        table : DataFrame or None
            What it draws; left as CSV and Parquet in the run, under the picture's name. Of None,
            and of a part of a study that is not ready, nothing is shown and nothing left.
        segmentation : str, optional
            Whose labels the segment keys take.
        name : str, optional
            Name of the picture; by default that of `plot`.
        title : str, optional
            Instead of the title in the texts.
        options : mapping, optional
            Further arguments of `plot`.
        place : str, optional
            As for `table`.
        **fields
            Fields of title, caption and alternative text.

        Raises
        ------
        RuleError
            When the name is no plain name, or has no title.
        """
        if table is None or table is NOTHING:
            return None
        name = name or plot.__name__
        segmentation = segmentation or self._segmentation_of(name)
        words = self._words("pictures", name, title, segmentation, fields)
        alt = words["alt"] or self.texts.fill("page.missing_alt", self.formats, title=title)
        file = self._keep(name, table)
        source = drawn(plot, table, self.style_of(segmentation), options or {})
        html = Markup(
            '{heading}<figure>\n<img alt="{alt}" src="{source}">\n{caption}'
            "<details><summary>{more}</summary>\n{table}\n</details>\n</figure>"
        ).format(
            heading=self._title(name, words["title"]),
            alt=alt,
            source=source,
            caption=lines(paragraph(words["note"], tag="figcaption")),
            more=self.texts.text("page.show_table"),
            table=self._shown(
                table, name=name, caption=words["title"], segmentation=segmentation, file=file
            ),
        )
        plain = f"{words['title']}: {alt}"
        place = self._placed(name, place, segmentation)
        return Fragment(html, plain, "picture", tuple(map(str, table.columns)), place, name)

    def audience(self, name: str, df: pd.DataFrame | None) -> Fragment | None:
        """Leave a list of customers as a file of its own, and return the sentence that says so.

        Who is on it is never in the report.

        Parameters
        ----------
        name : str
            Plain name of the list, such as ``"open_carts"``.
        df : DataFrame or None
            One row a customer, or a customer's product; as for `table`.
        """
        if df is None or df is NOTHING:
            return None
        _require_plain(name)
        file = f"{AUDIENCES}/{name}.csv"
        write_csv(df, self.run_dir / file)
        plain = self.texts.fill("page.audience", self.formats, rows=len(df), file=file)
        return Fragment(lines(paragraph(plain, "rest")), plain, "sentence")

    def headline(self, values: Mapping[str, float]) -> Fragment:
        """Return key figures as tiles, and leave them in `data/headline.json`.

        Parameters
        ----------
        values : mapping of str to number
            Figure by column key, such as ``{"customers": 793, "revenue": 2297200.86}``.
        """
        write_json(values, self.run_dir / "data" / "headline.json")
        said = self.wording().figures(values)
        plain = "; ".join(f"{label}: {value}" for label, value in said.items())
        return Fragment(tiles(said), plain, "headline", tuple(values))

    def name_of(self, segmentation: str, segment: str) -> str:
        """Return the label of a segment key; of one without a label, the key itself."""
        return str(self.wording(segmentation).name(segment))

    def _names(self, segmentation: str | None) -> Mapping[str, str]:
        if segmentation is not None:
            return self.segment_names.get(segmentation, {})
        return ChainMap(*map(dict, self.segment_names.values()))

    def wording(self, segmentation: str | None = None) -> Wording:
        """Return how headers and values are said to the chapter's readers."""
        return Wording(self.texts, self.columns, self.formats, self._names(segmentation))

    def _segmentation_of(self, name: str) -> str | None:
        ends = [key for key in self.segment_names if name.endswith(f"_{key}")]
        return max(ends, key=len, default=None)

    def _placed(self, name: str, place: str, segmentation: str | None) -> str:
        """What speaks of another segmentation than the leading one is not for the document."""
        is_other = segmentation in self.segment_names and segmentation != self.placing.segmentation
        return settled(name, "" if is_other else place, self.placing.places)

    def _optional(self, path: str, fields: Mapping[str, object]) -> str:
        return self.texts.fill(path, self.formats, **fields) if path in self.texts else ""

    def _words(
        self,
        section: str,
        name: str,
        title: str | None,
        segmentation: str | None,
        fields: Mapping[str, object],
    ) -> dict[str, str]:
        """Title, note and alternative text of a table or picture; empty where it has none."""
        _require_plain(name)
        path, about = f"{section}.{name}", segmentation
        if title is None or f"{path}.title" in self.texts:
            path, rest = self.texts.entry(section, name)
            about = segmentation or rest
        if about:
            fields = {"segmentation": self.texts.label(about)} | dict(fields)
        parts = [part for part in SECTIONS[section] if part != FINDING]
        words = {part: self._optional(f"{path}.{part}", fields) for part in parts}
        title = title or self._finding(path, about, fields)
        return words | ({"title": title} if title else {})

    def _finding(self, path: str, segmentation: str | None, fields: Mapping[str, object]) -> str:
        """What a picture shows, in a sentence with its number; empty where that is not known."""
        path = f"{path}.{FINDING}"
        if path not in self.texts or not self.texts.fields(path).keys() <= fields.keys():
            return ""
        return self._filled(path, segmentation, fields)

    def _title(self, name: str, title: str) -> Markup:
        return Markup('<h3 id="{}-{}">{}</h3>\n').format(self.key, name, title)

    def _keep(self, name: str, df: pd.DataFrame) -> str:
        file = f"exports/tables/{name}.csv"
        write_csv(df, self.run_dir / file)
        write_parquet(df, self.run_dir / "data" / "tables" / f"{name}.parquet")
        return file

    def _shown(
        self,
        df: pd.DataFrame,
        *,
        name: str,
        caption: str,
        segmentation: str | None,
        max_rows: int = MOST_ROWS,
        file: str,
        beside: Mapping[str, str] | None = None,
    ) -> Markup:
        wording = self.wording(segmentation)
        return html_table(
            df, wording, caption, name=name, max_rows=max_rows, file=file, beside=beside
        )


def _exhibit(html: Markup, is_wide: bool = False) -> Markup:
    look = "exhibit wide" if is_wide else "exhibit"
    return Markup('<section class="{}">\n{}\n</section>').format(look, html)


def _require_plain(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]{0,80}", name):
        fix = "use small letters, digits and underscores: files are named after it"
        raise RuleError(
            "not a plain name", where="name of a table or picture", values=[name], fix=fix
        )
