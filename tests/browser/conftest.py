"""A headless Chromium, and finished reports to look at with it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostile import write_hostile_client
from projects import finished_runs, make_project

from segkit.report.page.pdf import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]


@dataclass
class Visit:
    """A page, and what it did besides being shown."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = chromium()
    if not program:
        pytest.skip("no Chromium: install one (apt install chromium), or name it: SEGKIT_CHROMIUM")
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*FLAGS, "--no-sandbox"] if as_root else FLAGS
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=flags)
        yield opened
        opened.close()


@contextlib.contextmanager
def visits(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Yield a function that opens a file in a window of its own, and listens to it.

    `hooks` is JavaScript that runs before the page; other options are those of
    `Browser.new_context`.
    """
    contexts = []

    def opened(file: Path, *, width: int = 1280, hooks: str = "", **options) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 844}, **options)
        contexts.append(context)
        context.add_init_script(hooks)
        seen = Visit(context.new_page())
        seen.page.on("console", lambda message: seen.console.append(message.text))
        seen.page.on("pageerror", lambda error: seen.console.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on(
            "dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss())
        )
        seen.page.goto(file.as_uri())
        return seen

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """A function that opens a file in a window of its own; see `visits`."""
    with visits(browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """The report on a desktop, for tests that only read it."""
    with visits(browser) as opened:
        yield opened(report).page


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of the finished runs of both demo clients."""
    return finished_runs(tmp_path_factory)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the finished run of a client whose every name is an attack."""
    from segkit.run.clients import run_clients

    root = make_project(tmp_path_factory.mktemp("hostile") / "project")
    outcome = run_clients([write_hostile_client(root)], root=root)[0]
    assert outcome.problem == ""
    return outcome.folder


CLIENTS, PAGES = ("spanish", "hostile"), ("report.html", "annex.html")


@pytest.fixture(
    scope="session",
    params=[(client, page) for client in CLIENTS for page in PAGES],
    ids=lambda each: f"{each[0]} {each[1]}",
)
def report(request: pytest.FixtureRequest) -> Path:
    """A finished page: of the Spanish demo shop, or of a client of hostile names in English."""
    client, page = request.param
    if client == "hostile":
        return request.getfixturevalue("hostile") / page
    return request.getfixturevalue("finished")["tienda_demo"] / page
