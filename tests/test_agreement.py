"""Every text of the kit, filled with few and with many, in every language: words agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest

from segkit.foundation.yaml_files import load_yaml
from segkit.params import languages
from segkit.words import playbook
from segkit.words.fields import fields_of, filled
from segkit.words.format import NUMBER_KINDS, TIME_KINDS, Formats
from segkit.words.translations import translations

COUNTS = (0, 1, 2, 21)
DAY = date(2017, 11, 4)
NO_AMOUNTS = "XXX"
"""Of a log without amounts: money is written like `10 u.`, with a dot of its own."""
ONE = r"(?<![\d.,])\b1(?![\d.,])"

PLURAL = {
    "en": rf"{ONE} (?!less\b)(\w{{3,}}s|are|were|have)\b",
    "es": rf"{ONE} (?!menos\b|antes\b)(\w{{2,}}[aeo]s|\w{{2,}}[aeo]n|son)\b",
}
"""A single one, with a noun or verb of several."""
OF_SEVERAL = {
    "en": rf"\b(these|those|last|next|first|another) {ONE}",
    "es": rf"\b(l[oa]s|un[oa]s|es[oa]s|est[oa]s|últim[oa]s|próxim[oa]s) ({ONE}|una?\b)",
}
"""What comes before several, with one."""
NOTHING_OF_NOTHING = r"\b0 (de|of|out of) (las |los |the )?0\b"
UNTIDY = r"(?<!\.)\.\.(?!\.)|  |\s[.,;:!?](?!\w)|[{}]|\bnan\b|\(\)"
BEFORE_A_DAY = {"en": r"\b(in|at) {day}", "es": r"(?<!\bel )(?<!\bal )(?<!\bdel )(?<=\w ){day}"}
BEFORE_A_MONTH = {"en": r"\b(on|at) {month}", "es": r"\b(el|al|del) {month}"}


def texts_of(language: str) -> dict[str, str]:
    """Return every text of a language, those of the playbook among them."""
    advice = load_yaml(playbook.FOLDER / f"{language}.yaml")
    return dict(translations(language)) | dict(parts_of(advice, "playbook"))


def parts_of(advice: object, path: str) -> Iterator[tuple[str, str]]:
    """Return the texts of a playbook, whatever their conditions, with where they stand."""
    if isinstance(advice, dict):
        for name, part in advice.items():
            if name != "when":
                yield from parts_of(part, f"{path}.{name}")
    elif isinstance(advice, list):
        for place, part in enumerate(advice):
            yield from parts_of(part, f"{path}.{place}")
    else:
        yield path, advice


def formats_of(language: str) -> Formats:
    return Formats({"en": "en_GB", "es": "es_ES"}.get(language, language), NO_AMOUNTS)


def said(text: str, language: str, count: int) -> str:
    """Return a text whose numbers are all the same, and whose names end in a dot."""
    values = {name: value_of(kind, count) for name, kind in fields_of(text).items()}
    return filled(text, formats_of(language), "a text", **values)


def value_of(kind: str, count: int) -> object:
    name = kind.partition(".")[0]
    if name == "month_name":
        return DAY.month
    return count if name in NUMBER_KINDS else DAY if name in TIME_KINDS else "Café mol."


def found(pattern: str, language: str, count: int) -> list[str]:
    """Return what a pattern finds in the texts of a language, with where it stands."""
    return [
        f"{path}: {hit[0]!r} in {line}"
        for path, text in texts_of(language).items()
        for line in [said(text, language, count)]
        for hit in re.finditer(pattern, line, re.IGNORECASE)
    ]


def beside(language: str) -> tuple[str, str]:
    """Return the words that texts write beside one only, and beside several only; as patterns."""
    ones, manies, shared = set(), set(), set()
    for text in texts_of(language).values():
        for forms in re.findall(r":plural\.([^{}]*)\}", text):
            *_, one, several = forms.split("/")
            ones |= (first := set(re.findall(r"\b(?:one|una?|a) (\w+)", one)))
            manies |= (second := set(re.findall(r"# (\w+)", several)))
            both = set(re.findall(r"\w+", one)) & set(re.findall(r"\w+", several))
            shared |= (first | second) & both
    shared |= ones & manies
    return "|".join(sorted(ones - shared)), "|".join(sorted(manies - shared))


everywhere = pytest.mark.parametrize("language", languages())
with_counts = pytest.mark.parametrize("count", COUNTS)


@everywhere
def test_one_is_beside_no_word_that_belongs_to_several(language):
    _, words = beside(language)
    assert found(rf"({ONE}|\b(one|una?)) ({words})\b", language, 1) == []


@everywhere
@pytest.mark.parametrize("count", [0, 2, 21])
def test_several_are_beside_no_word_that_belongs_to_one(language, count):
    words, _ = beside(language)
    assert found(rf"(?<![\d.,])\b{count} ({words})\b", language, count) == []


@pytest.mark.parametrize("language", PLURAL)
def test_one_is_beside_no_plural(language):
    assert found(PLURAL[language], language, 1) == []
    assert found(OF_SEVERAL[language], language, 1) == []


@everywhere
def test_nothing_is_said_to_be_a_part_of_nothing(language):
    assert found(NOTHING_OF_NOTHING, language, 0) == []


@everywhere
@with_counts
def test_texts_are_tidy_whatever_they_count(language, count):
    assert found(UNTIDY, language, count) == []


@pytest.mark.parametrize("language", BEFORE_A_DAY)
def test_days_and_months_have_the_words_before_them_that_they_need(language):
    formats = formats_of(language)
    day = BEFORE_A_DAY[language].replace("{day}", re.escape(formats.date(DAY)))
    month = BEFORE_A_MONTH[language].replace("{month}", re.escape(formats.month(DAY)))
    assert found(day, language, 2) == []
    assert found(month, language, 2) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (PLURAL["es"], "hace 1 días"),
        (PLURAL["es"], "1 clientes"),
        (PLURAL["es"], "1 gastaron más"),
        (PLURAL["es"], "1 son"),
        (PLURAL["en"], "1 buyers have"),
        (PLURAL["en"], "1 orders"),
        (PLURAL["en"], "1 have bought"),
        (OF_SEVERAL["es"], "los 1 mes siguientes"),
        (OF_SEVERAL["es"], "en los últimos un día"),
        (OF_SEVERAL["en"], "in the last 1 day"),
        (NOTHING_OF_NOTHING, "0 de 0 filas"),
        (NOTHING_OF_NOTHING, "0 of the 0 customers"),
        (UNTIDY, "10 u.."),
        (UNTIDY, "dos  espacios"),
        (UNTIDY, "un espacio ."),
        (UNTIDY, "{customers}"),
        (BEFORE_A_DAY["es"], "De {day} al 5"),
        (BEFORE_A_DAY["es"], "en {day}"),
        (BEFORE_A_DAY["en"], "in {day}"),
        (BEFORE_A_MONTH["es"], "el {month}"),
    ],
)
def test_what_is_looked_for_is_found(pattern, text):
    assert re.search(re.sub(r"\{(day|month)\}", r"\\{\1\\}", pattern), text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (PLURAL["es"], "hace 1 día y 21 días, 1,5 pedidos o 1 mes"),
        (PLURAL["en"], "1 day, 21 days, 1.5 orders and 1 is best"),
        (OF_SEVERAL["es"], "el último 1 de los 21"),
        (UNTIDY, "10 u. y más…"),
        (UNTIDY, "3.5 (u.), tabla .csv"),
        (BEFORE_A_DAY["es"], "del {day} al {day}: {day}"),
    ],
)
def test_what_is_right_is_not_found(pattern, text):
    assert not re.search(re.sub(r"\{(day|month)\}", r"\\{\1\\}", pattern), text)


def test_texts_of_all_kinds_are_looked_at():
    held = {path.partition(".")[0] for path in texts_of("es")}
    assert held >= {"sentences", "insights", "reasons", "method", "page", "columns", "playbook"}
