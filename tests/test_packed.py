"""Packed files: the CSV file inside a `.gz` or a `.zip`, and what is said of one that is none."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from segkit.data.packed import packing
from segkit.data.sources import read, resolve_files
from segkit.errors import SegkitError
from segkit.params import Orders
from segkit.run.preflight import preflight
from segkit.sniff import sniff, write_params
from segkit.study.study import Study

COLUMNS = {"customer": "customer", "date": "date", "amount": "amount"}
TEXT = "customer,date,amount\nana,2024-01-05,10.5\nluis,2024-01-06,7\n"
ROWS = [("ana", "2024-01-05", "10.5"), ("luis", "2024-01-06", "7")]


def source(**given) -> Orders:
    return Orders.model_validate({"columns": COLUMNS} | given)


def rows(workspace, **given) -> list[tuple]:
    table = read(workspace, source(**given), "orders").table.select(*COLUMNS.values())
    return sorted(tuple(row.values()) for row in table.to_pyarrow().to_pylist())


def problem(workspace, **given) -> str:
    with pytest.raises(SegkitError) as caught:
        read(workspace, source(**given), "orders")
    text = str(caught.value).replace(f"{workspace.root}/", "")
    assert "\n" not in text and ". Fix: " in text
    return text


def zipped(file: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def packed(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name
    if name.endswith(".gz"):
        file.write_bytes(gzip.compress(content))
        return file
    return zipped(file, **{"orders.csv": content})


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.gz", "ORDERS.CSV.GZ", "orders.zip"])
def test_a_packed_file_is_read_as_the_file_in_it(workspace, tmp_path, name):
    packed(tmp_path, name, TEXT.encode())
    assert rows(workspace, path=name) == ROWS
    assert rows(workspace, path=".") == ROWS
    assert rows(workspace, path="[oO]*") == ROWS
    sampled = read(workspace, source(path=name), "orders", sample=1).table
    assert sampled.count().to_pyarrow().as_py() == 1
    guess = sniff(tmp_path / name)
    assert (guess.format, guess.lines, guess.columns["amount"].value) == ("csv", 2, "amount")


def test_a_packed_log_leads_from_a_look_to_its_totals(tmp_path):
    packed(tmp_path, "orders.csv.gz", ("Ventas\n" + TEXT).encode())
    given = {"currency": "EUR", "root": tmp_path, "check": preflight}
    out = write_params("acme", tmp_path / "orders.csv.gz", tmp_path / "acme.yaml", **given)
    study = Study(out, root=tmp_path)
    assert study.customers["revenue"].sum() == 17.5
    study.close()


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.zip"])
def test_damaged_lines_of_a_packed_file_bear_its_name(workspace, tmp_path, name):
    packed(tmp_path, name, ("Ventas\n" + TEXT + "cut\n").encode())
    raw = read(workspace, source(path=name, skip_rows=1), "orders")
    assert raw.malformed.to_pyarrow().to_pylist() == [{"file": name, "line": 5, "raw": "cut"}]
    assert rows(workspace, path=name, skip_rows=1) == ROWS


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.zip"])
def test_a_packed_file_may_have_another_encoding(workspace, tmp_path, name):
    packed(tmp_path, name, TEXT.replace("ana", "Peña").encode("cp1252"))
    assert "Peña" in [row[0] for row in rows(workspace, path=name, csv={"encoding": "cp1252"})]
    assert problem(workspace, path=name).startswith(f"{name}: lines are not written in utf-8")


def test_no_copy_of_a_packed_file_stays_behind(workspace, tmp_path):
    packed(tmp_path, "orders.csv.gz", TEXT.encode())
    rows(workspace, path="orders.csv.gz")
    assert list(workspace.scratch.glob("*.csv")) == []


def test_packed_and_plain_files_are_one_table(workspace, tmp_path):
    (tmp_path / "1.csv").write_text(TEXT)
    packed(tmp_path, "2.csv.gz", TEXT.replace("ana", "eva").encode())
    assert [row[0] for row in rows(workspace, path=".")] == ["ana", "eva", "luis", "luis"]


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.zip", "orders.csv.zip"])
def test_a_file_beside_its_packed_copy_is_refused(workspace, tmp_path, name):
    (tmp_path / "orders.csv").write_text(TEXT)
    packed(tmp_path, name, TEXT.encode())
    said = f"orders.path: a file and its packed copy: 'orders.csv', '{name}'. Fix: leave one"
    assert problem(workspace, path=".").startswith(said)
    assert rows(workspace, path="orders.csv") == ROWS


def test_a_file_that_is_no_longer_packed_is_read_whatever_its_name(workspace, tmp_path):
    (tmp_path / "orders.csv.gz").write_text(TEXT)
    packed(tmp_path, "x.gz", TEXT.encode()).rename(tmp_path / "packed.csv")
    for name in ("orders.csv.gz", "packed.csv"):
        assert rows(workspace, path=name) == ROWS


def test_what_programs_pack_beside_the_data_does_not_count(workspace, tmp_path):
    aside = {"__MACOSX/._orders.csv": b"\0", ".hidden.csv": "x", "a/~$b.csv": "x", "read.pdf": "x"}
    zipped(tmp_path / "o.zip", **aside, **{"sub/": "", "sub/ventas (1).TXT": TEXT})
    assert rows(workspace, path="o.zip") == ROWS


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"a.csv": TEXT, "b.csv": TEXT},
            "o.zip: holds several CSV files: 'a.csv', 'b.csv'. "
            "Fix: leave one in it, or unpack it and give the folder",
        ),
        ({"a.xlsx": b"x"}, "o.zip: holds no CSV file: 'a.xlsx'. Fix: unpack it"),
        ({}, "o.zip: holds no CSV file. Fix: unpack it"),
        ({"../../\n\x1b[31m.csv": TEXT, "b.csv": ""}, "o.zip: holds several CSV files: '../../\\n"),
        ({"a.csv": ""}, "o.zip: the first line holds no column names"),
    ],
)
def test_an_archive_without_exactly_one_table_says_so(workspace, tmp_path, members, said):
    zipped(tmp_path / "o.zip", **members)
    assert problem(workspace, path="o.zip").startswith(said)
    with pytest.raises(SegkitError) as refused:
        sniff(tmp_path / "o.zip")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.zip"])
@pytest.mark.parametrize("cut", [30, 60, -12, -40])
def test_an_archive_that_is_cut_says_so(workspace, tmp_path, name, cut):
    file = packed(tmp_path, name, (TEXT * 2000).encode())
    file.write_bytes(file.read_bytes()[:cut])
    assert problem(workspace, path=name).startswith(f"{name}: cannot be unpacked (")


def test_damage_within_an_archive_is_told(workspace, tmp_path):
    for name in ("orders.csv.gz", "orders.zip"):
        file = packed(tmp_path, name, TEXT.encode())
        content = bytearray(file.read_bytes())
        middle = len(content) // 3 if name.endswith("zip") else len(content) - 20
        content[middle : middle + 8] = b"\xff" * 8
        file.write_bytes(bytes(content))
        assert "cannot be unpacked" in problem(workspace, path=name)


def test_an_archive_with_a_password_says_so(workspace, tmp_path):
    file = zipped(tmp_path / "o.zip", **{"o.csv": TEXT})
    content = bytearray(file.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(bytes(content))
    assert problem(workspace, path="o.zip") == "o.zip: needs a password: 'o.csv'. Fix: unpack it"


def test_a_workbook_is_no_archive_of_csv_files(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "o.xlsx") as book:
        book.add_worksheet().write(0, 0, "x")
    assert packing(tmp_path / "o.xlsx") is None
    assert packing((tmp_path / "o.xlsx").rename(tmp_path / "o.zip")) is None


@pytest.mark.parametrize("content", [b"PK;fecha\n1;2\n", b"PK\x03\x04\xff", b"\x1f\x8bx", b""])
def test_a_file_that_only_begins_like_an_archive_is_none(tmp_path, content):
    (tmp_path / "o.csv").write_bytes(content)
    assert packing(tmp_path / "o.csv") is None


def test_a_folder_scan_knows_packed_files_and_no_other_archives(tmp_path):
    for name in ("a.csv.gz", "b.zip", "c.tar.gz", "d.parquet.gz", "e.csv", ".f.zip"):
        (tmp_path / name).write_bytes(b"x")
    found = resolve_files(source(path=str(tmp_path)), tmp_path, where="orders.path")
    assert [file.name for file in found] == ["a.csv.gz", "b.zip", "e.csv"]


def test_other_formats_are_not_read_packed(tmp_path):
    (tmp_path / "o.gz").write_bytes(gzip.compress(b"PAR1" + b"x" * 90))
    with pytest.raises(SegkitError, match="only CSV files are read packed.*unpack it"):
        sniff(tmp_path / "o.gz")
