"""The recommendations document has the published format and survives hostile texts."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segkit.errors import DataError, RuleError
from segkit.report.exports import recommendations as module
from segkit.report.exports.recommendations import recommendations, to_json, to_markdown
from segkit.words.playbook import Playbook, languages
from segkit.words.playbook_lint import sayings

GENERATED = date(2026, 1, 19)
EXPECTED = """\
# Recomendaciones de Marketing por Segmento

**Total de segmentos**: 2

**Fecha de generación**: 2026-01-19

---

## Bajo valor

**Clientes**: 251 (31.7%)

### Perfil
- Recency: 102 días
- Frequency: 5.6 órdenes
- Monetary: $1,269.99
- AOV: $250.78

### Descripción
Clientes activos que gastan poco en cada pedido.

### Estrategias Recomendadas
- Ofrecer combos que cuesten menos que las piezas sueltas.
- Fijar el envío gratis un poco por encima de su ticket habitual.
- Dar puntos por sumar artículos al mismo pedido.
- Sugerir en el carrito un complemento de precio bajo.

### Qué Evitar
- No bajar el precio de lo que ya compran sin un monto mínimo.
- No gastar en contactos caros, como llamadas o correo postal.

### Canales
- Correo electrónico
- Notificaciones de la aplicación
- SMS

### Frecuencia de Contacto
Semanal

### Política de Descuentos
**Solo por monto mínimo.** Conceder el beneficio solo cuando el pedido supere el monto mínimo, \
para no abaratar lo que ya compran.

### Indicador a Seguir
Ticket promedio y unidades por ticket

---

## Prospectos

**Clientes**: 1,542 (68.3%)

### Perfil
- Recency: —
- Frequency: —
- Monetary: —
- AOV: —

### Descripción
Personas registradas o que visitaron la tienda y todavía no han comprado.

### Estrategias Recomendadas
- Dar la bienvenida en cuanto se registran y explicar qué distingue a la marca.
- Pedir los datos poco a poco, empezando por los imprescindibles para escribirles.
- Mostrar los productos que miraron junto con los más vendidos de su categoría.
- Aclarar envíos, pagos y cambios antes de la primera compra.

### Qué Evitar
- No repetir el incentivo de bienvenida después de la primera compra.
- No pedir todos los datos de una vez ni exigir el registro para ver los productos.
- No seguir escribiendo a quienes no respondan a los tres primeros contactos.

### Canales
- Correo electrónico
- Notificaciones de la aplicación
- Publicidad digital

### Frecuencia de Contacto
Tres contactos en los primeros 14 días

### Política de Descuentos
**Solo en el primer pedido.** Reservar el incentivo para la primera compra y concederlo una sola vez.

### Indicador a Seguir
Tasa de conversión a la primera compra

---

La frecuencia de contacto y la política de descuentos son criterios editoriales por defecto; \
si una acción funcionó o no, se mide con un grupo de control.
"""
ENGLISH_HEADINGS = [
    "# Marketing Recommendations by Segment", "## Low Value", "### Profile", "### Description",
    "### Recommended Strategies", "### What to Avoid", "### Channels", "### Contact Frequency",
    "### Discount Policy", "### KPI to Watch",
]  # fmt: skip


def markdown(recommended, language="es", **options):
    return to_markdown(
        recommended,
        language=language,
        generated=GENERATED,
        money=lambda amount: f"${amount:,.2f}",
        decimal=lambda value, places: f"{value:,.{places}f}",
        integer=lambda value: f"{value:,d}",
        **options,
    )


def headings(text):
    return [line for line in text.splitlines() if line.startswith("#")]


@pytest.fixture
def profile():
    return pd.DataFrame(
        {
            "segment": ["low_value", "prospects", "total"],
            "customers": [251, 1542, 1793],
            "customers_share": [0.31652, 0.683, 1.0],
            "recency_days": [101.61, np.nan, 101.61],
            "orders_per_customer": [5.5976, np.nan, 5.5976],
            "ltv": [1269.9871, np.nan, 1269.9871],
            "aov_mean": [250.7834, np.nan, 250.7834],
        }
    )


@pytest.fixture
def hostile(tmp_path):
    """Return a playbook whose texts of segment `lost` are all the given one."""

    def load(text):
        fields = ("name", "description", "contact_frequency", "discount_note", "kpi")
        lists = {"strategies": [text] * 3, "avoid": [text], "channels": [text]}
        entry = {**dict.fromkeys(fields, text), **lists}
        path = tmp_path / "own.yaml"
        path.write_text(json.dumps({"segments": {"lost": entry}}), encoding="utf-8")
        return Playbook.load("en", path)

    return load


def test_the_markdown_is_the_published_format_to_the_letter(profile):
    assert markdown(recommendations(profile, "clusters", Playbook.load("es"))) == EXPECTED


def test_the_english_document_has_the_same_sections(profile):
    text = markdown(recommendations(profile[:1], "clusters", Playbook.load("en")), "en")
    assert headings(text) == ENGLISH_HEADINGS
    assert "**Total segments**: 1\n\n**Generated on**: 2026-01-19\n\n---\n" in text
    assert "- Recency: 102 days\n- Frequency: 5.6 orders\n" in text
    assert text.endswith("is measured with a control group.\n")


def test_one_day_is_written_in_the_singular(profile):
    day = profile[:1].assign(recency_days=1.2)
    assert "- Recency: 1 día\n" in markdown(recommendations(day, "clusters", Playbook.load("es")))


def test_the_total_row_is_no_segment_and_the_order_is_kept(profile):
    recommended = recommendations(profile.iloc[::-1], "clusters", Playbook.load("es"))
    assert [one.segment for one in recommended] == ["prospects", "low_value"]


def test_a_profile_without_its_columns_is_an_error_that_names_them(profile):
    with pytest.raises(DataError, match="profile: columns are missing: 'ltv'"):
        recommendations(profile.drop(columns="ltv"), "clusters", Playbook.load("es"))


def test_a_segment_that_the_playbook_lacks_is_an_error_that_names_it(profile):
    strange = profile.assign(segment=["low_valu", "prospects", "total"])
    with pytest.raises(RuleError, match="'low_valu'.*did you mean 'low_value'"):
        recommendations(strange, "clusters", Playbook.load("es"))


def test_a_clients_labels_take_the_place_of_the_shipped_ones(profile, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("document: {kpi: 'Meta\n\n# del mes'}", encoding="utf-8")
    playbook = Playbook.load("es", path)
    text = markdown(recommendations(profile, "clusters", playbook), document=playbook.document)
    assert text.count("\n### Meta \\# del mes\n") == 2


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("Top\n\n# Broken", r"Top \# Broken"),
        ("Top\u2028---", "Top ---"),
        ("--- ", r"\---"),
        ("=== x", r"\=== x"),
        ("1. First", r"1\. First"),
        ("30-day plan", "30-day plan"),
        ("[here](javascript:x) `y` *z* a_b $k$", r"\[here\](javascript:x) \`y\` \*z\* a\_b \$k\$"),
        ("&lt; | ~ \\", r"&amp;lt; \| \~ " + r"\\"),
    ],
)
def test_hostile_texts_are_printed_as_they_stand(profile, hostile, text, written):
    lost = profile[:1].assign(segment="lost")
    lines = markdown(recommendations(lost, "clusters", hostile(text)), "en").splitlines()
    assert f"## {written}" in lines
    assert lines.count(written) == 3
    assert lines.count(f"- {written}") == 5


@given(st.text())
def test_no_text_breaks_out_of_its_line_or_opens_markup(text):
    written = module._escaped(text)
    assert len(written.splitlines()) <= 1
    assert "<" not in written and ">" not in written
    assert not written.startswith(("#", "-", "+", "=", "*", " ", "`", "|", "~"))


@pytest.mark.parametrize("language", languages())
def test_shipped_texts_need_no_escaping(language):
    playbook = Playbook.load(language)
    templates = [*playbook.segments.values(), *playbook.cells.values()]
    templates += [each for some in playbook.segmentations.values() for each in some.values()]
    texts = {saying.text for saying in sayings(playbook)}
    texts |= {text for each in templates for text in (each.name, *each.channels)}
    assert len(texts) > 400
    for text in texts:
        assert module._escaped(text) == text


def test_json_has_plain_values_and_none_for_what_nobody_has(profile):
    playbook = Playbook.load("en")
    content = to_json(
        recommendations(profile, "clusters", playbook), language="en", generated=GENERATED
    )
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["generated"] == "2026-01-19"
    assert content["total_segments"] == 2
    assert content["note"] == playbook.document.closing
    low_value, prospects = content["segments"]
    assert low_value["segmentation"] == "clusters"
    assert low_value["segment"] == "low_value"
    assert low_value["name"] == "Low Value"
    assert low_value["customers"] == 251
    assert low_value["profile"]["recency_days"] == 101.61
    assert low_value["discount"]["policy"] == "threshold"
    assert low_value["discount"]["name"] == "Above a minimum only"
    assert set(prospects["profile"].values()) == {None}


def test_json_of_a_segment_has_every_field_of_its_advice(profile):
    one = recommendations(profile, "clusters", Playbook.load("es"))
    segment = to_json(one, language="es", generated=GENERATED)["segments"][0]
    assert list(segment) == [
        "segmentation", "segment", "name", "customers", "customers_share", "profile",
        "description", "strategies", "avoid", "channels", "contact_frequency", "discount", "kpi",
    ]  # fmt: skip
    assert segment["avoid"] == Playbook.load("es").entry("clusters", "low_value").avoid
