"""Every text of the report is translated, used, and says the same things in every language."""

import ast
import json
import re
from pathlib import Path

import pytest

from segkit.errors import RuleError, SegkitError
from segkit.params import languages
from segkit.words import translations
from segkit.words.columns import Columns
from segkit.words.fields import fields_of
from segkit.words.texts import Texts
from segkit.words.translations import progress, source, update

ROOT = Path(__file__).parents[1]
OTHERS = [language for language in languages() if language != "en"]


def sources():
    """Code of the kit and of its notebooks."""
    for file in (ROOT / "segkit").rglob("*.py"):
        yield file.read_text(encoding="utf-8")
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        yield "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def words_and_patterns():
    """Every string in the code, and every f-string as a pattern of what it may become."""
    words, patterns = set(), set()
    for code in sources():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words |= set(re.findall(r"\w+", node.value))
            elif isinstance(node, ast.JoinedStr):
                patterns.add(pattern_of(node))
            elif isinstance(node, ast.arg | ast.keyword | ast.Name):
                words.add(getattr(node, "arg", None) or getattr(node, "id", ""))
            elif isinstance(node, ast.Attribute):
                words.add(node.attr)  # a picture is named after its function
    return words, {pattern for pattern in patterns if len(re.sub(r"\W|\\w", "", pattern)) > 2}


def pattern_of(node):
    parts = (p.value if isinstance(p, ast.Constant) else "\0" for p in node.values)
    return re.escape("".join(map(str, parts))).replace("\0", r"\w+")


def data_words():
    files = [*(ROOT / "segkit").rglob("*.yaml"), *(ROOT / "segkit").rglob("*.j2")]
    files = [file for file in files if file.name not in ("texts.yaml", "columns.yaml")]
    return {w for file in files for w in re.findall(r"\w+", file.read_text(encoding="utf-8"))}


def test_every_text_is_used():
    words, patterns = words_and_patterns()
    words |= data_words()
    names = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    keys = {path: path.split(".")[1] for path in source() if not path.startswith("suffixes")}
    unused = [
        path
        for path, key in keys.items()
        if key not in words and not names.fullmatch(key) and not names.fullmatch(f"{key}_x")
    ]
    assert unused == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_as_it_now_stands(language):
    assert progress(language).is_complete, progress(language)


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_names_the_same_fields_with_the_same_kinds(language):
    said = translations.translations(language)
    differ = [c for c, text in source().items() if fields_of(text) != fields_of(said[c])]
    assert differ == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_was_left_in_english(language):
    said = translations.translations(language)
    same = [c for c, text in source().items() if text == said[c] and len(text.split()) > 3]
    assert same == []


def test_a_new_language_begins_with_every_text_empty(tmp_path):
    left = update("pt", tmp_path)
    assert languages(tmp_path) == ["en", "pt"]
    assert len(left.missing) == left.messages == len(source())
    with pytest.raises(
        RuleError, match=r"texts without a translation: 'chapters.*segkit translate pt"
    ):
        translations.translations("pt", tmp_path)


def with_translations(folder, say):
    """Translate every text by `say`, from its context and its English."""
    update("pt", folder)
    catalogue = translations._read("pt", folder)
    for message in catalogue:
        if message.context:
            message.string = say(message.context, message.id)
    translations._write(catalogue, translations._file("pt", folder))


def test_a_whole_translation_is_read_back_word_for_word(tmp_path):
    with_translations(tmp_path, lambda context, text: f'{text} — "ação"\n{context}')
    assert progress("pt", tmp_path).is_complete
    expected = {context: f'{text} — "ação"\n{context}' for context, text in source().items()}
    assert dict(translations.translations("pt", tmp_path)) == expected


def test_a_text_that_changed_keeps_its_translation_and_is_marked(tmp_path, monkeypatch):
    with_translations(tmp_path, lambda context, text: text.upper())
    changed = dict(source()) | {"labels.total": "Sum"}
    del changed["labels.recency"]
    monkeypatch.setattr(translations, "source", lambda: changed | {"labels.fresh": "Fresh"})
    left = update("pt", tmp_path)
    assert left.missing == ("labels.fresh",)
    assert left.outdated == ("labels.total",)
    assert left.unused == ()
    said = {message.context: message.string for message in translations._read("pt", tmp_path)}
    assert said["labels.total"] == "TOTAL" and "labels.recency" not in said


@pytest.mark.parametrize(("language", "problem"), [("english", "no such"), ("en", "source")])
def test_what_cannot_be_translated_into_is_said(tmp_path, language, problem):
    with pytest.raises(SegkitError, match=problem):
        update(language, tmp_path)


def test_a_broken_catalogue_is_named(tmp_path):
    file = tmp_path / "pt" / "LC_MESSAGES" / "segkit.po"
    file.parent.mkdir(parents=True)
    file.write_text("this is a letter to my aunt", encoding="utf-8")
    with pytest.raises(RuleError, match=r"segkit\.po: is no gettext catalogue"):
        progress("pt", tmp_path)


def test_an_unknown_language_is_named_with_the_nearest():
    with pytest.raises(RuleError, match=r"no texts in this language: 'ess'.*'es'"):
        Texts("ess")
    with pytest.raises(RuleError, match="no texts in this language"):
        Columns("xx")
