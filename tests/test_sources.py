"""Sources: every way a table can come, and what is said of one that cannot be read."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segkit.data import csv_records
from segkit.data.csv_records import count_lines
from segkit.data.parsing import as_instant
from segkit.data.sources import Workspace, fingerprint, read, resolve_files
from segkit.errors import SegkitError
from segkit.params import Events, Orders

COLUMNS = {"customer": "customer", "date": "date", "amount": "amount"}
TEXT = "customer,date,amount\nana,2024-01-05,10.5\nluis,2024-01-06,7\n"
ROWS = [("ana", "2024-01-05", "10.5"), ("luis", "2024-01-06", "7")]


def source(**given) -> Orders:
    given.setdefault("columns", COLUMNS)
    return Orders.model_validate(given)


def rows(workspace: Workspace, **given) -> list[tuple]:
    """Read a source whole and return its mapped columns, sorted."""
    raw = read(workspace, source(**given), "orders")
    table = raw.table.select(*given.get("columns", COLUMNS).values()).to_pyarrow().to_pylist()
    return sorted((tuple(row.values()) for row in table), key=str)


def malformed(workspace: Workspace, **given) -> list[tuple]:
    raw = read(workspace, source(**given), "orders")
    if raw.malformed is None:
        return []
    return [tuple(row.values()) for row in raw.malformed.order_by("line").to_pyarrow().to_pylist()]


def problem(workspace: Workspace, **given) -> str:
    with pytest.raises(SegkitError) as caught:
        read(workspace, source(**given), "orders")
    text = str(caught.value).replace(f"{workspace.root}/", "")
    assert "\n" not in text
    assert ". Fix: " in text
    return text


# CSV -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-8-sig", "UTF-8"),
        ("cp1252", "cp1252"),
        ("latin-1", "iso-8859-1"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
    ],
)
def test_a_csv_file_is_read_in_its_encoding(workspace, tmp_path, encoding, declared):
    text = TEXT.replace("ana", "Peña, Núñez").replace("Peña, Núñez", '"Peña, Núñez"')
    (tmp_path / "o.csv").write_text(text, encoding=encoding)
    found = rows(workspace, path="o.csv", csv={"encoding": declared})
    assert found == [("Peña, Núñez", "2024-01-05", "10.5"), ROWS[1]]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", "¦"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_csv_file_is_read_with_its_separator_and_newlines(workspace, tmp_path, mark, newline):
    text = TEXT.replace(",", mark).replace("\n", newline)
    (tmp_path / "o.csv").write_bytes(text.encode())
    assert rows(workspace, path="o.csv", csv={"separator": mark}) == ROWS


def test_files_put_together_from_several_systems_are_read(workspace, tmp_path):
    text = TEXT + "eva,2024-01-07,1\r\nito,2024-01-08,2\n"
    (tmp_path / "o.csv").write_bytes(text.encode())
    assert rows(workspace, path="o.csv")[1:3] == [
        ("eva", "2024-01-07", "1"),
        ("ito", "2024-01-08", "2"),
    ]


def test_quotes_keep_separators_quotes_and_newlines(workspace, tmp_path):
    text = TEXT + '"x, ""y""\nz",2024-01-07,"1\r\n"\n' + 'pipe 5" wide,2024-01-08,2\n'
    (tmp_path / "o.csv").write_bytes(text.encode())
    found = rows(workspace, path="o.csv")
    assert ('x, "y"\nz', "2024-01-07", "1\r\n") in found
    assert ('pipe 5" wide', "2024-01-08", "2") in found
    assert malformed(workspace, path="o.csv") == []


def test_without_a_quote_mark_quotes_are_letters(workspace, tmp_path):
    (tmp_path / "o.csv").write_text(TEXT + '"eva,2024-01-07,1\n')
    assert rows(workspace, path="o.csv", csv={"quote": ""})[0] == ('"eva', "2024-01-07", "1")


def test_columns_without_a_name_get_one(workspace, tmp_path):
    (tmp_path / "o.csv").write_text(",customer,date,amount\n0,ana,2024-01-05,10.5\n")
    assert rows(workspace, path="o.csv") == ROWS[:1]
    assert read(workspace, source(path="o.csv"), "orders").table.columns[0] == "column_0"


@pytest.mark.parametrize(
    "text",
    [
        "sep=,\n" + TEXT,
        "\ufeffsep=,\r\n" + TEXT.replace("\n", "\r\n"),
        TEXT.replace("customer", '"customer"'),
        "\ufeff" + TEXT.replace("customer", '"customer"'),
        TEXT.replace("\n", ',"odd\nname"\n', 1).replace("5\n", "5,x\n").replace("7\n", "7,x\n"),
    ],
)
def test_what_programs_write_into_a_header_does_no_harm(workspace, tmp_path, text):
    (tmp_path / "o.csv").write_text(text)
    assert rows(workspace, path="o.csv") == ROWS
    assert malformed(workspace, path="o.csv") == []


def test_empty_fields_are_missing_and_blank_lines_are_nothing(workspace, tmp_path):
    (tmp_path / "o.csv").write_text(TEXT.replace("luis", "") + "\n\n   \n" + '"",2024-01-07,""\n')
    assert rows(workspace, path="o.csv") == [
        ROWS[0],
        (None, "2024-01-06", "7"),
        (None, "2024-01-07", None),
    ]
    assert malformed(workspace, path="o.csv") == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("eva,2024-01-07\n", [("o.csv", 4, "eva,2024-01-07")]),
        ("eva,2024-01-07,1,2\n", [("o.csv", 4, "eva,2024-01-07,1,2")]),
        ('"eva,2024-01-07,1\n', [("o.csv", 4, '"eva,2024-01-07,1')]),
        ('"eva"x,2024-01-07,1\n', [("o.csv", 4, '"eva"x,2024-01-07,1')]),
        ("eva,2024-0", [("o.csv", 4, "eva,2024-0")]),
        ('"eva, the', [("o.csv", 4, '"eva, the')]),
        ('"a\nb\nc\n', [("o.csv", 4, '"a'), ("o.csv", 5, "b"), ("o.csv", 6, "c")]),
    ],
)
def test_a_damaged_line_costs_that_line_alone(workspace, tmp_path, damage, found):
    (tmp_path / "o.csv").write_text(TEXT + damage)
    assert rows(workspace, path="o.csv") == ROWS
    assert malformed(workspace, path="o.csv") == found
    whole = damage if damage.endswith("\n") else f"{damage}\n"
    (tmp_path / "o.csv").write_text(TEXT.replace("ana", whole + "ana"))
    assert rows(workspace, path="o.csv") == ROWS
    assert [raw for _, _, raw in malformed(workspace, path="o.csv")] == [raw for *_, raw in found]


def test_a_quote_that_never_closes_does_not_swallow_a_large_file(workspace, tmp_path):
    many = "".join(f"c{place},2024-01-05,1\n" for place in range(60_000))
    (tmp_path / "o.csv").write_text(TEXT + '"eva,2024-01-07,1\n' + many)
    raw = read(workspace, source(path="o.csv"), "orders")
    assert raw.table.count().to_pyarrow().as_py() == 60_002
    assert raw.malformed.to_pyarrow().to_pylist() == [
        {"file": "o.csv", "line": 4, "raw": '"eva,2024-01-07,1'}
    ]


def test_a_stray_byte_costs_a_line_and_another_encoding_is_an_error(workspace, tmp_path):
    many = "".join(f"c{place},2024-01-05,1\n" for place in range(300)).encode()
    (tmp_path / "o.csv").write_bytes(TEXT.encode() + "Peña,2024-01-07,1\n".encode("cp1252") + many)
    assert malformed(workspace, path="o.csv") == [("o.csv", 4, "Pe\\xf1a,2024-01-07,1")]
    (tmp_path / "o.csv").write_bytes(TEXT.replace("ana", "Peña").encode("cp1252"))
    assert problem(workspace, path="o.csv") == (
        "o.csv: lines are not written in utf-8 (1 in all). "
        "Fix: set csv.encoding to the file's encoding (utf-8, cp1252, utf-16)"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\n", "o.csv: the first line holds no column names. Fix: add a header"),
        (b"   \n1,2\n", "o.csv: the first line holds no column names"),
        (b"a,Amount,amount\n", "columns stand twice in the header (case does not count): 'Amount'"),
        (b'"customer,date\n', "o.csv: the header cannot be read: a quote stays open"),
        (b"PK\x03\x04\xff\xff" * 90, "o.csv: lines are not written in utf-8"),
        (TEXT.encode("utf-16"), "o.csv: lines are not written in utf-8"),
        (
            TEXT.encode("utf-16-le"),
            "o.csv: lines are not written in utf-8. Fix: set csv.encoding to utf-16-le",
        ),
        (
            TEXT.replace("customer", "n\ufffdmero").encode(),
            "letters of the header were lost when the file was saved ('n\ufffdmero'): export it again",
        ),
        (TEXT.replace(",", ";").encode(), "Fix: set orders.csv.separator to ';'"),
        (TEXT.replace(",", "\t").encode(), "Fix: set orders.csv.separator to '\\t'"),
        (
            TEXT.replace("customer", "custmer").encode(),
            "orders.columns.customer: no such column in the data: 'customer'. "
            + "Fix: did you mean 'custmer'? Valid names: custmer, date, amount",
        ),
        (b"", "o.csv: the file is empty (0 bytes). Fix: export it again"),
    ],
)
def test_a_csv_file_that_cannot_be_read_says_why(workspace, tmp_path, content, said):
    (tmp_path / "o.csv").write_bytes(content)
    assert said in problem(workspace, path="o.csv")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_its_mark_is_named_for_what_it_is(workspace, tmp_path, encoding):
    (tmp_path / "o.csv").write_text(TEXT, encoding=encoding)
    said = problem(workspace, path="o.csv", csv={"encoding": "utf-16"})
    assert said.endswith(f"Fix: set csv.encoding to {encoding}")
    assert rows(workspace, path="o.csv", csv={"encoding": encoding}) == ROWS


def test_utf16_without_its_mark_says_so(workspace, tmp_path):
    (tmp_path / "o.csv").write_text(TEXT)
    assert "not written in utf-16" in problem(workspace, path="o.csv", csv={"encoding": "utf-16"})


FIELD = st.text(alphabet='ab,"\n\r ñ😀;\\=', max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=8))
def test_what_a_csv_writer_wrote_is_read_back(tmp_path, table):
    import csv

    file = tmp_path / "o.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([tuple(COLUMNS), *table])
    good, bad = tmp_path / "good.parquet", tmp_path / "bad.parquet"
    csv_records.split_records(file, source(path="o.csv"), good, bad)
    found = [tuple(row.values()) for row in pq.read_table(good).to_pylist()]
    assert found == [tuple(text or None for text in row) for row in table]
    assert pq.read_table(bad).num_rows == 0


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet='a,"\n\r', max_size=60))
def test_no_line_of_any_text_is_lost(tmp_path, body):
    file = tmp_path / "o.csv"
    file.write_bytes(b"customer,date,amount\n" + body.encode())
    good, bad = tmp_path / "good.parquet", tmp_path / "bad.parquet"
    csv_records.split_records(file, source(path="o.csv"), good, bad)
    kept = [text for row in pq.read_table(good).to_pylist() for text in row.values() if text]
    held = "".join([*kept, *pq.read_table(bad)["raw"].to_pylist()])
    assert held.count("a") == body.count("a")


# Titles above the header, and names that stand there twice ------------------------------

TITLES = 'Ventas, enero\n"Tienda ""Ana""\n\n'


@pytest.mark.parametrize("damage", ["", "cut\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_above_the_header_are_passed_over_and_others_keep_their_number(
    workspace, tmp_path, damage, newline
):
    text = (TITLES + TEXT + damage).replace("\n", newline)
    (tmp_path / "o.csv").write_bytes(text.encode("utf-8-sig"))
    assert rows(workspace, path="o.csv", skip_rows=3) == ROWS
    found = [("o.csv", 7, "cut")] if damage else []
    assert malformed(workspace, path="o.csv", skip_rows=3) == found


def test_titles_are_passed_over_in_any_encoding(workspace, tmp_path):
    (tmp_path / "o.csv").write_text("Año;\n" + TEXT, encoding="utf-16")
    assert rows(workspace, path="o.csv", skip_rows=1, csv={"encoding": "utf-16"}) == ROWS


def test_blank_titles_and_blank_lines_of_a_table_are_not_mixed_up(workspace, tmp_path):
    (tmp_path / "o.csv").write_text("\n\nx\n" + TEXT + "\n\n")
    assert rows(workspace, path="o.csv", skip_rows=3) == ROWS
    (tmp_path / "o.csv").write_text("sep=,\n\nx\n" + TEXT)
    assert rows(workspace, path="o.csv", skip_rows=3) == ROWS
    (tmp_path / "o.csv").write_text("x\nsep=,\n" + TEXT)
    assert rows(workspace, path="o.csv", skip_rows=1) == ROWS


@pytest.mark.parametrize("skipped", [2, 3, 9])
def test_a_header_that_is_not_where_it_should_be_is_told(workspace, tmp_path, skipped):
    (tmp_path / "o.csv").write_text("x\n" + TEXT)
    said = problem(workspace, path="o.csv", skip_rows=skipped)
    assert "no such column" in said if skipped < 4 else "check skip_rows" in said


def test_a_source_that_has_no_rows_above_its_columns_is_told(workspace, tmp_path):
    pq.write_table(pa.table(dict(zip(COLUMNS, zip(*ROWS)))), tmp_path / "o.parquet")
    said = problem(workspace, path="o.parquet", skip_rows=1)
    assert said.startswith("orders.skip_rows: a Parquet file has no rows above its columns: 1")
    with pytest.raises(ValueError, match="'skip_rows' is for files, not for a database"):
        source(database={"url": "sqlite://x.db", "table": "t"}, skip_rows=1)
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        source(path="o.csv", skip_rows=-1)


REPEATED = "customer,Estado,date,estado,amount,,ESTADO\nana,a,2024-01-05,b,10.5,c,d\n"


def test_names_that_stand_twice_and_are_not_used_do_no_harm(workspace, tmp_path):
    for damage in ("", "cut\n"):
        (tmp_path / "o.csv").write_text(REPEATED + damage)
        assert rows(workspace, path="o.csv") == ROWS[:1]
        table = read(workspace, source(path="o.csv"), "orders").table
        names = ("Estado (1)", "estado (2)", "column_5", "ESTADO (3)")
        assert {*names} < {*table.columns}
        columns = COLUMNS | {"status": "estado (2)"}
        assert rows(workspace, path="o.csv", columns=columns) == [(*ROWS[0], "b")]


def test_a_name_that_stands_twice_is_used_with_its_number_alone(workspace, tmp_path):
    (tmp_path / "o.csv").write_text(REPEATED)
    said = problem(workspace, path="o.csv", columns=COLUMNS | {"status": "Estado"})
    assert said == (
        "o.csv: columns stand twice in the header (case does not count): 'Estado', 'estado', "
        "'ESTADO'. Fix: write 'Estado (1)' or 'estado (2)' or 'ESTADO (3)' "
        "as orders.columns.status"
    )


def test_a_name_that_one_of_several_files_repeats_is_told(workspace, tmp_path):
    (tmp_path / "1.csv").write_text(TEXT)
    (tmp_path / "2.csv").write_text(TEXT.replace("date,", "date,AMOUNT,").replace("-0", "-0,0"))
    assert "2.csv: columns stand twice in the header" in problem(workspace, path="*.csv")


def test_a_number_that_one_of_several_files_does_not_need_is_told(workspace, tmp_path):
    (tmp_path / "1.csv").write_text(REPEATED)
    (tmp_path / "2.csv").write_text(REPEATED.replace("estado", "x").replace("ESTADO", "y"))
    said = problem(workspace, path="*.csv", columns=COLUMNS | {"status": "Estado (1)"})
    assert said.startswith("2.csv: the column stands in the header once, so it has no number")
    assert "write 'Estado' as orders.columns.status" in said


@settings(max_examples=200)
@given(names=st.lists(st.text(alphabet="aA ()12", max_size=5), min_size=1, max_size=12))
def test_names_of_columns_are_always_unique_without_case(names):
    found = csv_records.unique_names(names)
    assert len({name.lower() for name in found}) == len(names)
    once = [name for name in names if [n.lower() for n in names].count(name.lower()) == 1]
    assert {name for name in once if name.strip()} <= {*found}


def test_a_header_of_ten_thousand_equal_names_is_read_at_once():
    assert csv_records.unique_names(["a"] * 10_000)[-1] == "a (10000)"


def test_lines_are_counted_whatever_ends_them(tmp_path):
    file = tmp_path / "x"
    counted = {b"": 0, b"a": 1, b"a\n": 1, b"a\nb": 2, b"a\r\nb\r\n": 2, b"a\rb\r": 2, b"\n\n": 2}
    for content, count in counted.items():
        file.write_bytes(content)
        assert count_lines(file) == count


# Several files, folders, patterns --------------------------------------------------------


def test_several_files_are_one_table_whatever_the_order_of_columns(workspace, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.csv").write_text("customer,date,amount\nana,2024-01-05,10.5\n")
    (tmp_path / "in" / "2.csv").write_text("amount,note,date,customer\n7,x,2024-01-06,luis\n")
    (tmp_path / "in" / ".hidden.csv").write_text("junk")
    (tmp_path / "in" / "~$2.csv").write_text("junk")
    (tmp_path / "in" / "notes.md").write_text("junk")
    for path in (["in/1.csv", "in/2.csv"], "in", "in/*.csv", "**/[12].csv", "in/?.csv"):
        assert rows(workspace, path=path) == ROWS
    with (tmp_path / "in" / "1.csv").open("a") as stream:
        stream.write("cut\n")
    assert rows(workspace, path="in") == ROWS
    assert malformed(workspace, path="in") == [("1.csv", 3, "cut")]


def test_a_file_named_twice_is_read_once(workspace, tmp_path):
    (tmp_path / "o.csv").write_text(TEXT)
    assert rows(workspace, path=["o.csv", "*.csv", str(tmp_path / "o.csv")]) == ROWS


def test_a_folder_of_several_kinds_needs_a_format(workspace, tmp_path):
    (tmp_path / "o.csv").write_text(TEXT)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "o.parquet")
    assert problem(workspace, path=".").startswith(
        "orders.path: the format is not clear from the file names: '.csv', '.parquet'. "
        "Fix: set orders.format"
    )
    assert rows(workspace, path=".", format="csv") == ROWS


@pytest.mark.parametrize(
    "name", ["b[1]", "star*", "q?", "a'b", "uni ñ 😀", "50%", "{x}", "amount=9"]
)
def test_names_of_folders_and_files_hold_any_mark(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / f"{name}.csv").write_text(TEXT)
    table = pa.table(dict(zip(COLUMNS, zip(*ROWS))))
    pq.write_table(table, folder / f"{name}.parquet")
    for other in ("starX", "qX", "b1"):  # what the names would match as patterns
        pq.write_table(table, folder / f"{other}.parquet")
        (folder / f"{other}.csv").write_text(TEXT)
    inside = Workspace(folder, folder / ".scratch")
    outside = Workspace(tmp_path, folder / ".scratch-2")
    for kind in ("csv", "parquet"):
        assert rows(inside, path=f"{name}.{kind}") == ROWS
        assert rows(outside, path=f"{name}/{name}.{kind}") == ROWS
        assert len(rows(inside, path=f"*.{kind}")) == 8
    inside.close()
    outside.close()


def test_a_folder_named_like_a_column_is_a_column_only_where_files_lack_it(workspace, tmp_path):
    folder = tmp_path / "in" / "date=2030-01-01"
    folder.mkdir(parents=True)
    pq.write_table(pa.table(dict(zip(COLUMNS, zip(*ROWS)))), folder / "x.parquet")
    assert rows(workspace, path="in") == ROWS
    pq.write_table(pa.table({"customer": ["ana"], "amount": ["1"]}), folder / "x.parquet")
    assert rows(workspace, path="in") == [("ana", date(2030, 1, 1), "1")]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nope.csv", "orders.path: file not found: 'nope.csv'. Fix: relative paths start from"),
        ("no*.csv", "orders.path: no file matches this pattern: 'no*.csv'. Fix: check the folder"),
        ("**.csv", "orders.path: no file matches this pattern: '**.csv'. Fix: check the folder"),
        ("empty", "orders.path: no data file in this folder: 'empty'. Fix: put CSV, Parquet or"),
        ("x.pdf", "orders.path: the format is not clear from the file names: '.pdf'. Fix: set"),
        ("${NO_SUCH_NAME}/x.csv", "orders.path: environment variable NO_SUCH_NAME is not set. Fix"),
        ("segkit:nope", "demo: unknown demo file: 'nope'. Fix: use one of the valid names"),
    ],
)
def test_a_path_that_leads_nowhere_says_so(workspace, tmp_path, path, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    assert said in problem(workspace, path=path)


def test_variables_and_the_home_folder_stand_in_paths(workspace, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "o.csv").write_text(TEXT)
    monkeypatch.setenv("SHOP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert rows(workspace, path="${SHOP_DATA}/o.csv") == ROWS
    assert rows(workspace, path="~/data/o.csv") == ROWS


# Parquet ---------------------------------------------------------------------------------


def test_parquet_files_are_read_as_they_are_typed(workspace, tmp_path):
    columns = {
        "customer": pa.array([1, None], pa.int64()),
        "date": pa.array([date(2024, 1, 5), date(2024, 1, 6)]),
        "amount": pa.array([Decimal("10.50"), None], pa.decimal128(12, 2)),
    }
    pq.write_table(pa.table(columns), tmp_path / "o.parquet")
    assert rows(workspace, path="o.parquet") == [
        (1, date(2024, 1, 5), Decimal("10.50")),
        (None, date(2024, 1, 6), None),
    ]


def test_parquet_files_with_columns_of_two_types_are_one_table(workspace, tmp_path):
    pq.write_table(pa.table(dict(zip(COLUMNS, zip(*ROWS)))), tmp_path / "1.parquet")
    other = {"amount": [1.5], "date": ["2024-01-07"], "customer": [7]}
    pq.write_table(pa.table(other), tmp_path / "2.pq")
    assert [row[0] for row in rows(workspace, path=["1.parquet", "2.pq"])] == ["7", "ana", "luis"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: b"", "the file is empty (0 bytes)"),
        (lambda content: content[: len(content) // 2], "not a readable Parquet file"),
        (lambda content: b"PAR1" + b"x" * 90 + b"PAR1", "not a readable Parquet file"),
        (lambda content: content[:10] + b"\xff" * 50 + content[60:], "not a readable Parquet file"),
        (lambda content: TEXT.encode(), "not a readable Parquet file"),
    ],
)
def test_a_damaged_parquet_file_says_so(workspace, tmp_path, damage, said):
    file = tmp_path / "o.parquet"
    pq.write_table(pa.table(dict(zip(COLUMNS, zip(*ROWS)))), file)
    file.write_bytes(damage(file.read_bytes()))
    assert problem(workspace, path="o.parquet").startswith(f"o.parquet: {said}")


def test_numbers_that_the_engine_reads_wrong_are_refused(workspace, tmp_path):
    wide = pa.array([Decimal("10.12")], pa.decimal256(50, 9))
    table = pa.table({"customer": ["a"], "date": ["2024-01-05"], "amount": wide})
    pq.write_table(table, tmp_path / "o.parquet")
    assert "decimals of more than 38 digits: 'amount'" in problem(workspace, path="o.parquet")


# Excel -----------------------------------------------------------------------------------


def write_book(file: Path, table: list[tuple], header: tuple = tuple(COLUMNS)) -> None:
    with xlsxwriter.Workbook(file, {"default_date_format": "dd/mm/yyyy"}) as book:
        book.add_worksheet("Notas")
        sheet = book.add_worksheet("Ventas")
        for place, row in enumerate([header, *table]):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(place, column, cell)
                elif isinstance(cell, str):
                    sheet.write_string(place, column, cell)
                elif cell is not None:
                    sheet.write(place, column, cell)


CELLS = [
    ("00123", date(2024, 1, 5), 10.5),
    (12345, datetime(2024, 1, 6, 10, 30), 7),
    ("eva", "07/01/2024", "1.234,5"),
    (None, None, None),
    ("ito", date(2024, 1, 8), 1.125),
]


def test_a_sheet_keeps_texts_numbers_and_dates_as_they_are(workspace, tmp_path):
    write_book(tmp_path / "o.xlsx", CELLS)
    assert rows(workspace, path="o.xlsx", sheet="Ventas") == [
        ("00123", "2024-01-05", "10.5"),
        ("12345", "2024-01-06 10:30:00", "7"),
        ("eva", "07/01/2024", "1.234,5"),
        ("ito", "2024-01-08", "1.125"),
    ]


def test_real_dates_and_numbers_of_a_sheet_follow_the_marks_of_the_texts_beside_them(
    workspace, tmp_path
):
    write_book(tmp_path / "o.xlsx", CELLS)
    marks = {"date_format": "%d/%m/%Y", "decimal": ",", "thousands": "."}
    assert rows(workspace, path="o.xlsx", sheet="Ventas", **marks) == [
        ("00123", "05/01/2024", "10,5"),
        ("12345", "06/01/2024", "7"),
        ("eva", "07/01/2024", "1.234,5"),
        ("ito", "08/01/2024", "1,125"),
    ]


def test_rows_above_the_header_of_a_sheet_are_passed_over(workspace, tmp_path):
    titles = [("Ventas",), (), ("Desde", date(2024, 1, 1)), ("Grupo", None, "Importes")]
    write_book(tmp_path / "o.xlsx", [*titles[1:], tuple(COLUMNS), *CELLS[:1]], header=titles[0])
    found = rows(workspace, path="o.xlsx", sheet="Ventas", skip_rows=4)
    assert found == [("00123", "2024-01-05", "10.5")]
    for skipped in (1, 50):
        said = problem(workspace, path="o.xlsx", sheet="Ventas", skip_rows=skipped)
        assert "no column names below the rows passed over" in said and "skip_rows" in said


def test_rows_above_a_header_are_those_of_the_sheet_even_where_it_begins_with_empty_ones(
    workspace, tmp_path
):
    table = [(), ("Ventas",), tuple(COLUMNS), *CELLS[:1]]
    write_book(tmp_path / "o.xlsx", table, header=())
    found = rows(workspace, path="o.xlsx", sheet="Ventas", skip_rows=3)
    assert found == [("00123", "2024-01-05", "10.5")]


def test_names_that_a_sheet_repeats_are_numbered(workspace, tmp_path):
    header = (*COLUMNS, "Estado", "Estado")
    write_book(tmp_path / "o.xlsx", [(*CELLS[0], "a", "b")], header=header)
    columns = COLUMNS | {"status": "Estado (2)"}
    assert rows(workspace, path="o.xlsx", sheet="Ventas", columns=columns)[0][3] == "b"
    said = problem(workspace, path="o.xlsx", columns=columns | {"status": "Estado"}, sheet="Ventas")
    assert "write 'Estado (1)' or 'Estado (2)' as orders.columns.status" in said


def test_a_merged_cell_fills_its_first_cell_alone(workspace, tmp_path):
    with xlsxwriter.Workbook(tmp_path / "o.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, COLUMNS)
        sheet.merge_range(1, 0, 2, 0, "ana")
        sheet.write_row(1, 1, ["2024-01-05", "10.5"])
        sheet.write_row(2, 1, ["2024-01-06", "7"])
    assert rows(workspace, path="o.xlsx") == [ROWS[0], (None, "2024-01-06", "7")]


@pytest.mark.parametrize(
    ("date_format", "text", "days"),
    [
        (None, "2024-01-06", ["2024-01-05 00:00:00", "2024-01-06 00:00:00"]),
        ("%d/%m/%Y", "06/01/2024", ["2024-01-05 00:00:00", "2024-01-06 00:00:00"]),
        ("%d de %B de %Y", "6 de enero de 2024", ["2024-01-05 00:00:00", "2024-01-06 00:00:00"]),
        ("excel", 45297.5, ["2024-01-05 00:00:00", "2024-01-06 12:00:00"]),
    ],
)
@pytest.mark.parametrize("decimal", [".", ","])
def test_real_dates_of_a_sheet_and_what_is_written_beside_them_are_instants(
    workspace, tmp_path, date_format, text, days, decimal
):
    write_book(tmp_path / "o.xlsx", [("a", date(2024, 1, 5), 1), ("b", text, 2)])
    given = source(path="o.xlsx", sheet="Ventas", date_format=date_format, decimal=decimal)
    table = read(workspace, given, "orders").table.order_by("customer")
    found = table.select(day=as_instant(table["date"], given, "UTC")).to_pyarrow()["day"]
    assert [str(day) for day in found.to_pylist()] == days


def test_several_books_are_one_table(workspace, tmp_path):
    write_book(tmp_path / "1.xlsx", CELLS[:1])
    turned = [(place, *row[::-1]) for place, row in enumerate(CELLS[1:2])]
    write_book(tmp_path / "2.xlsx", turned, header=("n", "amount", "date", "customer"))
    (tmp_path / "~$2.xlsx").write_bytes(b"lock of an open book")
    assert [row[0] for row in rows(workspace, path=".", sheet="Ventas")] == ["00123", "12345"]


@pytest.mark.parametrize(
    ("sheet", "header", "said"),
    [
        ("Venta", tuple(COLUMNS), "no such sheet: 'Venta'. Fix: did you mean 'Ventas'?"),
        ("Notas", tuple(COLUMNS), "o.xlsx: the sheet is empty. Fix: name another sheet"),
        ("Ventas", ("customer", "Date", "date"), "columns stand twice in the header"),
        ("Ventas", ("custmer", "date", "amount"), "Fix: did you mean 'custmer'?"),
        (
            "Ventas",
            ("Ventas 2024", None, None),
            "valid names: Ventas 2024",
        ),
    ],
)
def test_a_book_that_cannot_be_read_says_why(workspace, tmp_path, sheet, header, said):
    write_book(tmp_path / "o.xlsx", CELLS, header=header)
    assert said in problem(workspace, path="o.xlsx", sheet=sheet)


def test_a_damaged_book_says_so(workspace, tmp_path):
    file = tmp_path / "o.xlsx"
    write_book(file, CELLS)
    for content in (file.read_bytes()[:500], TEXT.encode(), b"PK\x03\x04"):
        file.write_bytes(content)
        assert problem(workspace, path="o.xlsx").startswith("o.xlsx: not a readable workbook")


# Databases -------------------------------------------------------------------------------


def database(url: str, **given) -> dict:
    return {"database": {"url": url, **given}}


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute(
            "CREATE TABLE orders (customer TEXT, date DATE, amount NUMERIC(10,2), note BLOB)"
        )
        cells = [("00123", "2024-01-05", 10.5, b"x"), ("luis", "2024-01-06", 7, None)]
        shop.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", cells)
    shop.close()
    return tmp_path / "shop.db"


@pytest.fixture
def duckdb_file(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
        shop.execute(
            "CREATE SCHEMA sales; CREATE TABLE sales.orders AS "
            "SELECT '00123' customer, DATE '2024-01-05' date, 10.5 amount, [1, 2] marks, "
            "uuid() id, TIME '10:00' AS h "
            "UNION ALL SELECT 'luis', DATE '2024-01-06', 7, [], uuid(), TIME '11:00'; "
            "CREATE VIEW lines AS SELECT * FROM sales.orders"
        )
    return tmp_path / "shop.duckdb"


def test_sqlite_is_read_by_table_and_by_query(workspace, sqlite_file):
    found = rows(workspace, **database("sqlite://shop.db", table="orders"))
    assert [(row[0], float(row[2])) for row in found] == [("00123", 10.5), ("luis", 7.0)]
    query = "SELECT customer, date, amount FROM orders WHERE customer LIKE '0%';"
    assert [row[0] for row in rows(workspace, **database("sqlite://shop.db", query=query))] == [
        "00123"
    ]
    absolute = database(f"sqlite://{sqlite_file}", table="orders")
    assert len(rows(workspace, **absolute)) == 2


def test_a_sqlite_column_that_holds_other_things_than_declared_becomes_text(workspace, tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("CREATE TABLE orders (customer INTEGER, date TEXT, amount REAL)")
        cells = [(1, "2024-01-05", 10.5), ("x", "2024-01-06", "n/a"), (None, "2024-01-06", 5)]
        shop.executemany("INSERT INTO orders VALUES (?, ?, ?)", cells)
    shop.close()
    found = rows(workspace, **database("sqlite://shop.db", table="orders"))
    assert [row[0] for row in found] == ["1", "x", None]
    assert [row[2] for row in found] == ["10.5", "n/a", "5.0"]


def test_duckdb_is_read_by_table_view_and_query(workspace, duckdb_file):
    found = [
        ("00123", date(2024, 1, 5), Decimal("10.5")),
        ("luis", date(2024, 1, 6), Decimal("7.0")),
    ]
    url = "duckdb://shop.duckdb"
    assert rows(workspace, **database(url, table="sales.orders")) == found
    assert rows(workspace, **database(url, table="lines")) == found
    query = "SELECT * FROM sales.orders WHERE amount > 8 -- the large ones"
    assert rows(workspace, **database(url, query=query)) == found[:1]
    # Nothing stays open: another program can write to it.
    with duckdb.connect(str(duckdb_file)) as shop:
        shop.execute("DROP VIEW lines")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (database("sqlite://nope.db", table="orders"), "orders.database.url: file not found: "),
        (
            database("sqlite://shop.db", table="order"),
            "orders.database.table: no such table in the database: 'order'. Fix: did you mean 'orders'?",
        ),
        (
            database("sqlite://shop.db", query="SELEC x"),
            'does not answer as expected (near "SELEC"',
        ),
        (database("sqlite://shop.db", query="SELECT x FROM orders"), "(no such column: x)"),
        (database("sqlite://shop.db", query="DELETE FROM orders"), "does not answer as expected"),
        (database("sqlite://junk.db", table="orders"), "(file is not a database)"),
        (database("duckdb://junk.db", table="orders"), "not a valid DuckDB database file"),
        (
            database("sqlite://shop.db", query="SELECT customer AS who, date, amount FROM orders"),
            "orders.columns.customer: no such column in the data: 'customer'",
        ),
        (database("nonsense", table="t"), "does not answer as expected"),
        (database("foo://x", table="t"), "does not answer as expected"),
    ],
)
def test_a_database_that_does_not_answer_says_why(workspace, tmp_path, sqlite_file, given, said):
    (tmp_path / "junk.db").write_bytes(b"junk" * 1000)
    assert said in problem(workspace, **given)
    with sqlite3.connect(sqlite_file) as shop:
        assert shop.execute("SELECT count(*) FROM orders").fetchone() == (2,)
    shop.close()


def test_a_query_that_fails_half_way_says_why(workspace, duckdb_file):
    query = "SELECT *, CAST(customer AS INTEGER) AS n FROM sales.orders"
    text = problem(workspace, **database("duckdb://shop.duckdb", query=query))
    assert text.startswith("orders.database: the database does not answer as expected (Conversion")


@pytest.mark.parametrize("password", ["s3cret", "s3/cret", "s3@c/ret", "s3%40cret"])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:${SHOP_PASSWORD}@127.0.0.1:1/shop",
        "postgresql://127.0.0.1:1/shop?user=ana&password=${SHOP_PASSWORD}",
        "${SHOP_URL}",
        "mysql://ana:${SHOP_PASSWORD}@127.0.0.1:1/shop",
        "foo://ana:${SHOP_PASSWORD}@127.0.0.1:1/shop",
    ],
)
def test_no_error_of_a_database_shows_its_password(workspace, monkeypatch, url, password):
    monkeypatch.setenv("SHOP_PASSWORD", password)
    monkeypatch.setenv("SHOP_URL", f"postgresql://ana:{password}@127.0.0.1:1/shop")
    text = problem(workspace, **database(url, table="orders"))
    assert "s3" not in text
    assert "cret" not in text


def test_a_variable_of_an_address_must_be_set(workspace, monkeypatch):
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    text = problem(workspace, **database("postgresql://ana:${SHOP_PASSWORD}@h/d", table="orders"))
    assert text.startswith(
        "orders.database.url: environment variable SHOP_PASSWORD is not set. Fix"
    )


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server of its own, with a password that needs escaping."""
    tools = [shutil.which(name) for name in ("initdb", "pg_ctl")]
    root = os.name == "posix" and os.geteuid() == 0
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    if not all(tools) or os.name != "posix":
        pytest.skip("no PostgreSQL server is installed (initdb, pg_ctl)")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    (folder / "password").write_text("s3/cr@et")
    owner = {}
    if root:  # the server refuses to run as root
        try:
            shutil.chown(folder, "postgres")
            shutil.chown(folder / "password", "postgres")
        except LookupError:
            pytest.skip("no user 'postgres' to run a server as")
        owner = {"user": "postgres"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60, **owner)

    data, log = str(folder / "data"), str(folder / "log")
    secret = f"--pwfile={folder / 'password'}"
    run(tools[0], "-D", data, "-U", "ana", "-A", "scram-sha-256", secret, "--no-sync")
    run(tools[1], "-w", "-D", data, "-l", log, "-o", f"-p {port} -k {folder} -F", "start")
    yield port
    run(tools[1], "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_postgresql_is_read_by_table_and_by_query(workspace, postgres, monkeypatch):
    import psycopg

    keys = {"host": "127.0.0.1", "port": postgres, "user": "ana", "dbname": "postgres"}
    with psycopg.connect(**keys, password="s3/cr@et", autocommit=True) as shop:
        shop.execute(
            "CREATE TABLE lines (customer varchar(9), date timestamptz, amount numeric, id uuid, "
            "j jsonb, marks int[], ip inet, price numeric(12,2), cost money, hour time, long interval)"
        )
        shop.execute(
            "INSERT INTO lines VALUES ('00123', '2024-01-05 23:30+00', 10.123456789012, "
            "gen_random_uuid(), '{}', '{1,2}', '10.0.0.1', 5, 5, '10:00', '1 day'), "
            "('luis', '2024-01-06', 'NaN', null, null, null, null, 7.5, null, null, null)"
        )
    url = f"postgresql://ana:${{SHOP_PASSWORD}}@127.0.0.1:{postgres}/postgres"
    monkeypatch.setenv("SHOP_PASSWORD", "s3/cr@et")
    found = rows(workspace, **database(url, table="lines"))
    assert [(row[0], row[2]) for row in found] == [("00123", "10.123456789012"), ("luis", "NaN")]
    query = "SELECT id AS customer, date, price AS amount FROM lines WHERE customer LIKE '0%';"
    ((customer, moment, amount),) = rows(workspace, **database(url, query=query))
    assert (len(customer), amount) == (36, 5)
    assert moment.isoformat() == "2024-01-05T23:30:00+00:00"
    text = problem(workspace, **database(url, table="line"))
    assert "no such table in the database: 'line'. Fix: did you mean 'lines'?" in text
    text = problem(workspace, **database(url, query="SELECT *, 1 / (price - 5) AS x FROM lines"))
    assert "(division by zero)" in text
    monkeypatch.setenv("SHOP_PASSWORD", "wrong")
    text = problem(workspace, **database(url, table="lines"))
    assert 'password authentication failed for user "ana"' in text
    assert "wrong" not in text


# Samples and fingerprints ----------------------------------------------------------------


def test_a_sample_reads_the_first_lines_of_any_source(workspace, tmp_path, sqlite_file):
    (tmp_path / "head.csv").write_text("customer,date,amount\n")
    (tmp_path / "o.csv").write_text(TEXT + "cut\n" + TEXT.partition("\n")[2] * 50)
    pq.write_table(pa.table(dict(zip(COLUMNS, zip(*ROWS)))), tmp_path / "o.parquet")
    write_book(tmp_path / "o.xlsx", CELLS)
    places = [
        {"path": ["head.csv", "o.csv"]},
        {"path": "o.parquet"},
        {"path": "o.xlsx", "sheet": "Ventas"},
        database("sqlite://shop.db", table="orders"),
    ]
    for place in places:
        raw = read(workspace, source(**place), "orders", sample=2)
        assert raw.table.count().to_pyarrow().as_py() == 2


def test_a_fingerprint_changes_with_any_byte_of_any_file(tmp_path):
    for name in ("1/o.csv", "2/o.csv", "root/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT)
    root = tmp_path / "root"
    twins = source(path=[str(tmp_path / "1" / "o.csv"), str(tmp_path / "2" / "o.csv")])
    before = fingerprint(twins, root, where="orders.path")
    assert list(before) == ["o.csv", "o.csv (2)"]
    for name in ("1/o.csv", "2/o.csv"):
        (tmp_path / name).write_text(TEXT + "x")
        after = fingerprint(twins, root, where="orders.path")
        assert after != before
        before = after
    assert not any(str(tmp_path) in name for name in before)


def test_a_fingerprint_of_a_database_is_its_file_or_its_address(tmp_path, sqlite_file, monkeypatch):
    local = source(**database("sqlite://shop.db", table="orders"))
    before = fingerprint(local, tmp_path, where="orders.path")
    with sqlite3.connect(sqlite_file) as shop:
        shop.execute("INSERT INTO orders (customer) VALUES ('new')")
    shop.close()
    assert fingerprint(local, tmp_path, where="orders.path") != before
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    remote = source(**database("postgresql://ana:${SHOP_PASSWORD}@db/shop", table="orders"))
    assert fingerprint(remote, tmp_path, where="orders.path") == {"database": "db/shop"}


def test_one_file_can_hold_the_purchases_and_the_events(workspace, tmp_path):
    (tmp_path / "log.csv").write_text("customer,date,type\nana,2024-01-05,buy\nana,2024-01-06,pv\n")
    columns = {name: name for name in ("customer", "date", "type")}
    log = {"path": "log.csv", "columns": columns}
    orders, events = source(**log, types="buy"), Events.model_validate(log)
    found = [
        read(workspace, part, name).table.order_by("date").to_pyarrow().to_pydict()["type"]
        for part, name in ((orders, "orders"), (events, "events"))
    ]
    assert found == [["buy", "pv"]] * 2
    prints = [fingerprint(part, tmp_path, where="orders.path") for part in (orders, events)]
    assert prints[0] == prints[1]


def test_closing_a_workspace_removes_its_scratch(workspace, tmp_path):
    (tmp_path / "o.csv").write_text(TEXT + "cut\n")
    rows(workspace, path="o.csv")
    assert workspace.scratch.exists()
    workspace.close()
    assert not workspace.scratch.exists()


def test_the_demo_clients_are_files(tmp_path):
    files = resolve_files(source(path="segkit:cdnow/orders.csv"), tmp_path, where="orders.path")
    assert [file.name for file in files] == ["orders.csv"]
