"""The tables of a run as an Excel workbook."""

from __future__ import annotations

import csv
import datetime as dt
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import finished_runs
from pypdf import PdfReader

from segkit.errors import DataError
from segkit.report.exports.workbook import CELL_TEXT, Contents, write_workbook
from segkit.words.columns import Columns
from segkit.words.format import Formats
from segkit.words.texts import Texts
from segkit.words.wording import Wording

# Bars are drawn by an extension that openpyxl does not know.
pytestmark = pytest.mark.filterwarnings("ignore:.*xtension is not supported:UserWarning:openpyxl")

HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "<script>",
    "http://example.com",
    "a\x00b",
]
AS_IT_IS = {"dtype": object, "keep_default_na": False, "na_values": [""]}
KPIS = pd.DataFrame(
    {
        "segment": ["loyal", "new", "total"],
        "customers": [304, 251, 555],
        "revenue_share": [0.7, 0.3, 1.0],
        "aov": [498.39, 250.78, np.nan],
    }
)
ODD_NAMES = st.sampled_from(["History", "history", "Contenido", "'q'", "a/b", "*?", "x" * 40, "🙂"])
TEXTS = st.one_of(
    st.text(),
    st.sampled_from(HOSTILE),
    st.builds(lambda text: f"={text}", st.text()),
    st.text(st.characters(min_codepoint=0, max_codepoint=31)),
    st.just("_x0041_ 🙂"),
)


@pytest.fixture(scope="module")
def wording() -> Wording:
    names = {"loyal": "=Leales", "new": "Nuevos"}
    return Wording(Texts("es"), Columns("es"), Formats("es_AR", "ARS"), names)


def contents_of(client: str = "Acme", **said: tuple[str, str]) -> Contents:
    made = dt.datetime(2026, 1, 19, 10, 30, tzinfo=dt.UTC)
    return Contents(client, "Segmentación", made, {"Período": "2017"}, said)


def test_a_workbook_has_no_formula_and_no_link(tmp_path):
    df = pd.DataFrame({"=head": HOSTILE, "amount": range(len(HOSTILE))})
    file = write_workbook({"=a": df}, tmp_path / "a.xlsx")
    sheet = openpyxl.load_workbook(file).worksheets[0]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s", "n"}
    assert not [cell for cell in cells if cell.hyperlink]
    assert sheet["A1"].value == "=head"
    assert sheet["A2"].value == "=1+1"
    assert sheet["A10"].value == "ab"


def test_a_workbook_speaks_the_readers_language(tmp_path, wording):
    df = pd.DataFrame(
        {
            "segment": ["loyal", "new", "total"],
            "customers": [304, 251, 555],
            "revenue_share": [0.7, 0.3, 1.0],
            "aov": [498.39, 250.78, np.nan],
        }
    )
    file = write_workbook(
        {"kpis": df}, tmp_path / "a.xlsx", wording, titles={"kpis": "Por segmento"}
    )
    sheet = openpyxl.load_workbook(file)["Por segmento"]
    assert [cell.value for cell in sheet[1]] == [
        "Segmento",
        "Clientes",
        "% de ingresos",
        "Ticket promedio",
    ]
    assert [cell.value for cell in sheet["A"]] == ["Segmento", "=Leales", "Nuevos", "Total"]
    assert sheet["A2"].data_type == "s"
    assert (sheet["C2"].value, sheet["C2"].number_format) == (0.7, "0.0%")
    assert sheet["D2"].number_format == "#,##0.00"
    assert sheet["D4"].value is None
    assert sheet["A4"].font.bold and not sheet["A3"].font.bold
    assert sheet.freeze_panes == "A2"


def test_segments_of_each_sheet_take_the_names_of_its_segmentation(tmp_path, wording):
    df = pd.DataFrame({"segment": ["loyal"]})
    names = {"clusters": {"loyal": "Clientes leales"}}
    file = write_workbook(
        {"clusters": df, "families": df}, tmp_path / "a.xlsx", wording, names=names
    )
    book = openpyxl.load_workbook(file)
    assert [book[name]["A2"].value for name in book.sheetnames] == ["Clientes leales", "=Leales"]


def test_sheet_names_are_valid_and_differ(tmp_path):
    one = pd.DataFrame({"a": [1]})
    names = ["x" * 40, "x" * 35, "a/b:c", "A/B:C", "'quoted'", "History", "***", "new\nline"]
    file = write_workbook(dict.fromkeys(names, one), tmp_path / "a.xlsx")
    sheets = openpyxl.load_workbook(file).sheetnames
    assert len({sheet.lower() for sheet in sheets}) == len(names)
    assert max(map(len, sheets)) <= 31
    assert sheets[2:5] == ["a b c", "A B C_2", "quoted"]
    assert "history" not in [sheet.lower() for sheet in sheets]


def test_a_workbook_takes_zones_odd_dates_large_ids_and_lists(tmp_path):
    df = pd.DataFrame(
        {
            "when": [pd.Timestamp("2017-01-03 10:30", tz="America/Buenos_Aires"), None],
            "old": [dt.date(1850, 1, 1), dt.date(2017, 1, 3)],
            "id": [2**60, 1],
            "list": [["a", "b"], None],
            "infinite": [np.inf, 1.5],
        }
    )
    sheet = openpyxl.load_workbook(write_workbook({"t": df}, tmp_path / "a.xlsx"))["t"]
    first, second = ([cell.value for cell in row] for row in sheet.iter_rows(min_row=2))
    assert first == [dt.datetime(2017, 1, 3, 10, 30), "1850-01-01", str(2**60), "a, b", "inf"]
    assert second == [None, dt.datetime(2017, 1, 3), 1, None, 1.5]


def test_a_workbook_without_tables_is_refused(tmp_path):
    with pytest.raises(DataError, match="no table to write"):
        write_workbook({}, tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []


# The first sheet


@pytest.fixture
def book(tmp_path, wording) -> openpyxl.Workbook:
    said = contents_of("=Acme", kpis=("=Por segmento", "Qué trae & cada uno."))
    tables = {"kpis": KPIS, "plain": KPIS[["customers"]], "empty": KPIS.head(0)}
    return openpyxl.load_workbook(
        write_workbook(tables, tmp_path / "a.xlsx", wording, contents=said)
    )


def test_the_first_sheet_lists_the_others_with_title_rows_and_note(book):
    sheet = book.worksheets[0]
    assert book.sheetnames == ["Contenido", "kpis", "plain", "empty"]
    assert [sheet["A1"].value, sheet["A2"].value] == ["=Acme", "Segmentación"]
    assert [cell.value for cell in sheet[3][:2]] == ["Período", "2017"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=5)] == [
        ["Hoja", "Tabla", "Filas", "Qué conviene saber"],
        ["kpis", "=Por segmento", 3, "Qué trae & cada uno."],
        ["plain", "plain", 3, ""],
        ["empty", "empty", 0, ""],
    ]


def test_links_lead_to_each_table_and_back(book):
    first = book.worksheets[0]
    forth = [first.cell(row, 1).hyperlink.location for row in range(6, 9)]
    assert forth == ["'kpis'!A1", "'plain'!A1", "'empty'!A1"]
    for sheet in book.worksheets[1:]:
        assert sheet["A1"].hyperlink.location == "'Contenido'!A1"
        assert sheet["A1"].hyperlink.target is None
    assert book["kpis"]["A1"].value == "Segmento"


def test_a_table_of_the_contents_name_gets_another(tmp_path, wording):
    tables = {"contenido": KPIS, "it's": KPIS}
    file = write_workbook(tables, tmp_path / "a.xlsx", wording, contents=contents_of())
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["Contenido", "contenido_2", "it's"]
    assert book.worksheets[0]["A7"].hyperlink.location == "'it''s'!A1"


def test_sheets_can_be_filtered_and_totals_stay_below(book):
    assert book["kpis"].auto_filter.ref == "A1:D3"
    assert book["plain"].auto_filter.ref == "A1:A4"
    assert book["empty"].auto_filter.ref == "A1:D1"
    assert book["kpis"].freeze_panes == "A2"


def test_shares_of_the_whole_are_drawn_as_bars_without_the_total(book):
    [(place, [rule])] = [
        (str(found.sqref), found.rules) for found in book["kpis"].conditional_formatting
    ]
    assert place == "C2:C3"
    assert rule.type == "dataBar"
    assert [(end.type, end.val) for end in rule.dataBar.cfvo] == [("num", 0), ("max", None)]
    assert not list(book["plain"].conditional_formatting)


def test_sheets_print_on_the_side_with_their_headers_and_the_clients_name(book):
    for sheet in book.worksheets:
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.paperSize == 9
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.oddHeader.left.text == "=Acme"
    assert book["kpis"].print_title_rows == "$1:$1"
    assert book["kpis"].oddHeader.right.text == "=Por segmento"


def test_a_head_holds_no_marks_of_a_client_and_is_not_too_long(tmp_path, wording):
    contents = contents_of("R&D &P &" + "x" * 400)
    file = write_workbook({"kpis": KPIS}, tmp_path / "a.xlsx", wording, contents=contents)
    head = re.search(rb"<oddHeader>(.*?)</oddHeader>", part(file, "xl/worksheets/sheet2.xml"))[1]
    assert head.startswith(b"&amp;LR&amp;&amp;D &amp;&amp;P")
    assert len(head.replace(b"&amp;", b"&")) <= 255


def test_the_workbook_says_what_it_is_and_nothing_of_the_machine(book, tmp_path):
    properties = book.properties
    assert properties.title == "=Acme · Segmentación"
    assert properties.created == dt.datetime(2026, 1, 19, 10, 30)
    assert not (properties.creator or properties.lastModifiedBy or properties.description)
    assert b"<Company></Company>" in part(tmp_path / "a.xlsx", "docProps/app.xml")


def part(file: Path, name: str) -> bytes:
    with zipfile.ZipFile(file) as archive:
        return archive.read(name)


def test_headers_and_notes_have_room(book):
    assert book["kpis"].row_dimensions[1].height >= 15
    long = "palabra " * 60
    assert book.worksheets[0].column_dimensions["D"].width * 5 > len(long)


# What is read back


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(TEXTS, st.floats(allow_nan=False)), max_size=4),
    name=ODD_NAMES,
    client=TEXTS,
)
def test_no_text_becomes_a_formula_or_is_lost(tmp_path, wording, rows, name, client):
    df = pd.DataFrame(rows, columns=["note", "amount"]).astype({"note": object})
    contents = contents_of(client, **{name: (client, client)})
    file = write_workbook(
        {name: df, f"{name}:": df}, tmp_path / "a.xlsx", wording, contents=contents
    )
    book = openpyxl.load_workbook(file)
    assert len(book.sheetnames) == 3
    for sheet in book.worksheets:
        assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    for sheet in book.worksheets[1:]:
        back = [row[0].value for row in sheet.iter_rows(min_row=2, max_row=len(df) + 1)]
        assert [text or "" for text in back] == [kept(text, wording) for text in df["note"]]


@pytest.mark.parametrize("text", ["a" * 40_000, "=" + "1+" * 20_000])
def test_a_text_longer_than_a_cell_is_cut(tmp_path, wording, text):
    df = pd.DataFrame({"note": [text]})
    said = contents_of(text, long=(text, text))
    book = openpyxl.load_workbook(
        write_workbook({"long": df}, tmp_path / "a.xlsx", wording, contents=said)
    )
    assert book["long"]["A2"].value == text[:CELL_TEXT]
    assert book["long"]["A2"].data_type == "s"
    assert len(book.worksheets[0]["D6"].value) == CELL_TEXT


def kept(text: str, wording: Wording) -> str:
    """A text without the characters that a cell cannot hold."""
    said = re.sub(r"\r\n?", "\n", wording.value(text, "text"))
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", said)[:CELL_TEXT]


@pytest.fixture
def every_kind() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "segment": ["loyal", "ñandú 🙂", None, "total"],
            "customers": [304, 0, 251, 10**14],
            "revenue_share": [0.1 + 0.2, 1e-9, np.nan, 1.0],
            "revenue": [-498.39, 1234567.891, 1e12, 0.0],
            "first_order": pd.to_datetime(["2017-01-03", "2020-02-29", None, "1999-12-31"]),
            "month": [dt.date(2017, 1, 1), dt.date(2017, 2, 1), None, dt.date(2017, 3, 1)],
        }
    )


@pytest.mark.parametrize("engine", ["openpyxl", "calamine"])
def test_numbers_days_and_texts_are_read_back_as_they_were(tmp_path, wording, every_kind, engine):
    said = contents_of()
    file = write_workbook({"all": every_kind}, tmp_path / "a.xlsx", wording, contents=said)
    back = pd.read_excel(file, sheet_name="all", engine=engine, **AS_IT_IS)
    assert_same(every_kind, back, wording)


def assert_same(df: pd.DataFrame, back: pd.DataFrame, wording: Wording) -> None:
    assert list(back.columns) == [wording.header(key) for key in df.columns]
    assert len(back) == len(df)
    for place, key in enumerate(df.columns):
        column, read = df.iloc[:, place], back.iloc[:, place]
        if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
            kind = wording.columns.kind(key, column)
            expected = [as_read(value, kind, wording) for value in column]
            assert [as_read(value, "", None) for value in read] == expected, key
        else:
            np.testing.assert_allclose(read.astype(float), column.astype(float), rtol=1e-15)


def as_read(value: object, kind: str, wording: Wording | None) -> object:
    if isinstance(value, list | np.ndarray):
        return ", ".join(map(str, value))
    if pd.isna(value) or value == "":
        return None
    if isinstance(value, dt.date):
        return pd.Timestamp(value).tz_localize(None)
    return wording.value(value, kind) if wording and isinstance(value, str) else value


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return finished_runs(tmp_path_factory)


@pytest.mark.slow
@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_the_workbook_of_a_run_holds_the_numbers_of_all_its_tables(finished, client):
    folder = finished[client]
    tables = {file.stem: pd.read_parquet(file) for file in folder.glob("data/tables/*.parquet")}
    sheets = pd.read_excel(folder / "exports/tables.xlsx", sheet_name=None, engine="calamine")
    first = sheets.pop(next(iter(sheets)))
    assert len(sheets) == len(tables)
    assert len(first.dropna(subset=first.columns[1])) >= len(tables)
    for name, df in tables.items():
        # Excel's names are short: of two that begin alike, the columns say which it is.
        alike = [sheet for title, sheet in sheets.items() if title[:27] == name[:27]]
        [sheet] = [sheet for sheet in alike if sheet.shape == df.shape and _is_of(sheet, df)]
        for place, key in enumerate(df.columns):
            if pd.api.types.is_float_dtype(df.iloc[:, place]):
                np.testing.assert_allclose(sheet.iloc[:, place], df[key], rtol=1e-14, err_msg=name)


def _is_of(sheet: pd.DataFrame, df: pd.DataFrame) -> bool:
    numbers = [place for place, kind in enumerate(df.dtypes) if pd.api.types.is_numeric_dtype(kind)]
    return all(
        np.allclose(
            sheet.iloc[:, place].astype("float64"),
            df.iloc[:, place].astype("float64"),
            equal_nan=True,
        )
        for place in numbers
    )


# In LibreOffice


def office(file: Path, to: str) -> list[Path]:
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if not program:
        pytest.skip("no LibreOffice on this machine")
    folder = file.parent / "office"
    command = [program, f"-env:UserInstallation={(file.parent / 'profile').as_uri()}"]
    command += ["--headless", "--convert-to", to, "--outdir", str(folder), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    return sorted(folder.iterdir())


@pytest.mark.slow
def test_libreoffice_reads_every_cell(tmp_path, wording, every_kind):
    file = tmp_path / "a.xlsx"
    tables = {"all": every_kind, "texts": pd.DataFrame({"note": ["=1+1", "@SUM(A1)", "-1"]})}
    write_workbook(tables, file, wording, contents=contents_of())
    # Comma, quotes, UTF-8, from the first line, values as held and not as shown, all sheets.
    files = office(
        file, "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
    )
    assert [file.stem for file in files] == ["a-Contenido", "a-all", "a-texts"]
    _, rows, texts = (list(csv.reader(file.open(encoding="utf-8"))) for file in files)
    assert [row[0] for row in rows] == ["Segmento", "=Leales", "ñandú 🙂", "", "Total"]
    for place, key in enumerate(["customers", "revenue_share", "revenue"], start=1):
        read = [number(row[place]) for row in rows[1:]]
        np.testing.assert_allclose(read, every_kind[key].astype(float), rtol=1e-9)
    assert [row[0] for row in texts[1:]] == ["=1+1", "@SUM(A1)", "-1"]


def number(text: str) -> float:
    return float(text.removesuffix("%") or "nan") / (100 if text.endswith("%") else 1)


@pytest.mark.slow
def test_libreoffice_prints_it_as_wide_as_a_page(tmp_path, wording):
    broad = pd.DataFrame([range(40)], columns=[f"column_{n}" for n in range(40)])
    file = tmp_path / "a.xlsx"
    write_workbook({"broad": broad}, file, wording, contents=contents_of())
    [made] = office(file, "pdf")
    pages = PdfReader(made).pages
    assert len(pages) == 2
    assert all(page.mediabox.width > page.mediabox.height for page in pages)
    assert "Column 39" in " ".join(pages[1].extract_text().split())
