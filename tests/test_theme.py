"""A client's own look: readable colours, an inert logo, an escaped footer."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_logs import params_of

from segkit.errors import ParamsError, SegkitError
from segkit.report.page.theme import (
    DARK,
    LEGIBLE,
    LIGHT,
    LOGO_BYTES,
    Theme,
    contrast,
    legible,
    theme_of,
)
from segkit.run.execute import run_fingerprint
from segkit.run.preflight import preflight

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def themed(folder, **theme):
    return theme_of(params_of(report={"theme": theme}), folder)


def test_a_client_without_a_theme_adds_nothing(tmp_path):
    assert theme_of(params_of(), tmp_path) == Theme("", "", "")


@given(COLOURS, COLOURS)
def test_contrast_knows_no_order_and_lies_between_one_and_21(first, second):
    assert 1 <= contrast(first, second) <= 21.001
    assert contrast(first, second) == contrast(second, first)


@given(COLOURS)
def test_every_accent_is_legible_on_dark_paper(colour):
    assert contrast(legible(colour, DARK), DARK) >= LEGIBLE


@given(COLOURS)
def test_an_accent_is_taken_if_it_is_legible_on_white_and_refused_if_not(colour):
    params = params_of(report={"theme": {"accent": colour}})
    if contrast(colour, LIGHT) >= LEGIBLE:
        css = theme_of(params, None).css
        assert f"--accent:{colour};" in css and legible(colour, DARK) in css
    else:
        with pytest.raises(
            SegkitError, match=r"report\.theme\.accent: is too pale.*Fix: take a darker"
        ):
            theme_of(params, None)


@pytest.mark.parametrize("accent", ["blue", "#12345", "#1234567", "#12345g", "red;}body{x:y"])
def test_what_is_no_colour_is_refused(accent):
    with pytest.raises(ParamsError, match=r"report\.theme\.accent: not a colour"):
        params_of(report={"theme": {"accent": accent}})


HEADS = {"logo.png": b"\x89PNG\r\n", "LOGO.JPG": b"\xff\xd8\xff\xe0", "logo.svg": b"<?xml?>\n<svg "}


@pytest.mark.parametrize("name", HEADS)
def test_a_logo_is_an_image_in_the_page(tmp_path, name):
    (tmp_path / name).write_bytes(HEADS[name] + b"onload='alert(1)'/>")
    assert themed(tmp_path, logo=name).logo.startswith("data:image/")
    assert "alert" not in themed(tmp_path, logo=name).logo  # base64: an image runs no script


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.png", None, "cannot be read"),
        ("logo.html", b"<svg/>", "is no picture"),
        ("logo.png", b"not a picture", "is no picture"),
        ("logo.svg", b"", "is no picture"),
        ("logo.png", b"x" * (LOGO_BYTES + 1), "weighs 200,001 bytes"),
    ],
)
def test_a_logo_that_cannot_be_used_is_one_line_before_work_starts(
    tmp_path, name, content, problem
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "orders.csv").write_text(
        "customer,date,order,quantity,amount\na,2025-01-01,1,1,5\n"
    )
    params = params_of(report={"theme": {"logo": name}})
    with pytest.raises(SegkitError, match=rf"report\.theme\.logo: {problem}") as caught:
        preflight(params, tmp_path)
    assert "\n" not in str(caught.value) and "Fix: " in str(caught.value)


def test_another_logo_makes_another_run(tmp_path):
    study = SimpleNamespace(
        params=params_of(report={"theme": {"logo": "logo.png"}}), root=tmp_path, inputs={}
    )
    found = set()
    for content in (b"one", b"two", b"one"):
        (tmp_path / "logo.png").write_bytes(content)
        found.add(run_fingerprint(study, []))
    assert len(found) == 2
