"""Drawings of the page: letters that are letters, few bytes, the same picture."""

import io
import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from matplotlib.figure import Figure

from segkit.plots import Style
from segkit.report.page.drawing import SVG, address, drawn, slim

LETTERS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=30)


def svg_of(figure):
    """Draw a figure as matplotlib does, with letters."""
    import matplotlib

    out = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "x"}):
        figure.savefig(out, format="svg")
    return out.getvalue()


def bars(**look):
    axes = Figure().add_subplot()
    axes.bar(["a", "b", "c"], [1, 200, 3], **look)
    return axes


def parsed(source):
    """What a browser makes of an image's address in a page."""
    image = BeautifulSoup(Markup('<img src="{}">').format(source), "html.parser").img
    head, data = image["src"].split(",", 1)
    assert head == "data:image/svg+xml" and "#" not in data
    return ElementTree.fromstring(unquote(data))


def each(root, kind):
    return list(root.iter(f"{{{SVG}}}{kind}"))


@given(LETTERS)
def test_any_text_survives_the_page_and_the_address(text):
    root = ElementTree.Element(f"{{{SVG}}}svg")
    ElementTree.SubElement(root, f"{{{SVG}}}text", {"data-x": text}).text = text
    svg = ElementTree.tostring(root, encoding="unicode")
    found = each(parsed(address(svg)), "text")[0]
    assert " ".join(found.text.split()) == " ".join(text.split())


def test_a_picture_holds_its_labels_as_texts_and_no_script():
    def plot(table, *, style):
        axes = bars()
        axes.set_title("<script>alert('1')</script> & \"ñ\" 100 %")
        return axes

    root = parsed(drawn(plot, pd.DataFrame(), Style(), {}))
    assert "<script>alert('1')</script> & \"ñ\" 100 %" in [t.text for t in each(root, "text")]
    assert not each(root, "script")


def test_the_same_table_gives_the_same_bytes():
    plot = lambda table, *, style: bars(hatch="//")
    first, second = (drawn(plot, pd.DataFrame(), Style(), {}) for _ in range(2))
    assert first == second


def test_what_is_seen_stays_and_what_is_not_goes():
    axes = bars(color="#0072B2")
    whole = svg_of(axes.figure)
    small = slim(whole)
    count = lambda svg: len(re.findall(r"fill: ?#0072b2", svg))
    assert count(small) == count(whole.decode()) == 3
    assert len(small) < len(whole) / 1.5
    assert "metadata" not in small and "DejaVu" not in small and "figure_1" not in small


def test_every_place_in_a_drawing_that_is_pointed_at_is_there():
    axes = bars(hatch="//")
    axes.plot([0, 2], [5, 100], "o-")
    small = slim(svg_of(axes.figure))
    wanted = set(re.findall(r"url\(#([^)]+)\)", small)) | set(re.findall(r'href="#([^"]+)', small))
    assert wanted and wanted <= set(re.findall(r' id="([^"]+)"', small))


def test_a_hatch_is_lines_cut_to_the_bar_and_its_ground_stays():
    root = ElementTree.fromstring(slim(svg_of(bars(hatch="//", color="#e69f00").figure)))
    assert not each(root, "pattern")
    grounds = [p for p in each(root, "path") if "fill:#e69f00" in p.get("style", "")]
    clips = {clip.get("id") for clip in each(root, "clipPath")}
    hatches = [
        g for g in each(root, "g") if re.fullmatch(r"url\(#h.*-\d+\)", g.get("clip-path", ""))
    ]
    assert len(grounds) == len(hatches) == 3
    assert {group.get("clip-path")[5:-1] for group in hatches} <= clips


def test_letters_and_axes_turn_with_dark_paper_and_colours_of_segments_do_not():
    style = each(ElementTree.fromstring(slim(svg_of(bars().figure))), "style")[0].text
    dark = style[style.index("prefers-color-scheme:dark") :]
    assert "#333333" in dark and "text{fill:#dfe5ec}" in dark
    assert "#0072b2" not in dark and "#d55e00" not in dark


@pytest.mark.parametrize("points", [100, 50_000])
def test_a_cloud_of_very_many_points_is_pixels_and_light(points):
    def plot(table, *, style):
        axes = Figure().add_subplot()
        axes.plot(range(points), [x * 7919 % 1000 for x in range(points)], "o", markersize=1)
        return axes

    source = drawn(plot, pd.DataFrame(), Style(), {})
    assert len(each(parsed(source), "image")) == int(points > 3000)
    assert len(source) < 400_000
