"""Parameters: each problem is one line that names file, key, value, nearest name and a fix."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from segkit.errors import ParamsError, SegkitError
from segkit.params import (
    Params,
    check_params,
    find_root,
    from_environment,
    load_params,
    load_yaml,
    without_secrets,
)

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = "columns: {customer: c, date: d, amount: a}"
HEAD = "client: acme\ncurrency: EUR\n"
BASE = HEAD + f"orders: {{path: o.csv, {COLUMNS}}}\n"
CUSTOMERS = BASE + "customers:\n  path: c.csv\n  columns: {customer: c, phone: p}\n"
EVENTS = BASE + "events:\n  path: e.csv\n  columns: {customer: c, date: d, type: t}\n"


def orders(text: str) -> str:
    return HEAD + f"orders: {{{text}}}\n"


def address(url: str) -> str:
    return orders(f"database: {{url: '{url}', table: t}}, {COLUMNS}")


def problems_of(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "acme.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        load_params(file)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        # Unknown and misspelt keys.
        (BASE + "curency: EUR", "curency: unknown key: 'EUR'. Fix: write 'currency'"),
        (BASE + "rfm: {bin: {}}", "rfm.bin: unknown key. Fix: write 'bins'"),
        (
            BASE + "cleaning: {exact_duplicates: keep}",
            "cleaning.exact_duplicates: unknown key: 'keep'. Fix: write 'exact_duplicate'",
        ),
        (
            orders("path: o.csv, columns: {customer: c, date: d, amount: a, prodcut: p}"),
            "orders.columns.prodcut: unknown key: 'p'. Fix: write 'product'",
        ),
        (
            BASE + "report: {zzz: 1}",
            "report.zzz: unknown key: 1. Fix: remove it; use one of the valid names: segmentati",
        ),
        (BASE + "1: x", "1: keys should be strings: 1. Fix: put the key in quotes"),
        # What YAML makes of plain words.
        (BASE + "name: NO", "name: input should be a valid string: False. Fix: put it in quotes"),
        (BASE + "name: 010", "name: input should be a valid string: 8. Fix: put it in quotes"),
        (
            BASE + "as_of: 12:30",
            "as_of: input should be a valid date: 750. Fix: write it like 2025",
        ),
        (BASE + "as_of: 20250101", "as_of: input should be a valid date: 20250101. Fix: write it"),
        (
            BASE + "as_of: 2025-13-01",
            "as_of: not a date: '2025-13-01'. Fix: write it like 2025-12-31",
        ),
        (BASE + "as_of: 0001-01-01", "as_of: not between 1900 and 2999: '0001-01-01'. Fix: write"),
        (BASE + "language: NO", "language: input should be a valid string: False. Fix: put it in"),
        (BASE + "rfm:", "rfm: holds no keys: None. Fix: write keys and values below it, or take"),
        (BASE + "rfm: mean", "rfm: holds no keys: 'mean'. Fix: write keys and values below it"),
        (
            BASE + "clusters: {k: '5'}",
            "clusters.k: input should be a valid integer: '5'. Fix: write a",
        ),
        # Values that are none.
        (
            BASE.replace("EUR", "EURO"),
            "currency: not an ISO 4217 currency: 'EURO'. Fix: write it like",
        ),
        (
            BASE.replace("EUR", "usd"),
            "currency: not an ISO 4217 currency: 'usd'. Fix: write it like 'USD'",
        ),
        (BASE + "locale: spanish", "locale: not a locale: 'spanish'. Fix: write it like 'es_ES'"),
        (
            BASE + "timezone: Europe/Madird",
            "timezone: not a time zone: 'Europe/Madird'. Fix: write it like 'Europe/Madrid'",
        ),
        (
            BASE + "timezone: localtime",
            "timezone: not a time zone: 'localtime'. Fix: write it like",
        ),
        (
            BASE + "timezone: ''",
            "timezone: not a time zone: ''. Fix: write it like 'Europe/Madrid'",
        ),
        (
            BASE + "language: fr",
            "language: no texts in this language: 'fr'. Fix: use one of en, es",
        ),
        (
            BASE.replace("acme", "../evil"),
            "client: not a plain name (it names a folder): '../evil'. Fix:",
        ),
        (
            BASE.replace("acme", "Acme"),
            "client: not a plain name (it names a folder): 'Acme'. Fix: use",
        ),
        (
            BASE + "engine: {memory_limit: lots}",
            "engine.memory_limit: not an amount of memory: 'lots'. Fix",
        ),
        (
            BASE + "engine: {memory_limit: 0GB}",
            "engine.memory_limit: not an amount of memory: '0GB'. Fix",
        ),
        (
            BASE + "cleaning: {future_date: rejct}",
            "cleaning.future_date: unknown value: 'rejct'. Fix: did you mean 'reject'?",
        ),
        (
            BASE + "cleaning: {no_date: no}",
            "cleaning.no_date: unknown value: 'keep'. Fix: use one of",
        ),
        (
            BASE + "report: {recommendations: cluster}",
            "report.segmentation: unknown value: 'cluster'. Fix: did you mean 'clusters'?",
        ),
        # Thresholds out of order, out of range, too few.
        (
            BASE + "rfm: {bins: {recency: [30, 20, 90, 180]}}",
            "rfm.bins.recency: the cuts [30.0, 20.0, 90.0, 180.0] do not rise. Fix: write the lowest",
        ),
        (
            BASE + "rfm: {bins: {recency: [30, 90, 180]}}",
            "rfm.bins.recency: 3 cuts [30.0, 90.0, 180.0]. Fix: write 4, for five scores",
        ),
        (
            BASE + "rfm: {scores: 10, bins: {recency: [30, 90, 180, 365]}}",
            "rfm.bins.recency: 4 cuts [30.0, 90.0, 180.0, 365.0]. Fix: write 9, for ten scores",
        ),
        (BASE + "rfm: {scores: 7}", "rfm.scores: 7 is no number of scores: 7. Fix: write 3, 4, 5"),
        (BASE + "rfm: {scores: ten}", "rfm.scores: input should be a valid integer: 'ten'. Fix: "),
        (
            BASE + "rfm: {bins: 10}",
            "rfm.bins: holds cuts, as in {recency: [30, 90]}: 10. Fix: write scores: 10",
        ),
        (
            BASE + "rfm: {recency: rythm}",
            "rfm.recency: unknown value: 'rythm'. Fix: did you mean 'rhythm'?",
        ),
        (
            BASE + "migration: {edge_tolerance: 5}",
            "migration.edge_tolerance: input should be less than 1: 5. Fix: write less than 1",
        ),
        (
            BASE + "rfm: {bins: {recenc: [30, 60, 90, 180]}}",
            "rfm.bins.recenc: unknown value: 'recenc'. Fix: did you mean 'recency'?",
        ),
        (
            BASE + "rfm: {bins: {recency: [30, .nan, 90, 180]}}",
            "rfm.bins.recency.1: input should be a finite number: nan. Fix: write a number",
        ),
        (
            BASE + "rfm: {bins: {recency: [30, many, 90, 180]}}",
            "rfm.bins.recency.1: input should be a valid number: 'many'. Fix: write a number",
        ),
        (
            BASE + "clusters: {k_range: [5, 2]}",
            "clusters.k_range: [5, 2] does not rise within 2 to 12. Fix",
        ),
        (
            BASE + "clusters: {clip: [0.9, 0.1]}",
            "clusters.clip: [0.9, 0.1] are no rising quantiles. Fix",
        ),
        (
            BASE + "clusters: {k: 50}",
            "clusters.k: input should be less than or equal to 12: 50. Fix: write",
        ),
        (
            BASE + "period_months: 0",
            "period_months: input should be greater than or equal to 1: 0. Fix",
        ),
        (
            BASE + "period_months: 99999",
            "period_months: input should be less than or equal to 1200",
        ),
        # Sources.
        (
            orders(f"path: o.csv, database: {{url: x, table: t}}, {COLUMNS}"),
            "orders: both of 'path' and 'database' given. Fix: give one of them",
        ),
        (orders(COLUMNS), "orders: neither of 'path' and 'database' given. Fix: give one of them"),
        (
            orders(f"database: {{url: x}}, {COLUMNS}"),
            "orders.database: neither of 'table' and 'query' given. Fix: give one of them",
        ),
        (orders(f"path: [], {COLUMNS}"), "orders.path: value should have at least 1 item"),
        (
            orders(f"path: 5, {COLUMNS}"),
            "orders.path: input should be a valid list: 5. Fix: write a list",
        ),
        (
            orders(f"path: o.csv, decimal: ',', thousands: ',', {COLUMNS}"),
            "orders: 'decimal' and 'thousands' are the same mark. Fix: change one of them",
        ),
        (
            orders(f"path: o.csv, csv: {{separator: '||'}}, {COLUMNS}"),
            "orders.csv.separator: not one character: '||'. Fix: write ',' or ';' or 'tab'",
        ),
        (
            orders(f"path: o.csv, csv: {{encoding: utf-99}}, {COLUMNS}"),
            "orders.csv.encoding: not an encoding: 'utf-99'. Fix: write utf-8, cp1252 or utf-16",
        ),
        (
            orders(f"path: o.csv, date_format: dd/mm/yyyy, {COLUMNS}"),
            "orders.date_format: not a date format: 'dd/mm/yyyy'. Fix: write it like '%d/%m/%Y'",
        ),
        (
            orders(f"path: o.csv, date_format: '%d/%Q/%Y', {COLUMNS}"),
            "orders.date_format: not a date format: '%d/%Q/%Y'. Fix: write it like '%d/%m/%Y'",
        ),
        (
            orders("path: o.csv, columns: {customer: c, date: d, price: p}"),
            "orders.columns: the value of a line is missing. Fix: add 'amount', or 'price' and 'quantity'",
        ),
        (
            orders("path: o.csv, columns: {customer: '', date: d, amount: a}"),
            "orders.columns.customer: string should have at least 1 character: ''. Fix: write",
        ),
        (
            BASE
            + "events: {path: e.csv, columns: {customer: c, date: d, type: t}, types: {view: cart}}",
            "events.types: two kinds of event have the same name. Fix: give each its own",
        ),
        # What a log covers, and which of its lines are purchases.
        (
            orders(f"path: o.csv, since: 2024-02-01, until: 2024-02-01, {COLUMNS}"),
            "orders.until: 2024-02-01 is not after 2024-02-01. Fix: give the first day that the log",
        ),
        (
            orders(f"path: o.csv, since: 2024-13-01, {COLUMNS}"),
            "orders.since: not a date: '2024-13-01'. Fix: write it like 2025-12-31",
        ),
        (
            EVENTS + "  since: 2024-02-02\n  until: 2024-02-01",
            "events.until: 2024-02-01 is not after 2024-02-02. Fix: give the first day",
        ),
        (
            BASE + "customers: {path: c.csv, columns: {customer: c}, since: 2024-01-01}",
            "customers.since: unknown key: '2024-01-01'. Fix: remove it",
        ),
        (
            orders(f"path: o.csv, types: [buy], {COLUMNS}"),
            "orders: 'types' and 'columns.type' need each other. Fix: name the column of a line's",
        ),
        (
            orders("path: o.csv, columns: {customer: c, date: d, amount: a, type: t}"),
            "orders: 'types' and 'columns.type' need each other. Fix: name the column of a line's",
        ),
        (
            orders("path: o.csv, types: [], columns: {customer: c, date: d, amount: a, type: t}"),
            "orders.types: value should have at least 1 item after validation, not 0: []. Fix: write",
        ),
        # A currency where there are no amounts, and none where there are.
        (
            BASE.replace("EUR", "XXX"),
            "currency: with XXX a log has no amounts, but this one names some. Fix: write the cur",
        ),
        (
            orders("path: o.csv, columns: {customer: c, date: d, quantity: q}"),
            "orders.columns: the value of a line is missing. Fix: add 'amount', or 'price' and 'qua",
        ),
        # Carts.
        (
            BASE + "carts: {window_hours: 0}",
            "carts.window_hours: input should be greater than 0: 0. Fix",
        ),
        (
            BASE + "carts: {open_days: 0}",
            "carts.open_days: input should be greater than or equal to 1: 0. Fix: write 1 or more",
        ),
        (BASE + "carts: {window: 24}", "carts.window: unknown key: 24. Fix: "),
        (
            BASE + "cleaning: {stray_date: retrun}",
            "cleaning.stray_date: unknown value: 'retrun'. Fix: ",
        ),
        # Contacts and audiences.
        (
            CUSTOMERS.replace("phone: p", "consent: {emial: e}"),
            "customers.columns.consent.emial: unknown value: 'emial'. Fix: did you mean 'email'?",
        ),
        (
            CUSTOMERS.replace("phone: p", "consent: {email: ''}"),
            "customers.columns.consent.email: string should have at least 1 character: ''. Fix: ",
        ),
        (
            CUSTOMERS.replace("phone: p", "consent: e"),
            "customers.columns.consent: holds no keys: 'e'. Fix: write keys and values below it",
        ),
        (
            CUSTOMERS.replace("phone: p", "fone: p"),
            "customers.columns.fone: unknown key: 'p'. Fix: write 'phone'",
        ),
        (
            CUSTOMERS + "  consent_yes: [yes, si]",
            "customers.consent_yes.0: input should be a valid string: True. Fix: put it in quotes",
        ),
        (
            CUSTOMERS + "  phone_region: NO",
            "customers.phone_region: input should be a valid string: False. Fix: put it in quotes",
        ),
        (
            CUSTOMERS + "  phone_region: es",
            "customers.phone_region: not an ISO 3166 country with telephones: 'es'. Fix: write it",
        ),
        (
            CUSTOMERS + "locale: es_419",
            "customers.phone_region: the locale es_419 names no country to read phones in. Fix: ",
        ),
        (
            BASE + "audiences: {contact: hash}",
            "audiences.contact: unknown value: 'hash'. Fix: did you mean 'hashed'?",
        ),
        (
            BASE + "audiences: {control_share: 1}",
            "audiences.control_share: input should be less than 1: 1. Fix: write less than 1",
        ),
        (
            BASE + "audiences: {control_share: -0.1}",
            "audiences.control_share: input should be greater than or equal to 0: -0.1. Fix: write",
        ),
        (
            BASE + "audiences: {power: 0.4}",
            "audiences.power: input should be greater than or equal to 0.5: 0.4. Fix: write 0.5 or",
        ),
        (BASE + "audiences: {level: 0}", "audiences.level: input should be greater than 0: 0. Fix"),
        (BASE + "audiences: {campaign: ''}", "audiences.campaign: string should have at least 1"),
        (BASE + "audiences: {campain: may}", "audiences.campain: unknown key: 'may'. Fix: write "),
        (
            BASE + "audiences: {segmentations: [clusters, clusters]}",
            "audiences.segmentations: ['clusters', 'clusters'] repeat one. Fix: write each once",
        ),
        (
            BASE + "audiences: {segmentations: [cluster]}",
            "audiences.segmentations.0: unknown value: 'cluster'. Fix: did you mean 'clusters'?",
        ),
        # Profit.
        (
            BASE + "clv: {worth: profit}",
            "clv.worth: profit needs a column that is not named. Fix: add orders.columns.profit",
        ),
        (BASE + "clv: {worth: profits}", "clv.worth: unknown value: 'profits'. Fix: did you mean"),
        (
            BASE + "clv: {worth: profit, margin: 0.4}",
            "clv.margin: of profit, costs are off already. Fix: leave margin out, or set worth",
        ),
        # A rule that could never fire.
        (
            BASE + "cleaning: {cancelled_statuses: [void]}",
            "cleaning.cancelled_statuses: needs a column that is not named. Fix: add orders.colu",
        ),
        # Files that hold no keys at all.
        (BASE + "client: other", "line 4: key 'client' appears twice. Fix: keep one of the two"),
        (
            BASE + "rfm: {monetary: mean, monetary: total}",
            "line 4: key 'monetary' appears twice. Fix",
        ),
        (BASE + "? [a]\n: b", "line 4: a key must be one word. Fix: write 'key: value'"),
        ("- a\n- b", "holds no keys. Fix: write 'key: value' lines, as in params/cdnow.yaml"),
        ("hola", "holds no keys. Fix: write 'key: value' lines"),
        ("", "holds no keys. Fix: write 'key: value' lines"),
        ("# nothing", "holds no keys. Fix: write 'key: value' lines"),
        ("a: [1", "not valid YAML, line 1: expected ',' or ']'"),
        ("a:\n\t- b", "not valid YAML, line 2: found character '\\t'"),
        ("a: " + "[" * 5000, "is nested too deeply. Fix"),
        ("a: !!python/object/apply:os.system [ls]", "not valid YAML, line 1: could not determine"),
    ],
)
def test_a_problem_is_one_line_with_file_key_value_and_fix(tmp_path, text, problem):
    (line,) = problems_of(tmp_path, text)
    assert line.startswith(f"acme.yaml: {problem}")
    assert ". Fix: " in line


def test_every_problem_has_its_line(tmp_path):
    text = "client: acme\norders: {path: o.csv, columns: {custmer: c, date: d, amount: a}}"
    assert problems_of(tmp_path, text) == [
        "acme.yaml: currency: missing. Fix: add it",
        "acme.yaml: orders.columns.customer: missing. Fix: add it",
        "acme.yaml: orders.columns.custmer: unknown key: 'c'. Fix: write 'customer'",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("client: año".encode("latin-1"), "is not UTF-8 (invalid continuation byte at byte 9)"),
        (BASE.encode("utf-16"), "is not UTF-8"),
        (b"client: \x00", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_text_says_so(tmp_path, content, problem):
    file = tmp_path / "acme.yaml"
    file.write_bytes(content)
    with pytest.raises(ParamsError, match=f"acme.yaml: {problem.split('(')[0]}") as caught:
        load_params(file)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_is_a_folder_says_so(tmp_path):
    with pytest.raises(ParamsError, match="file not found. Fix: check the path"):
        load_params(tmp_path / "nope.yaml")
    with pytest.raises(ParamsError, match="cannot be read .*Fix: name a params file"):
        load_params(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        address("postgresql://ana:s3cret@db/shop"),
        address("postgresql://ana:s3/cr@et@db/shop"),
        address("postgresql://ana:${USER}s3cret@db/shop"),
        address("postgresql://db/shop?user=ana&password=s3cret"),
        orders(f"database: 'postgresql://ana:s3cret@db/shop', {COLUMNS}"),
        orders(f"database: {{url: 'postgresql://db', table: t, password: s3cret}}, {COLUMNS}"),
        BASE + "databse: {url: 'postgresql://ana:s3cret@db/shop'}",
        BASE + "db_password: s3cret",
    ],
)
def test_a_password_is_refused_and_never_shown(tmp_path, text):
    (line,) = problems_of(tmp_path, text)
    assert "s3" not in line
    assert ". Fix: " in line


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:${SHOP_PASSWORD}@db:5432/shop",
        "postgresql://ana@db:5432/shop?options=a@b",
        "postgresql://db/shop?user=ana&password=${SHOP_PASSWORD}",
        "${SHOP_DATABASE}",
        "duckdb://data/shop.duckdb",
        "sqlite://C:/data/shop@home.db",
    ],
)
def test_an_address_without_a_password_is_accepted(tmp_path, url):
    file = tmp_path / "acme.yaml"
    file.write_text(address(url))
    assert load_params(file).orders.database.url == url
    assert without_secrets(url) == url


def test_every_shipped_file_loads():
    files = sorted((ROOT / "params").glob("*.yaml"))
    assert {file.stem for file in files} >= {"cdnow", "tienda_demo", "superstore"}
    for file in files:
        assert load_params(file).client == file.stem


def test_plain_parameters_are_the_same_when_read_again(tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text(BASE + "as_of: 2025-12-31\nrfm: {bins: {recency: [30, 90, 180, 365]}}\n")
    params = load_params(file)
    assert params.as_of == date(2025, 12, 31)
    assert params.plain()["as_of"] == "2025-12-31"
    assert "clusters" not in params.plain()
    assert check_params(params.plain()) == params


def test_byte_order_marks_anchors_and_comments_are_fine(tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text("# año\nname: &shop Tienda Ñ\n" + BASE, encoding="utf-8-sig")
    assert load_params(file).title == "Tienda Ñ"


def test_switches_take_the_default_or_switch_a_rule_off(tmp_path):
    file = tmp_path / "acme.yaml"
    switches = "cancelled: yes, negative_quantity: on, future_date: off, non_product: true"
    file.write_text(BASE + f"cleaning: {{{switches}}}\n")
    cleaning = load_params(file).cleaning
    assert (cleaning.cancelled, cleaning.negative_quantity) == ("reject", "return")
    assert (cleaning.future_date, cleaning.non_product) == ("keep", "reject")


def test_a_log_without_amounts_has_no_currency(tmp_path):
    file = tmp_path / "acme.yaml"
    for columns in ("{customer: c, date: d}", "{customer: c, date: d, quantity: q}"):
        file.write_text(f"client: acme\ncurrency: XXX\norders: {{path: o.csv, columns: {columns}}}")
        assert not load_params(file).has_amounts
    file.write_text(BASE)
    assert load_params(file).has_amounts


def test_a_log_of_several_kinds_of_lines_names_those_that_are_purchases(tmp_path):
    columns = "columns: {customer: c, date: d, amount: a, type: t}"
    file = tmp_path / "acme.yaml"
    for types in ("buy", "[buy]"):
        file.write_text(orders(f"path: o.csv, types: {types}, since: 2024-01-01, {columns}"))
        found = load_params(file).orders
        assert (found.types, found.since, found.until) == (["buy"], date(2024, 1, 1), None)


def test_phones_are_of_the_country_of_the_locale_unless_it_is_named(tmp_path):
    file = tmp_path / "acme.yaml"
    for rest, region in [
        ("", "ES"),
        ("language: en", "US"),
        ("locale: es_AR", "AR"),
        ("  phone_region: 'NO'", "NO"),
        ("  phone_region: MX\nlocale: es_419", "MX"),
    ]:
        file.write_text(CUSTOMERS + rest)
        assert load_params(file).phone_region == region
    file.write_text(BASE + "locale: es_419")
    assert load_params(file).phone_region is None


def test_a_campaign_has_the_name_of_the_client_unless_it_is_named(tmp_path):
    file = tmp_path / "acme.yaml"
    for rest, campaign in [("", "acme"), ("audiences: {campaign: Mayo 2026}", "Mayo 2026")]:
        file.write_text(BASE + rest)
        assert load_params(file).campaign == campaign


def test_consent_keeps_its_channels_when_parameters_are_written(tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text(CUSTOMERS.replace("phone: p", "consent: {email: e, ads: e}"))
    params = load_params(file)
    columns = params.plain()["customers"]["columns"]
    assert columns == {"customer": "c", "consent": {"email": "e", "ads": "e"}}
    assert params.customers.columns.named == {
        "customer": "c",
        "consent.email": "e",
        "consent.ads": "e",
    }
    assert check_params(params.plain()) == params


def test_a_tab_can_be_written_in_three_ways(tmp_path):
    for text in ('"\\t"', "'\\t'", "tab"):
        file = tmp_path / "acme.yaml"
        file.write_text(orders(f"path: o.csv, csv: {{separator: {text}}}, {COLUMNS}"))
        assert load_params(file).orders.csv.separator == "\t"


def test_parameters_do_not_change_once_checked():
    params = check_params(
        {
            "client": "acme",
            "currency": "EUR",
            "orders": {"path": "o.csv", "columns": {"customer": "c", "date": "d", "amount": "a"}},
        }
    )
    with pytest.raises(ValueError, match="frozen"):
        params.client = "other"
    assert isinstance(params, Params)
    assert params.display_locale == "es_ES"


def test_a_variable_of_the_environment_must_be_set(monkeypatch):
    monkeypatch.setenv("SHOP", "casa")
    monkeypatch.delenv("NO_SHOP", raising=False)
    assert from_environment("${SHOP}/x/${SHOP}", where="orders.path") == "casa/x/casa"
    with pytest.raises(
        SegkitError, match="orders.path: environment variable NO_SHOP is not set. Fix"
    ):
        from_environment("${NO_SHOP}/x", where="orders.path")


def test_the_root_is_the_nearest_folder_with_notebooks_and_params(tmp_path, monkeypatch):
    monkeypatch.delenv("SEGKIT_ROOT", raising=False)
    for name in ("notebooks", "params", "notebooks/deep"):
        (tmp_path / name).mkdir()
    assert find_root(tmp_path / "notebooks" / "deep") == tmp_path
    monkeypatch.setenv("SEGKIT_ROOT", str(tmp_path / "params"))
    assert find_root(tmp_path) == tmp_path / "params"


def test_problems_survive_a_process_border(tmp_path):
    import pickle

    with pytest.raises(ParamsError) as caught:
        load_params(tmp_path / "nope.yaml")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_yaml_dates_stay_text(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("day: 2025-12-31\n")
    assert load_yaml(file) == {"day": "2025-12-31"}
