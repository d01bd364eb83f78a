"""Parsing: what a column's values mean, of whatever type it comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.data.numbers import SYMBOLS, number_body
from segkit.data.parsing import NO_ID, as_id, as_instant, as_number, as_text
from segkit.params import Source


@pytest.fixture(scope="module")
def read_as() -> Callable[..., list]:
    """Return a function that reads values with one of the kit's parsers."""
    engine = ibis.duckdb.connect()

    def read(parse, values, *args, **given) -> list:
        column = values if isinstance(values, pa.Array) else pa.array(values)
        table = engine.create_table("t", pa.table({"x": column}), temp=True, overwrite=True)
        if parse in {as_number, as_instant}:
            args = (Source(path="x", **given), *args)
        return table.select(x=parse(table["x"], *args)).to_pyarrow()["x"].to_pylist()

    return read


def instants(read_as, values, zone="Europe/Madrid", **given) -> list[str | None]:
    found = read_as(as_instant, values, zone, **given)
    return [moment and moment.isoformat(" ") for moment in found]


# Ids ---------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(texts=st.lists(st.text(max_size=8), min_size=1))
def test_a_text_is_an_id_exactly_as_given(read_as, texts):
    texts = [text.replace("\x00", "") for text in texts]
    expected = [None if text.strip(" \t\n\r\v\f") in NO_ID else text for text in texts]
    assert read_as(as_id, pa.array(texts, pa.string())) == expected


@pytest.mark.parametrize("missing", [*NO_ID, "  ", " NULL "])
def test_a_missing_id_is_missing_however_a_program_wrote_it(read_as, missing):
    assert read_as(as_id, [missing, "x"]) == [None, "x"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([12345.0, float("nan"), 1e19, 0.5]), ["12345", None, "1" + "0" * 19, "0.5"]),
        (pa.array([-0.0, float("inf"), 1e300]), ["0", "inf", "1e+300"]),
        (pa.array([1, None, 2], pa.float32()), ["1", None, "2"]),
        (pa.array([123, None, 2**63 - 1]), ["123", None, "9223372036854775807"]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([Decimal("7.00"), None, Decimal("1.50")]), ["7", None, "1.50"]),
        (pa.array([Decimal(100)], pa.decimal128(38, 0)), ["100"]),
        (pa.array([True, None]), ["true", None]),
        (pa.array(["x", None]).dictionary_encode(), ["x", None]),
        (pa.array([date(2024, 1, 5)]), ["2024-01-05"]),
        (pa.array([b"abc"]), ["abc"]),
    ],
)
def test_ids_of_any_type_become_text_without_an_empty_fraction(read_as, values, texts):
    assert read_as(as_id, values) == texts


def test_text_of_a_text_is_the_text(read_as):
    assert read_as(as_text, ["nan", " x", ""]) == ["nan", " x", ""]


# Numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decimal", "thousands", "texts"),
    [
        (".", "", {"1": 1, "-1.5": -1.5, "+.5": 0.5, "1e3": 1000, "1.23456": 1.2346, " 7 ": 7}),
        (
            ".",
            "",
            {"1,5": None, "1,234.5": None, "--1": None, "1.2.3": None},
        ),
        (".", ",", {"1,234.5": 1234.5, "1234.5": 1234.5, "$1,000": 1000, "-$ 5": -5, "12,3": None}),
        (
            ",",
            ".",
            {"1.234,56 €": 1234.56, "1.5": None, "EUR 7,5": 7.5, "R$ 1.000": 1000, "7 %": 7},
        ),
        (",", " ", {"1 234,5": 1234.5, "1\u00a0234,5": 1234.5, "1\u202f234": 1234, "1 2": None}),
        (".", "'", {"1'234.5": 1234.5, "CHF 1'000": 1000}),
        (",", "", {"1,5": 1.5, "1.5": None, "₡7": 7, "US$ 7": 7, "1,": 1, ",5": 0.5}),
        (".", "", {"nan": None, "inf": None, "1e30": None, "1e400": None, "٣": None, "": None}),
        (".", "", {"0x10": None, "1_000": None, "99999999999999": 99999999999999, "1e14": None}),
        (".", "", {"(12.50)": -12.5, "12.50-": -12.5, "\u221212.50": -12.5, "( 7 )": -7}),
        (
            ".",
            ",",
            {"($1,000)": -1000, "$(5)": -5, "(5) €": -5, "5- €": -5, "5 €-": -5, "$ -5": -5},
        ),
        (".", "", {"-(5)": None, "(-5)": None, "-5-": None, "(5": None, "5)": None, "5+": None}),
        (".", " ", {"12 (345)": None, "((5))": None, "()": None, "(": None, "-": None, "$": None}),
        (
            ".",
            "",
            {"US$ 7": 7, "R$7": 7, "RD$ 7": 7, "S/ 7": 7, "S/. 7": 7, "S/.7": 7, "Bs. 7": 7}
            | {"Bs 7": 7, "Q7": 7, "$U 7": 7, "7 kr": 7, "7 Kč": 7, "7zł": 7, "L 7": 7, "¥7": 7},
        ),
        (".", "", {"X 7": None, "Bss 7": None, "zl 7": None, "S 7": None, "7 Q 7": None}),
        (".", "'", {"1’234.5": 1234.5, "-1’234’567": -1234567, "1’23": None}),
        (".", "’", {"1'234.5": 1234.5, "1’234.5": 1234.5}),
        (",", "\u202f", {"1\u2009234,5 zł": 1234.5, "1\u00a0234": 1234, "1 234": 1234}),
        (
            ".",
            "",
            {"7\n": 7, "7\n8": None, "\x007": None, "7\u202e": None, "７": None, "1e5": 100000},
        ),
    ],
)
def test_texts_are_numbers_by_the_declared_marks(read_as, decimal, thousands, texts):
    found = read_as(as_number, list(texts), decimal=decimal, thousands=thousands)
    assert dict(zip(texts, [number and float(number) for number in found])) == texts


@settings(max_examples=50)
@given(
    numbers=st.lists(
        st.decimals(-(10**9), 10**9, places=4, allow_nan=False), min_size=1, max_size=20
    ),
    marks=st.sampled_from([(".", ""), (".", ","), (",", "."), (",", " "), (".", "'")]),
)
def test_a_number_written_with_marks_is_read_back_exactly(read_as, numbers, marks):
    decimal, thousands = marks
    swap = str.maketrans({",": thousands, ".": decimal})
    texts = [f"{number:,.4f}".translate(swap) for number in numbers]
    assert read_as(as_number, texts, decimal=decimal, thousands=thousands) == numbers


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_symbol_stands_before_or_after_a_number_and_so_does_its_sign(read_as, symbol):
    forms = (
        "{0}7",
        "{0} 7",
        "7{0}",
        "7 {0}",
        "-{0}7",
        "{0}-7",
        "7-{0}",
        "7 {0}-",
        "({0}7)",
        "{0}(7)",
    )
    texts = [form.format(symbol) for form in forms]
    assert read_as(as_number, texts) == [7] * 4 + [-7] * 6
    assert {number_body(text) for text in texts} == {"7"}


@settings(max_examples=300)
@given(text=st.text(alphabet="0123.,'’ -+()€$QLeE\u2009\u2212S/USD", max_size=12))
def test_whatever_is_read_as_a_number_looks_like_one(read_as, text):
    for decimal, thousands in ((".", ","), (",", "."), (",", " "), (".", "'")):
        (found,) = read_as(as_number, [text], decimal=decimal, thousands=thousands)
        assert found is None or number_body(text)


def test_a_minus_is_none_where_it_belongs_to_an_exponent(read_as):
    texts = ["15e-1", "-15e-1", "SLE-5", "SLE 15e-1", "15e-1-"]
    assert read_as(as_number, texts) == [1.5, -1.5, -5, 1.5, -1.5]


@pytest.mark.parametrize("text", ["1" + " " * 100_000 + "x", "1" * 100_000, "$" * 100_000])
def test_a_long_text_is_looked_at_in_no_time(text):
    assert number_body(text) == ""


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (pa.array([1.5, float("nan"), float("inf"), 1e15, None]), [1.5, None, None, None, None]),
        (pa.array([7, 10**18, -(10**14), None]), [7, None, None, None]),
        (pa.array([2**64 - 1, 3], pa.uint64()), [None, 3]),
        (pa.array([127, -128], pa.int8()), [127, -128]),
        (pa.array([Decimal("10.123456"), None]), [10.1235, None]),
        (pa.array([Decimal(10) ** 30]), [None]),
        (pa.array([True, False, None]), [None, None, None]),
        (pa.array([date(2024, 1, 5)]), [None]),
        (pa.array([datetime(2024, 1, 5)]), [None]),
        (pa.array([[1], None]), [None, None]),
        (pa.array([{"a": 1}]), [None]),
        (pa.array([b"10", b"\xff"]), [10, None]),
        (pa.array(["7"]).dictionary_encode(), [7]),
    ],
)
def test_a_column_of_any_type_is_numbers_or_nothing_and_never_an_exception(
    read_as, values, numbers
):
    found = read_as(as_number, values)
    assert [number and float(number) for number in found] == numbers


# Instants ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date_format", "texts"),
    [
        (
            None,
            {
                "2024-01-05": "2024-01-05 00:00:00",
                "2024/1/5 9:07": "2024-01-05 09:07:00",
                " 2024-01-05T10:00:00.250 ": "2024-01-05 10:00:00.250000",
                "2024-01-05 23:30:00Z": "2024-01-06 00:30:00",
                "2024-01-05T23:30:00.5z": "2024-01-06 00:30:00.500000",
                "2024-01-05 23:30 UTC": "2024-01-06 00:30:00",
                "2024-01-05T10:00:00 +0500": "2024-01-05 06:00:00",
                "2024-01-05T10:00+05:30": "2024-01-05 05:30:00",
                "2024-01-05 10:00:00-05": "2024-01-05 16:00:00",
                "2024-06-05T10:00:00+00:00": "2024-06-05 12:00:00",
            },
        ),
        ("%d/%m/%Y", {"05/01/2024": "2024-01-05 00:00:00", " 5/1/2024 ": "2024-01-05 00:00:00"}),
        ("%m/%d/%Y", {"05/01/2024": "2024-05-01 00:00:00"}),
        ("%d/%m/%Y %H:%M %z", {"05/01/2024 23:30 +0000": "2024-01-06 00:30:00"}),
        ("%Y%m%d", {"20240105": "2024-01-05 00:00:00"}),
        ("%d %b %y", {"5 Jan 24": "2024-01-05 00:00:00"}),
        ("epoch_s", {"1704495600": "2024-01-06 00:00:00"}),
        ("epoch_ms", {"1704495600000": "2024-01-06 00:00:00"}),
        ("epoch_us", {"1704495600000001": "2024-01-06 00:00:00.000001"}),
        ("epoch_ns", {"1704495600123456789": "2024-01-06 00:00:00.123456"}),
        (
            None,
            {
                "2025-11-10 14:32:25 -0300": "2025-11-10 18:32:25",
                "2025-11-10 14:32:25": "2025-11-10 14:32:25",
            },
        ),
        (
            "excel",
            {
                "45296": "2024-01-05 00:00:00",
                "45296.5": "2024-01-05 12:00:00",
                "45296,75": "2024-01-05 18:00:00",
                "45966.60584490741": "2025-11-05 14:32:25",
                "61": "1900-03-01 00:00:00",
                "2024-01-05 10:00:00": "2024-01-05 10:00:00",
            },
        ),
        (
            "%d de %B de %Y %H:%M hs.",
            {
                "31 de agosto de 2026 23:59 hs.": "2026-08-31 23:59:00",
                "1 de Março de 2026 00:05 hs.": "2026-03-01 00:05:00",
                "1 de MARÇO de 2026 00:05 hs.": "2026-03-01 00:05:00",
                "1 de marco de 2026 00:05 hs.": "2026-03-01 00:05:00",
                "1 de may. de 2026 00:05 hs.": "2026-05-01 00:05:00",
                "martes, 3 de marzo de 2026 00:05 hs.": "2026-03-03 00:05:00",
                "Segunda-feira, 2 de fevereiro de 2026 00:05 hs.": "2026-02-02 00:05:00",
            },
        ),
        (
            "%d-%b-%Y",
            {
                "04-nov-2025": "2025-11-04 00:00:00",
                "04-NOV.-2025": "2025-11-04 00:00:00",
                "4-set-2025": "2025-09-04 00:00:00",
                "4-dezembro-2025": "2025-12-04 00:00:00",
                "4-Dec-2025": "2025-12-04 00:00:00",
                "mar 4-mar-2025": "2025-03-04 00:00:00",
            },
        ),
        (
            "%d %b %Y",
            {"1 sept. 2025": "2025-09-01 00:00:00", "1 setiembre 2025": "2025-09-01 00:00:00"},
        ),
        (
            "%d/%m/%Y %I:%M %p",
            {
                "1/2/2025 1:05 p. m.": "2025-02-01 13:05:00",
                "1/2/2025 1:05 p.\u00a0m.": "2025-02-01 13:05:00",
                "1/2/2025 1:05 a.m.": "2025-02-01 01:05:00",
                "1/2/2025 1:05 PM": "2025-02-01 13:05:00",
                "1/2/2025 12:05 am": "2025-02-01 00:05:00",
            },
        ),
        ("%d de %B de %Y %I:%M %p", {"1 de mayo de 2025 1:05 P. M.": "2025-05-01 13:05:00"}),
        ("%d.%b.%Y", {"1.ene.2025": "2025-01-01 00:00:00"}),
        ("%d %b. %y", {"5 Jan. 24": "2024-01-05 00:00:00", "5 ene. 24": "2024-01-05 00:00:00"}),
        (
            "%b %d, %Y",
            {"mar 4, 2025": "2025-03-04 00:00:00", "lun, ago 4, 2025": "2025-08-04 00:00:00"},
        ),
    ],
)
def test_texts_are_instants_as_declared_told_in_the_clients_zone(read_as, date_format, texts):
    assert instants(read_as, list(texts), date_format=date_format) == list(texts.values())


@pytest.mark.parametrize(
    ("date_format", "texts"),
    [
        (
            None,
            ["infinity", "-infinity", "epoch", "now", "today", "2024-02-30", "2024-13-01", "45000"],
        ),
        (
            None,
            ["20240105", "05/01/2024", "2024-01", "0024-01-05", "-2024-01-05", "9999-01-01", ""],
        ),
        (None, ["2024-01-05 (BC)", "2024-01-05 25:00", "290000-01-01", "2024-01-05 x"]),
        ("%d/%m/%Y", ["31/02/2024", "2024-01-05", "01/13/2024", "5/1", "01/01/0001", "infinity"]),
        ("epoch_s", ["x", "99999999999999999999", "-99999999999999999", "1e400", ""]),
        ("epoch_ms", ["9223372036854775807", "nan"]),
        ("epoch_us", ["9223372036854775807", "1e400", "-9223372036854775808"]),
        ("epoch_ns", ["9223372036854775808", "x"]),
        (
            "excel",
            ["99999999", "9999999", "-5", "0", "1e5", "45296.5.5", "nan", "", "45296 x", "inf"],
        ),
        (
            "%d de %B de %Y",
            ["31 de nada de 2026", "31 de febrero de 2026", "enero", "de", "(", "1 de  de 2"],
        ),
        (
            "%d-%b-%Y",
            [
                "04-novx-2025",
                "04-xnov-2025",
                "nov",
                "04-nov-2025-nov",
                "\\1-ene-2025",
                "1-e.e-2025",
            ],
        ),
    ],
)
def test_what_is_no_instant_is_nothing_and_never_an_exception(read_as, date_format, texts):
    assert instants(read_as, texts, date_format=date_format) == [None] * len(texts)


@pytest.mark.parametrize(
    ("values", "moments"),
    [
        (pa.array([date(2024, 1, 5), None]), ["2024-01-05 00:00:00", None]),
        (pa.array([date(2024, 1, 5)], pa.date64()), ["2024-01-05 00:00:00"]),
        (pa.array([datetime(2024, 1, 5, 23, 30)], pa.timestamp("ns")), ["2024-01-05 23:30:00"]),
        (pa.array([datetime(2024, 1, 5, 23, 30)], pa.timestamp("s")), ["2024-01-05 23:30:00"]),
        (pa.array([datetime(2024, 1, 5, 23)], pa.timestamp("us", "UTC")), ["2024-01-06 00:00:00"]),
        (
            pa.array([datetime(2024, 1, 5)], pa.timestamp("us", "America/Bogota")),
            ["2024-01-05 01:00:00"],
        ),
    ],
)
@pytest.mark.parametrize("date_format", [None, "%d/%m/%Y", "epoch_s"])
def test_real_dates_of_a_file_need_no_format(read_as, values, moments, date_format):
    assert instants(read_as, values, date_format=date_format) == moments


def test_epochs_and_dates_may_be_numbers(read_as):
    epoch = ["2024-01-06 00:00:00", None]
    assert instants(read_as, [1704495600, None], date_format="epoch_s") == epoch
    assert instants(read_as, [1704495600.0, float("nan")], date_format="epoch_s") == epoch
    digits = ["2024-01-05 00:00:00", None]
    assert instants(read_as, [20240105.0, None], date_format="%Y%m%d") == digits
    for values in ([1704495600], [True], [[1]], [b"x"]):
        assert instants(read_as, values) == [None]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_machines_own_zone_changes_nothing(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        table = ibis.duckdb.connect().create_table("t", pa.table({"x": ["1704495600"]}), temp=True)
        epoch = as_instant(table["x"], Source(path="x", date_format="epoch_s"), "Europe/Madrid")
        assert table.select(x=epoch).to_pyarrow()["x"].to_pylist() == [datetime(2024, 1, 6)]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_hour_that_clocks_skip_or_repeat_is_an_instant(read_as):
    texts = [
        "2024-03-31 01:30:00Z",
        "2024-10-27 00:30:00Z",
        "2024-10-27 01:30:00Z",
        "2024-03-31 02:30:00",
    ]
    assert instants(read_as, texts) == [
        "2024-03-31 03:30:00",
        "2024-10-27 02:30:00",
        "2024-10-27 02:30:00",
        "2024-03-31 02:30:00",
    ]
