"""What is lost in reading is loud, and what is odd about a log that is read well is asked about."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from click.testing import CliRunner
from made_logs import HEADER, write_rows

from segkit.analysis.oddities import improbable_ids, quiet_end
from segkit.cli import main
from segkit.data.loss import reading_loss
from segkit.errors import DataError
from segkit.report.summary import summary

GOOD = [
    (f"c{i % 20}", f"2024-{i % 12 + 1:02}-{i % 27 + 1:02}", f"o{i}", 1, 10 + i % 7)
    for i in range(196)
]
BAD = [("c1", "soon", f"b{i}", 1, 25) for i in range(4)]


def test_a_loss_of_more_than_a_percent_is_on_the_first_screen(make_study):
    study = make_study([*GOOD, *BAD])
    assert study.loss.is_loud
    assert (study.loss.lines, study.loss.amount, study.loss.rules) == (4, 100, ("unparsable_date",))
    assert summary(study).loss == (
        "4 líneas del archivo no se pudieron leer y no cuentan: 100\u00a0€."
    )


def test_a_loss_of_a_line_in_two_hundred_is_in_the_table_of_quality_alone(make_study):
    study = make_study([*GOOD, BAD[0]])
    assert 0 < study.loss.share <= 0.01 and not study.loss.is_loud
    assert summary(study).loss == ""


def test_what_the_clients_own_rules_leave_out_is_no_loss(make_study):
    rows = [*GOOD, *[("", f"2024-03-{i + 1:02}", f"n{i}", 1, 99) for i in range(20)]]
    assert make_study(rows).loss.lines == 0


def test_a_loss_of_more_than_a_fifth_stops_a_client_unless_it_is_accepted(make_study):
    rows = [*GOOD[:20], *BAD, *BAD, *BAD]
    with pytest.raises(DataError, match=r"12 of 32 lines were not read.*unparsable_date: soon"):
        _ = make_study(rows).lines
    accepted = make_study(rows, cleaning={"accept_loss": 0.9, "exact_duplicate": "keep"})
    assert reading_loss(accepted.quality).lines == 12


def test_money_that_is_lost_counts_as_much_as_lines(make_study):
    with pytest.raises(DataError, match="1 of 197 lines were not read"):
        _ = make_study([*GOOD, ("c1", "soon", "b", 1, 5000)]).lines


def test_check_says_what_is_lost_and_how_the_other_dates_are_written(tmp_path):
    (tmp_path / "notebooks").mkdir()
    turned = [("c1", f"12/{day}/2024", f"t{day}", 1, 10) for day in range(13, 29)]
    write_rows(tmp_path / "orders.csv", [*GOOD, *turned])
    columns = "{" + ", ".join(f"{name}: {name}" for name in HEADER) + "}"
    file = tmp_path / "params" / "acme.yaml"
    file.parent.mkdir()
    file.write_text(
        f"client: acme\ncurrency: EUR\norders: {{path: orders.csv, columns: {columns}}}\n"
    )
    said = CliRunner().invoke(main, ["check", str(file), "--root", str(tmp_path)]).output
    assert "16 of 212 lines were not read (7.5% of lines or money; unparsable_date" in said
    assert "dates are written in two ways: ISO, and %m/%d/%Y such as '12/13/2024'" in said


# Oddities ----------------------------------------------------------------------------------


def base(**orders: int) -> pd.DataFrame:
    table = pd.DataFrame({"customer_id": list(orders), "orders": list(orders.values())})
    return table.assign(x=table["orders"].clip(upper=9) - 1)


def test_an_id_of_a_twentieth_of_all_orders_and_ten_times_the_next_is_asked_about():
    people = {f"c{i}": 4 for i in range(50)}
    assert improbable_ids(base(**people, till=40))["customer_id"].tolist() == ["till"]
    assert improbable_ids(base(**people, till=39)).empty
    assert improbable_ids(base(**people, regular=12)).empty


def test_an_id_with_more_than_five_orders_a_day_for_a_month_is_asked_about():
    people = pd.DataFrame({"customer_id": ["till", "ana"], "orders": [181, 30], "x": [29, 29]})
    assert improbable_ids(people)["customer_id"].tolist() == ["till"]


def test_a_cut_off_date_long_after_the_last_month_with_sales_is_asked_about():
    months = pd.date_range("2024-01-01", periods=12, freq="MS")
    monthly = pd.DataFrame({"month": months, "orders": [50] * 7 + [0, 0, 0, 0, 1]})
    assert quiet_end(monthly, date(2024, 12, 20)) == {"month": date(2024, 7, 1), "days": 141}
    assert quiet_end(monthly[:7], date(2024, 8, 1)) is None
    assert quiet_end(monthly[:0], date(2024, 8, 1)) is None


def test_the_report_asks_and_removes_nobody(make_study):
    rows = [*GOOD, *[("till", f"2024-{i % 12 + 1:02}-10", f"t{i}", 1, 5) for i in range(140)]]
    study = make_study(rows)
    assert [key for key, _ in study.oddities] == ["improbable_id"]
    assert "till" in set(study.customers["customer_id"])
