"""One shop in the exports of several systems: proposed by `new`, and every figure its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_architecture import PROJECT

from segkit.params import load_params
from segkit.run.preflight import Examined, examine
from segkit.sniff import write_params
from segkit.study.study import Study

FOLDER = Path(os.environ.get("SEGKIT_EXPORTS") or PROJECT.parent / "shared" / "exports")

OLIST = ("orders.csv", "order_items.csv", "customers.csv", "products.csv")
EXPORTS: dict[str, tuple[list[str], str | None]] = {
    "shopify": (["shopify/orders_export.csv"], None),
    "tiendanube": (["tiendanube/ventas.csv"], None),
    "woocommerce": (["woocommerce/orders.csv"], "ARS"),
    "woocommerce_webtoffee": (["woocommerce/orders_webtoffee.csv"], None),
    "mercadolibre": (["mercadolibre/ventas.xlsx"], None),
    "olist": ([f"olist/{name}" for name in OLIST], "BRL"),
}
"""The files of each, and the currency where no file says it."""

TOLD = list(EXPORTS)


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    file = FOLDER / "truth.json"
    if not file.is_file():
        pytest.skip("no exports: neither in SEGKIT_EXPORTS nor in ../shared/exports")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def project(truth, tmp_path_factory) -> Callable[[str], Path]:
    """Return a function that has `new` write the params of an export, once."""
    root = tmp_path_factory.mktemp("exports")
    written: dict[str, Path] = {}

    def params_of(name: str) -> Path:
        if name not in written:
            files, currency = EXPORTS[name]
            first, *others = [FOLDER / file for file in files]
            out = root / "params" / f"{name}.yaml"
            write_params(
                name, first, out, currency=currency, root=root, check=examine, others=others
            )
            written[name] = out
        return written[name]

    return params_of


@pytest.fixture(scope="module")
def examined(project) -> Callable[[str], Examined]:
    found: dict[str, Examined] = {}

    def of(name: str) -> Examined:
        if name not in found:
            file = project(name)
            found[name] = examine(load_params(file), file.parents[1])
        return found[name]

    return of


@pytest.fixture(scope="module")
def steps(examined) -> Callable[[str], dict[str, float]]:
    return lambda name: examined(name).bridge.set_index("step")["amount"].round(2).to_dict()


@pytest.fixture(scope="module")
def orders(examined) -> Callable[[str], dict[str, int]]:
    return lambda name: examined(name).bridge.set_index("step")["orders"].to_dict()


@pytest.mark.parametrize("name", [name for name in TOLD if name != "olist"])
def test_net_revenue_is_what_the_back_office_says_to_the_cent(name, truth, steps):
    assert steps(name)["net"] == truth[name]["net_products"]
    known = truth[name]["net_products_of_known_customers"]
    assert steps(name)["net_of_customers"] == known


def test_tables_that_cannot_tell_a_till_from_a_person_count_it(truth, steps):
    assert steps("olist")["net"] == truth["olist"]["net_products_if_tests_kept"]


@pytest.mark.parametrize("name", TOLD)
def test_each_step_from_gross_to_net_is_the_shops(name, truth, steps):
    told, found = truth[name], steps(name)
    tests = told["left_out"]["test"]["net_products"] if name == "olist" else 0
    assert found["gross"] == told["gross"] + tests
    assert found["discounts"] == -(told["discounts"] or 0)
    assert found["refunds"] == -(told["refunds_products"] or 0)
    assert found["gross"] + found["discounts"] + found["refunds"] == pytest.approx(found["net"])


@pytest.mark.parametrize("name", TOLD)
def test_what_was_cancelled_unpaid_or_a_test_is_left_out_and_told(name, truth, steps, orders):
    out = truth[name]["left_out"]
    assert steps(name)["cancelled"] == out["cancelled"]["net_products"]
    assert orders(name)["cancelled"] == out["cancelled"]["orders"]
    assert steps(name)["unpaid"] == out["pending_or_failed"]["net_products"]
    if name != "olist":
        assert steps(name)["left_out"] == out["test"]["net_products"]
        assert orders(name)["gross"] == truth[name]["orders_kept"]


@pytest.mark.parametrize("name", ["shopify", "tiendanube", "woocommerce", "woocommerce_webtoffee"])
def test_shipping_tax_and_all_that_was_kept_stand_beside(name, truth, steps):
    assert steps(name)["shipping"] == truth[name]["shipping"]
    assert steps(name)["tax"] == (truth[name]["tax"] or 0)
    assert steps(name)["total"] == truth[name]["net_total_with_shipping_and_tax"]


@pytest.mark.parametrize("name", [name for name in TOLD if name != "olist"])
def test_customers_are_people_however_their_addresses_are_spelt(name, truth, project, tmp_path):
    file = project(name)
    study = Study(file, root=file.parents[1], run_dir=tmp_path)
    assert len(study.customers) == truth[name]["customers"]
    assert len(study.buyers) == truth[name]["customers_positive_net"]
    assert study.customers["revenue"].sum() == pytest.approx(
        truth[name]["net_products_of_known_customers"]
    )
    assert study.first_day.isoformat() == truth[name]["first_day"]
    ids = " ".join(study.customers["customer_id"])
    assert not any(word in ids for word in ("mostrador", "test@", "99999999"))


@pytest.mark.parametrize("name", TOLD)
def test_nothing_is_asked_but_a_currency_that_no_file_says(name, project, truth):
    told = load_params(project(name)).currency
    assert told == (truth[name]["currency"] or EXPORTS[name][1])


@pytest.mark.parametrize("name", TOLD)
def test_totals_of_orders_are_their_parts(name, examined):
    rules = examined(name).quality.set_index("rule")["lines"]
    named = ("order_total_differs", "order_lines_differ", "discount_over_order")
    assert [rules.get(rule, 0) for rule in named] == [0, 0, 0]
    assert examined(name).loss.lines == 0
