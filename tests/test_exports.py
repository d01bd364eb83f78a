"""Files that leave the kit."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segkit.foundation.files import (
    FORMULA_STARTS,
    guarded,
    replacing,
    unguarded,
    write_csv,
    write_json,
    write_parquet,
)


def test_texts_that_look_like_formulas_are_guarded_and_numbers_are_not(tmp_path):
    df = pd.DataFrame({"=name": ["=1+1", "plain", None], "change": [-0.5, 1.0, np.nan]})
    text = write_csv(df, tmp_path / "a.csv").read_text()
    assert text == "'=name,change\n'=1+1,-0.5\nplain,1.0\n,\n"


def test_categories_are_guarded_too(tmp_path):
    df = pd.DataFrame({"name": pd.Categorical(["=a", "b", "=a"])})
    assert write_csv(df, tmp_path / "a.csv").read_text() == "name\n'=a\nb\n'=a\n"


# Texts that begin as those do which are guarded, or look as if they were.
TEXTS = st.text() | st.text(st.sampled_from(["'", " ", "a", *FORMULA_STARTS]), max_size=6)


@given(TEXTS)
def test_no_guarded_text_is_a_formula_and_the_rest_is_untouched(text):
    safe = guarded(text)
    assert not safe.startswith(FORMULA_STARTS)
    assert safe in (text, f"'{text}")
    assert (safe != text) == text.lstrip("'").startswith(FORMULA_STARTS)


@given(TEXTS)
def test_a_guarded_text_can_be_told_from_one_that_began_with_an_apostrophe(text):
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["'a'", "'", "", "a=1", " =1", "'' a", "O'=x"])
def test_what_was_never_guarded_stays_as_it_is(text):
    assert guarded(text) == text
    assert unguarded(text) == text


@pytest.mark.parametrize("value", [-5, 1.5, None, True, dt.date(2017, 1, 3)])
def test_only_texts_are_guarded(value):
    assert guarded(value) is value
    assert unguarded(value) is value


def test_what_is_read_back_is_what_was_written(tmp_path):
    df = pd.DataFrame(
        {
            "name": ["comma, here", 'quote "x"', "line\nbreak", "ñandú 🙂", "'=x"],
            "amount": [0.1, -2.0, 1e12, 3.25, 0.0],
            "day": pd.to_datetime(["2017-01-03"] * 5),
        }
    )
    back = pd.read_csv(write_csv(df, tmp_path / "a.csv"), parse_dates=["day"])
    assert back["name"].map(unguarded).tolist() == df["name"].tolist()
    assert back["amount"].tolist() == df["amount"].tolist()
    assert back["day"].tolist() == df["day"].tolist()


def test_columns_of_the_same_name_are_all_written(tmp_path):
    df = pd.DataFrame([[1, "=a"]], columns=["x", "x"])
    assert write_csv(df, tmp_path / "a.csv").read_text() == "x,x\n1,'=a\n"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(RuntimeError), replacing(file) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_mixed_columns_become_text_in_parquet(tmp_path):
    df = pd.DataFrame({"mixed": [1, "x", None], "plain": [1.5, 2.5, 3.5]})
    back = pd.read_parquet(write_parquet(df, tmp_path / "a.parquet"))
    assert back["mixed"].tolist()[:2] == ["1", "x"]
    assert back["mixed"].isna().tolist() == [False, False, True]
    assert back["plain"].tolist() == [1.5, 2.5, 3.5]


def test_json_holds_plain_values_only(tmp_path):
    value = {
        "count": np.int64(3),
        "missing": [np.nan, pd.NA, pd.NaT, float("inf")],
        "table": pd.DataFrame({"a": [1.5]}),
        "day": dt.date(2017, 1, 3),
        "name": "ñ",
        "array": np.array([1, 2]),
    }
    text = write_json(value, tmp_path / "a.json").read_text(encoding="utf-8")
    assert '"ñ"' in text
    assert json.loads(text) == {
        "count": 3,
        "missing": [None] * 4,
        "table": [{"a": 1.5}],
        "day": "2017-01-03",
        "name": "ñ",
        "array": [1, 2],
    }
