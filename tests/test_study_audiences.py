"""Audiences of a study: who is on which list, with what contact data, and what a list can show."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_logs import HEADER, params_of, write_rows

from segkit import Chapter, audience_names
from segkit.analysis.contact_lists import (
    CONTACT_COLUMNS,
    MEMBER_COLUMNS,
    OPTIONAL_COLUMNS,
    normal_phone,
    read_audience,
)
from segkit.analysis.power import smallest_uplift
from segkit.foundation.files import unguarded
from segkit.params import SEGMENTATIONS
from segkit.study.actions import NO_CHANNEL
from segkit.study.audiences import FOLDER
from segkit.study.study import Study
from segkit.words.playbook import strictest

AS_OF = date(2024, 7, 1)
QUICK = {
    "clv": {"model": "bg_nbd", "resamples": 0},
    "clusters": {"k_range": [2, 3], "n_init": 1},
    "evidence": {"resamples": 10},
    "gaps": {"usual_days": 60, "churn_days": 240},
    "lifecycle": {"new_days": 90, "second_days": 45},
}
LINES = (*HEADER, "product", "discount")
PEOPLE = ("customer", "email", "phone", "agrees_email", "agrees_whatsapp", "agrees_ads")
CONSENT = {name: f"agrees_{name}" for name in ("email", "whatsapp", "ads")}
BUYERS, PROSPECTS = 150, 20
HEAD = ["customer_id", "group", *MEMBER_COLUMNS, *OPTIONAL_COLUMNS]
CONTACTS = list(CONTACT_COLUMNS)


def ago(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def shop_rows() -> list[tuple]:
    """Return lines of a base with a past of three years; every seventh always has a discount."""
    random, lines = np.random.default_rng(5), []
    for place in range(BUYERS):
        day = int(random.integers(400, 1000))
        for n in range(1 + place % 6):
            amount = int(random.integers(5, 200))
            off = 5 if place % 7 == 0 else 0
            product = f"p{random.integers(6)}"
            lines.append((f"c{place:03d}", ago(day), f"o{place}-{n}", 1, amount, product, off))
            day = max(1, day - int(random.integers(20, 220)))
    return lines


def people() -> list[tuple]:
    """Return contacts of buyers and prospects: some without address, phone or consent."""
    return [
        (
            f"c{place:03d}",
            "" if place % 11 == 0 else f" Persona{place}@Correo.example",
            "" if place % 5 == 0 else f"600 {place:03d} {place:03d}",
            "sí" if place % 3 else "no",
            "sí" if place % 4 else "",
            "sí" if place % 2 else "no",
        )
        for place in range(BUYERS + PROSPECTS)
    ]


def shop_at(root: Path, rows: list[tuple], contacts: list[tuple] | None = None, **given) -> Study:
    write_rows(root / "orders.csv", rows, LINES)
    if contacts is not None:
        write_rows(root / "customers.csv", contacts, PEOPLE)
        columns = {name: name for name in PEOPLE[:3]} | {"consent": CONSENT}
        given["customers"] = {"path": "customers.csv", "columns": columns, "phone_region": "ES"}
    return Study(params_of(LINES, **QUICK | given), root=root, run_dir="run", as_of=AS_OF)


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory) -> Iterator[Callable[..., Study]]:
    """Return a function that opens the shop in a folder of its own, or in that of another."""
    opened: list[Study] = []

    def make(
        rows: list[tuple] | None = None,
        contacts: list[tuple] | None = None,
        *,
        beside: Study | None = None,
        **given,
    ) -> Study:
        root = beside.root if beside else tmp_path_factory.mktemp("shop")
        opened.append(shop_at(root, shop_rows() if rows is None else rows, contacts, **given))
        return opened[-1]

    yield make
    for study in opened:
        study.close()


@pytest.fixture(scope="module")
def shop(open_shop) -> Study:
    """The shop with contacts; its lists are of every segmentation, with plain addresses."""
    chosen = {"segmentations": list(SEGMENTATIONS), "control_share": 0.2}
    study = open_shop(contacts=people(), audiences=chosen)
    study.audiences.write()
    return study


@pytest.fixture(scope="module")
def files(shop) -> dict[str, pd.DataFrame]:
    """Every list of the shop, as its file holds it."""
    paths = sorted((shop.run_dir / FOLDER).glob("*.csv"))
    return {path.stem: read_audience(path) for path in paths}


# Which lists there are -------------------------------------------------------------------


def test_every_segment_has_a_list_even_without_customers(shop):
    table = shop.audiences.table.set_index("audience")
    segments = [*shop.rules.segments, "prospects"]
    assert set(segments) <= set(table.index)
    assert (table.loc[segments, "segmentation"] == "value_groups").all()
    assert table.loc[segments, "segment"].tolist() == segments
    sizes = shop.segments["value_groups"].value_counts().reindex(segments, fill_value=0)
    assert table.loc[segments, "customers"].tolist() == sizes.tolist()


def test_an_empty_segment_is_a_file_with_nothing_but_its_header(open_shop):
    study = open_shop([("ana", ago(10), "o1", 1, 5, "p1", 0)], people()[:0])
    paths = {path.stem: path for path in study.audiences.write()}
    table = study.audiences.table.set_index("audience")
    empty = table.index[table["customers"] == 0]
    assert len(empty) == len(table) - 1
    for name in empty:
        assert paths[name].read_text(encoding="utf-8").strip() == ",".join(
            [*HEAD, "email", "phone"]
        )
        counts = ["contacted", "control", "unreachable", "no_discount"]
        assert (table.loc[name, counts] == 0).all()
        assert math.isnan(table.loc[name, "smallest_uplift"])


def test_every_finding_has_a_list_of_whom_it_counts(shop, files):
    insights = shop.insights
    assert {"lapsed_regulars", "discount_only"} <= set(insights.table["rule"])
    names = {shop.audiences.name_of(row): row for _, row in insights.table.iterrows()}
    own = {name for name in names if name not in shop.segment_names["value_groups"]}
    assert {name for name in files if name.startswith("rule-")} == own
    for name in own:
        assert sorted(files[name]["customer_id"]) == sorted(insights.members(names[name]))
        assert len(files[name]) == names[name]["customers"]


def test_lapsed_regulars_are_who_bought_often_and_not_for_half_a_year(shop, files):
    customers = shop.customers
    lapsed = customers[(customers["orders"] >= 4) & (customers["recency_days"] > 183)]
    assert len(lapsed) and set(files["rule-lapsed_regulars"]["customer_id"]) == set(
        lapsed["customer_id"]
    )


def test_members_of_a_finding_are_as_many_as_it_says(shop):
    for _, row in shop.insights.table.iterrows():
        members = shop.insights.members(row)
        assert len(members) == row["customers"]
        assert members.is_unique
        if isinstance(row["segment"], str) and not isinstance(row["channel"], str):
            labels = shop.segments.set_index("customer_id")["value_groups"]
            assert set(members) == set(labels.index[labels == row["segment"]])


def test_names_of_lists_cannot_collide_and_can_be_names_of_files(shop, files):
    names = [one.name for one in shop.audiences.lists]
    assert len({name.lower() for name in names}) == len(names) == len(files)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) for name in names)
    others = set(SEGMENTATIONS) - {"value_groups"}
    assert {one.segmentation for one in shop.audiences.lists if "-" in one.name} == {None, *others}


@pytest.mark.parametrize("segmentation", SEGMENTATIONS)
def test_lists_of_a_segmentation_are_disjoint_and_together_the_base(shop, files, segmentation):
    lists = [one for one in shop.audiences.lists if one.segmentation == segmentation]
    listed = pd.concat([files[one.name]["customer_id"] for one in lists])
    assert listed.is_unique
    assert set(listed) == set(shop.customers["customer_id"])
    labels = shop.segments.set_index("customer_id")[segmentation]
    for one in lists:
        assert (labels[files[one.name]["customer_id"]] == one.segment).all()


def test_every_list_is_called_what_it_is_about(shop):
    chapter = Chapter(shop, "recommendations")
    about = audience_names(shop, chapter).set_index("audience")["about"]
    assert about["champions"] == "Campeones"
    for _, row in shop.insights.table.iterrows():
        if f"rule-{row['rule']}" in about.index:
            assert about[f"rule-{row['rule']}"] == shop.insights.words(chapter, row)["title"]
    assert about["rule-lapsed_regulars"] and not {"nan", "None", "Nan"} & set(about)


def test_segmentations_that_nobody_asked_for_have_no_lists(open_shop):
    study = open_shop(
        report={"recommendations": "families"}, audiences={"segmentations": ["families"]}
    )
    lists = study.audiences.lists
    of_segments = [one for one in lists if one.rule is None]
    assert {one.segmentation for one in of_segments} == {"families"}
    # Nobody in this shop returned everything, and then that has no list.
    names = [key for key in study.segment_names["families"] if key != "returned_all"]
    assert [one.name for one in of_segments] == names


def test_every_list_has_the_action_of_its_customers(shop, files):
    actions = shop.actions.table.set_index("customer_id").rename(
        columns={"value_groups": "segment"}
    )
    for listed in files.values():
        columns = [name for name in (*MEMBER_COLUMNS, *OPTIONAL_COLUMNS) if name != "discount"]
        expected = actions.loc[listed["customer_id"], columns]
        found = listed.set_index("customer_id")[columns]
        pd.testing.assert_frame_equal(found, expected.astype("str"), check_index_type=False)


def test_a_list_has_the_stricter_of_the_customers_discount_and_that_of_its_segment(shop, files):
    own = shop.actions.table.set_index("customer_id")["discount"]
    for audience in shop.audiences.lists:
        listed = files[audience.name].set_index("customer_id")["discount"]
        of_list = (
            [shop.advice.of(audience.segmentation, audience.segment).discount]
            if audience.segment is not None
            else []
        )
        expected = [strictest([own[who], *of_list]) for who in listed.index]
        assert listed.tolist() == expected


# Control group ---------------------------------------------------------------------------


def sides(files: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([listed[["customer_id", "group"]] for listed in files.values()])


def is_likely(count: int, of: int, share: float) -> bool:
    """Whether a count is within four standard deviations of what the share leads to expect."""
    return abs(count - of * share) <= 4 * math.sqrt(of * share * (1 - share))


def test_a_customer_is_on_the_same_side_in_every_list(files):
    groups = sides(files)
    assert set(groups["group"]) == {"contact", "control"}
    assert (groups.groupby("customer_id")["group"].nunique() == 1).all()


def test_the_control_group_is_as_large_as_its_share(files):
    groups = sides(files).drop_duplicates("customer_id")
    assert is_likely((groups["group"] == "control").sum(), len(groups), 0.2)


def test_the_control_group_of_another_campaign_is_another_one(open_shop, shop, files):
    drawn = {"control_share": 0.2, "campaign": "otoño"}
    study = open_shop(contacts=people(), audiences=drawn)
    other = {one.name: study.audiences.members(one) for one in study.audiences.lists}
    here, there = (
        set(groups.loc[groups["group"] == "control", "customer_id"])
        for groups in (sides(files), sides(other))
    )
    assert here and there and here != there


def test_without_a_control_group_everybody_is_contacted(open_shop):
    study = open_shop(audiences={"control_share": 0.0})
    table = study.audiences.table
    assert (table["control"] == 0).all() and table["smallest_uplift"].isna().all()
    assert (table["contacted"] == table["customers"]).all()


@pytest.mark.parametrize("contact", ["plain", "hashed"])
def test_nobody_of_the_control_group_can_be_written_to(open_shop, contact):
    study = open_shop(contacts=people(), audiences={"contact": contact, "control_share": 0.3})
    lists = pd.concat([study.audiences.members(one) for one in study.audiences.lists])
    columns = list(CONTACT_COLUMNS[contact])
    control = lists["group"] == "control"
    assert control.any() and (lists.loc[control, columns] == "").all(axis=None)
    assert (lists.loc[~control, columns] != "").any(axis=0).all()


# Contact data ----------------------------------------------------------------------------


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_addresses_stand_only_where_the_customer_agreed_to_them(files):
    given = {row[0]: row[1:] for row in people()}
    for row in pd.concat(files.values()).to_dict("records"):
        if row["group"] == "control":
            continue
        email, phone, by_email, by_whatsapp, _ = given.get(row["customer_id"], ("",) * 5)
        assert row["email"] == (email.strip().lower() if by_email == "sí" else "")
        dialled = phone.replace(" ", "") if by_whatsapp == "sí" and phone else ""
        assert row["phone"] == (f"34{dialled}" if dialled else "")


def test_hashes_stand_only_where_the_customer_agreed_to_ads(open_shop):
    study = open_shop(contacts=people(), audiences={"contact": "hashed", "control_share": 0.0})
    given = {row[0]: row[1:] for row in people()}
    lists = pd.concat([study.audiences.members(one) for one in study.audiences.lists])
    assert (lists["email_sha256"] != "").any() and (lists["phone_sha256"] != "").any()
    for row in lists.to_dict("records"):
        email, phone, _, _, by_ads = given[row["customer_id"]]
        email = email.strip().lower() if by_ads == "sí" else ""
        phone = normal_phone(phone, "ES") if by_ads == "sí" and phone else None
        assert row["email_sha256"] == (sha256(email) if email else "")
        assert row["phone_sha256"] == (sha256(phone) if phone else "")


def everything_written(folder: Path, outside: Path | None = None) -> Iterator[tuple[Path, str]]:
    """Yield each file below a folder, and all of its text in small letters."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or (outside and outside in path.parents):
            continue
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
            text = " ".join([*map(str, table.columns), *map(str, table.to_numpy().ravel())])
        else:
            text = path.read_bytes().decode("utf-8", "replace")
        yield path, text.lower()


def make_everything(study: Study) -> None:
    """Write whatever the study remembers or exports."""
    _ = study.quality, study.monthly, study.segments, study.insights.table, study.actions.table
    _ = study.evidence.segments if study.evidence.ready else None
    for segmentation in study.segmentations:
        study.kpis(segmentation)
    if study.offers.ready:
        study.offers.by_segment("value_groups")
    _ = study.audiences.table
    study.audiences.write()


def traces(text: str) -> list[str]:
    """Return where a text holds an address or a phone of the shop's people."""
    return re.findall(r"persona\d+@correo|(?<![\d.])(?:34)?600 ?\d{3} ?\d{3}(?![\d.])", text)


@pytest.mark.parametrize("contact", ["none", "hashed"])
def test_no_plain_address_is_in_any_file_where_lists_are_to_hold_none(open_shop, contact):
    study = open_shop(contacts=people(), audiences={"contact": contact})
    make_everything(study)
    found = {path.name: traces(text) for path, text in everything_written(study.run_dir)}
    assert len(found) > 20
    assert {name: held for name, held in found.items() if held} == {}


def test_plain_addresses_are_in_the_lists_and_nowhere_else(open_shop):
    study = open_shop(contacts=people())
    make_everything(study)
    lists = study.run_dir / FOLDER
    assert any(traces(text) for _, text in everything_written(lists))
    outside = {p.name: traces(t) for p, t in everything_written(study.run_dir, lists)}
    assert len(outside) > 10
    assert {name: held for name, held in outside.items() if held} == {}


def test_lists_written_anew_leave_no_address_of_before(open_shop):
    plain = open_shop(contacts=people())
    plain.audiences.write()
    hashes = {"audiences": {"contact": "hashed"}, "report": {"recommendations": "families"}}
    study = open_shop(contacts=people(), beside=plain, **hashes)
    study.audiences.write()
    held = {p.name: traces(text) for p, text in everything_written(study.run_dir / FOLDER)}
    assert [name for name, found in held.items() if found] == []


@pytest.mark.parametrize("contact", CONTACTS)
def test_a_list_has_the_columns_of_its_contact_data_and_no_other(open_shop, contact):
    study = open_shop(contacts=people(), audiences={"contact": contact})
    expected = [*HEAD, *CONTACT_COLUMNS[contact]]
    for path in study.audiences.write():
        assert read_audience(path).columns.tolist() == expected


def test_without_a_table_of_customers_lists_hold_no_address(open_shop):
    study = open_shop()
    for path in study.audiences.write():
        listed = read_audience(path)
        assert (listed[["email", "phone"]] == "").all(axis=None)
        assert (listed["channel"] != NO_CHANNEL).all()


# What the table says ---------------------------------------------------------------------


def assert_counts(study: Study, files: dict[str, pd.DataFrame]) -> None:
    """Assert that the table's counts are those of the files."""
    for row in study.audiences.table.to_dict("records"):
        listed = files[row["audience"]]
        control, lost = listed["group"] == "control", listed["channel"] == NO_CHANNEL
        assert row["customers"] == len(listed)
        assert row["contacted"] == (~control & ~lost).sum()
        assert row["control"] == (control & ~lost).sum()
        assert row["unreachable"] == lost.sum()
        assert row["no_discount"] == (listed["discount"] == "never").sum()
        assert row["customers"] == row["contacted"] + row["control"] + row["unreachable"]
        assert row["file"] == f"{FOLDER}/{row['audience']}.csv"


def assert_uplifts(study: Study) -> None:
    """Assert that rates are those of the test, and what a list can show follows from them."""
    params, tested = study.params.audiences, None
    if study.evidence.ready:
        tested = study.evidence.segments.set_index(["segmentation", "segment"])["repurchase_rate"]
    main = study.params.report.segmentation
    for row in study.audiences.table.to_dict("records"):
        has_segment = isinstance(row["segment"], str)
        about = (row["segmentation"], row["segment"]) if has_segment else (main, "total")
        rate = math.nan if tested is None else tested.get(about, math.nan)
        assert row["repurchase_rate"] == pytest.approx(rate, nan_ok=True)
        given = {"power": params.power, "level": params.level}
        expected = smallest_uplift(rate, row["contacted"], row["control"], **given)
        expected = math.nan if expected is None else expected
        assert row["smallest_uplift"] == pytest.approx(expected, nan_ok=True)


def test_counts_of_the_table_are_those_of_the_files(shop, files):
    assert_counts(shop, files)
    assert shop.audiences.table[["contacted", "control", "unreachable"]].sum().gt(0).all()


def test_what_a_list_can_show_follows_from_its_counts_and_the_tests_rate(shop):
    assert shop.evidence.ready
    assert_uplifts(shop)
    assert shop.audiences.table["smallest_uplift"].notna().any()


def test_power_and_level_are_those_of_the_parameters(open_shop, shop):
    chosen = {
        "segmentations": list(SEGMENTATIONS),
        "control_share": 0.2,
        "power": 0.95,
        "level": 0.01,
    }
    study = open_shop(contacts=people(), audiences=chosen)
    assert_uplifts(study)
    both = pd.DataFrame(
        {
            "strict": study.audiences.table.set_index("audience")["smallest_uplift"],
            "usual": shop.audiences.table.set_index("audience")["smallest_uplift"],
        }
    ).dropna()
    assert len(both) and (both["strict"] > both["usual"]).all()


def test_without_a_test_no_list_says_what_it_can_show(open_shop):
    rows = [(f"c{n}", ago(10 + n), f"o{n}", 1, 9, "p1", 0) for n in range(40)]
    study = open_shop(rows)
    assert not study.evidence.ready
    table = study.audiences.table
    assert table["repurchase_rate"].isna().all() and table["smallest_uplift"].isna().all()


# Files -----------------------------------------------------------------------------------

HOSTILE = [
    "00123",
    "1e5",
    "=1+1",
    "'=x",
    "-1",
    "+34600123456",
    "@SUM(A1)",
    "TRUE",
    "a,b",
    'a "b"',
    "dos\nlíneas",
    "ñandú 🙂",
    "<script>",
    "../../x",
    "2024-01-01",
    "rule-lapsed_regulars",
]


def test_files_read_back_are_what_was_written(shop, files):
    for one in shop.audiences.lists:
        pd.testing.assert_frame_equal(files[one.name], shop.audiences.members(one))


def test_any_id_survives_the_way_through_a_list(open_shop):
    rows = [(name, ago(20 * n + 1), f"o{n}", 1, 9, "p1", 0) for n, name in enumerate(HOSTILE)]
    contacts = [(name, "a@correo.example", "600 123 456", "sí", "sí", "sí") for name in HOSTILE]
    study = open_shop(rows, contacts, audiences={"control_share": 0.0})
    assert set(study.customers["customer_id"]) == set(HOSTILE)
    paths = study.audiences.write()
    assert {path.parent for path in paths} == {study.run_dir / FOLDER}
    listed = pd.concat([read_audience(path) for path in paths])
    assert sorted(listed["customer_id"]) == sorted(HOSTILE)
    assert set(listed["email"]) == {"a@correo.example"}
    assert set(listed["phone"]) == {"34600123456"}


def test_no_cell_of_a_file_is_a_formula(open_shop):
    rows = [(name, ago(20 * n + 1), f"o{n}", 1, 9, "=p1", 0) for n, name in enumerate(HOSTILE)]
    for path in open_shop(rows).audiences.write():
        cells = pd.read_csv(path, dtype=str, keep_default_na=False).to_numpy().ravel()
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
        assert all(unguarded(cell) == cell or cell.startswith("'") for cell in cells)


def contents(paths: list[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def test_writing_twice_gives_the_same_files(shop):
    first = contents(shop.audiences.write())
    assert contents(shop.audiences.write()) == first
    again = Study(shop.params, root=shop.root, run_dir=shop.run_dir, as_of=AS_OF)
    assert contents(again.audiences.write()) == first
    again.close()


def test_the_order_of_lines_and_contacts_does_not_matter(open_shop):
    given = {"audiences": {"control_share": 0.2}}
    one = open_shop(contacts=people(), **given)
    other = open_shop(shop_rows()[::-1], people()[::-1], **given)
    assert contents(other.audiences.write()) == contents(one.audiences.write())


def test_files_can_be_written_elsewhere(shop, tmp_path):
    written = shop.audiences.write(tmp_path / "elsewhere")
    assert {path.parent for path in written} == {tmp_path / "elsewhere"}
    assert contents(written) == contents(shop.audiences.write())


# Real clients ----------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["tienda_demo", "cdnow"])
def real(request, tmp_path_factory) -> Iterator[Study]:
    study = Study(f"params/{request.param}.yaml", run_dir=tmp_path_factory.mktemp(request.param))
    yield study
    study.close()


@pytest.fixture(scope="module")
def real_files(real) -> dict[str, pd.DataFrame]:
    return {path.stem: read_audience(path) for path in real.audiences.write()}


def test_lists_of_a_whole_client_are_disjoint_and_together_its_base(real, real_files):
    listed = pd.concat([real_files[one.name] for one in real.audiences.lists if one.rule is None])
    assert listed["customer_id"].is_unique
    assert set(listed["customer_id"]) == set(real.customers["customer_id"])


def test_a_whole_clients_table_says_what_its_files_hold(real, real_files):
    assert_counts(real, real_files)
    assert_uplifts(real)


def test_the_control_group_of_a_whole_client_is_as_large_as_its_share(real_files):
    groups = sides(real_files).drop_duplicates("customer_id")
    assert is_likely((groups["group"] == "control").sum(), len(groups), 0.1)
    assert (sides(real_files).groupby("customer_id")["group"].nunique() == 1).all()


def test_whoever_is_in_555_has_no_discount_in_any_list(real, real_files):
    cells = real.segments.set_index("customer_id")["cell"]
    best = set(cells.index[cells == "555"])
    listed = pd.concat(real_files.values())
    found = listed[listed["customer_id"].isin(best)]
    assert best and set(found["customer_id"]) == best and set(found["discount"]) == {"never"}


def test_findings_of_a_whole_client_are_about_as_many_customers_as_they_say(real, real_files):
    for _, row in real.insights.table.iterrows():
        assert len(real.insights.members(row)) == row["customers"]
        if real.insights.rules[row["rule"]].of == "customers":
            assert len(real_files[f"rule-{row['rule']}"]) == row["customers"]


def test_no_list_of_cdnow_has_an_address(tmp_path):
    study = Study("params/cdnow.yaml", run_dir=tmp_path)
    for path in study.audiences.write():
        assert (read_audience(path)[["email", "phone"]] == "").all(axis=None)
    study.close()


def test_addresses_of_the_demo_shop_are_in_its_lists_only(tmp_path):
    study = Study("params/tienda_demo.yaml", run_dir=tmp_path / "run")
    make_everything(study)
    lists = study.run_dir / FOLDER
    address = re.compile(r"@example\.(?:com|net|org)")
    assert any(address.search(text) for _, text in everything_written(lists))
    assert [
        p.name for p, text in everything_written(study.run_dir, lists) if address.search(text)
    ] == []
    study.close()
