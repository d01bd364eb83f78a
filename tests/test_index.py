"""The page over all clients, and clients beside each other."""

from __future__ import annotations

import datetime as dt
import json
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from made_runs import fail_run, make_run, months

from segkit.cli import main
from segkit.errors import RuleError, SegkitError
from segkit.report.index.benchmarks import MEASURES, Benchmarks
from segkit.report.index.clients import Ending
from segkit.report.index.forecasts import Checked, checked_forecast
from segkit.report.index.index import write_benchmarks, write_index
from segkit.report.index.runs import read_run, without_folders
from segkit.report.index.sparkline import sparkline, trend_of
from segkit.run import clients as runs
from segkit.words.changes import change_between
from segkit.words.format import Formats
from segkit.words.texts import Texts

TURNED = "\u202e"
SCRIPT = '<script>alert("x")</script>'
LATER = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
SOON = dt.datetime(2026, 1, 20, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """The page is written soon after the runs."""
    set_now(monkeypatch, SOON)


def set_now(monkeypatch, moment: dt.datetime) -> None:
    monkeypatch.setattr("segkit.report.index.index._now", lambda: moment)


def page_of(root: Path, **given) -> BeautifulSoup:
    return BeautifulSoup(write_index(root, **given).read_text(encoding="utf-8"), "html.parser")


def clients_of(page: BeautifulSoup) -> list[str]:
    return [title.text for title in page.select(".clients h2")]


def row_of(page: BeautifulSoup, client: str) -> BeautifulSoup:
    return next(body for body in page.select(".clients tbody") if body.h2.text == client)


def links_of(row: BeautifulSoup) -> dict[str, str]:
    return {link.text: link["href"] for link in row("a")}


def concentration(share: float) -> pd.DataFrame:
    return pd.DataFrame({"top_share": [0.01, 0.1], "revenue_share": [0.05, share]})


# The page over clients ----------------------------------------------------------------


def test_each_client_is_a_row_with_the_figures_of_its_newest_run(tmp_path):
    make_run(tmp_path, "acme", "2025-12-01", headline={"customers": 1.0})
    make_run(tmp_path, "acme", "2026-01-01", headline={"customers": 1234.0})
    make_run(tmp_path, "zeta")
    page = page_of(tmp_path)
    assert clients_of(page) == ["Acme", "Zeta"]
    figures = [cell.text for cell in row_of(page, "Acme").select(".figure")]
    assert figures == ["1.234", "40", "5.000,00\xa0€", "62,50\xa0€", "50,0\xa0%"]
    assert "1 ene 2026 · EUR" in row_of(page, "Acme").th.text


def test_changes_are_those_since_the_run_of_the_date_before(tmp_path):
    make_run(tmp_path, "acme", "2025-11-01", headline={"customers": 10.0})
    make_run(tmp_path, "acme", "2025-12-01", headline={"customers": 80.0, "repeat_rate": 0.62})
    make_run(tmp_path, "acme", "2026-01-01", headline={"customers": 100.0})
    row = row_of(page_of(tmp_path), "Acme")
    changes = [cell.text for cell in row.select(".delta")]
    assert changes == ["+25,0\xa0%", "0,0\xa0%", "0,0\xa0%", "0,0\xa0%", "-12,0 pp"]
    assert "Variación desde el 1 dic 2025" in row.th.text


@pytest.mark.parametrize("other", [{"currency": "USD"}, {"period_months": 6}])
def test_runs_with_another_currency_or_period_are_not_compared(tmp_path, other):
    make_run(tmp_path, "acme", "2025-12-01", parameters=other)
    make_run(tmp_path, "acme", "2026-01-01")
    row = row_of(page_of(tmp_path), "Acme")
    assert {cell.text for cell in row.select(".delta")} == {""}
    assert "Sin comparación con el 1 dic 2025" in row.th.text


def test_what_a_run_could_not_read_stands_beside_its_client(tmp_path):
    make_run(tmp_path, "acme", loss={"lines": 1, "share": 0.02, "amount": 640.0})
    make_run(tmp_path, "zeta", loss=None)
    page = page_of(tmp_path)
    assert "1 línea del archivo no se pudo leer y no cuenta: 640\xa0€." in row_of(page, "Acme").text
    assert "no se p" not in row_of(page, "Zeta").text


def test_one_client_with_one_run_has_no_changes_and_no_earlier_runs(tmp_path):
    make_run(tmp_path)
    page = page_of(tmp_path)
    assert {cell.text for cell in page.select(".delta")} == {""}
    assert not page("details")
    assert "un cliente" in page.select_one(".filters").text


def test_failures_come_first_then_unfinished_runs_then_names(tmp_path):
    make_run(tmp_path, "beta")
    make_run(tmp_path, "alfa")
    fail_run(tmp_path, "zeta")
    fail_run(tmp_path, "mitad", state="running", problem=None)
    page = page_of(tmp_path)
    assert clients_of(page) == ["Zeta", "Mitad", "Alfa", "Beta"]
    groups = [group.text for group in page.select(".filters li")]
    assert groups == ["4 clientes", "1 con error", "1 por revisar", "2 sin novedad"]


def test_a_failed_client_tells_why_and_where_and_keeps_its_last_good_report(tmp_path):
    make_run(tmp_path, "acme")
    fail_run(tmp_path, "acme", problem="02_rfm: too few in /home/ana/x/orders.csv\nTraceback")
    row = row_of(page_of(tmp_path), "Acme")
    assert row.select_one(".why strong").text == "Con error."
    sentences = [sentence.text for sentence in row.select(".why span")]
    assert sentences[0] == "02_rfm: too few in orders.csv"
    assert sentences[1] == "Se detuvo en el cuaderno 02_rfm."
    assert links_of(row) == {"Informe": "acme/2026-01-01/report.html"}


def test_a_client_that_never_finished_has_no_figures(tmp_path):
    fail_run(tmp_path, "acme")
    row = row_of(page_of(tmp_path), "Acme")
    assert not row.select(".figure") and not row("a")


def test_a_failure_that_a_later_run_mended_is_no_failure(tmp_path):
    fail_run(tmp_path, "acme", started="2025-12-01T00:00:00+00:00")
    make_run(tmp_path, "acme")
    assert row_of(page_of(tmp_path), "Acme").select_one(".state").text == "Terminado"


@pytest.mark.parametrize("state", ["done", "skipped"])
def test_a_skipped_client_is_as_good_as_done_even_beside_an_older_failure(tmp_path, state):
    make_run(tmp_path, "acme")
    fail_run(tmp_path, "acme")
    ending = Ending(client="acme", state=state, file="params/acme.yaml", at=LATER)
    page = page_of(tmp_path, endings=[ending])
    assert row_of(page, "Acme").select_one(".state").text == "Terminado"
    assert row_of(page_of(tmp_path), "Acme").select_one(".state").text == "Terminado"


def test_a_client_that_failed_before_it_could_begin_is_a_row_while_its_file_is_there(tmp_path):
    file = tmp_path / "params" / "nueva.yaml"
    file.parent.mkdir()
    file.touch()
    problem = f"{tmp_path}/params/nueva.yaml: curency: unknown key"
    ending = Ending(
        client="nueva", state="failed", problem=problem, file="params/nueva.yaml", at=LATER
    )
    row = row_of(page_of(tmp_path, endings=[ending]), "nueva")
    assert row.select_one(".why span").text == "params/nueva.yaml: curency: unknown key"
    file.unlink()
    assert not clients_of(page_of(tmp_path))


def test_a_file_that_cannot_be_read_fails_the_client_whose_last_run_it_made(tmp_path):
    make_run(tmp_path, "acme", parameters_file="params/tienda.yaml")
    ending = Ending(
        client="tienda", state="failed", problem="no", file="params/tienda.yaml", at=LATER
    )
    page = page_of(tmp_path, endings=[ending])
    assert clients_of(page) == ["Acme"]
    assert row_of(page, "Acme").select_one(".state").text == "Con error"


@pytest.mark.parametrize(
    "content",
    [
        '{"client": ',
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        '{"client": "acme", "state": "odd"}',
        json.dumps({"client": "acme", "state": "done", "versions": {"segkit": SCRIPT}}),
    ],
)
def test_a_damaged_run_is_a_row_with_its_reason_and_the_others_are_shown(tmp_path, content):
    make_run(tmp_path, "buena")
    home = make_run(tmp_path, "rota")
    (home / "run.json").write_text(content, encoding="utf-8")
    page = page_of(tmp_path)
    assert clients_of(page) == ["rota", "Buena"]
    reason = row_of(page, "rota").select_one(".why span").text
    assert reason.startswith("reports/rota/2026-01-01/run.json: ")
    assert reason.endswith("Fix: run the client again")
    assert not page("script")


@pytest.mark.parametrize(
    "parameters", [{"currency": "NOPE"}, {"locale": "xx_YY_zz"}, {"locale": 5}, {"language": []}]
)
def test_a_run_of_odd_parameters_does_not_stop_the_page(tmp_path, parameters):
    make_run(tmp_path, "rara", parameters=parameters)
    make_run(tmp_path, "buena")
    assert "Buena" in clients_of(page_of(tmp_path))
    assert len(clients_of(page_of(tmp_path))) == 2


def test_damaged_figures_and_months_are_left_out(tmp_path):
    home = make_run(tmp_path, "acme")
    (home / "data" / "headline.json").write_text('{"customers": NaN, "buyers": "many"}')
    (home / "data" / "monthly.parquet").write_bytes(b"PAR1 nothing")
    row = row_of(page_of(tmp_path), "Acme")
    assert {cell.text for cell in row.select(".figure")} == {"—"}
    assert "Menos de dos meses completos" in row.text


def test_hostile_names_are_shown_as_they_are_and_run_nothing(tmp_path):
    make_run(tmp_path, "javascript:alert(1)", name=SCRIPT)
    fail_run(tmp_path, 'a"b', name="x", problem=f"{SCRIPT} {TURNED}evil\x1b[31m")
    page = page_of(tmp_path)
    assert SCRIPT in clients_of(page)
    assert not page(["script", "iframe", "object", "img", "form", "base", "link"])
    for element in page.find_all(True):
        assert not [name for name in element.attrs if name.startswith("on")]
    assert TURNED not in page.text and "\x1b" not in page.text
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert "default-src 'none'" in policy and "script" not in policy


def test_links_are_relative_encoded_and_lead_to_files(tmp_path):
    files = ("report.html", "report.pdf", "slides.pptx", "exports/tables.xlsx")
    make_run(tmp_path, "javascript:a(1) ñ#?", name="odd", files=files)
    make_run(tmp_path, "javascript:a(1) ñ#?", "2025-12-01", name="odd")
    links = links_of(row_of(page_of(tmp_path), "odd"))
    assert list(links) == ["Informe", "PDF", "Presentación", "Tablas (Excel)", "1 dic 2025"]
    for link in links.values():
        assert re.fullmatch(r"[A-Za-z0-9%/._-]+", link) and not link.startswith("/")
        assert (tmp_path / "reports" / unquote(link)).is_file()


def test_files_that_are_not_there_are_not_linked(tmp_path):
    make_run(tmp_path, "acme", files=())
    assert not links_of(row_of(page_of(tmp_path), "Acme"))


def test_drafts_and_hidden_folders_are_no_clients(tmp_path):
    make_run(tmp_path, "solo", folder="draft")
    make_run(tmp_path, ".demo")
    make_run(tmp_path, "acme", folder=".2026-01-01-aside")
    page = page_of(tmp_path)
    assert not clients_of(page)
    assert "Todavía no se ha ejecutado ningún cliente." in page.text


def test_numbers_follow_each_client_and_words_most_clients(tmp_path):
    english = {"language": "en", "locale": "en_US", "currency": "USD"}
    make_run(tmp_path, "one", parameters=english)
    assert page_of(tmp_path).html["lang"] == "en"
    make_run(tmp_path, "uno")
    page = page_of(tmp_path)
    assert page.html["lang"] == "es"
    assert row_of(page, "One").select(".figure")[2].text == "$5,000.00"
    assert page_of(tmp_path, language="en").html["lang"] == "en"


def test_choices_are_remembered_until_others_are_made(tmp_path):
    for client in ("a", "b", "c"):
        make_run(tmp_path, client)
    assert page_of(tmp_path, language="en", benchmarks=True).select(".measures")
    page = page_of(tmp_path)
    assert page.html["lang"] == "en" and page.select(".measures")
    assert not page_of(tmp_path, benchmarks=False).select(".measures")


def test_a_language_without_texts_is_refused_and_not_remembered(tmp_path):
    make_run(tmp_path)
    with pytest.raises(RuleError, match="no texts in this language: 'xx'"):
        write_index(tmp_path, language="xx")
    assert page_of(tmp_path).html["lang"] == "es"


@pytest.mark.parametrize("content", ["{", '{"endings": 5}', '{"language": "xx"}'])
def test_a_damaged_memory_is_forgotten(tmp_path, content):
    make_run(tmp_path)
    (tmp_path / "reports" / ".index.json").write_text(content)
    assert clients_of(page_of(tmp_path)) == ["Acme"]


def test_runs_that_end_at_once_lose_nothing_of_each_other(tmp_path):
    clients = [f"c{number}" for number in range(6)]
    for client in clients:
        make_run(tmp_path, client)
    tell = lambda client: write_index(
        tmp_path,
        endings=[Ending(client=client, state="failed", file=f"params/{client}.yaml", at=LATER)],
    )
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(tell, clients))
    page = page_of(tmp_path)
    assert [state.text for state in page.select(".state")] == ["Con error"] * 6
    left = {path.name for path in (tmp_path / "reports").glob(".*")}
    assert left <= {".index.json", ".index.lock"}


def test_the_page_stays_whole_when_writing_fails(tmp_path, monkeypatch):
    make_run(tmp_path)
    before = write_index(tmp_path).read_bytes()
    monkeypatch.setattr("segkit.report.index.index.index_html", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_index(tmp_path)
    assert (tmp_path / "reports" / "index.html").read_bytes() == before


def test_the_runner_writes_the_page_and_tells_what_failed_before_it_began(tmp_path):
    (tmp_path / "params").mkdir()
    file = tmp_path / "params" / "acme.yaml"
    file.write_text("client: acme\ncurrency: EUR\n", encoding="utf-8")
    outcomes = runs.run_clients([file], root=tmp_path)
    assert outcomes[0].state == "failed"
    page = BeautifulSoup((tmp_path / "reports" / "index.html").read_text(), "html.parser")
    assert page.select_one(".why span").text.startswith("params/acme.yaml: orders")


def test_a_page_that_cannot_be_written_fails_no_run(tmp_path, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr("segkit.report.index.index.write_index", full)
    runs._write_index(tmp_path, [], [])
    assert caplog.messages == ["the index is not written: no space left"]


def test_headings_are_in_order_and_every_header_has_its_scope(tmp_path):
    for client in ("a", "b", "c"):
        make_run(tmp_path, client)
    page = page_of(tmp_path, benchmarks=True)
    levels = [int(heading.name[1]) for heading in page(re.compile("^h[1-6]$"))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(head.get("scope") for head in page("th"))


# What needs attention -----------------------------------------------------------------


def forecast(
    first: str, count: int, *, low: float, high: float, until: str, part: str = "everyone"
) -> dict[str, pd.DataFrame]:
    """What a run forecast, the same for each month."""
    days = pd.date_range(first, periods=count, freq="MS")
    ends = {"revenue_low": low, "revenue_high": high, "until": pd.Timestamp(until)}
    return {"forecast_months": pd.DataFrame({"month": days, "part": part, **ends})}


def observed(home: Path, revenue: list[float], *, start: str, cut: bool = False) -> Path:
    """Replace the months that a run has seen."""
    months(len(revenue), start=start, cut=cut).assign(revenue=revenue).to_parquet(
        home / "data" / "monthly.parquet"
    )
    return home


def two_runs(root: Path, came: list[float], *, cut: bool = False, **forecasts) -> list:
    """A run that forecast 100 to 200 a month for half a year, and one some months later."""
    given = {"first": "2026-01-01", "count": 6, "low": 100, "high": 200, "until": "2026-07-01"}
    tables = forecast(**(given | forecasts))
    first = make_run(root, "acme", "2026-01-01", tables=tables)
    observed(first, [150.0] * 12, start="2025-01-01")
    last = make_run(root, "acme", "2026-04-01")
    observed(last, [150.0] * 12 + came, start="2025-01-01", cut=cut)
    return [read_run(last), read_run(first)]


def reasons_of(row: BeautifulSoup) -> list[str]:
    return [" ".join(reason.text.split()) for reason in row.select(".why p")]


def test_clients_stand_in_the_order_of_what_needs_attention(tmp_path, monkeypatch):
    for client in ("a_done", "b_small", "b_large"):
        lost = {"b_small": 0.02, "b_large": 0.1}.get(client)
        loss = {"lines": 3, "share": lost} if lost else None
        make_run(tmp_path, client, "2026-04-01", loss=loss)
    make_run(tmp_path, "z_old", "2025-12-01")
    two_runs(tmp_path, [10.0, 10.0, 10.0])
    fail_run(tmp_path, "z_failed", started="2026-04-01T00:00:00+00:00")
    fail_run(tmp_path, "y_half", state="running", problem=None)
    set_now(monkeypatch, dt.datetime(2026, 4, 20, tzinfo=dt.UTC))
    page = page_of(tmp_path)
    names = ["Z_Failed", "Y_Half", "B_Large", "B_Small", "Acme", "Z_Old", "A_Done"]
    assert clients_of(page) == names
    titles = [why.text for why in page.select(".why strong")]
    assert titles[0] == "Con error." and titles[-1] == "Ejecución antigua."
    assert row_of(page, "A_Done").select_one(".why") is None


def test_every_client_is_in_one_group_and_a_link_leads_to_each(tmp_path):
    make_run(tmp_path, "buena")
    make_run(tmp_path, "menos", loss={"lines": 3, "share": 0.1})
    fail_run(tmp_path, "mala")
    page = page_of(tmp_path)
    assert [body["class"] for body in page.select(".clients tbody")] == [
        ["is-failed"],
        ["is-attention"],
        ["is-well"],
    ]
    links = [link["href"] for link in page.select(".filters a")]
    assert links == ["#all", "#failed", "#attention", "#well"]
    assert all(page.find(id=link[1:]) for link in links)
    assert [link.text for link in page.select(".filters a")][2] == "1 por revisar"


def test_a_group_without_clients_has_no_link(tmp_path):
    make_run(tmp_path, "buena")
    assert [link["href"] for link in page_of(tmp_path).select(".filters a")] == ["#all", "#well"]


def test_every_group_is_hidden_by_a_rule_when_another_is_chosen(tmp_path):
    make_run(tmp_path)
    style = page_of(tmp_path).style.text
    for group in ("failed", "attention", "well"):
        assert f"#{group}:target ~ .clients tbody:not(.is-{group})" in style


def test_a_run_is_old_when_nothing_has_run_for_more_than_45_days(tmp_path, monkeypatch):
    make_run(tmp_path, "acme", "2026-01-01")
    set_now(monkeypatch, dt.datetime(2026, 2, 15, 12, tzinfo=dt.UTC))
    assert not reasons_of(row_of(page_of(tmp_path), "Acme"))
    set_now(monkeypatch, dt.datetime(2026, 2, 16, 12, tzinfo=dt.UTC))
    assert reasons_of(row_of(page_of(tmp_path), "Acme")) == [
        "Ejecución antigua. Se ejecutó por última vez hace 46 días."
    ]


def test_a_client_that_was_skipped_since_has_no_old_run(tmp_path, monkeypatch):
    make_run(tmp_path, "acme", "2026-01-01")
    set_now(monkeypatch, LATER + dt.timedelta(days=1))
    ending = Ending(client="acme", state="skipped", file="params/acme.yaml", at=LATER)
    assert not reasons_of(row_of(page_of(tmp_path, endings=[ending]), "Acme"))


def test_less_than_the_forecast_is_said_with_its_months_and_its_range(tmp_path):
    two_runs(tmp_path, [100.0, 90.0, 80.0])
    (reason,) = reasons_of(row_of(page_of(tmp_path), "Acme"))
    assert reason == (
        "Fuera del pronóstico. De ene 2026 a mar 2026 ingresaron 270\xa0€, menos de lo "
        "pronosticado el 1 ene 2026 (entre 300\xa0€ y 600\xa0€). Un rango así debería cumplirse al menos cuatro de "
        "cada cinco veces."
    ).replace("\xa0", " ")


def test_more_than_the_forecast_is_missed_too(tmp_path):
    two_runs(tmp_path, [300.0])
    (reason,) = reasons_of(row_of(page_of(tmp_path), "Acme"))
    assert (
        "En ene 2026 ingresaron 300 €, más de lo pronosticado el 1 ene 2026 (entre 100 € y"
        in reason
    )


@pytest.mark.parametrize("came", [[100.0], [200.0], [50.0, 150.0], [250.0, 150.0, 120.0]])
def test_what_lies_within_the_range_of_all_months_is_not_missed(tmp_path, came):
    checked = checked_forecast(two_runs(tmp_path, came))
    assert checked is not None and not checked.is_missed
    assert checked.came == sum(came)


def test_only_months_that_are_forecast_whole_and_have_come_whole_are_compared(tmp_path):
    runs = two_runs(tmp_path, [150.0, 150.0, 1.0], cut=True, until="2026-02-15")
    checked = checked_forecast(runs)
    assert (checked.first, checked.last) == (dt.date(2026, 1, 1),) * 2
    assert (checked.came, checked.low, checked.high) == (150, 100, 200)


def test_a_month_already_begun_when_it_was_forecast_is_left_out(tmp_path):
    early = forecast("2025-12-01", 3, low=100, high=200, until="2026-03-10")
    first = observed(
        make_run(tmp_path, "acme", "2025-12-10", tables=early), [150.0] * 11, start="2025-01-01"
    )
    last = observed(
        make_run(tmp_path, "acme", "2026-02-01"), [150.0] * 11 + [900.0, 150.0], start="2025-01-01"
    )
    checked = checked_forecast([read_run(last), read_run(first)])
    assert checked.first == checked.last == dt.date(2026, 1, 1)
    assert not checked.is_missed


def test_a_month_without_orders_has_come_with_nothing(tmp_path):
    runs = two_runs(tmp_path, [150.0, 150.0])
    file = runs[0].folder / "data" / "monthly.parquet"
    table = pd.read_parquet(file)
    table[table["month"] != pd.Timestamp("2026-01-01")].to_parquet(file)
    assert checked_forecast(runs).came == 150


def test_a_run_of_no_whole_month_later_is_compared_with_one_before(tmp_path):
    runs = two_runs(tmp_path, [10.0, 10.0, 10.0])
    late = forecast("2026-04-01", 3, low=1, high=2, until="2026-07-01")
    again = make_run(tmp_path, "acme", "2026-04-10", tables=late)
    observed(again, [150.0] * 12 + [10.0] * 3 + [1.0], start="2025-01-01", cut=True)
    checked = checked_forecast([read_run(again), *runs])
    assert checked.day == dt.date(2026, 1, 1) and checked.is_missed


def test_a_history_that_has_changed_since_is_not_compared(tmp_path):
    runs = two_runs(tmp_path, [10.0])
    observed(runs[0].folder, [160.0] * 12 + [10.0], start="2025-01-01")
    assert checked_forecast(runs) is None
    observed(runs[0].folder, [151.0] * 12 + [10.0], start="2025-01-01")
    assert checked_forecast([read_run(runs[0].folder), runs[1]]).is_missed


def test_a_forecast_in_another_currency_is_not_compared(tmp_path):
    runs = two_runs(tmp_path, [10.0])
    file = runs[1].folder / "run.json"
    file.write_text(file.read_text().replace('"EUR"', '"USD"'))
    assert checked_forecast([runs[0], read_run(runs[1].folder)]) is None


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"month": ["2026-01-01"]}),
        forecast("2026-01-01", 3, low=1, high=2, until="2026-07-01", part="new")["forecast_months"],
        forecast("2026-01-01", 1, low=float("nan"), high=2, until="2026-07-01")["forecast_months"],
        forecast("2026-01-01", 1, low=1, high=2, until="2026-07-01")["forecast_months"].assign(
            month="no day"
        ),
    ],
)
def test_a_damaged_forecast_is_none(tmp_path, table):
    runs = two_runs(tmp_path, [10.0])
    table.to_parquet(runs[1].folder / "data" / "tables" / "forecast_months.parquet")
    assert checked_forecast([runs[0], read_run(runs[1].folder)]) is None


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=12), st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_forecast_is_missed_just_where_what_came_lies_outside(came, one, other):
    low, high = sorted((one, other))
    day = dt.date(2026, 1, 1)
    checked = Checked(day, day, day, sum(came), low, high)
    assert checked.is_missed == (sum(came) < low or sum(came) > high)
    assert checked.distance >= 0


def test_the_annex_and_what_else_a_run_leaves_is_linked(tmp_path):
    files = ("report.html", "annex.html", "brief.html", "report.pdf", "slides.pptx")
    make_run(tmp_path, "acme", files=files)
    links = links_of(row_of(page_of(tmp_path), "Acme"))
    assert list(links) == ["Informe", "Anexo", "En una página", "PDF", "Presentación"]
    assert links["Anexo"] == "acme/2026-01-01/annex.html"


# Trends -------------------------------------------------------------------------------


def test_a_trend_is_the_last_24_complete_months_and_the_incomplete_one_after_them():
    table = trend_of(months(40))
    assert len(table) == 25
    assert table["complete"].tolist() == [True] * 24 + [False]
    assert table["month"].iloc[-1] == pd.Timestamp("2027-04-01")


def test_an_incomplete_first_month_is_no_part_of_a_trend():
    table = months(6, cut=False)
    table.loc[0, "complete"] = False
    assert trend_of(table)["month"].min() == pd.Timestamp("2024-02-01")


def test_a_month_without_orders_is_a_month_without_revenue():
    table = trend_of(months(6, cut=False).drop(index=2))
    assert table["revenue"].tolist() == [10, 20, 0, 40, 50, 60]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_two_complete_months_are_no_trend(count):
    assert trend_of(months(count, cut=count > 1)) is None


def test_an_incomplete_month_is_drawn_apart_and_hollow():
    page = BeautifulSoup(sparkline(trend_of(months(5)), "up"), "html.parser")
    assert len(page.select("polyline")[0]["points"].split()) == 4
    assert len(page.select("polyline.cut")[0]["points"].split()) == 2
    assert page.select("circle.cut")
    assert page.svg["aria-label"] == "up"


@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=30))
def test_every_point_of_a_trend_is_inside_the_picture(revenue):
    table = months(len(revenue), cut=False).assign(revenue=revenue)
    svg = BeautifulSoup(sparkline(trend_of(table), ""), "html.parser").svg
    width, height = map(float, svg["viewbox"].split()[2:])
    for point in svg.polyline["points"].split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= width and 0 <= y <= height


# Changes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "kind", "expected"),
    [
        (100, 125, "count", "+25.0%"),
        (100, 75, "money", "-25.0%"),
        (0.5, 0.478, "percent", "-2.2 pp"),
        (1000, 1000.1, "count", "0.0%"),
        (-5, 5, "money", ""),
        (None, 5, "count", ""),
    ],
)
def test_changes_are_relative_and_those_of_shares_in_points(before, after, kind, expected):
    assert change_between(before, after, kind, Formats("en_US", "USD"), Texts("en")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ana/x.csv: no", "x.csv: no"),
        (r"C:\Users\ana\x.csv: no", "x.csv: no"),
        ("params/x.yaml: and/or 1/2 https://a.b/c", "params/x.yaml: and/or 1/2 https://a.b/c"),
    ],
)
def test_problems_name_files_without_the_folders_of_this_machine(text, expected):
    assert without_folders(text) == expected


# Benchmarks ---------------------------------------------------------------------------


def three(root: Path) -> list:
    """Three clients of one currency, with AOV 50, 100 and 200."""
    return [
        read_run(
            make_run(
                root,
                client,
                headline={"aov": aov, "repeat_rate": aov / 1000},
                tables={"concentration": concentration(aov / 400)},
            )
        )
        for client, aov in (("ana", 50.0), ("beto", 100.0), ("carla", 200.0))
    ]


def test_order_values_are_compared_only_as_ratios_to_the_median(tmp_path):
    told = Benchmarks.of(three(tmp_path))
    assert told.figures["aov_ratio"].tolist() == [0.5, 1.0, 2.0]
    assert told.spread.loc["top_share", ["lowest", "median", "highest"]].tolist() == [
        0.125,
        0.25,
        0.5,
    ]
    assert told.places["aov_ratio"].tolist() == [3, 2, 1]


def test_order_values_of_other_currencies_and_of_units_are_not_mixed(tmp_path):
    made = three(tmp_path)
    for client, currency in (("dora", "USD"), ("eva", "XXX")):
        made.append(read_run(make_run(tmp_path, client, parameters={"currency": currency})))
    assert Benchmarks.of(made).figures["aov_ratio"].isna().tolist() == [False] * 3 + [True] * 2


def test_customers_still_active_are_those_who_bought_and_are_not_lost(tmp_path):
    stages = ["active", "new", "churned", "prospect", "total"]
    sizes = pd.DataFrame({"segment": stages, "customers": [50, 10, 40, 900, 1000]})
    run = read_run(make_run(tmp_path, tables={"lifecycle": sizes}))
    assert Benchmarks.of([run]).figures["active_share"].tolist() == [0.6]


def test_a_run_without_its_data_is_compared_by_its_exported_tables(tmp_path):
    home = make_run(tmp_path, edges=None)
    (home / "exports" / "tables").mkdir(parents=True)
    concentration(0.4).to_csv(home / "exports" / "tables" / "concentration.csv", index=False)
    assert Benchmarks.of([read_run(home)]).figures["top_share"].tolist() == [0.4]


def test_anonymous_benchmarks_name_nobody_and_no_amount(tmp_path):
    three(tmp_path)
    text = write_benchmarks(tmp_path).read_text(encoding="utf-8")
    page = BeautifulSoup(text, "html.parser")
    shown = page.body.text
    for secret in ("ana", "beto", "carla", "Ana", "Beto", "Carla", "€", "EUR", "5.000", "62,5"):
        assert not re.search(rf"\b{re.escape(secret)}\b", shown), secret
    assert "reports" not in text and str(tmp_path) not in text
    assert [link["href"] for link in page("a")] == ["#top"]
    assert {row.th.text for row in page("table")[1].tbody("tr")} == {
        "Cliente A",
        "Cliente B",
        "Cliente C",
    }


def test_the_order_of_anonymous_clients_is_drawn_by_lot(tmp_path):
    told = Benchmarks.of(three(tmp_path))
    orders = {tuple(told.anonymous().figures["repeat_rate"]) for _ in range(100)}
    assert len(orders) == 6
    assert set(told.anonymous().figures["client"]) == {"A", "B", "C"}


def test_fewer_than_three_clients_are_not_made_anonymous(tmp_path):
    make_run(tmp_path, "ana")
    make_run(tmp_path, "beto")
    with pytest.raises(SegkitError, match="only 2 with figures.* Fix: run at least 3 clients"):
        write_benchmarks(tmp_path)
    assert not (tmp_path / "reports" / "benchmarks.html").exists()


def test_a_figure_that_fewer_than_three_clients_have_is_left_out_of_anonymous_benchmarks(tmp_path):
    made = three(tmp_path)
    rankings = pd.DataFrame({"ranking": ["clv_model"], "gini": [0.4]})
    made.append(read_run(make_run(tmp_path, "dora", tables={"evidence_rankings": rankings})))
    told = Benchmarks.of(made)
    assert told.figures["gini"].count() == 1
    assert told.anonymous().figures["gini"].count() == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_quartiles_are_in_order_and_between_the_ends(values):
    rows = pd.DataFrame({"client": [str(place) for place, _ in enumerate(values)]})
    figures = rows.assign(**dict.fromkeys(MEASURES, float("nan"))).assign(repeat_rate=values)
    spread = Benchmarks(figures).spread.loc["repeat_rate"]
    ordered = spread[["lowest", "lower", "median", "upper", "highest"]].to_numpy()
    assert (ordered[1:] >= ordered[:-1] - 1e-12).all()
    assert (spread["lowest"], spread["highest"]) == (min(values), max(values))


# The command --------------------------------------------------------------------------


def test_the_command_says_where_the_page_is(tmp_path):
    make_run(tmp_path)
    result = CliRunner().invoke(main, ["index", "--root", str(tmp_path), "--language", "en"])
    assert result.exit_code == 0
    assert result.output.strip().endswith("reports/index.html")
    assert page_of(tmp_path).html["lang"] == "en"


def test_the_command_tells_in_one_line_that_there_are_too_few_clients(tmp_path):
    make_run(tmp_path)
    result = CliRunner().invoke(main, ["index", "--root", str(tmp_path), "--anonymous"])
    assert result.exit_code == 1
    assert "only 1 with figures" in result.output and "Traceback" not in result.output
