"""Sniffing an order log: what is told from a file, what is refused, and what is written."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from segkit.errors import DataError, RuleError, SegkitError
from segkit.params import load_params
from segkit.run.preflight import preflight
from segkit.sniff import sniff
from segkit.sniff import write_params as write_checked
from segkit.sniff.document import _entry, _remark, _scalar
from segkit.sniff.header import title_rows
from segkit.sniff.look import BYTES
from segkit.sniff.names import NAMES, Names
from segkit.sniff.numbers import _decimal_of
from segkit.sniff.sample import Finding
from segkit.sniff.text import _western_encoding
from segkit.study.study import Study

write_params = partial(write_checked, check=preflight)
"""As the command line calls it."""

SPANISH = """\
Nº Pedido;Cliente;Fecha del pedido;Artículo;Categoría;Unidades;Importe (€)
P1;00123;31/12/2025 18:45;Camión;Niños;1;1.234,50
P1;00123;31/12/2025 18:45;Muñeca;Niños;2;20,00
P2;00007;02/01/2026 09:05;Camión;Niños;1;12,5
"""
AMERICAN = """\
Order ID,Customer ID,Order Date,Ship Date,Sales
A-1,C1,4/15/2025,4/20/2025,"$1,234.50"
A-2,C1,11/8/2025,11/9/2025,$12.00
A-3,C2,11/8/2025,11/9/2025,$8.00
"""
TABBED = (
    "user_id\ttimestamp\tprice\tqty\n"
    "7\t2025-12-31T10:00:00Z\t2.50\t2\n"
    "7\t2026-01-02T10:00:00Z\t4\t1\n"
)


def made(folder: Path, text: str, name: str = "log.csv", encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def log(folder: Path, dates: list[str], amounts: list[str] | None = None, **marks: str) -> Path:
    """Write a log of some customers, with ';' between fields."""
    amounts = amounts or ["10.50"] * len(dates)
    pairs = enumerate(zip(dates, amounts, strict=True))
    lines = [f"c{n % 9};{day};{amount}" for n, (day, amount) in pairs]
    header = f"cliente;{marks.get('date', 'fecha')};{marks.get('amount', 'importe')}"
    return made(folder, "\n".join([header, *lines]) + "\n")


def values(guess) -> dict:
    plain = {role: found.value for role, found in guess.columns.items()}
    parts = ("separator", "encoding", "sheet", "date_format", "decimal", "thousands", "currency")
    found = {part: getattr(guess, part) for part in parts}
    return plain | {part: finding.value for part, finding in found.items() if finding is not None}


def study(root: Path, params: Path) -> Study:
    return Study(params, root=root, run_dir=root / "run")


# How a file is written ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("cp1252", "cp1252"),
        ("utf-16", "utf-16"),
    ],
)
def test_a_spanish_log_is_understood_in_every_usual_encoding(tmp_path, encoding, named):
    text = SPANISH if "16" in encoding or "8" in encoding else SPANISH.replace("€", "EUR")
    assert values(sniff(made(tmp_path, text, encoding=encoding))) == {
        "customer": "Cliente",
        "date": "Fecha del pedido",
        "order": "Nº Pedido",
        "amount": "Importe (EUR)" if "EUR" in text else "Importe (€)",
        "quantity": "Unidades",
        "product": "Artículo",
        "category": "Categoría",
        "separator": ";",
        "encoding": named,
        "date_format": "%d/%m/%Y %H:%M",
        "decimal": ",",
        "thousands": ".",
        "currency": "EUR",
    }


def test_an_american_log_is_understood(tmp_path):
    found = values(sniff(made(tmp_path, AMERICAN, encoding="utf-8-sig")))
    assert found == {
        "customer": "Customer ID",
        "date": "Order Date",
        "order": "Order ID",
        "amount": "Sales",
        "separator": ",",
        "encoding": "utf-8-sig",
        "date_format": "%m/%d/%Y",
        "decimal": ".",
        "thousands": ",",
        "currency": "USD",
    }


def test_a_tab_separated_log_with_price_and_quantity_is_understood(tmp_path):
    found = values(sniff(made(tmp_path, TABBED, "log.tsv")))
    assert found == {
        "customer": "user_id",
        "date": "timestamp",
        "price": "price",
        "quantity": "qty",
        "separator": "\t",
        "encoding": "utf-8",
        "date_format": None,
        "decimal": ".",
    }


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "mac-roman"])
def test_one_byte_encodings_are_told_by_the_words_they_make(encoding):
    text = "Compañía;Málaga;León;Cádiz;Ibáñez;Logroño"
    assert _western_encoding(text.encode(encoding)).value == encoding


@pytest.mark.parametrize("encoding", ["iso-8859-15", "cp1252"])
@pytest.mark.parametrize("text", ["importe\n12,50 €\n", "Importe (€);año\n", "€ 5;Peña\n"])
def test_the_euro_sign_tells_two_western_encodings_apart(encoding, text):
    assert _western_encoding(text.encode(encoding)).value == encoding


def test_where_nothing_tells_them_apart_the_usual_encoding_is_taken():
    assert _western_encoding("Compañía;Málaga".encode("iso-8859-15")).value == "cp1252"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_told_by_its_zeros(tmp_path, encoding):
    file = made(tmp_path, SPANISH, encoding=encoding)
    assert sniff(file).encoding == Finding(
        encoding, "no byte order mark, but every other byte is zero"
    )
    out = write_params("acme", file, tmp_path / "acme.yaml", currency=None, root=tmp_path)
    assert study(tmp_path, out).customers["revenue"].sum() == 1267.0


def test_letters_that_the_header_has_lost_are_named(tmp_path):
    text = SPANISH.replace("Categoría", "Categor\ufffda")
    why = sniff(made(tmp_path, text)).encoding.why
    assert why.endswith("letters of the header were lost when the file was saved: 'Categor\ufffda'")
    assert "lost" not in sniff(made(tmp_path, SPANISH.replace("Niños", "Ni\ufffdos"))).encoding.why


def test_pounds_in_cp1252_are_not_taken_for_accents():
    assert _western_encoding("amount\n£12.50\n£3.20".encode("cp1252")).value == "cp1252"


def test_a_character_that_the_first_megabyte_splits_does_no_harm(tmp_path):
    lines = "".join(f"c{n % 9};31/12/2025;10,50;ñ\n" for n in range(BYTES // 20))
    for shift in range(2):
        head = "cliente;fecha;importe;" + "x" * shift + "ññ\n" + "c1;31/12/2025;10,50;"
        guess = sniff(made(tmp_path, head + "ñ" * 400 + "\n" + lines))
        assert guess.encoding.value == "utf-8" and guess.separator.value == ";"


def test_a_lone_accent_at_the_very_end_is_still_no_utf_8(tmp_path):
    file = made(tmp_path, "importe;fecha;cliente\n1,50;31/12/2025;Logroñ", encoding="cp1252")
    assert sniff(file).encoding.value == "cp1252"


def test_separators_within_quotes_do_not_count(tmp_path):
    text = 'cliente,fecha,importe\n"a;b;c",2025-12-31,1.50\n"d;e;f",2025-12-31,"2.50"\n'
    assert sniff(made(tmp_path, text)).separator.value == ","


def test_some_broken_lines_do_not_hide_the_separator(tmp_path):
    text = "cliente|fecha|importe\n" + "c|2025-12-31|1.5\n" * 20 + "c|2025\n"
    found = sniff(made(tmp_path, text)).separator
    assert found == Finding("|", "21 of 22 lines have 3 fields")


def test_two_separators_that_fit_equally_are_shown_and_refused(tmp_path):
    file = made(tmp_path, "cliente;fecha, hora;importe\nc;31/12/2025, 10:00;12\n")
    with pytest.raises(SegkitError) as refused:
        sniff(file)
    told = str(refused.value)
    assert "2 fields at each comma" in told and "3 fields at each semicolon" in told
    assert "--separator ',' or --separator ';'" in told
    assert sniff(file, overrides={"separator": ";"}).columns["date"].value == "fecha, hora"


def test_a_tab_can_be_given_by_name(tmp_path):
    for name in ("tab", "\\t", "\t"):
        guess = sniff(made(tmp_path, TABBED), overrides={"separator": name})
        assert guess.separator == Finding("\t", "as given")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"cliente;fecha;importe\n", "no lines below its header"),
        (b"just words\nand more\n", "no separator cuts its lines"),
        (b"<html><table></table></html>", "is HTML or XML"),
        (b"sep=;\r\ncliente;fecha\r\n", "a line for Excel.*delete its first line"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00" * 9, "zero bytes"),
        (b"PK\x03\x04 no workbook", "neither text nor a workbook.*unpack it"),
        (b"PAR1 no parquet", "not a readable Parquet file"),
        (b"cliente;fecha;importe;importe\nc;2025-12-31;1;2\n", "stand twice.*'importe'"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, content, message):
    file = tmp_path / "log.csv"
    file.write_bytes(content)
    with pytest.raises(SegkitError, match=message) as refused:
        sniff(file)
    assert "\n" not in str(refused.value) and str(file) in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(SegkitError, match="file not found"):
        sniff(tmp_path / "none.csv")
    with pytest.raises(SegkitError, match="is a folder"):
        sniff(tmp_path)


# Titles above the header ----------------------------------------------------------------

TITLES = {
    "one cell": "Ventas 2025\n",
    "several, and blank lines": 'Ventas\n\n"Tienda; Ana"\nDesde;01/01/2025\n\n',
    "padded by a spreadsheet": "Ventas;;;;;;\n;;;;;;\n",
    "with other marks": "Ventas, enero, febrero, marzo\nEs decir: a|b|c\n",
    "a cell of two lines": '"Ventas\nde enero"\n',
    "groups of columns": "Venta;;;Producto;;;\n",
}


@pytest.mark.parametrize("titles", TITLES.values(), ids=TITLES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_titles_above_the_header_are_passed_over(tmp_path, titles, newline):
    file = tmp_path / "log.csv"
    file.write_bytes((titles + SPANISH).replace("\n", newline).encode())
    guess, count = sniff(file), titles.count("\n")
    plural = "row" if count == 1 else "rows"
    assert guess.skip_rows == Finding(count, f"{count} {plural} of titles above the header")
    assert guess.separator.value == ";" and guess.lines == 3
    out = write_params("acme", file, tmp_path / "acme.yaml", currency=None, root=tmp_path)
    assert load_params(out).orders.skip_rows == count
    assert study(tmp_path, out).customers["revenue"].sum() == 1267.0


def test_decimal_commas_below_a_title_are_no_separators(tmp_path):
    text = "Ventas\ncliente;fecha;importe;nota\n" + "c1;31/12/2025;10,50;ñ\n" * 3
    guess = sniff(made(tmp_path, text))
    assert (guess.separator.value, guess.skip_rows.value) == (";", 1)


@pytest.mark.parametrize("before", [0, 2])
def test_titles_above_the_header_of_a_sheet_are_passed_over(tmp_path, before):
    file = tmp_path / "ventas.xlsx"
    with pd.ExcelWriter(file, engine="xlsxwriter") as writer:
        ORDERS.to_excel(writer, index=False, startrow=before + 3)
        writer.sheets["Sheet1"].write(before, 0, "Ventas")
        writer.sheets["Sheet1"].write_row(before + 1, 1, ["Venta", "Importes"])
    assert sniff(file).skip_rows.value == before + 3
    out = write_params("acme", file, tmp_path / "acme.yaml", currency="EUR", root=tmp_path)
    assert study(tmp_path, out).customers["revenue"].sum() == pytest.approx(15.912)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [["a"]],
        [["a", "b", "c"]],
        [["a", "b", "c"], ["1", "2", "3"]],
        [["a", "", "c", "d", "e"], ["1", "2", "3", "4", "5"]],
        [["x"], ["1", "2", "3"], ["4", "5", "6"]],
        [["x"], ["a", "a", "a"], ["1", "2", "3"]],
        [["x"]] * 20 + [["a", "b", "c"], ["1", "2", "3"]],
        [["c1", "2025-01-01", "5"], ["total", "de", "enero"], ["c2", "2025-01-02", "6"]],
        [["x", "", ""], ["ana", "rojo", "31-ene-2025"], ["eva", "azul", "5"]],
        [["x", "", ""], ["ana", "rojo", "7 €"], ["eva", "azul", "5 €"]],
        [["a", "b"], *[["ana", "rojo"]] * 9, ["ana", *"damaged"], ["eva", "verde"]],
    ],
)
def test_where_no_titles_are_clear_the_first_row_is_the_header(rows):
    assert title_rows(rows) == 0


def test_a_log_without_titles_says_nothing_of_them(tmp_path):
    file = made(tmp_path, SPANISH)
    assert sniff(file).skip_rows is None
    out = write_params("acme", file, tmp_path / "acme.yaml", currency=None, root=tmp_path)
    assert "skip_rows" not in out.read_text(encoding="utf-8")


def test_names_that_stand_twice_and_are_not_used_do_no_harm(tmp_path):
    text = "cliente;fecha;importe;Nota;nota\nc;2025-12-31;1.5;x;y\n"
    assert sniff(made(tmp_path, text)).unused == ("Nota (1)", "nota (2)")


def test_a_name_that_stands_twice_can_be_said_with_its_number(tmp_path):
    text = "cliente;fecha;importe;importe\nc;2025-12-31;1;2\n"
    file = made(tmp_path, text)
    with pytest.raises(SegkitError, match=r"--column amount='importe \(1\)'"):
        sniff(file)
    guess = sniff(file, overrides={"columns": {"amount": "importe (2)"}})
    assert guess.columns["amount"].why == "numbers, such as '2'"


# Dates ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "pattern"),
    [
        (["2025-12-31", "2026-01-02"], None),
        (["2025/1/3 9:05", "2025/1/13 19:05"], None),
        (["2025-12-31T10:00:00+02:00"], None),
        (["2025-12-31 10:00:00 +0100"], "%Y-%m-%d %H:%M:%S %z"),
        (["2025.12.31"], "%Y.%m.%d"),
        (["31/12/2025", "1/2/2025"], "%d/%m/%Y"),
        (["12/31/2025", "1/2/2025"], "%m/%d/%Y"),
        (["31-12-2025 10:00:59"], "%d-%m-%Y %H:%M:%S"),
        (["31.12.25", "01.02.25"], "%d.%m.%y"),
        (["12/31/25 1:05 PM"], "%m/%d/%y %I:%M %p"),
        (["31/12/2025, 10:00"], "%d/%m/%Y, %H:%M"),
        (["31/12/2025 10:00:00.123"], "%d/%m/%Y %H:%M:%S.%f"),
        (["8-Nov-2016", "9-May-2016"], "%d-%b-%Y"),
        (["9 May 2016"], "%d %b %Y"),
        (["20251231", "20250102"], "%Y%m%d"),
        (["31122025"], "%d%m%Y"),
        (["20251231101112"], "%Y%m%d%H%M%S"),
        (["1735689600"], "epoch_s"),
        (["1735689600000"], "epoch_ms"),
        (["1735689600000000"], "epoch_us"),
        (["1735689600000000000"], "epoch_ns"),
        (["45658", "45659.5"], "excel"),
        (["45658,25"], "excel"),
        (["31 de agosto de 2025 23:59 hs."], "%d de %B de %Y %H:%M hs."),
        (["1 de março de 2025"], "%d de %B de %Y"),
        (["04-nov-2025", "05-AGO-2025"], "%d-%b-%Y"),
        (["1 sept. 2025", "3 dic. 2024"], "%d %b %Y"),
        (["lunes, 4 de noviembre de 2024"], "%d de %B de %Y"),
        (["lun. 4 nov. 2024 10:15"], "%d %b %Y %H:%M"),
        (["04.nov.2024"], "%d.%b.%Y"),
        (["Nov 8, 2016 1:05 PM"], "%b %d, %Y %I:%M %p"),
        (["31/12/2024 11:59 p. m.", "31/12/2024 1:59 a.m."], "%d/%m/%Y %I:%M %p"),
        (["31/12/2024 11:59\u00a0p.\u00a0m."], "%d/%m/%Y %I:%M\u00a0%p"),
        (["31/12/2024 23:59 hs"], "%d/%m/%Y %H:%M hs"),
        (["2024-12-31 23:59 hs."], "%Y-%m-%d %H:%M hs."),
    ],
)
def test_date_formats_are_those_that_read_the_values(tmp_path, dates, pattern):
    assert sniff(log(tmp_path, dates)).date_format.value == pattern


def test_one_day_past_the_twelfth_decides_and_is_the_reason_given(tmp_path):
    guess = sniff(log(tmp_path, ["03/04/2025", "05/04/2025", "25/04/2025"]))
    assert guess.date_format.why == "day first: '25/04/2025' can be nothing else"
    assert guess.columns["date"].why == "3 of 3 values are dates"


def test_dates_that_can_be_read_in_two_ways_are_refused_with_both_readings(tmp_path):
    file = log(tmp_path, ["03/04/2025", "05/06/2025"])
    with pytest.raises(SegkitError) as refused:
        sniff(file)
    told = str(refused.value)
    assert "'03/04/2025' is 3 April 2025 (%d/%m/%Y) or 4 March 2025 (%m/%d/%Y)" in told
    assert "column 'fecha'" in told
    assert "--date-format '%d/%m/%Y' or --date-format '%m/%d/%Y'" in told
    chosen = sniff(file, overrides={"date_format": "%m/%d/%Y"}).date_format
    assert chosen == Finding("%m/%d/%Y", "as given")


@pytest.mark.parametrize("dates", [["04/04/2025"], ["03/04/25"], ["25-12-24", "24-12-25"]])
def test_other_open_dates_are_refused_too(tmp_path, dates):
    with pytest.raises(SegkitError, match="read in two ways"):
        sniff(log(tmp_path, dates))


def test_a_year_in_the_future_decides_between_two_digit_readings(tmp_path):
    guess = sniff(log(tmp_path, ["31-12-24", "12-11-24"]))
    assert guess.date_format.value == "%d-%m-%y"


def test_a_log_in_both_orders_is_refused(tmp_path):
    dates = ["03/04/2025"] * 96 + ["25/12/2025"] * 2 + ["12/25/2025"] * 2
    with pytest.raises(SegkitError, match="'25/12/2025' can only be day first.* only month first"):
        sniff(log(tmp_path, dates))


def test_a_few_damaged_dates_are_told_and_do_no_harm(tmp_path):
    guess = sniff(log(tmp_path, ["31/12/2025"] * 98 + ["32/13/2025", "ayer"]))
    assert guess.date_format.value == "%d/%m/%Y"
    assert guess.date_format.why.endswith("2 of 100 values are no dates, such as '32/13/2025'")


def test_a_date_column_without_dates_is_named_with_its_values(tmp_path):
    with pytest.raises(SegkitError, match=r"date: not 'fecha': only 8 of 10 .*'8 enx 2025'"):
        sniff(log(tmp_path, ["8 nov 2025"] * 8 + ["8 enx 2025"] * 2))


@pytest.mark.parametrize(
    "text", ["19999", "80000", "4565", "456580", "hoy 4 nov 2025", "4 de de 2025"]
)
def test_what_only_looks_like_a_date_is_none(tmp_path, text):
    with pytest.raises(SegkitError, match="no column is known for: date"):
        sniff(log(tmp_path, [text]))


def test_a_long_text_among_dates_is_looked_at_in_no_time(tmp_path):
    dates = ["31/12/2025"] * 99 + ["lunes" + " " * 100_000 + "x"]
    assert sniff(log(tmp_path, dates)).date_format.value == "%d/%m/%Y"


def test_a_few_strange_texts_among_real_dates_do_no_harm(tmp_path):
    days = [datetime(2025, 3, 4)] * 97
    for texts in (["n/a"], ["?", "ayer", "31/02/2025"]):
        table = pd.DataFrame({"Fecha": [*days, *texts], "Importe": 1.5})
        table["Cliente"] = [f"c{n % 9}" for n in table.index]
        found = sniff(workbook(tmp_path / "v.xlsx", {"Hoja1": table})).date_format
        assert found == Finding(None, "the file itself holds dates")


def test_texts_beside_real_dates_that_can_be_read_in_two_ways_are_refused(tmp_path):
    dates = [*[datetime(2025, 3, 4)] * 97, "03/04/2025"]
    table = pd.DataFrame({"Fecha": dates, "Importe": 1.5})
    table["Cliente"] = [f"c{n % 9}" for n in table.index]
    file = workbook(tmp_path / "v.xlsx", {"Hoja1": table})
    with pytest.raises(SegkitError, match="the dates can be read in two ways: '03/04/2025'"):
        sniff(file)
    chosen = sniff(file, overrides={"date_format": "%m/%d/%Y"}).date_format
    assert chosen == Finding("%m/%d/%Y", "as given")


@pytest.mark.parametrize(
    ("texts", "pattern"),
    [
        (["2025-03-07", "2025-03-08 10:00"], None),
        (["13/03/2025", "14/03/2025"], "%d/%m/%Y"),
        ([45723.5, 45724], "excel"),
        (["7 de marzo de 2025"], "%d de %B de %Y"),
    ],
)
def test_real_dates_beside_what_is_written_leave_its_format_clear(tmp_path, texts, pattern):
    dates = [*ORDERS["Fecha"], *texts]
    table = pd.DataFrame({"Cliente": "c", "Fecha": dates, "Importe": 1.5})
    file = workbook(tmp_path / "ventas.xlsx", {"Hoja1": table})
    assert sniff(file).date_format.value == pattern
    out = write_params("acme", file, tmp_path / "acme.yaml", currency="EUR", root=tmp_path)
    assert study(tmp_path, out).lines.count().to_pyarrow().as_py() == len(dates)


def test_a_date_format_that_is_none_or_does_not_fit_is_refused(tmp_path):
    file = log(tmp_path, ["31/12/2025"])
    with pytest.raises(SegkitError, match="--date-format: not a date format.*'%Q'"):
        sniff(file, overrides={"date_format": "%Q"})
    with pytest.raises(SegkitError, match="no column is known for: date .*--date-format"):
        sniff(file, overrides={"date_format": "%m/%d/%Y"})


# Numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "decimal", "thousands"),
    [
        (["1.234,56", "2,00"], ",", "."),
        (["1,234.56", "2.00"], ".", ","),
        (["12,5", "3"], ",", None),
        (["12.5", "3"], ".", None),
        (["10", "3"], ".", None),
        (["1.234.567", "3"], ",", "."),
        (["1 234,56", "2,00"], ",", " "),
        (["1\u202f234,56 €", "2,00 €"], ",", " "),
        (["1'234.50", "2.00"], ".", "'"),
        (["0,125", "2"], ",", None),
        (["1234,567", "2"], ",", None),
        (["1.234", "12,50"], ",", "."),
        (["1,234", "12.50"], ".", ","),
        (["-3,50", "€ 12,75"], ",", None),
        (["(1.234,50)", "2,00-"], ",", "."),
        (["\u22121.234,50 zł", "2,00"], ",", "."),
        (["1’234.50", "2.00"], ".", "’"),
        (["1\u2009234,50 kr", "Bs. 2,00"], ",", " "),
        (["US$ 1,234.50", "US$ 2.00"], ".", ","),
    ],
)
def test_decimal_and_thousands_follow_from_the_amounts(tmp_path, amounts, decimal, thousands):
    guess = sniff(log(tmp_path, ["31/12/2025"] * len(amounts), amounts))
    assert guess.decimal.value == decimal
    assert (guess.thousands.value if guess.thousands else None) == thousands


@given(st.decimals(0, 999_999, places=2), st.sampled_from(".,"))
def test_an_amount_with_cents_always_tells_its_decimal_mark(amount, mark):
    swapped = str.maketrans(".,", ".," if mark == "." else ",.")
    assert _decimal_of(f"{amount:,.2f}".translate(swapped)) == mark


@pytest.mark.parametrize(
    ("amounts", "readings"),
    [
        (["1,234", "2,500"], "is 1234 (',' between thousands) or 1.234 (',' before decimals)"),
        (["1.234", "7"], "is 1234 ('.' between thousands) or 1.234 ('.' before decimals)"),
    ],
)
def test_numbers_that_can_be_read_in_two_ways_are_refused(tmp_path, amounts, readings):
    file = log(tmp_path, ["31/12/2025"] * 2, amounts)
    with pytest.raises(SegkitError) as refused:
        sniff(file)
    told = str(refused.value)
    assert f"{amounts[0]!r} {readings}" in told and "column 'importe'" in told
    assert "--decimal . or --decimal ," in told


def test_a_decimal_mark_that_is_given_settles_the_thousands(tmp_path):
    file = log(tmp_path, ["31/12/2025"], ["1,234"])
    point = sniff(file, overrides={"decimal": "."})
    comma = sniff(file, overrides={"decimal": ","})
    assert point.thousands.value == "," and comma.thousands is None


def test_columns_with_different_decimal_marks_are_refused(tmp_path):
    text = "cliente;fecha;precio;cantidad\nc;31/12/2025;12,50;1.5\n"
    with pytest.raises(SegkitError, match="two ways: '12,50' in 'precio' and '1.5' in 'cantidad'"):
        sniff(made(tmp_path, text))


def test_another_column_of_the_same_file_can_tell_the_mark(tmp_path):
    text = "cliente;fecha;importe;beneficio\nc;31/12/2025;1.234;12,50\n"
    guess = sniff(made(tmp_path, text))
    assert (guess.decimal.value, guess.thousands.value) == (",", ".")
    assert guess.decimal.why == "'12,50' in 'beneficio'"


def test_a_discount_that_is_no_number_is_left_out_and_told(tmp_path):
    text = "cliente;fecha;importe;descuento\nc;31/12/2025;1,50;15%\n"
    guess = sniff(made(tmp_path, text))
    assert "discount" not in guess.columns and "descuento" in guess.unused
    assert guess.notes == ("discount: not 'descuento': 1 of 1 values are no numbers: '15%'",)


# Columns --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "role", "chosen"),
    [
        ("Customer ID,Order Date,Ship Date,Sales", "date", "Order Date"),
        ("customer,fecha_envio,fecha,amount", "date", "fecha"),
        ("customer,fecha,fecha_pedido,amount", "date", "fecha_pedido"),
        ("Customer Name,Customer ID,date,amount", "customer", "Customer ID"),
        ("ID de Cliente,date,amount", "customer", "ID de Cliente"),
        ("CustomerID,InvoiceDate,amount", "customer", "CustomerID"),
        ("cliente,FechaDePedido,amount", "date", "FechaDePedido"),
        ("cliente,date,IMPORTE TOTAL,IMPORTE", "amount", "IMPORTE"),
        ("cliente,date,amount,N.º de pedido", "order", "N.º de pedido"),
        ("cliente,date,amount,order_id,invoice", "order", "order_id"),
        ("cliente,date,amount,producto,descripción", "product_name", "descripción"),
    ],
)
def test_names_in_both_languages_find_their_column(tmp_path, header, role, chosen):
    names = header.split(",")
    cells = ["2025-12-31" if "date" in n.lower() or "fecha" in n.lower() else "7.5" for n in names]
    guess = sniff(made(tmp_path, f"{header}\n{','.join(cells)}\n"))
    assert guess.columns[role].value == chosen


def test_two_columns_equally_good_are_refused_by_name(tmp_path):
    text = "Customer ID;customer_id;fecha;importe\n1;2;2025-12-31;1.5\n"
    with pytest.raises(
        SegkitError, match="customer equally well: 'Customer ID', 'customer_id'.*--column"
    ):
        sniff(made(tmp_path, text))
    chosen = sniff(made(tmp_path, text), overrides={"columns": {"customer": "customer_id"}})
    assert chosen.columns["customer"].value == "customer_id"


def test_a_missing_column_is_told_with_the_columns_there_are(tmp_path):
    file = made(tmp_path, "persona;fecha;importe\nc;2025-12-31;1.5\n")
    with pytest.raises(SegkitError) as refused:
        sniff(file)
    told = str(refused.value)
    assert "no column is known for: customer." in told
    assert "'persona', 'fecha', 'importe'" in told and "--column customer=NAME" in told
    found = sniff(file, overrides={"columns": {"customer": "persona"}}).columns
    assert found["customer"].value == "persona"


def test_a_column_named_by_hand_that_does_not_fit_is_refused(tmp_path):
    file = made(tmp_path, "cliente;fecha;importe\nc;2025-12-31;1.5\n")
    with pytest.raises(SegkitError, match="date: not 'importe'.*--column date=NAME.*--date-format"):
        sniff(file, overrides={"columns": {"date": "importe"}})


def test_a_price_without_a_quantity_is_not_enough(tmp_path):
    with pytest.raises(SegkitError, match=r"known for: amount \(or both price and quantity\)"):
        sniff(made(tmp_path, "cliente;fecha;precio\nc;2025-12-31;1.5\n"))


def test_an_id_that_is_another_on_each_line_is_no_customer(tmp_path):
    lines = [f"{n};a{n % 7}@x.es;2025-12-31;1.5" for n in range(40)]
    guess = sniff(made(tmp_path, "\n".join(["cliente;email;fecha;importe", *lines])))
    assert guess.columns["customer"] == Finding("email", "7 customers on 40 lines")
    assert guess.notes[0].startswith("customer: not 'cliente': another value on each of 40 lines")


def test_a_number_column_full_of_words_is_no_amount(tmp_path):
    text = "cliente;fecha;importe;total\nc;2025-12-31;alto;1.5\n"
    guess = sniff(made(tmp_path, text))
    assert guess.columns["amount"].value == "total"
    assert guess.notes == ("amount: not 'importe': 1 of 1 values are no numbers: 'alto'",)


ORDER_TOTALS = [f"{o};c{o % 5};2025-12-31;{o}.5;{line};2.5" for o in range(12) for line in (1, 2)]


def test_an_order_total_on_every_line_gives_way_to_price_and_quantity(tmp_path):
    header = "pedido;cliente;fecha;total;cantidad;precio"
    guess = sniff(made(tmp_path, "\n".join([header, *ORDER_TOTALS])))
    assert "amount" not in guess.columns and guess.columns["price"].value == "precio"
    assert "'total' is the same on all lines of an order" in guess.notes[0]


def test_an_order_total_on_every_line_is_refused_where_nothing_else_is_there(tmp_path):
    file = made(tmp_path, "\n".join(["pedido;cliente;fecha;total;x;y", *ORDER_TOTALS]))
    with pytest.raises(SegkitError, match="looks like the order's total.*--column amount='total'"):
        sniff(file)


def test_an_order_total_on_one_line_of_several_gives_way_to_price_and_quantity(tmp_path):
    lines = ["Email;Created at;Total;Lineitem quantity;Lineitem price"]
    lines += ["a@x.es;2025-12-31;9.50;1;4.50", "a@x.es;2025-12-31;;1;5.00"]
    guess = sniff(made(tmp_path, "\n".join(lines)))
    assert "amount" not in guess.columns and guess.columns["price"].value == "Lineitem price"
    assert guess.notes[0].startswith("amount: not 'Total' is empty on 1 of 2 lines")


def test_unknown_overrides_are_refused_with_the_nearest(tmp_path):
    file = made(tmp_path, SPANISH)
    with pytest.raises(SegkitError, match="did you mean 'customer'"):
        sniff(file, overrides={"columns": {"custmer": "Cliente"}})
    with pytest.raises(SegkitError, match="no such column.*did you mean 'Cliente'"):
        sniff(file, overrides={"columns": {"customer": "Client"}})
    with pytest.raises(SegkitError, match="--decimal: .*';'"):
        sniff(file, overrides={"decimal": ";"})
    with pytest.raises(SegkitError, match="--separator: not one character"):
        sniff(file, overrides={"separator": ";;"})


def test_the_table_of_names_is_checked(tmp_path):
    good = yaml.safe_load(NAMES.read_text(encoding="utf-8"))
    for change, message in [
        ({"columns": good["columns"] | {"client": []}}, "not known: 'client'"),
        ({"symbol": {}}, "not known: 'symbol'"),
        ({"columns": good["columns"] | {"profit": [["a"], ["A"]]}}, "there twice: 'a'"),
    ]:
        file = made(tmp_path, yaml.safe_dump(good | change))
        with pytest.raises(RuleError, match=message):
            Names.load(file)


# Currency -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "name", "code", "why"),
    [
        (["1,50 €"], "importe", "EUR", "'€' in 'importe'"),
        (["£1.50"], "amount", "GBP", "'£' in 'amount'"),
        (["$1.50"], "amount", "USD", "'$' in 'amount'"),
        (["$1.50 MXN"], "amount", "MXN", "'MXN' in 'amount'"),
        (["1.50"], "amount (USD)", "USD", "'USD' in 'amount (USD)'"),
        (["1.50"], "AMOUNT", None, ""),
        (["R$ 1.50"], "amount", "BRL", "'R$' in 'amount'"),
        (["RD$1.50"], "amount", "DOP", "'RD$' in 'amount'"),
        (["S/ 1.50"], "amount", "PEN", "'S/' in 'amount'"),
        (["S/. 1.50"], "amount", "PEN", "'S/.' in 'amount'"),
        (["Bs. 1.50"], "amount", "BOB", "'Bs.' in 'amount'"),
        (["Q1.50"], "amount", "GTQ", "'Q' in 'amount'"),
        (["L 1.50"], "amount", "HNL", "'L' in 'amount'"),
        (["$U 1.50"], "amount", "UYU", "'$U' in 'amount'"),
        (["US$ 1.50"], "amount", "USD", "'US$' in 'amount'"),
        (["1.50 zł"], "amount", "PLN", "'zł' in 'amount'"),
        (["1.50 Kč"], "amount", "CZK", "'Kč' in 'amount'"),
        (["₡1.50"], "amount", "CRC", "'₡' in 'amount'"),
        (["1.50"], "monto (S/)", "PEN", "'S/' in 'monto (S/)'"),
        (["1.50 kr"], "amount", None, ""),
        (["¥2.50"], "amount", None, ""),
        (["1.50"], "total (S/IVA)", None, ""),
        (["1.50"], "Line Total", None, ""),
        (["-Q1.50"], "amount", "GTQ", "'Q' in 'amount'"),
        (["1.50 L"], "total (L)", "HNL", "'L' in 'total (L)'"),
        (["1.50"], "Importe (Q4)", None, ""),
    ],
)
def test_currencies_follow_from_signs_and_codes(tmp_path, amounts, name, code, why):
    found = sniff(log(tmp_path, ["31/12/2025"], amounts, amount=name)).currency
    assert found == (Finding(code, why) if code else None)


def test_a_currency_column_tells_more_than_a_sign(tmp_path):
    file = made(tmp_path, "cliente;fecha;importe;moneda\nc;2025-12-31;$1.50;MXN\n")
    assert sniff(file).currency == Finding("MXN", "'MXN' in 'moneda'")


def test_amounts_in_two_currencies_are_refused(tmp_path):
    with pytest.raises(SegkitError, match="several currencies: '€' in .*; '£' in"):
        sniff(log(tmp_path, ["2025-12-31"] * 2, ["1.50 €", "1.50 £"]))


def test_an_unknown_currency_is_asked_for(tmp_path):
    file = log(tmp_path, ["31/12/2025"])
    out = tmp_path / "acme.yaml"
    with pytest.raises(SegkitError, match="--currency EUR"):
        write_params("acme", file, out, currency=None, root=tmp_path)
    with pytest.raises(SegkitError, match="not an ISO 4217 currency"):
        write_params("acme", file, out, currency="euros", root=tmp_path)
    assert not out.exists()


# Parquet and workbooks ------------------------------------------------------------------


def test_a_parquet_file_keeps_its_types(tmp_path):
    table = pd.DataFrame(
        {
            "customer_id": [7, 7, 8],
            "date": pd.to_datetime(["2025-03-04", "2025-03-05", "2025-03-06"]),
            "amount": [1.234, 5.678, 9.0],
        }
    )
    table.to_parquet(tmp_path / "log.parquet")
    guess = sniff(tmp_path / "log.parquet")
    assert values(guess) == {
        "customer": "customer_id",
        "date": "date",
        "amount": "amount",
        "date_format": None,
    }
    assert guess.format == "parquet"


def test_texts_and_epochs_in_a_parquet_file_are_read_like_any_other(tmp_path):
    table = pd.DataFrame(
        {"customer": ["a", "a"], "timestamp": [1735689600, 1735776000], "amount": ["1,50", "2,75"]}
    )
    table.to_parquet(tmp_path / "log.parquet")
    guess = sniff(tmp_path / "log.parquet")
    assert (guess.date_format.value, guess.decimal.value) == ("epoch_s", ",")
    written = write_params(
        "acme", tmp_path / "log.parquet", tmp_path / "acme.yaml", currency="EUR", root=tmp_path
    )
    assert study(tmp_path, written).customers["revenue"].tolist() == [4.25]


def workbook(file: Path, sheets: dict[str, pd.DataFrame]) -> Path:
    with pd.ExcelWriter(file, engine="xlsxwriter") as writer:
        for name, table in sheets.items():
            table.to_excel(writer, sheet_name=name, index=False)
    return file


ORDERS = pd.DataFrame(
    {
        "Pedido": [1, 2, 3],
        "Cliente": [123, 123, 7],
        "Fecha": [datetime(2025, 3, 4), datetime(2025, 3, 5, 10, 30), datetime(2025, 3, 6)],
        "Importe": [1.234, 5.678, 9],
    }
)


def test_a_workbook_s_own_numbers_and_dates_are_not_ambiguous(tmp_path):
    file = workbook(tmp_path / "ventas.xlsx", {"Hoja1": ORDERS})
    guess = sniff(file)
    assert guess.date_format == Finding(None, "the file itself holds dates")
    assert guess.decimal.value == "." and guess.sheet is None
    written = write_params("acme", file, tmp_path / "acme.yaml", currency="EUR", root=tmp_path)
    customers = study(tmp_path, written).customers.set_index("customer_id")
    assert customers["revenue"].to_dict() == {"123": 6.912, "7": 9.0}
    assert customers.loc["123", "last_order"].date() == date(2025, 3, 5)


def test_texts_in_a_workbook_are_read_like_those_of_a_csv(tmp_path):
    table = ORDERS.assign(Fecha=["31/12/2025"] * 3, Importe=["1.234,50 €", "2,00 €", "3,00 €"])
    file = workbook(tmp_path / "ventas.xlsx", {"Hoja1": table})
    found = values(sniff(file))
    assert (found["date_format"], found["decimal"], found["thousands"]) == ("%d/%m/%Y", ",", ".")
    written = write_params("acme", file, tmp_path / "acme.yaml", currency=None, root=tmp_path)
    assert load_params(written).currency == "EUR"


def test_the_only_sheet_with_orders_is_taken(tmp_path):
    people = pd.DataFrame({"Region": ["Sur"], "Jefe": ["X"]})
    sheets = {"People": people, "Void": pd.DataFrame(), "Orders": ORDERS}
    file = workbook(tmp_path / "v.xlsx", sheets)
    sheet = sniff(file).sheet
    assert sheet == Finding("Orders", "the only sheet of 3 that looks like an order log")
    written = write_params("acme", file, tmp_path / "acme.yaml", currency="EUR", root=tmp_path)
    assert load_params(written).orders.sheet == "Orders"


def test_two_sheets_with_orders_are_refused(tmp_path):
    file = workbook(tmp_path / "v.xlsx", {"2024": ORDERS, "2025": ORDERS})
    with pytest.raises(SegkitError, match="several sheets .*'2024', '2025'.*--sheet '2024'"):
        sniff(file)
    assert sniff(file, overrides={"sheet": "2025"}).sheet == Finding("2025", "as given")


# What is written ------------------------------------------------------------------------


def test_the_written_file_says_why_and_leads_to_the_right_totals(tmp_path):
    file = made(tmp_path, SPANISH, encoding="cp1252")
    out = tmp_path / "params" / "acme.yaml"
    assert write_params("acme", file, out, currency=None, root=tmp_path) == out
    text = out.read_text(encoding="utf-8")
    for line in (
        "currency: EUR  # '€' in 'Importe (€)'",
        "  path: log.csv",
        '    separator: ";"  # 4 of 4 lines have 7 fields',
        "  date_format: \"%d/%m/%Y %H:%M\"  # day first: '31/12/2025 18:45' can be nothing else",
        "  decimal: \",\"  # '1.234,50' in 'Importe (€)'",
        "  thousands: \".\"  # '1.234,50' in 'Importe (€)'",
        "    customer: Cliente  # 2 customers on 3 lines",
        "    amount: \"Importe (€)\"  # numbers, such as '1.234,50'",
    ):
        assert line in text.splitlines()
    assert re.search(r"    encoding: cp1252  # not UTF-8; as cp1252 it has .*ñ", text)
    customers = study(tmp_path, out).customers.set_index("customer_id")
    assert customers["revenue"].to_dict() == {"00123": 1254.5, "00007": 12.5}
    assert customers.loc["00123", "orders"] == 1


def test_text_as_excel_saves_it_is_read_whole(tmp_path):
    file = made(tmp_path, SPANISH.replace(";", "\t").replace("\n", "\r\n"), "v.txt", "utf-16")
    out = write_params("acme", file, tmp_path / "acme.yaml", currency=None, root=tmp_path)
    assert study(tmp_path, out).customers["revenue"].sum() == 1267.0


def test_hints_are_valid_parameters_once_their_comments_are_taken_away(tmp_path):
    out = write_params(
        "acme", made(tmp_path, SPANISH), tmp_path / "acme.yaml", currency=None, root=tmp_path
    )
    plain, hints = out.read_text(encoding="utf-8").split("# What else")
    hints = "\n".join(line.removeprefix("# ") for line in hints.splitlines()[2:] if line != "#")
    assert hints.count("\n") > 10
    keys = "timezone|cancelled_order_prefix|non_product_codes"
    plain = re.sub(rf"(?m)^( *)# ({keys}):", r"\1\2:", plain)
    found = load_params(made(tmp_path, plain + hints, "with_hints.yaml"))
    assert found.returns and found.customers and found.events and found.clusters.k == 5
    assert found.cleaning.non_product_codes == ["SHIPPING", "ADJ*"]
    assert found.timezone == "Europe/Madrid" and found.rfm.bins


def test_equal_lines_are_kept_only_without_an_order_number(tmp_path):
    for name, text in (("with", AMERICAN), ("without", TABBED)):
        file, out = made(tmp_path, text), tmp_path / f"{name}.yaml"
        write_params(name, file, out, currency="USD", root=tmp_path)
    assert load_params(tmp_path / "with.yaml").cleaning.exact_duplicate == "reject"
    assert load_params(tmp_path / "without.yaml").cleaning.exact_duplicate == "keep"
    assert "no order number" in (tmp_path / "without.yaml").read_text(encoding="utf-8")


def test_an_existing_file_is_never_written_over(tmp_path):
    out = made(tmp_path, "mine", "acme.yaml")
    with pytest.raises(SegkitError, match="is there already"):
        write_params("acme", made(tmp_path, SPANISH), out, currency="EUR", root=tmp_path)
    assert out.read_text() == "mine"


@pytest.mark.parametrize("client", ["../acme", "Acme", "", "a b", "ñ", "-a", "a" * 65])
def test_a_client_that_is_no_slug_is_refused(tmp_path, client):
    with pytest.raises(SegkitError, match="not a plain name"):
        write_params(client, tmp_path / "x", tmp_path / "x.yaml", currency="EUR", root=tmp_path)


def test_a_log_that_fails_preflight_leaves_nothing_behind(tmp_path):
    file = made(tmp_path, "cliente;fecha;importe\n" + "c;31/12/2025;0,00\n" * 3)
    with pytest.raises(DataError, match="none of the first 3 lines can be used"):
        write_params("acme", file, tmp_path / "p" / "acme.yaml", currency="EUR", root=tmp_path)
    assert list((tmp_path / "p").iterdir()) == []


def test_the_path_is_written_so_that_another_machine_understands_it(tmp_path, monkeypatch):
    root, data = tmp_path / "root", tmp_path / "data"
    for folder in (root / "in", data / "sub", tmp_path / "else"):
        folder.mkdir(parents=True)
    monkeypatch.setenv("SEGKIT_DATA", str(data))
    expected = {
        root / "in": "in/log.csv",
        data / "sub": "${SEGKIT_DATA}/sub/log.csv",
        tmp_path / "else": str(tmp_path / "else" / "log.csv"),
    }
    for number, (folder, path) in enumerate(expected.items()):
        out = root / f"c{number}.yaml"
        write_params(f"c{number}", made(folder, TABBED), out, currency="EUR", root=root)
        assert load_params(out).orders.path == [path]


def test_a_file_is_read_as_what_it_is_whatever_its_name(tmp_path):
    file = workbook(tmp_path / "v.xlsx", {"Hoja1": ORDERS}).rename(tmp_path / "ventas.csv")
    out = write_params("acme", file, tmp_path / "a.yaml", currency="EUR", root=tmp_path)
    assert load_params(out).orders.format == "excel"


HOSTILE = st.text(st.characters(exclude_categories=()), max_size=40)


@given(HOSTILE)
def test_any_name_survives_being_written_and_read(text):
    line = _entry("key", Finding(text, text)) + "\nnext: 1\n"
    assert yaml.safe_load(line) == {"key": text, "next": 1}
    assert _scalar(text).count("\n") == 0


@given(HOSTILE)
def test_no_text_can_leave_a_comment(text):
    assert yaml.safe_load(f"a: 1  {_remark(text)}\nb: 2\n") == {"a": 1, "b": 2}


def test_hostile_column_names_and_values_stay_what_they_are(tmp_path):
    text = (
        'Cliente,Fecha,"Importe (\nclient: evil)",Estado,"x\u2028y: #"\n'
        '=cmd(),2025-12-31,1.50,"cancelado\n# a: b",1\n=cmd(),2025-12-30,2.50,ok,2\n'
    )
    out = write_params(
        "acme", made(tmp_path, text), tmp_path / "acme.yaml", currency="EUR", root=tmp_path
    )
    params = load_params(out)
    assert params.client == "acme" and params.orders.columns.amount == "Importe (\nclient: evil)"


# Whole logs -----------------------------------------------------------------------------


def test_the_made_shop_s_orders_lead_to_its_totals(tmp_path):
    from segkit.data.demo import shop

    folder = shop.generate(tmp_path / "tienda", customers=200)
    out = write_params(
        "tienda", folder / "pedidos.csv", tmp_path / "t.yaml", currency="EUR", root=tmp_path
    )
    params = load_params(out)
    given_by_hand = load_params(Path(__file__).parents[1] / "params" / "tienda_demo.yaml")
    assert params.orders.columns == given_by_hand.orders.columns
    assert params.orders.date_format == given_by_hand.orders.date_format
    assert params.orders.decimal == "," and params.orders.statuses[0].cancelled == ["cancelado"]
    cleaning = params.cleaning.model_copy(update={"non_product_codes": ["ENVIO"]})
    known = Study(params.model_copy(update={"cleaning": cleaning}), root=tmp_path)
    truth = yaml.safe_load((folder / "truth.json").read_text(encoding="utf-8"))
    sold = known.lines.filter(~known.lines["is_return"])["amount"].sum().to_pyarrow().as_py()
    assert float(sold) == truth["amounts"]["valid"]


def test_superstore_as_people_get_it_leads_to_its_known_totals(tmp_path, real_data):
    file = real_data("superstore_orders_raw.csv")
    out = write_params("superstore", file, tmp_path / "s.yaml", currency="USD", root=tmp_path)
    params = load_params(out)
    assert params.orders.date_format == "%m/%d/%Y" and params.orders.columns.date == "Order Date"
    known = study(tmp_path, out)
    customers = known.customers
    assert known.lines.count().to_pyarrow().as_py() == 9994
    assert len(customers) == 793 and customers["orders"].sum() == 5009
    assert customers["revenue"].sum() == pytest.approx(2_297_200.86, abs=0.005)
    order = known.lines.filter(known.lines["order_id"] == "CA-2016-152156")
    assert order["observed_at"].max().to_pyarrow().as_py() == datetime(2016, 11, 8)


@pytest.mark.parametrize(
    ("name", "currency", "roles"),
    [
        ("cdnow_master.parquet", "USD", {"customer", "date", "amount", "quantity"}),
        (
            "online_retail_ii_2009_2010.parquet",
            "GBP",
            {"customer", "date", "order", "price", "quantity", "product", "product_name"},
        ),
    ],
)
def test_other_real_logs_are_understood(tmp_path, real_data, name, currency, roles):
    out = write_params("x", real_data(name), tmp_path / "x.yaml", currency=currency, root=tmp_path)
    assert load_params(out).orders.columns.model_dump(exclude_none=True).keys() == roles


def test_an_event_log_is_refused_for_want_of_amounts(real_data):
    with pytest.raises(SegkitError, match="no column is known for: amount"):
        sniff(real_data("taobao_userbehavior_head.parquet"))
