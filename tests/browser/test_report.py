"""The report as a browser shows it: quiet, legible, reachable, and deaf to what its data say."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from accessibility import serious_faults

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PAGES = ("report.html", "annex.html")
HOOKS = """
    window.heard = [];
    window.pwned = word => window.heard.push(word);
    for (const name of ["alert", "confirm", "prompt", "open"]) {
        window[name] = () => window.heard.push(name);
    }
"""
BRIGHTNESS = """element => {
    const parts = name => getComputedStyle(element)[name].match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
    const ground = parts("backgroundColor");
    return {text: light(parts("color")), ground: ground[3] === 0 ? null : light(ground)};
}"""


def counted(page, selector: str, wrong: str) -> tuple[int, list[str]]:
    """Return how many elements a page has, and those for which a JavaScript condition holds."""
    found = page.locator(selector)
    code = f"all => all.filter(e => {wrong}).map(e => e.outerHTML.slice(0, 200))"
    return found.count(), found.evaluate_all(code)


def test_a_report_says_nothing_to_the_console_and_asks_for_nothing_but_itself(visit, report):
    seen = visit(report)
    seen.page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    seen.page.wait_for_load_state("networkidle")
    assert seen.console == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [report.as_uri()]


def test_every_link_lands_on_an_element_of_the_page_or_of_its_neighbour(page, report):
    links = page.locator("a[href]").evaluate_all("all => all.map(e => e.getAttribute('href'))")
    assert len(links) > 10
    for file, wanted in wanted_ids(links).items():
        text = (report.parent / (file or report.name)).read_text(encoding="utf-8")
        assert wanted - {""} <= set(re.findall(r' id="([^"]+)"', text))


def wanted_ids(links: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for link in links:
        file, _, place = link.partition("#")
        found.setdefault(file, set()).add(place)
    assert set(found) <= {"", "report.html", "annex.html"}
    return found


def test_the_document_and_the_annex_lead_to_each_other(visit, finished):
    folder = finished["tienda_demo"]
    page = visit(folder / "report.html").page
    page.locator(".details a").first.click()
    page.wait_for_load_state()
    assert page.url.startswith((folder / "annex.html").as_uri() + "#")
    page.locator(".chapter .details a").first.click()
    page.wait_for_load_state()
    assert page.url.startswith((folder / "report.html").as_uri() + "#")


def test_no_two_elements_have_the_same_id(page):
    ids = page.locator("[id]").evaluate_all("all => all.map(each => each.id)")
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_a_page_never_scrolls_sideways(visit, report, width):
    page = visit(report, width=width).page
    page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("window.scrollTo(1000, 0)")
    assert page.evaluate("window.scrollX") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_follows_the_readers_scheme(visit, report, scheme):
    body = visit(report, color_scheme=scheme).page.locator("body")
    seen = body.evaluate(BRIGHTNESS)
    assert (seen["ground"] < 0.2) == (scheme == "dark")
    assert (seen["text"] > 0.6) == (scheme == "dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_is_white_and_its_text_dark_whatever_the_screen(visit, report, scheme):
    page = visit(report, color_scheme=scheme).page
    page.emulate_media(media="print")
    seen = page.locator("body").evaluate(BRIGHTNESS)
    assert seen["ground"] is None or seen["ground"] > 0.95
    assert seen["text"] < 0.3


def test_a_report_prints_on_several_pages(page):
    paper = page.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 5


def test_headings_start_with_one_title_and_skip_no_level(page):
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all(
        "all => all.map(each => Number(each.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []


def test_every_header_of_a_table_says_what_it_heads(page):
    headers, silent = counted(page, "th", "!['col', 'row'].includes(e.scope)")
    assert headers > 20
    assert silent == []


def test_every_picture_is_told_in_words(page):
    images, mute = counted(page, "img", "(e.getAttribute('alt') || '').length < 20")
    drawings, unnamed = counted(
        page,
        "svg:not([aria-hidden=true])",
        "e.getAttribute('role') !== 'img' "
        "|| !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby'))",
    )
    assert images + drawings > 3
    assert mute == unnamed == []


def test_every_picture_is_drawn(page):
    page.locator("img").evaluate_all("all => Promise.all(all.map(each => each.decode()))")
    images, broken = counted(page, "img", "!e.complete || e.naturalWidth < 100")
    assert images + page.locator("svg").count() > 3
    assert broken == []


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("light", 390), ("dark", 1280), ("dark", 390)]
)
def test_axe_finds_nothing_serious(visit, report, scheme, width):
    assert serious_faults(visit(report, width=width, color_scheme=scheme).page) == []


def test_the_keyboard_reaches_the_first_chapter_at_once(visit, report):
    page = visit(report).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#top"
    page.keyboard.press("Enter")
    assert page.url.endswith("#top")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("policy", ["with its policy", "without its policy"])
def test_a_hostile_client_runs_no_script(visit, hostile, policy, name):
    """Without the page's policy it is the escaping alone that holds."""
    seen = visit(hostile / name, hooks=HOOKS, bypass_csp=policy.startswith("without"))
    page = seen.page
    page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    page.locator("body *").evaluate_all(
        "all => all.forEach(e => ['mouseover', 'focus', 'toggle', 'load', 'error'].forEach("
        "name => e.dispatchEvent(new Event(name))))"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.heard") == []
    assert seen.dialogs == []


def test_the_hooks_hear_a_script_that_does_run(visit, tmp_path):
    trap = tmp_path / "trap.html"
    trap.write_text("<img src=x onerror=\"pwned('heard')\"><script>alert(1)</script>")
    seen = visit(trap, hooks=HOOKS)
    seen.page.wait_for_function("window.heard.length === 2")
    assert sorted(seen.page.evaluate("window.heard")) == ["alert", "heard"]


@pytest.mark.parametrize("name", PAGES)
def test_a_hostile_page_holds_no_element_or_attribute_that_could_run(visit, hostile, name):
    elements, active = counted(
        visit(hostile / name).page,
        "*",
        "e.matches('script, iframe, object, embed, form, base, math, link, svg script, foreignObject')"
        " || [...e.attributes].some(a => /^on/i.test(a.name) || /javascript:/i.test(a.value)"
        " && !['alt', 'aria-label', 'title', 'content'].includes(a.name))",
    )
    assert elements > 500
    assert active == []


def test_hostile_names_are_shown_as_they_are_written(visit, hostile):
    from hostile import ATTACKS

    page = visit(hostile / "annex.html").page
    assert page.locator("h1").inner_text() == ATTACKS[4]
    words = page.locator("main").text_content()
    assert [attack for attack in (ATTACKS[0], ATTACKS[2], ATTACKS[3]) if attack not in words] == []
    assert "<img src=x onerror=pwned('file')>.csv" in page.locator("footer").text_content()


@pytest.mark.parametrize("name", PAGES)
def test_what_an_analyst_writes_appears_as_written(visit, hostile, name):
    page = visit(hostile / name).page
    notes = page.locator(".analyst", has_text="Notes of the analyst")
    assert notes.get_by_role("heading", name="Notes of the analyst").count() == 1
    assert notes.locator("em").inner_text() == "analyst"
    assert notes.locator("strong").inner_text() == "bold"
    assert notes.locator("td").all_inner_texts() == ["shop", "40 %"]
    assert "<b onmouseover=\"pwned('analyst')\">raw</b> <script>" in notes.text_content()
    assert page.locator(".analyst", has_text="A figure of the analyst").count() == 1
