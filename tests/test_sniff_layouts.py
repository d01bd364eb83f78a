"""What `segkit new` makes of exports: known systems in any language, and logs that no layout knows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from segkit.errors import SegkitError
from segkit.params import Params, check_params, load_params
from segkit.run.preflight import Examined, examine
from segkit.sniff import other_pattern, sniff, trial, write_params
from segkit.sniff.layouts import LAYOUTS, layouts

SHOPIFY = ("Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,"
           "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Payment Method,"
           "Refunded Amount,Billing Name")  # fmt: skip


def made(
    file: Path, header: str | Sequence[str], rows: Iterable[Sequence[Any]], mark: str = ","
) -> Path:
    names = header.split(",") if isinstance(header, str) else header
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=mark, lineterminator="\n")
        writer.writerows([names, *rows])
    return file


def shopify_rows(orders: int = 40, **changed: str) -> list[list[str]]:
    """Return orders of two articles each: 10.00 and 2 × 3.00, 1.00 off, 4.00 for shipping."""
    rows = []
    for place in range(orders):
        first = {
            "Name": f"#{1000 + place}",
            "Email": f"c{place % 7}@example.com",
            "Financial Status": "paid",
            "Currency": "EUR",
            "Subtotal": "15.00",
            "Shipping": "4.00",
            "Taxes": "0.00",
            "Total": "19.00",
            "Discount Amount": "1.00",
            "Created at": f"2024-{place % 12 + 1:02}-15 23:30:00 -0300",
            "Lineitem quantity": "1",
            "Lineitem name": "Tea",
            "Lineitem price": "10.00",
            "Payment Method": "card",
            "Refunded Amount": "0.00",
        }
        kept = ("Name", "Email", "Created at")
        second = {name: first[name] for name in kept}
        second |= {"Lineitem quantity": "2", "Lineitem name": "Cup", "Lineitem price": "3.00"}
        rows += [first | changed if place == 0 else first, second]
    return [[row.get(name, "") for name in SHOPIFY.split(",")] for row in rows]


def written(
    root: Path, *files: Path, currency: str | None = "EUR", **overrides: Any
) -> tuple[Params, Examined]:
    out = root / "params" / "acme.yaml"
    out.unlink(missing_ok=True)
    told: list[str] = []
    write_params(
        "acme", files[0], out, currency=currency, root=root, check=examine, others=files[1:],
        overrides=overrides, tell=told.append,
    )  # fmt: skip
    params = load_params(out)
    return params, examine(params, root)


def net(found: Examined) -> float:
    return round(found.net, 2)


# Known systems -----------------------------------------------------------------------------


@pytest.mark.parametrize("layout", layouts(), ids=lambda layout: layout["system"])
def test_every_layout_says_what_params_accept(layout):
    def first(value: Any) -> Any:
        return value[0] if isinstance(value, list) and isinstance(value[0], str) else value

    orders = dict(layout["orders"])
    orders["columns"] = {role: first(names) for role, names in orders["columns"].items()}
    amounts = {
        name: value if name in ("by_line", "quantity_is") else first(value)
        for name, value in orders.get("amounts", {}).items()
    }
    amounts.pop("quantity_is", None)
    orders |= {"amounts": amounts, "dimensions": [], "path": "o.csv"}
    orders["statuses"] = [{**each, "column": first(each["column"])} for each in orders["statuses"]]
    orders["where"] = [
        {**each, "column": first(each["column"])} for each in orders.get("where", [])
    ]
    if "order_begins" in orders:
        orders["order_begins"] = first(orders["order_begins"])
    sections = {key: layout[key] for key in ("customers", "cleaning") if key in layout}
    content = {"client": "acme", "currency": "EUR", "orders": orders, **sections}
    assert isinstance(check_params(content), Params)


def test_there_is_a_layout_for_each_system_that_the_page_names():
    page = (LAYOUTS.parents[2] / "docs" / "layouts.md").read_text(encoding="utf-8")
    for layout in layouts():
        assert layout["system"].partition(" (")[0] in page


def test_an_export_is_taken_for_what_it_is_and_says_how_sure(tmp_path):
    file = made(tmp_path / "orders_export.csv", SHOPIFY, shopify_rows())
    guess = sniff(file)
    assert guess.told == ["taken for an export of Shopify: 18 of its 18 columns are there"]
    params, found = written(tmp_path, file, currency=None)
    assert (params.currency, params.orders.layout) == ("EUR", "order_then_lines")
    assert net(found) == 40 * 15


def test_times_that_all_have_one_offset_are_days_of_their_own_zone(tmp_path):
    file = made(tmp_path / "orders_export.csv", SHOPIFY, shopify_rows())
    params, _ = written(tmp_path, file)
    assert params.timezone == "Etc/GMT+3"


def test_an_export_in_portuguese_is_known_as_well(tmp_path):
    header = ("Número do Pedido;E-mail;Data;Status do Pedido;Status do Pagamento;Status do Envio;Moeda;"
              "Subtotal;Desconto;Valor do Frete;Total;Nome do comprador;Nome do Produto;Valor do Produto;"
              "Quantidade Comprada;SKU;Canal;Forma de Pagamento")  # fmt: skip
    rows = []
    for place in range(30):
        head = [
            f"{100 + place}",
            f"c{place % 5}@example.com",
            f"{place % 28 + 1:02}/05/2024 10:00:00",
        ]
        head += ["Aberto", "Confirmado", "Enviado", "BRL", "16.00", "1.00", "4.00", "19.00", "Ana"]
        rows.append([*head, "Chá", "10.00", "1", "A", "Loja", "Pix"])
        rows.append([head[0], head[1], *[""] * 10, "Xícara", "3.00", "2", "B", "", ""])
    file = made(tmp_path / "vendas.csv", header.split(";"), rows, ";")
    params, found = written(tmp_path, file, currency=None)
    assert (params.currency, net(found)) == ("BRL", 30 * 15)
    assert found.loss.lines == 0


def test_headers_whose_accents_were_lost_are_known_still(tmp_path):
    header = ("N\ufffdmero de orden;Email;Fecha;Estado de la orden;Estado del pago;Moneda;"
              "Subtotal de productos;Descuento;Costo de env\ufffdo;Total;Nombre del producto;"
              "Precio del producto;Cantidad del producto;SKU")  # fmt: skip
    rows = [
        [f"{100 + i}", f"c{i % 5}@example.com", f"{i % 28 + 1:02}/05/2024 10:00:00", "Abierta", "Recibido",
         "ARS", "10", "1.00", "0", "9", "Mate", "10", "1", "A"]
        for i in range(30)
    ]  # fmt: skip
    file = made(tmp_path / "ventas.csv", header.split(";"), rows, ";")
    _, found = written(tmp_path, file, currency=None)
    assert net(found) == 30 * 9


def test_amounts_in_several_currencies_are_asked_about_and_then_left_out(tmp_path):
    file = made(tmp_path / "e.csv", SHOPIFY, shopify_rows(Currency="USD"))
    with pytest.raises(SegkitError, match=r"several currencies, says 'Currency': 'USD', 'EUR'"):
        written(tmp_path, file, currency=None)
    _, found = written(tmp_path, file)
    steps = found.bridge.set_index("step")["amount"]
    assert (net(found), steps["left_out"]) == (39 * 15, 15)


def test_a_status_that_no_layout_knows_is_told_and_no_sale(tmp_path):
    file = made(tmp_path / "e.csv", SHOPIFY, shopify_rows(**{"Financial Status": "bartered"}))
    assert any("'bartered' on 1 lines" in line for line in sniff(file).told)
    _, found = written(tmp_path, file)
    assert net(found) == 39 * 15
    assert found.bridge.set_index("step")["amount"]["unknown_status"] == 15


def test_an_export_that_lacks_a_file_says_which(tmp_path):
    header = "order_id,customer_id,order_status,order_purchase_timestamp"
    rows = [[f"o{i}", f"k{i}", "delivered", f"2024-05-{i + 1:02} 10:00:00"] for i in range(20)]
    file = made(tmp_path / "orders.csv", header, rows)
    with pytest.raises(SegkitError, match=r"lacks a file: the one that says the orders' lines"):
        sniff(file)


HOSTILE = ('"><script>alert(1)</script>', "=HYPERLINK(1)", "'; DROP TABLE x; --", "{{ 7 * 7 }}", "a: b # c\n- d",
           "${HOME}", "\u202eevil")  # fmt: skip


def test_nothing_that_a_cell_holds_gets_into_the_file_as_yaml(tmp_path):
    columns = ("Financial Status", "Payment Method", "Billing Name", "Lineitem name", "Email")
    names, rows = SHOPIFY.split(","), shopify_rows()
    places = [(column, text) for column in columns for text in HOSTILE]
    for order, (column, text) in enumerate(places):
        rows[2 * order][names.index(column)] = text
    file = made(tmp_path / "e.csv", SHOPIFY, rows)
    _, found = written(tmp_path, file)
    content = yaml.safe_load((tmp_path / "params" / "acme.yaml").read_text(encoding="utf-8"))
    assert content["client"] == "acme"
    assert set(content) == {"client", "language", "currency", "timezone", "orders", "customers", "cleaning",
                            "period_months", "clv"}  # fmt: skip
    strange = found.bridge.set_index("step")["amount"]["unknown_status"]
    assert (net(found), strange) == ((40 - len(HOSTILE)) * 15, len(HOSTILE) * 15)


# Logs that no layout knows -----------------------------------------------------------------

LOG = "Nº pedido,Correo,Situación,Fecha,Cantidad,Producto,Precio unitario,Subtotal,Descuento,Envío,Total pedido"


def unknown_rows(*, repeated: bool, total: str = "19.00") -> list[list[str]]:
    rows = []
    for place in range(40):
        order, shared = f"{1000 + place}", [f"c{place % 7}@example.com", "pagado"]
        shared.append(f"{place % 28 + 1:02}/{place % 12 + 1:02}/2024")
        amounts = ["15.00", "1.00", "4.00", total]
        rows.append([order, *shared, "1", "Té", "10.00", *amounts])
        rest = shared if repeated else [""] * 3
        rows.append([order, *rest, "2", "Taza", "3.00", *(amounts if repeated else [""] * 4)])
    rows[0][2] = "pendiente"
    if repeated:
        rows[1][2] = "pendiente"
    return rows


@pytest.mark.parametrize("repeated", [True, False])
def test_amounts_of_orders_are_taken_where_they_add_up(tmp_path, repeated):
    file = made(tmp_path / "log.csv", LOG, unknown_rows(repeated=repeated))
    params, found = written(tmp_path, file)
    assert params.orders.layout == ("lines" if repeated else "order_then_lines")
    assert params.orders.amounts.named == {
        "subtotal": "Subtotal", "discount": "Descuento", "shipping": "Envío", "total": "Total pedido"
    }  # fmt: skip
    assert net(found) == 39 * 15
    assert found.bridge.set_index("step")["amount"]["unpaid"] == 15


def test_amounts_of_orders_that_do_not_add_up_are_left_to_the_user(tmp_path):
    file = made(tmp_path / "log.csv", LOG, unknown_rows(repeated=True, total="77.00"))
    params, _ = written(tmp_path, file)
    assert params.orders.amounts.named == {}
    text = (tmp_path / "params" / "acme.yaml").read_text(encoding="utf-8")
    assert "amounts of orders that do not add up" in text


def test_one_row_an_order_is_worth_its_subtotal_less_its_discount(tmp_path):
    header = "order number,customer email,order date,status,shipping,discount,total,subtotal"
    rows = [
        [
            f"{i}",
            f"c{i % 9}@example.com",
            f"2024-{i % 12 + 1:02}-11",
            "paid",
            "4.00",
            "1.00",
            "19.00",
            "16.00",
        ]
        for i in range(60)
    ]
    params, found = written(tmp_path, made(tmp_path / "log.csv", header, rows))
    assert (params.orders.layout, net(found)) == ("orders", 60 * 15)


def test_statuses_are_understood_by_the_beginnings_of_their_words(tmp_path):
    states = ["Pago aceptado"] * 40 + [
        "En espera de pago por transferencia",
        "Cancelado",
        "Reembolsado",
    ]
    header = "ID,Cliente,Total,Estado,Fecha"
    rows = [
        [f"{i}", f"c{i % 9}", "10.00", states[i % len(states)], f"2024-{i % 12 + 1:02}-11"]
        for i in range(2 * len(states))
    ]
    params, found = written(tmp_path, made(tmp_path / "log.csv", header, rows))
    (status,) = params.orders.statuses
    assert status.sold == ["Pago aceptado"]
    assert status.unpaid == ["En espera de pago por transferencia"]
    assert net(found) == 80 * 10


def test_statuses_that_nobody_knows_do_not_take_most_of_a_log_away(tmp_path):
    header = "ID,Cliente,Total,Estado,Fecha"
    rows = [
        [
            f"{i}",
            f"c{i % 9}",
            "10.00",
            ("xyz", "qwy", "Cancelado")[i % 3],
            f"2024-{i % 12 + 1:02}-11",
        ]
        for i in range(90)
    ]
    params, found = written(tmp_path, made(tmp_path / "log.csv", header, rows))
    assert (params.orders.statuses[0].sold, net(found)) == (None, 60 * 10)
    text = (tmp_path / "params" / "acme.yaml").read_text(encoding="utf-8")
    assert "say in orders.statuses which of them are sales" in text


def test_of_two_amounts_of_an_order_its_products_are_taken(tmp_path):
    header = "Sale Date,Order ID,Buyer User ID,Order Value,Discount Amount,Shipping,Order Total"
    rows = [
        [f"2024-{i % 12 + 1:02}-11", f"{i}", f"b{i % 9}", "20.00", "2.00", "4.50", "22.50"]
        for i in range(60)
    ]
    params, found = written(tmp_path, made(tmp_path / "log.csv", header, rows))
    assert params.orders.amounts.subtotal_is == "before_discount"
    assert net(found) == 60 * 18


def test_two_files_are_joined_by_the_key_that_they_share(tmp_path):
    orders = [[f"{i}", f"c{i % 9}@example.com", f"2024-{i % 12 + 1:02}-11"] for i in range(60)]
    items = [[f"{i // 2}", f"P{i % 5}", "3.00", "2"] for i in range(120)]
    first = made(tmp_path / "orders.csv", "order_id,email,date", orders)
    second = made(tmp_path / "items.csv", "order_id,sku,price,quantity", items)
    for files in ((first, second), (second, first)):
        params, found = written(tmp_path, *files)
        assert [(join.key, join.lines) for join in params.orders.join] == [(["order_id"], True)]
        assert net(found) == 120 * 6


def test_a_file_that_shares_no_key_is_refused(tmp_path):
    orders = [[f"{i}", f"c{i % 9}@example.com", "2024-03-11", "5"] for i in range(60)]
    first = made(tmp_path / "orders.csv", "order_id,email,date,amount", orders)
    second = made(tmp_path / "x.csv", "colour,size", [["red", "1"]])
    with pytest.raises(
        SegkitError, match=r"a file shares no key with the orders.*'colour', 'size'"
    ):
        sniff(first, others=[second])


def plain_rows(days: int, start: str = "2024-01-02") -> list[list[str]]:
    import pandas as pd

    first = pd.Timestamp(start)
    return [
        [f"c{i % 30}", f"{first + pd.Timedelta(days=i * days // 300):%Y-%m-%d}", f"o{i}", "2", "5"]
        for i in range(300)
    ]


@pytest.mark.parametrize(
    ("days", "period", "horizon"),
    [
        (1, 1, 1),
        (28, 1, 1),
        (80, 1, 1),
        (200, 3, 2),
        (425, 6, 3),
        (450, 6, 6),
        (728, 12, 6),
        (1200, 12, 12),
    ],
)
def test_a_short_log_gets_a_period_and_a_horizon_that_fit_it(tmp_path, days, period, horizon):
    file = made(tmp_path / "log.csv", "cliente,fecha,pedido,cantidad,importe", plain_rows(days))
    params, _ = written(tmp_path, file)
    assert (params.period_months, params.clv.horizon_months) == (period, horizon)


def test_a_log_without_amounts_counts_units(tmp_path):
    file = made(
        tmp_path / "log.csv", "cliente,fecha,pedido,cantidad", [row[:4] for row in plain_rows(900)]
    )
    params, found = written(tmp_path, file, currency="XXX")
    assert not params.has_amounts
    assert found.lines["orders"] == 300


def test_a_format_of_dates_that_changes_is_named():
    with trial() as tried:
        assert other_pattern(["12/25/2024", "12/31/2024"], tried) == "%m/%d/%Y"
        assert other_pattern(["03/04/2024"], tried) is None
        assert other_pattern(["soon", "12/31/2024"], tried) is None
