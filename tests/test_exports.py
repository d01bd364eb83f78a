"""Files that leave the kit."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segkit.errors import DataError
from segkit.report.catalogue import Columns, Texts
from segkit.report.exports import (
    FORMULA_STARTS,
    guarded,
    replacing,
    unguarded,
    write_csv,
    write_json,
    write_parquet,
    write_workbook,
)
from segkit.report.format import Formats
from segkit.report.tables import Wording

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


@pytest.fixture
def wording() -> Wording:
    names = {"loyal": "=Leales", "new": "Nuevos"}
    return Wording(Texts("es"), Columns("es"), Formats("es_AR", "ARS"), names)


def test_texts_that_look_like_formulas_are_guarded_and_numbers_are_not(tmp_path):
    df = pd.DataFrame({"=name": ["=1+1", "plain", None], "change": [-0.5, 1.0, np.nan]})
    text = write_csv(df, tmp_path / "a.csv").read_text()
    assert text == "'=name,change\n'=1+1,-0.5\nplain,1.0\n,\n"


def test_categories_are_guarded_too(tmp_path):
    df = pd.DataFrame({"name": pd.Categorical(["=a", "b", "=a"])})
    assert write_csv(df, tmp_path / "a.csv").read_text() == "name\n'=a\nb\n'=a\n"


# Texts that begin as those do which are guarded, or look as if they were.
TEXTS = st.text() | st.text(st.sampled_from(["'", " ", "a", *FORMULA_STARTS]), max_size=6)


@given(TEXTS)
def test_no_guarded_text_is_a_formula_and_the_rest_is_untouched(text):
    safe = guarded(text)
    assert not safe.startswith(FORMULA_STARTS)
    assert safe in (text, f"'{text}")
    assert (safe != text) == text.lstrip("'").startswith(FORMULA_STARTS)


@given(TEXTS)
def test_a_guarded_text_can_be_told_from_one_that_began_with_an_apostrophe(text):
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["'a'", "'", "", "a=1", " =1", "'' a", "O'=x"])
def test_what_was_never_guarded_stays_as_it_is(text):
    assert guarded(text) == text
    assert unguarded(text) == text


@pytest.mark.parametrize("value", [-5, 1.5, None, True, dt.date(2017, 1, 3)])
def test_only_texts_are_guarded(value):
    assert guarded(value) is value
    assert unguarded(value) is value


def test_what_is_read_back_is_what_was_written(tmp_path):
    df = pd.DataFrame(
        {
            "name": ["comma, here", 'quote "x"', "line\nbreak", "ñandú 🙂", "'=x"],
            "amount": [0.1, -2.0, 1e12, 3.25, 0.0],
            "day": pd.to_datetime(["2017-01-03"] * 5),
        }
    )
    back = pd.read_csv(write_csv(df, tmp_path / "a.csv"), parse_dates=["day"])
    assert back["name"].map(unguarded).tolist() == df["name"].tolist()
    assert back["amount"].tolist() == df["amount"].tolist()
    assert back["day"].tolist() == df["day"].tolist()


def test_columns_of_the_same_name_are_all_written(tmp_path):
    df = pd.DataFrame([[1, "=a"]], columns=["x", "x"])
    assert write_csv(df, tmp_path / "a.csv").read_text() == "x,x\n1,'=a\n"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(RuntimeError), replacing(file) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


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
    file = write_workbook({name: one for name in names}, tmp_path / "a.xlsx")
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


def test_mixed_columns_become_text_in_parquet(tmp_path):
    df = pd.DataFrame({"mixed": [1, "x", None], "plain": [1.5, 2.5, 3.5]})
    back = pd.read_parquet(write_parquet(df, tmp_path / "a.parquet"))
    assert back["mixed"].tolist()[:2] == ["1", "x"]
    assert back["mixed"].isna().tolist() == [False, False, True]
    assert back["plain"].tolist() == [1.5, 2.5, 3.5]


def test_json_holds_plain_values_only(tmp_path):
    value = {
        "count": np.int64(3),
        "missing": [np.nan, pd.NA, pd.NaT, float("inf")],
        "table": pd.DataFrame({"a": [1.5]}),
        "day": dt.date(2017, 1, 3),
        "name": "ñ",
        "array": np.array([1, 2]),
    }
    text = write_json(value, tmp_path / "a.json").read_text(encoding="utf-8")
    assert '"ñ"' in text
    assert json.loads(text) == {
        "count": 3,
        "missing": [None] * 4,
        "table": [{"a": 1.5}],
        "day": "2017-01-03",
        "name": "ñ",
        "array": [1, 2],
    }
