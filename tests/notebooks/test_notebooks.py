"""The notebooks from end to end: what a run of a client leaves, and that its numbers are right."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from pptx import Presentation
from projects import keep_chapters

from segkit.analysis.contact_lists import read_audience

pytestmark = pytest.mark.slow

SEGMENTATIONS = (
    "families", "sub_segments", "value_groups", "clusters", "clv_segments", "lifecycle",
    "micro_segments",
)  # fmt: skip
VIEWS = ("registration", "new_potential", "returns", "order_size", "churn_speed", "cart")


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "exports" / "tables" / f"{name}.csv", dtype={"cell": str})


@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_a_run_leaves_every_artefact_by_name(finished, client):
    folder = finished[client]
    names = [
        "data_quality",
        "rfm_edges",
        "rfm_cells",
        "cluster_profile",
        "concentration",
        "k_selection",
        "clv_segments",
        "evidence",
        "evidence_models",
        "evidence_rankings",
        "forecast",
        "forecast_totals",
        "forecast_members",
        "rolling_evidence",
        "lifecycle",
        "gaps",
        "lifecycle_thresholds",
        "flags",
        "transitions_value_groups",
        "segment_migration_value_groups",
        "series_customers_value_groups",
        "series_revenue_value_groups",
        "insights",
        "next_actions",
        "audiences",
    ]
    names += [f"migration_{segmentation}" for segmentation in SEGMENTATIONS]
    names += [f"segment_kpis_{segmentation}" for segmentation in SEGMENTATIONS]
    files = [f"exports/tables/{name}.csv" for name in names]
    files += [
        "report.html",
        "annex.html",
        "brief.html",
        "brief.eml",
        "run.json",
        "data/customers.parquet",
        "data/rejected.parquet",
    ]
    files += ["exports/recommendations.md", "exports/recommendations.json", "exports/tables.xlsx"]
    assert [file for file in files if not (folder / file).is_file()] == []
    assert len(list((folder / "notebooks").glob("*.ipynb"))) == 7


def test_slides_name_the_sheets_that_hold_their_figures(finished):
    folder = finished["tienda_demo"]
    sheets = openpyxl.load_workbook(folder / "exports" / "tables.xlsx", read_only=True).sheetnames
    pages = list(Presentation(folder / "slides.pptx").slides)
    assert len(pages) == 8 and not (finished["cdnow"] / "slides.pptx").exists()
    for page in pages[1:]:
        notes = page.notes_slide.notes_text_frame.text
        named = re.search(r"tables\.xlsx: (.+)\.$", notes)[1].split(", ")
        assert len(named) > 1 and set(named) <= set(sheets)


@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_kept_and_rejected_lines_add_up_to_those_read(finished, client):
    quality = table(finished[client], "data_quality").query("source == 'orders'").set_index("rule")
    for column in ("lines", "amount"):
        kept, rejected, read = quality.loc[["kept", "rejected", "read"], column]
        assert kept + rejected == pytest.approx(read, abs=1e-6)
    written = pd.read_parquet(finished[client] / "data" / "rejected.parquet")
    assert len(written) == quality.loc["rejected", "lines"]


@pytest.mark.parametrize("segmentation", SEGMENTATIONS)
@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_segments_add_up_to_the_brand(finished, client, segmentation):
    kpis = table(finished[client], f"segment_kpis_{segmentation}").set_index("segment")
    parts = kpis.drop(index=["total", "no_customer"], errors="ignore")
    for column in ("customers", "orders", "revenue", "revenue_all_time", "orders_all_time"):
        assert parts[column].sum() == pytest.approx(kpis.loc["total", column], abs=1e-6)
    assert parts["revenue_share"].sum() == pytest.approx(1)


@pytest.mark.parametrize("dimension", ["channel", "category"])
def test_the_leading_segmentation_is_cut_by_dimension_and_figures_of_few_are_blank(
    finished, dimension
):
    by_value = table(finished["tienda_demo"], f"segment_kpis_value_groups_by_{dimension}")
    whole = table(finished["tienda_demo"], "segment_kpis_value_groups").set_index("segment")
    known = by_value[by_value.iloc[:, 1] == "total"].set_index("segment")
    assert known["customers"].to_dict() == whole["customers"].to_dict()
    assert known["revenue"].tolist() == pytest.approx(whole["revenue"].tolist())
    few = by_value["customers"].isna()
    assert by_value.loc[few].iloc[:, 2:].isna().all(axis=None)
    assert by_value["customers"].min() >= 5
    shares = table(finished["tienda_demo"], f"dimension_shares_value_groups_by_{dimension}")
    assert shares["customers"].min() >= 5


def test_a_client_without_dimensions_is_cut_by_none(finished):
    assert not list((finished["cdnow"] / "exports" / "tables").glob("*_by_channel.csv"))


def test_cdnow_has_its_known_totals(finished):
    total = table(finished["cdnow"], "segment_kpis_families").set_index("segment").loc["total"]
    assert total["customers"] == 2357
    assert total["revenue_all_time"] == pytest.approx(244_091.94)
    counts = json.loads((finished["cdnow"] / "run.json").read_text(encoding="utf-8"))["counts"]
    assert counts["lines_read"] == counts["lines_kept"] == 6919


def test_tienda_demo_has_the_totals_that_its_generator_wrote_down(finished):
    from segkit.data.demo import shop

    root = finished["tienda_demo"].parents[2]
    truth = json.loads(shop.path(root, "tienda_demo/truth.json").read_text(encoding="utf-8"))
    counts = json.loads((finished["tienda_demo"] / "run.json").read_text(encoding="utf-8"))[
        "counts"
    ]
    assert counts["customers"] == truth["shop"]["customers"]
    quality = table(finished["tienda_demo"], "data_quality")
    orders = quality[quality["source"] == "orders"].set_index("rule")["lines"]
    assert orders["read"] == truth["lines"]["all"]
    assert orders["no_customer"] == truth["wrong_lines"]["no_customer"]


def test_gated_frequency_gives_one_to_exactly_the_one_time_buyers(finished):
    edges = table(finished["cdnow"], "rfm_edges").query("measure == 'frequency'").set_index("score")
    customers = pd.read_parquet(finished["cdnow"] / "data" / "customers.parquet")
    assert edges.loc[1, "to"] == 1
    assert edges.loc[1, "customers"] == (customers["orders"] == 1).sum()


def test_customers_have_one_row_and_one_segment_in_each_segmentation(finished):
    for folder in finished.values():
        customers = pd.read_parquet(folder / "data" / "customers.parquet")
        segments = pd.read_parquet(folder / "data" / "segments.parquet")
        assert customers["customer_id"].is_unique
        assert segments["customer_id"].tolist() == customers["customer_id"].tolist()
        assert segments[list(SEGMENTATIONS)].notna().all(axis=None)


@pytest.mark.parametrize(
    ("client", "usual", "churn"), [("cdnow", 35, 324), ("tienda_demo", 53, 761)]
)
def test_the_gaps_are_those_of_the_waiting_curve(finished, client, usual, churn):
    gaps = table(finished[client], "gaps").set_index("gap")["days"]
    assert gaps[["usual_gap", "churn_gap"]].tolist() == [usual, churn]
    curve = table(finished[client], "waiting_curve")
    back = 1 - curve.set_index("days")["waiting"]
    within_a_year = back[back.index <= 365.25].iloc[-1]
    assert back[usual] >= within_a_year / 2 > back[back.index < usual].iloc[-1]


@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_stages_and_views_hold_the_customers_that_the_data_name(finished, client):
    segments = pd.read_parquet(finished[client] / "data" / "segments.parquet")
    stages = table(finished[client], "lifecycle").set_index("segment")["customers"]
    assert stages.drop("total").to_dict() == segments["lifecycle"].value_counts().to_dict()
    for view in VIEWS:
        counts = segments[view].value_counts().to_dict()
        if len(counts) > 1:
            shown = table(finished[client], f"view_{view}").set_index("segment")["customers"]
            assert shown.drop("total").to_dict() == counts


@pytest.mark.parametrize("segmentation", SEGMENTATIONS)
@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_movements_end_in_the_segments_of_today(finished, client, segmentation):
    moves = table(finished[client], f"migration_{segmentation}")
    sizes = table(finished[client], f"segment_kpis_{segmentation}").set_index("segment")
    arrived = moves.groupby("segment_after")["customers"].sum()
    of_segments = sizes["customers"].drop(["total", "no_customer"], errors="ignore")
    assert arrived.to_dict() == of_segments.to_dict()
    shares = moves.groupby("segment_before")["share_of_before"].sum()
    assert shares.tolist() == pytest.approx([1] * len(shares))


def test_a_series_brings_in_what_the_months_brought_in(finished):
    series = table(finished["cdnow"], "series_revenue_value_groups")
    months = table(finished["cdnow"], "monthly_revenue")
    since = months[months["month"] >= "1997-07-01"]["revenue"].sum()
    assert series["revenue"].sum() == pytest.approx(since)


def test_open_carts_are_a_list_of_its_own_and_not_in_the_report(finished):
    folder = finished["tienda_demo"]
    carts = pd.read_csv(folder / "exports" / "audiences" / "open_carts.csv", dtype=str)
    segments = pd.read_parquet(folder / "data" / "segments.parquet").set_index("customer_id")
    assert set(carts["customer_id"]) == set(segments.index[segments["cart"] == "abandoned"])
    assert carts["micro_segment"].str.endswith("_cart_abandoned").all()
    assert not (folder / "exports" / "tables" / "open_carts.csv").exists()
    assert not (finished["cdnow"] / "exports" / "audiences" / "open_carts.csv").exists()


def test_every_list_of_customers_is_a_file_of_as_many_rows(finished):
    for folder in finished.values():
        lists = table(folder, "audiences")
        for name, customers in zip(lists["audience"], lists["customers"], strict=True):
            assert len(read_audience(folder / "exports" / "audiences" / f"{name}.csv")) == customers
        everyone = read_audience(folder / "exports" / "audiences" / "next_actions.csv")
        assert len(everyone) == len(pd.read_parquet(folder / "data" / "customers.parquet"))


def test_products_are_offered_and_tested_where_the_log_has_any(finished):
    tables = finished["tienda_demo"] / "exports" / "tables"
    products = table(finished["tienda_demo"], "products")
    ranks = products.groupby("segment")["rank"]
    assert (ranks.max() <= 10).all() and (ranks.max() == ranks.size()).all()
    assert (products["times_usual_low"] > 1).all()  # what a segment takes more of than others
    tested = table(finished["tienda_demo"], "offer_evidence").set_index(["question", "list"])
    assert (tested.xs("offers", level="list")["times_best_sellers"] > 1).all()
    assert (tables / "offer_sources.csv").exists()
    assert not (finished["cdnow"] / "exports" / "tables" / "products.csv").exists()


def test_addresses_are_in_lists_only(finished):
    folder = finished["tienda_demo"]
    lists = [folder / "exports" / name for name in ("audiences", "movers")]
    assert b"@example." in (lists[0] / "champions.csv").read_bytes()
    others = [file for file in folder.rglob("*") if file.is_file() and file.parent not in lists]
    assert [file.name for file in others if b"@example." in file.read_bytes()] == []


def test_the_manifest_says_what_the_run_depended_on(finished):
    manifest = json.loads((finished["cdnow"] / "run.json").read_text(encoding="utf-8"))
    assert manifest["state"] == "done"
    assert manifest["as_of"] == "1998-07-01"
    assert re.fullmatch("[0-9a-f]{64}", next(iter(manifest["inputs"]["orders"].values())))
    assert {chapter["state"] for chapter in manifest["chapters"]} == {"done"}
    assert {"python", "segkit", "pandas", "duckdb"} <= set(manifest["versions"])
    assert manifest["parameters"]["client"] == "cdnow"


@pytest.mark.parametrize("name", ["report.html", "annex.html"])
@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_the_report_and_its_annex_have_no_scripts_and_request_nothing(finished, client, name):
    page = (finished[client] / name).read_text(encoding="utf-8")
    assert "<script" not in page.lower()
    assert not re.search(r"(src|href)=[\"']?(https?:|//)", page)
    assert "Content-Security-Policy" in page
    assert '<html lang="es' in page
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links <= set(re.findall(r'id="([^"]+)"', page))
    assert not [
        image
        for image in re.findall(r"<img[^>]*>", page)
        if not re.search(r'alt="[^"]{20,}', image)
    ]
    assert str(finished[client].parents[2]) not in page


def test_recommendations_come_in_both_languages_and_as_json(finished):
    exports = finished["cdnow"] / "exports"
    spanish = (exports / "recommendations.md").read_text(encoding="utf-8")
    english = (exports / "recommendations.en.md").read_text(encoding="utf-8")
    held = json.loads((exports / "recommendations.json").read_text(encoding="utf-8"))
    assert spanish.startswith("# Recomendaciones de Marketing por Segmento\n")
    assert english.startswith("# Marketing Recommendations by Segment\n")
    assert f"**Total de segmentos**: {len(held['segments'])}" in spanish
    assert {segment["segment"] for segment in held["segments"]} == set(
        table(finished["cdnow"], "segment_kpis_value_groups")["segment"]
    ) - {"total"}
    others = set(held["other_segmentations"])
    assert others - set(VIEWS) == set(SEGMENTATIONS) - {"value_groups"}
    assert {"order_size", "churn_speed"} <= others


def test_superstore_reproduces_the_published_table_in_every_printed_digit(
    project, real_data, monkeypatch
):
    from segkit.run.clients import run_clients

    monkeypatch.setenv("SEGKIT_DATA", str(real_data("superstore_orders.parquet").parent))
    keep_chapters(project, "03_clusters", "07_recommendations")
    outcome = run_clients([project / "params" / "superstore.yaml"], root=project)[0]
    assert outcome.problem == ""
    profile = table(outcome.folder, "cluster_profile").set_index("segment")
    printed = {
        row.Index: (
            row.customers,
            f"{row.customers_share:.1%}",
            f"{row.recency_days:.0f}",
            f"{row.orders:.1f}",
            f"{row.revenue:,.2f}",
            f"{row.aov:,.2f}",
        )
        for row in profile.itertuples()
    }
    assert printed == {
        "low_value": (251, "31.7%", "102", "5.6", "1,269.99", "250.78"),
        "lost": (73, "9.2%", "578", "3.7", "1,671.31", "467.16"),
        "hibernating": (61, "7.7%", "232", "3.3", "230.02", "70.23"),
        "big_spenders": (104, "13.1%", "124", "6.4", "6,598.87", "1,077.45"),
        "loyal": (304, "38.3%", "74", "8.1", "3,803.01", "498.39"),
    }
    text = (outcome.folder / "exports" / "recommendations.md").read_text(encoding="utf-8")
    assert (
        "## Bajo valor\n\n**Clientes**: 251 (31.7%)\n\n### Perfil\n- Recency: 102 días\n"
        "- Frequency: 5.6 órdenes\n- Monetary: $1,269.99\n- AOV: $250.78\n\n### Descripción\n"
        in text
    )
    english = (outcome.folder / "exports" / "recommendations.en.md").read_text(encoding="utf-8")
    assert (
        "## Low Value\n\n**Customers**: 251 (31.7%)\n\n### Profile\n- Recency: 102 days\n"
        "- Frequency: 5.6 orders\n- Monetary: $1,269.99\n- AOV: $250.78\n" in english
    )


def test_expected_value_adds_up_over_the_segments_and_lies_in_its_interval(finished):
    for folder in finished.values():
        worth = table(folder, "clv_segments").set_index("segment")
        parts, total = worth.drop(index="total"), worth.loc["total"]
        assert parts["clv_total"].sum() == pytest.approx(total["clv_total"])
        assert parts["clv_share"].sum() == pytest.approx(1)
        assert total["clv_total_low"] < total["clv_total"] < total["clv_total_high"]
        customers = pd.read_parquet(folder / "data" / "clv.parquet")
        assert customers["clv"].sum() == pytest.approx(total["clv_total"])
        kpis = table(folder, "segment_kpis_clv_segments").set_index("segment")
        assert kpis["customers"].to_dict() == worth["customers"].to_dict()


def test_cdnow_is_tested_on_the_purchases_that_its_log_holds(finished):
    """Recounted here from the lines: who bought before July 1997, and what they did after."""
    import segkit

    file = Path(segkit.__file__).parent / "data" / "demo" / "cdnow" / "orders.csv"
    log = pd.read_csv(file, parse_dates=["date"])
    days = log.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    before = set(days.loc[days["date"] < "1997-07-01", "customer_id"])
    after = days[(days["date"] >= "1997-07-01") & days["customer_id"].isin(before)]
    models = table(finished["cdnow"], "evidence_models")
    assert models["actual_total"].unique().tolist() == [len(after)]
    evidence = table(finished["cdnow"], "evidence").query("segment == 'total'")
    assert evidence["customers"].unique().tolist() == [len(before)]
    assert evidence["revenue_after"].to_numpy() == pytest.approx(after["amount"].sum())


@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_there_is_one_forecast_and_every_table_that_speaks_of_it_agrees(finished, client):
    folder = finished[client]
    months, totals = table(folder, "forecast"), table(folder, "forecast_totals").set_index("part")
    sums = months.groupby("part")[["orders", "revenue"]].sum()
    for part in ("existing", "new"):
        assert sums.loc[part].to_numpy() == pytest.approx(
            totals.loc[part, ["orders", "revenue"]].to_numpy(dtype=float), abs=0.005
        )
    everyone = totals.loc["everyone", ["orders", "revenue"]].to_numpy(dtype=float)
    assert everyone == pytest.approx(sums.sum().to_numpy(), abs=0.005)
    customers = pd.read_parquet(folder / "data" / "clv.parquet")
    paid = customers[["expected_orders", "expected_revenue"]].sum().to_numpy()
    assert paid == pytest.approx(sums.loc["existing"].to_numpy(), abs=0.005)
    members = table(folder, "forecast_members").set_index("member")
    assert members.loc["total", "total_revenue"] == pytest.approx(sums.loc["existing", "revenue"])
    assert members["weight"].drop("total").sum() == pytest.approx(1)
    projected = table(folder, "projection").query("is_future and revenue.isna()")
    unit = projected["unit"].str[:10].tolist()
    starts = pd.to_datetime(months["month"]).dt.to_period("Q" if client == "tienda_demo" else "M")
    by_unit = months.groupby(starts)["revenue"].sum()
    for day, expected in zip(unit, projected["expected"], strict=True):
        period = pd.Timestamp(day).to_period(by_unit.index.freq)
        assert expected == pytest.approx(by_unit[period], abs=0.005)


@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_what_would_have_been_forecast_is_held_against_what_came(finished, client):
    rolling = table(finished[client], "rolling_evidence")
    said = rolling[rolling["member"].isin(["total", "new", "everyone"])]
    assert (said["low"] < said["predicted"]).all() and (said["predicted"] < said["high"]).all()
    own = rolling[(rolling["member"] == "total") & (rolling["measure"] == "revenue")]
    tested = table(finished[client], "evidence").query("segment == 'total'")["revenue_after"]
    assert own["actual"].iloc[0] == pytest.approx(tested.iloc[0])


PLAIN = re.compile(r"<style.*?</style>|<[^>]+>", re.DOTALL)


def said_by(folder: Path) -> str:
    """Return what the document and its annex say, without markup."""
    pages = [(folder / name).read_text("utf-8") for name in ("report.html", "annex.html")]
    return PLAIN.sub(" ", "\n".join(pages))


def numbers_in(page: str, sentence: str) -> list[tuple[int, ...]]:
    """Return the counts of each sentence of a Spanish page that reads so; `#` is a count."""
    pattern = re.escape(sentence).replace(r"\#", r"(\d[\d.]*)").replace(r"\ ", r"\s+")
    found = [match.groups() for match in re.finditer(pattern, page)]
    return [tuple(int(count.replace(".", "")) for count in counts) for counts in found]


@pytest.mark.parametrize("client", ["cdnow", "tienda_demo"])
def test_no_two_sentences_differ_on_who_is_still_a_customer(finished, client):
    folder = finished[client]
    page = said_by(folder)
    stages = table(folder, "lifecycle").set_index("segment")["customers"]
    churn = int(table(folder, "gaps").set_index("gap").loc["churn_gap", "days"])
    customers = pd.read_parquet(folder / "data" / "clv.parquet")
    buyers = int(customers["p_order"].notna().sum())
    gone = numbers_in(page, "# de # compradores llevan más de # días sin comprar")
    assert gone and set(gone) == {(stages["churned"], buyers, churn)}
    longer = numbers_in(page, "# compradores llevan más tiempo sin comprar")
    assert longer and set(longer) == {(stages["churned"],)}
    again = numbers_in(page, "De # compradores, se espera que alrededor de # compren")
    assert again and set(again) == {(buyers, round(customers["p_order"].sum()))}
    assert again[0][1] <= buyers
    for words in ("siguen siendo clientes", "sigue siendo cliente", "de estar activo"):
        assert words not in page
    assert numbers_in(page, "# siguen activos") == []
    assert {count for (count,) in numbers_in(page, "# inactivos")} <= {int(stages["churned"])}


def test_the_clv_chapter_says_what_a_reader_must_know(finished):
    page = re.sub(r"\s+", " ", said_by(finished["cdnow"]))
    assert "cuatro de cada cinco veces" in page
    assert "La historia alcanza para una sola prueba" in page
    assert "marzo cuenta como" in page
    assert "MBG/NBD" in page
    assert "La segmentación que mejor separó los ingresos siguientes" in page
    assert "al final del capítulo" not in page


def test_plain_papermill_gives_the_same_numbers(project, finished):
    command = [sys.executable, "-m", "papermill", "notebooks/02_rfm.ipynb", "out.ipynb"]
    command += ["-f", "params/cdnow.yaml", "--no-progress-bar"]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    draft = project / "reports" / "cdnow" / "draft"
    pd.testing.assert_frame_equal(table(draft, "rfm_edges"), table(finished["cdnow"], "rfm_edges"))
    pd.testing.assert_frame_equal(table(draft, "rfm_cells"), table(finished["cdnow"], "rfm_cells"))


def test_plain_papermill_stops_at_a_misspelt_parameter(project):
    command = [sys.executable, "-m", "papermill", "notebooks/02_rfm.ipynb", "out.ipynb"]
    command += ["-p", "langauge", "en", "--no-progress-bar"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "langauge: unknown parameter. Fix: write 'language', or" in done.stderr


def test_every_notebook_runs_alone_as_it_is(project):
    """nbval compares no outputs here (there are none): it shows that every cell runs."""
    for notebook in sorted((project / "notebooks").glob("*.ipynb")):
        shutil.rmtree(project / "reports", ignore_errors=True)
        command = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider"]
        environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        done = subprocess.run(
            [*command, str(notebook)],
            cwd=project,
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        assert re.search(r"\d+ passed", done.stdout)
