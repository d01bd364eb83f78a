"""The documentation is true: its commands, links, options and files are those of the kit."""

from __future__ import annotations

import ast
import re
import shlex
import smtplib
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import click
import mistune
import pytest
import yaml
from click.testing import CliRunner
from projects import ROOT, keep_chapters, make_project
from pydantic import BaseModel

from segkit.analysis.insights import load_rules
from segkit.cli import main
from segkit.params import Params, check_params
from segkit.run.clients import run_clients
from segkit.segments.rules import RuleTable
from segkit.words.playbook import Playbook

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.png"))
TUTORIAL = ROOT / "docs" / "tutorial.md"
EXTENDING = ROOT / "docs" / "extending.md"
LEAST = {
    "client": "acme",
    "currency": "EUR",
    "orders": {"path": "o.csv", "columns": {"customer": "c", "date": "d", "amount": "a"}},
}
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def tokens(page: Path) -> list[dict]:
    """Return a page's parts, tables included, as mistune names them."""
    return mistune.create_markdown(renderer="ast", plugins=["table"])(
        page.read_text(encoding="utf-8")
    )


def walk(parts: list[dict]) -> Iterator[dict]:
    for part in parts:
        yield part
        yield from walk(part.get("children", []))


def blocks(page: Path, language: str = "") -> list[str]:
    """Return the fenced blocks of a page; with a language, those in it."""
    fences = [part for part in walk(tokens(page)) if part["type"] == "block_code"]
    return [f["raw"] for f in fences if language in ("", f.get("attrs", {}).get("info"))]


def anchors(page: Path) -> set[str]:
    """Return what links into a page may name: its headings, as GitHub writes them."""
    heads = [part["children"] for part in walk(tokens(page)) if part["type"] == "heading"]
    spoken = ["".join(part.get("raw", "") for part in walk(head)) for head in heads]
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in spoken}


def links(page: Path) -> Iterator[str]:
    """Yield the targets of links and pictures that stay inside the project."""
    for part in walk(tokens(page)):
        if part["type"] in ("link", "image") and "://" not in part["attrs"]["url"]:
            yield part["attrs"]["url"]


def spoken_commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each `segkit` command of a page, in blocks and in sentences, and its options."""
    text = page.read_text(encoding="utf-8")
    inline = [" ".join(code.split()) for code in re.findall(r"`(segkit [a-z][^`]*)`", text)]
    lines = [line.partition("#")[0] for block in blocks(page) for line in block.splitlines()]
    for line in [*inline, *lines]:
        for name, rest in re.findall(r"(?:^|(?<=[ '/]))segkit ([a-z]+)\b(.*)", line):
            yield name, re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest)


def mappings(page: Path) -> list[dict]:
    return [yaml.safe_load(block) for block in blocks(page, "yaml")]


def with_least(content: dict) -> dict:
    return {**LEAST, **content}


@every_page
def test_every_relative_link_leads_to_a_file_or_a_heading(page):
    lost = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            lost.append(target)
    assert lost == []


def test_every_page_is_linked_from_the_readme():
    linked = {(ROOT / target).resolve() for target in links(ROOT / "README.md")}
    assert {page.resolve() for page in PAGES[1:]} <= linked


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def options_of(command: click.Command) -> set[str]:
    return {flag for part in command.params for flag in part.opts + part.secondary_opts}


@every_page
def test_every_command_and_option_exists(page):
    unknown = []
    for name, flags in spoken_commands(page):
        assert name in main.commands
        unknown += [(name, flag) for flag in flags if flag not in options_of(main.commands[name])]
    assert unknown == []


@every_page
def test_every_option_in_a_sentence_is_one_of_a_command(page):
    known = set().union(*map(options_of, main.commands.values()))
    named = re.findall(r"`(--[a-z-]+)", page.read_text(encoding="utf-8"))
    assert [flag for flag in named if flag not in known] == []


def test_every_command_is_told_of():
    told = {name for page in PAGES for name, _ in spoken_commands(page)}
    assert told == set(main.commands)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page != EXTENDING], ids=lambda page: page.stem
)
def test_every_yaml_block_is_accepted_as_parameters(page):
    for content in mappings(page):
        assert isinstance(check_params(with_least(content)), Params)


def test_every_option_named_in_a_sentence_is_a_key_of_the_parameters():
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    named = {n for n in re.findall(r"`([a-z]+(?:\.[a-z_]+)+)[`:]", text) if "/" not in n}
    named = {name for name in named if name.split(".")[0] in Params.model_fields}
    assert len(named) > 8
    assert [name for name in sorted(named) if not is_key(name.split("."), Params)] == []


def is_key(names: list[str], section: type) -> bool:
    """Whether a dotted name leads from a section of the parameters to one of its keys."""
    field = section.model_fields.get(names[0])
    if field is None or len(names) == 1:
        return field is not None
    kinds = getattr(field.annotation, "__args__", (field.annotation,))
    below = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return any(is_key(names[1:], kind) for kind in below)


def test_every_whole_option_in_a_sentence_is_accepted():
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    written = [" ".join(code.split()) for code in re.findall(r"`([a-z]+: \{[^`]*\})`", text)]
    whole = [code for code in written if "…" not in code]
    options = [yaml.safe_load(code) for code in whole]
    sections = [option for option in options if not option.keys() & {"orders", "events"}]
    assert len(sections) >= 8
    for option in sections:
        assert isinstance(check_params(with_least(option)), Params)


def test_rules_of_the_pages_are_accepted(tmp_path):
    params, groups, playbook, insights = mappings(EXTENDING)
    assert check_params(params).report.theme.footer
    files = {}
    for name, content in {"groups": groups, "playbook": playbook, "insights": insights}.items():
        files[name] = tmp_path / f"{name}.yaml"
        files[name].write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    table = RuleTable.load(files["groups"])
    advice = Playbook.load("en", files["playbook"])
    assert [advice.name("value_groups", key) for key in table.segments][:2] == ["VIP", "Regulars"]
    assert advice.channel_key("Newsletter") == "email"
    rules = load_rules(files["insights"])
    assert "large_orders" in rules and "concentration" not in rules


@every_page
def test_every_python_block_is_python(page):
    for block in blocks(page, "python"):
        ast.parse(block)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the tutorial's order log, written by the tutorial's own program."""
    root = make_project(tmp_path_factory.mktemp("tutorial") / "project")
    program = next(block for block in blocks(TUTORIAL, "python") if "import csv" in block)
    named = 'open("orders_export.csv"'
    assert named in program
    exec(program.replace(named, f"open({str(root / 'orders_export.csv')!r}"), {})  # noqa: S102
    return root


def told(command: str, root: Path) -> str:
    """Return what a command of the tutorial says in a project, paths as in its folder."""
    words = shlex.split(command.removeprefix("$ segkit "))
    words = [str(root / word) if (root / word).is_file() else word for word in words]
    done = CliRunner().invoke(main, [*words, "--root", str(root)])
    return done.output.replace(f"{root}/", "")


def scripted(page: Path, name: str) -> list[tuple[str, str]]:
    """Return the page's `$ segkit name …` commands and what it says they print."""
    found = [
        block.partition("\n") for block in blocks(page) if block.startswith(f"$ segkit {name} ")
    ]
    return [(command, shown) for command, _, shown in found]


@pytest.fixture(scope="module")
def described(project: Path) -> str:
    """What `segkit new` said when it wrote the tutorial's client."""
    return told(scripted(TUTORIAL, "new")[0][0], project)


def test_the_tutorial_says_what_its_commands_print(project, described):
    assert described == scripted(TUTORIAL, "new")[0][1]
    command, shown = scripted(TUTORIAL, "check")[0]
    assert told(command, project) == shown


def test_the_tutorial_shows_the_guesses_as_they_are_written(project, described):
    text = (project / "params" / "acme.yaml").read_text(encoding="utf-8")
    shown = next(block for block in blocks(TUTORIAL, "yaml") if "orders" in block)
    assert [line for line in shown.splitlines() if line not in text.splitlines()] == []
    assert yaml.safe_load(shown) == yaml.safe_load(text)


def test_dates_that_can_be_read_in_two_ways_are_told_as_in_the_tutorial(project, tmp_path):
    log = next(block for block in blocks(TUTORIAL) if block.startswith("Pedido;"))
    root = make_project(tmp_path / "project")
    (root / "acme_pedidos.csv").write_text(log, encoding="utf-8")
    command, shown = scripted(TUTORIAL, "new")[1]
    assert told(command, root).split() == shown.split()


def test_a_wrong_decimal_mark_is_told_as_in_the_tutorial(project, tmp_path):
    root = make_project(tmp_path / "project")
    text = next(block for block in blocks(TUTORIAL, "yaml") if "orders" in block)
    (root / "orders_export.csv").write_bytes((project / "orders_export.csv").read_bytes())
    wrong = text.replace('decimal: "."', 'decimal: ","')
    (root / "params" / "acme.yaml").write_text(wrong, encoding="utf-8")
    command, shown = scripted(TUTORIAL, "check")[1]
    assert told(command, root).split() == shown.split()


@pytest.mark.slow
def test_the_tutorials_client_runs_to_its_report(project, described):
    keep_chapters(project, "01_explore", "07_recommendations")  # the others run on other clients
    (outcome,) = run_clients([project / "params" / "acme.yaml"], root=project)
    assert outcome.problem == ""
    assert outcome.folder.relative_to(project).as_posix() in scripted(TUTORIAL, "run")[0][1]
    assert (outcome.folder / "exports" / "audiences" / "next_actions.csv").is_file()


def test_pictures_are_light_and_all_are_shown():
    shown = {(page.parent / target).resolve() for page in PAGES for target in links(page)}
    assert PICTURES
    assert [file.name for file in PICTURES if file.resolve() not in shown] == []
    assert sum(file.stat().st_size for file in PICTURES) < 600_000


def test_pages_hold_no_folder_of_a_machine():
    found = [
        m
        for page in PAGES
        for m in re.findall(r"/(?:tmp|home|work|root|Users)/\S*", page.read_text())
    ]
    assert found == []


# Sending a brief


def test_the_lines_of_python_send_a_brief_as_it_is(tmp_path, monkeypatch):
    [code] = [
        block for block in blocks(ROOT / "docs" / "schedule.md", "python") if "smtplib" in block
    ]
    folder = tmp_path / "reports" / "acme" / "2025-12-30"
    folder.mkdir(parents=True)
    (folder / "brief.eml").write_bytes(b"Subject: Acme\r\nMIME-Version: 1.0\r\n\r\nOne page\r\n")
    server = MagicMock()
    monkeypatch.setattr(smtplib, "SMTP", server)
    monkeypatch.chdir(tmp_path)
    names = {"SMTP_HOST": "mail.example", "SMTP_USER": "a@mail.example", "SMTP_PASSWORD": "secret"}
    for name, value in (names | {"BRIEF_TO": "b@mail.example"}).items():
        monkeypatch.setenv(name, value)
    exec(code, {})
    server.assert_called_once_with("mail.example", 587)
    opened = server.return_value.__enter__.return_value
    opened.login.assert_called_once_with("a@mail.example", "secret")
    [[mail], _] = opened.send_message.call_args
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        "a@mail.example",
        "b@mail.example",
        "Acme",
    )
    assert mail.get_content().strip() == "One page"
    assert [name for name, _, _ in opened.mock_calls].index("starttls") == 0
