"""The report on one page as a browser, and a mail program built on one, shows it."""

from __future__ import annotations

import pytest
from accessibility import serious_faults

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def brief(report):
    """The brief beside a finished report: of the Spanish demo shop, and of hostile names."""
    return report.with_name("brief.html")


@pytest.mark.parametrize("width", [390, 600])
def test_a_brief_never_scrolls_sideways(visit, brief, width):
    page = visit(brief, width=width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = page.locator("p, h1, h2, li, td, img").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect()).map(box => [box.left, box.right])"
    )
    assert len(boxes) > 20
    assert [box for box in boxes if box[0] < 0 or box[1] > width] == []


def test_a_brief_says_nothing_to_the_console_and_asks_for_nothing_but_itself(visit, brief):
    seen = visit(brief, width=600)
    seen.page.wait_for_load_state("networkidle")
    assert seen.console == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [brief.as_uri()]
    assert seen.page.locator("a").evaluate_all("all => all.map(each => each.href)") == [
        brief.with_name("report.html").as_uri()
    ]


def test_every_picture_of_a_brief_is_drawn_and_told_in_words(visit, brief):
    images = visit(brief, width=600).page.locator("img")
    assert images.count() == 4
    broken = (
        "all => all.filter(e => !e.complete || e.naturalWidth < 100 || e.alt.length < 20).length"
    )
    assert images.evaluate_all(broken) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 600])
def test_axe_finds_nothing_serious_in_a_brief(visit, brief, width, scheme):
    assert serious_faults(visit(brief, width=width, color_scheme=scheme).page) == []
