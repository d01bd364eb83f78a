from __future__ import annotations

import json
import re
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segkit.data.demo import shop as module
from segkit.data.demo.shop import TABLES, TRUTH, Shop, catalogue, generate, path
from segkit.errors import SegkitError

FILES = sorted([*TABLES, TRUTH])
CONTACT_COLUMNS = ["email", "telefono", "consentimiento_whatsapp", "consentimiento_sms"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    return generate(tmp_path_factory.mktemp("demo") / "tienda")


@pytest.fixture(scope="module")
def truth(shop) -> dict:
    return json.loads((shop / TRUTH).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def raw(shop) -> pd.DataFrame:
    return read(shop / "pedidos.csv", dtype={"cliente": str})


@pytest.fixture(scope="module")
def sound(raw) -> pd.DataFrame:
    """The lines that are left when every documented kind of wrong line is taken away."""
    lines = raw.drop_duplicates()
    lines = lines[lines["cliente"].notna() & (lines["fecha"] != "32/13/2025")]
    lines = lines[(lines["precio"] > 0) & (lines["cantidad"] > 0)]
    lines = lines[(lines["producto_id"] != "ENVIO") & (lines["estado"] == "entregado")]
    return lines.assign(moment=moments(lines["fecha"]), amount=lines["cantidad"] * lines["precio"])


@pytest.fixture(scope="module")
def orders(sound) -> pd.DataFrame:
    grouped = sound.groupby("pedido")
    return grouped.agg(
        cliente=("cliente", "first"),
        moment=("moment", "first"),
        amount=("amount", "sum"),
        lines=("amount", "size"),
    )


@pytest.fixture(scope="module")
def customers(shop) -> pd.DataFrame:
    table = read(shop / "clientes.csv", dtype={"cliente": str})
    table["day"] = pd.to_datetime(table["registro"], format="%d/%m/%Y")
    return table.set_index("cliente")


@pytest.fixture(scope="module")
def events(shop) -> pd.DataFrame:
    table = read(shop / "eventos.csv", dtype={"cliente": str})
    return table.assign(moment=moments(table["fecha"]))


def read(file: Path, **options) -> pd.DataFrame:
    return pd.read_csv(file, sep=";", decimal=",", encoding="utf-8-sig", **options)


def moments(text: pd.Series) -> pd.Series:
    return pd.to_datetime(text, format="%d/%m/%Y %H:%M")


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_cdnow_has_the_published_rows_customers_and_total():
    lines = pd.read_csv(path(Path("."), "cdnow/orders.csv"), dtype=str)
    assert list(lines.columns) == ["customer_id", "date", "cds", "amount"]
    assert len(lines) == 6919
    assert lines["customer_id"].nunique() == 2357
    assert sum(map(Decimal, lines["amount"])) == Decimal("244091.94")


def test_cdnow_keeps_ids_as_text_and_dates_as_iso():
    lines = pd.read_csv(path(Path("."), "cdnow/orders.csv"), dtype=str)
    assert lines.iloc[0].tolist() == ["00004", "1997-01-01", "2", "29.33"]
    assert lines["customer_id"].str.fullmatch(r"\d{5}").all()
    assert (lines["date"].min(), lines["date"].max()) == ("1997-01-01", "1998-06-30")


def test_cdnow_carries_its_licence():
    text = path(Path("."), "cdnow/orders.csv").with_name("LICENSE.md").read_text(encoding="utf-8")
    assert "Fader" in text
    assert "The MIT License" in text
    assert "Cameron Davidson-Pilon" in text


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    one = contents(generate(tmp_path / "one", seed=5, customers=200))
    again = contents(generate(tmp_path / "again", seed=5, customers=200))
    other = contents(generate(tmp_path / "other", seed=6, customers=200))
    assert sorted(one) == FILES
    assert one == again
    assert all(one[name] != other[name] for name in FILES)


def test_files_are_spanish_csv_with_a_byte_order_mark(shop):
    for name in TABLES:
        assert (shop / name).read_bytes().startswith(b"\xef\xbb\xbf")
    first = (shop / "pedidos.csv").read_text(encoding="utf-8-sig").splitlines()[:2]
    assert first[0] == (
        "pedido;cliente;fecha;producto_id;producto;categoria;cantidad;precio;descuento;canal;estado"
    )
    cells = dict(zip(first[0].split(";"), first[1].split(";"), strict=True))
    assert cells["pedido"] == "P-000001"
    assert pd.Series([cells["precio"]]).str.fullmatch(r"\d+,\d\d").all()
    assert pd.Series([cells["fecha"]]).str.fullmatch(r"\d\d/\d\d/202\d \d\d:\d\d").all()


def test_about_half_of_the_buyers_order_once_and_some_ten_times(orders, truth):
    count = orders.groupby("cliente").size()
    assert 0.45 <= (count == 1).mean() <= 0.55
    assert (count >= 10).sum() >= 50
    assert truth["customers"]["buyers"] == len(count)
    assert truth["customers"]["one_order"] == (count == 1).sum()
    assert truth["customers"]["ten_or_more_orders"] == (count >= 10).sum()


def test_one_time_buyers_are_as_many_as_bg_nbd_says(orders):
    weeks = (pd.Timestamp("2026-01-01") - orders.groupby("cliente")["moment"].min()).dt.days / 7
    once = (Shop().alpha / (Shop().alpha + weeks)) ** Shop().r
    spread = np.sqrt((once * (1 - once)).sum())
    assert abs((orders.groupby("cliente").size() == 1).sum() - once.sum()) < 4 * spread


def test_order_values_have_the_mean_that_gamma_gamma_says(orders):
    each = orders.groupby("cliente")["amount"].mean()
    assert each.mean() == pytest.approx(Shop().p * Shop().gamma / (Shop().q - 1), rel=0.08)
    count = orders.groupby("cliente").size()
    assert abs(np.corrcoef(count[count > 1], each[count > 1])[0, 1]) < 0.1


def test_baskets_have_one_to_five_different_products(orders, sound):
    assert set(orders["lines"]) == {1, 2, 3, 4, 5}
    assert not sound.duplicated(["pedido", "producto_id"]).any()
    assert sound["cantidad"].between(1, 4).all()


def test_prices_are_list_prices_less_the_discount(sound):
    prices = catalogue().set_index("producto_id")["precio"]
    assert len(prices) == 120
    expected = (prices.loc[sound["producto_id"]].to_numpy() * (1 - sound["descuento"])).round(2)
    assert np.allclose(sound["precio"], expected, atol=0.0051)
    assert set(sound["descuento"]) == {0.0, 0.1, 0.2, 0.3}


def test_discounts_are_commoner_in_the_sales(sound):
    sales = sound["moment"].dt.month.isin([1, 7, 11])
    reduced = sound["descuento"] > 0
    assert reduced[sales].mean() > 2 * reduced[~sales].mean()


def test_december_and_july_sell_more_than_february_and_august(orders):
    month = orders["moment"].dt.month.value_counts()
    assert month[12] > 1.2 * month[2]
    assert month[7] > 1.2 * month[8]


def test_products_that_go_together_are_bought_together(sound, truth):
    inside = sound.groupby("producto_id")["pedido"].agg(set)
    total = sound["pedido"].nunique()
    for one, two in truth["pairs"]:
        both = len(inside[one] & inside[two])
        assert both * total > 3 * len(inside[one]) * len(inside[two])


def test_customers_have_a_favourite_category_and_a_usual_channel(sound):
    enough = sound.groupby("cliente").filter(lambda lines: lines["pedido"].nunique() >= 5)
    for column, chance in (("categoria", 0.45), ("canal", 0.6)):
        usual = enough.groupby("cliente")[column].agg(
            lambda v: v.value_counts(normalize=True).max()
        )
        assert usual.mean() > chance


def test_every_return_is_of_an_order_that_exists_and_comes_later(shop, orders, truth):
    returns = read(shop / "devoluciones.csv")
    assert set(returns["pedido"]) <= set(orders.index)
    assert returns["pedido"].is_unique
    assert (moments(returns["fecha"]).to_numpy() > orders.loc[returns["pedido"], "moment"]).all()
    assert moments(returns["fecha"]).max() < pd.Timestamp("2026-01-01")
    assert 0.035 <= len(returns) / len(orders) <= 0.065
    assert orders.loc[returns["pedido"], "cliente"].duplicated().sum() > 20
    assert truth["orders"]["returned"] == len(returns)
    taken_back = orders.loc[returns["pedido"], "amount"].sum()
    assert truth["amounts"]["returned"] == pytest.approx(taken_back, abs=0.005)


def test_registration_is_on_or_before_the_first_order(customers, orders):
    first = orders.groupby("cliente")["moment"].min()
    assert (customers.loc[first.index, "day"] <= first).all()
    assert customers["day"].min() >= pd.Timestamp("2023-01-01")


def test_some_of_the_registered_never_buy(customers, raw, truth):
    never = customers.index.difference(raw["cliente"].dropna())
    assert len(customers) == truth["customers"]["registered"] == 3000
    assert len(never) == truth["customers"]["prospects"] == 500


def test_customers_have_ids_as_text_and_contact_data_after_the_rest(customers):
    assert customers.index.str.fullmatch(r"\d{5}").all()
    first = ["registro", "consentimiento_email", "provincia"]
    assert list(customers.columns) == [*first, *CONTACT_COLUMNS, "day"]
    assert set(customers["consentimiento_email"]) == {"sí", "no"}


def test_addresses_are_at_the_domains_for_examples_and_no_two_are_alike(customers):
    tidy = customers["email"].dropna().str.strip().str.lower()
    assert tidy.str.fullmatch(r"[a-z]+\.\d{5}@example\.(com|org|net)").all()
    assert tidy.str.rpartition("@")[2].nunique() == 3
    assert tidy.is_unique


def test_some_addresses_are_missing_in_capitals_or_between_spaces(customers):
    typed = customers["email"].dropna()
    assert 0.03 <= customers["email"].isna().mean() <= 0.05
    assert (typed != typed.str.lower()).sum() > 50
    assert (typed != typed.str.strip()).sum() > 50
    assert (typed == typed.str.strip().str.lower()).mean() > 0.8


def test_telephones_are_spanish_mobiles_written_in_seven_ways(customers):
    typed = customers["telefono"].dropna()
    assert 0.08 <= customers["telefono"].isna().mean() <= 0.12
    digits = typed.str.replace(r"\D", "", regex=True).str.removeprefix("00").str[-9:]
    assert (digits.astype(int) == 600_000_000 + typed.index.astype(int)).all()
    ways = typed.str.replace(r"\d", "0", regex=True).where(~typed.str.startswith("00"))
    assert ways.nunique() == 5
    assert set(typed[ways.isna()].str.count(" ")) == {0, 3}


@pytest.mark.parametrize("channel", ["whatsapp", "sms"])
def test_consent_to_a_channel_is_yes_no_or_never_asked(customers, channel):
    share = customers[f"consentimiento_{channel}"].value_counts(normalize=True, dropna=False)
    assert set(share.index.dropna()) == {"sí", "no"}
    assert share.min() > 0.08
    assert 0.09 <= share[share.index.isna()].item() <= 0.15


def test_each_consent_is_given_apart_from_the_others(customers):
    yes = customers.filter(like="consentimiento_") == "sí"
    assert np.abs(np.triu(yes.astype(float).corr(), 1)).max() < 0.06


def test_the_truth_counts_the_contact_data(customers, truth):
    given = customers[["email", "telefono"]].notna().sum()
    agreed = (customers[["consentimiento_whatsapp", "consentimiento_sms"]] == "sí").sum()
    assert truth["contacts"] == {**given.to_dict(), **agreed.to_dict()}


def test_contact_data_move_nothing_else(tmp_path, monkeypatch):
    whole = generate(tmp_path / "whole", customers=200)
    monkeypatch.setattr(module, "_contacts", lambda *_: pd.DataFrame())
    monkeypatch.setattr(module, "_contact_counts", lambda *_: {})
    bare = generate(tmp_path / "bare", customers=200)
    for name in ("pedidos.csv", "devoluciones.csv", "eventos.csv"):
        assert (whole / name).read_bytes() == (bare / name).read_bytes()
    lines = (whole / "clientes.csv").read_text(encoding="utf-8").splitlines()
    kept = [re.match("(?:[^;]*;){3}[^;]*", line)[0] for line in lines]
    assert kept == (bare / "clientes.csv").read_text(encoding="utf-8").splitlines()


def test_purchase_events_agree_with_the_orders_of_the_window(events, sound):
    recent = sound[sound["moment"] >= pd.Timestamp("2025-10-03")]
    key = ["cliente", "fecha", "producto_id"]
    bought = events.loc[events["tipo"] == "compra", key]
    assert sorted(bought.itertuples(index=False)) == sorted(recent[key].itertuples(index=False))


def test_events_are_of_the_last_ninety_days_and_of_registered_customers(events, customers, truth):
    assert 15_000 <= len(events) <= 25_000
    assert events["moment"].min() >= pd.Timestamp("2025-10-03")
    assert events["moment"].max() < pd.Timestamp("2026-01-01")
    assert (events["moment"].to_numpy() >= customers.loc[events["cliente"], "day"]).all()
    assert events["tipo"].value_counts().to_dict() == truth["events"]
    assert set(events["producto_id"]) <= set(catalogue()["producto_id"])


def test_prospects_view_products(events, customers, raw):
    never = customers.index.difference(raw["cliente"].dropna())
    assert events["cliente"].isin(never).sum() > 500


def test_carts_are_bought_recovered_within_a_day_or_left(events, truth):
    key = ["cliente", "producto_id"]
    carts = events[events["tipo"] == "carrito"].sort_values("moment")
    bought = events.loc[events["tipo"] == "compra", [*key, "moment"]].sort_values("moment")
    bought["paid"] = bought["moment"]
    found = pd.merge_asof(carts, bought, on="moment", by=key, direction="forward")
    wait = found["paid"] - found["moment"]
    assert truth["carts"] == {
        "abandoned": int((~(wait <= pd.Timedelta(hours=24))).sum()),
        "bought": int((wait < pd.Timedelta(hours=1)).sum()),
        "recovered": int(wait.between(pd.Timedelta(hours=1), pd.Timedelta(hours=24)).sum()),
    }


def test_wrong_lines_are_as_many_as_the_truth_says(raw, truth):
    wrong = truth["wrong_lines"]
    assert raw["cliente"].isna().sum() == wrong["no_customer"] == 6
    assert raw.duplicated().sum() == wrong["exact_duplicate"] == 4
    assert (raw["precio"] == 0).sum() == wrong["zero_price"] == 3
    assert (raw["fecha"] == "32/13/2025").sum() == wrong["bad_date"] == 2
    assert (raw["producto_id"] == "ENVIO").sum() == wrong["shipping"] == 5
    assert (raw["cantidad"] < 0).sum() == wrong["negative_quantity"] == 3
    cancelled = raw[raw["estado"] == "cancelado"]
    assert len(cancelled) == wrong["cancelled"]
    assert cancelled["pedido"].nunique() == truth["orders"]["cancelled"] == 2


def test_lines_without_the_wrong_ones_add_up_to_the_truth(raw, sound, orders, truth):
    assert len(raw) == truth["lines"]["all"]
    assert len(sound) == truth["lines"]["valid"]
    assert len(raw) - len(sound) == sum(truth["wrong_lines"].values())
    assert len(orders) == truth["orders"]["valid"]
    assert truth["amounts"]["valid"] == pytest.approx(sound["amount"].sum(), abs=0.005)


def test_a_piece_given_back_was_in_the_order_before(raw, sound):
    for _, line in raw[raw["cantidad"] < 0].iterrows():
        order = sound[sound["pedido"] == line["pedido"]].set_index("producto_id")
        assert order.loc[line["producto_id"], "precio"] == line["precio"]
        assert order.loc[line["producto_id"], "cliente"] == line["cliente"]
        assert order["moment"].max() < pd.to_datetime(line["fecha"], format="%d/%m/%Y %H:%M")


@pytest.mark.parametrize("seed", range(8))
def test_small_shops_are_whole_for_any_seed(tmp_path, seed):
    made = generate(tmp_path / "tienda", seed=seed, customers=200)
    wrong = json.loads((made / TRUTH).read_text(encoding="utf-8"))["wrong_lines"]
    assert sum(wrong.values()) >= 25


def test_two_generations_at_once_leave_a_whole_folder(tmp_path):
    expected = contents(generate(tmp_path / "alone" / "tienda", customers=400))
    target = tmp_path / "both" / "tienda"
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(generate, target, customers=400) for _ in range(6)]
        assert [job.result() for job in jobs] == [target] * 6
    assert contents(target) == expected
    assert [entry.name for entry in target.parent.iterdir()] == ["tienda"]


def test_a_second_generation_replaces_the_files_and_leaves_others(tmp_path):
    generate(tmp_path / "tienda", seed=1, customers=200)
    (tmp_path / "tienda" / "notas.txt").write_text("mine")
    generate(tmp_path / "tienda", seed=2, customers=200)
    expected = contents(generate(tmp_path / "other", seed=2, customers=200))
    assert contents(tmp_path / "tienda") == {**expected, "notas.txt": b"mine"}


def test_a_failed_generation_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("segkit.data.demo.shop._truth", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generate(tmp_path / "tienda", customers=200)
    assert list(tmp_path.iterdir()) == []


def test_too_few_customers_and_a_file_as_folder_are_refused(tmp_path):
    with pytest.raises(SegkitError, match="too few customers: 199. Fix: ask for 200 or more"):
        generate(tmp_path / "tienda", customers=199)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SegkitError, match="is a file, not a folder"):
        generate(tmp_path / "file")


def test_a_demo_file_is_made_once_below_the_root(tmp_path):
    file = path(tmp_path, "tienda_demo/pedidos.csv")
    assert file.is_relative_to(tmp_path / "reports" / ".demo")
    assert file.parent.name.startswith("tienda_demo-")
    assert sorted(entry.name for entry in file.parent.iterdir()) == FILES
    made = file.stat().st_mtime_ns
    assert path(tmp_path, "tienda_demo/eventos.csv").parent == file.parent
    assert path(tmp_path, "tienda_demo/pedidos.csv").stat().st_mtime_ns == made


@pytest.mark.parametrize("name", ["tienda_demo/pedido.csv", "cdnow/../shop.py", "", "otra"])
def test_an_unknown_demo_name_lists_the_valid_ones(tmp_path, name):
    with pytest.raises(SegkitError) as caught:
        path(tmp_path, name)
    for valid in ("cdnow/orders.csv", "tienda_demo/pedidos.csv", "tienda_demo/truth.json"):
        assert valid in str(caught.value)
    assert list(tmp_path.iterdir()) == []
