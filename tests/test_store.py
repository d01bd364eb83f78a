"""The store: what is remembered is what was computed, for its key, whole or not at all."""

from __future__ import annotations

import threading
from datetime import date

import pandas as pd
import pytest

from segkit.study.store import Store, code_digest, key_of, parquet_key

FRAME = pd.DataFrame(
    {
        "id": pd.array(["00123", None], dtype="str"),
        "day": pd.to_datetime(["2024-01-05", None]).astype("datetime64[us]"),
        "count": [1, 2],
        "share": [0.5, float("nan")],
    }
)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "data")


class Counter:
    """A computation that counts how often it was asked for."""

    def __init__(self, result) -> None:
        self.result, self.calls = result, 0

    def __call__(self):
        self.calls += 1
        return self.result


def test_a_result_is_computed_once_for_a_key(store):
    compute = Counter(FRAME)
    for _ in range(3):
        pd.testing.assert_frame_equal(store.frame("x", "k1", compute), FRAME)
    assert compute.calls == 1
    store.frame("x", "k2", compute)
    assert compute.calls == 2


def test_a_first_result_has_the_types_of_a_remembered_one(store):
    first = store.frame("x", "k", lambda: FRAME)
    second = store.frame("x", "k", lambda: 1 / 0)
    pd.testing.assert_frame_equal(first, second)


def test_plain_values_are_remembered_too(store):
    compute = Counter({"a": [1, 2.5, None], "ñ": "x"})
    for _ in range(2):
        assert store.state("x", "k", compute) == compute.result
    assert compute.calls == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"7", b"\xff", b'{"key": "k"}'])
def test_a_damaged_file_of_values_is_computed_anew(store, damage):
    store.state("x", "k", lambda: {"a": 1})
    (store.folder / "x.json").write_bytes(damage)
    assert store.state("x", "k", lambda: {"a": 2}) == {"a": 2}


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"x" * 100])
def test_a_damaged_table_is_computed_anew(store, damage):
    store.frame("x", "k", lambda: FRAME)
    (store.folder / "x.parquet").write_bytes(damage)
    assert parquet_key(store.folder / "x.parquet") is None
    pd.testing.assert_frame_equal(store.frame("x", "k", lambda: FRAME), FRAME)


def test_a_cut_table_is_computed_anew(store):
    store.frame("x", "k", lambda: FRAME)
    file = store.folder / "x.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    pd.testing.assert_frame_equal(store.frame("x", "k", lambda: FRAME), FRAME)


def test_a_computation_that_fails_leaves_the_last_result_and_no_traces(store):
    store.frame("x", "k1", lambda: FRAME)
    with pytest.raises(ZeroDivisionError):
        store.frame("x", "k2", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.file("y", "k", lambda path, key: (path.write_bytes(b"half"), 1 / 0))
    assert [file.name for file in store.folder.iterdir()] == ["x.parquet"]
    assert parquet_key(store.folder / "x.parquet") == "k1"


def test_several_programs_may_write_a_result_at_once(store):
    found, errors = set(), []

    def work(place: int) -> None:
        try:
            for _ in range(20):
                count = store.frame("x", f"k{place % 2}", lambda: FRAME.assign(count=place % 2))
                found.add((place % 2, *count["count"]))
        except Exception as error:  # noqa: BLE001 whatever it is, the test fails
            errors.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert found == {(0, 0, 0), (1, 1, 1)}


def test_keys_differ_with_any_value_and_not_with_the_order_of_names():
    key = key_of({"a": 1, "b": [date(2024, 1, 5)]}, "x")
    assert key == key_of({"b": [date(2024, 1, 5)], "a": 1}, "x")
    others = [key_of({"a": 2, "b": [date(2024, 1, 5)]}, "x"), key_of({"a": 1}, "x"), key_of("x")]
    assert len({key, *others}) == 4
    assert len(key) == 24


def test_keys_change_with_the_code(monkeypatch):
    key = key_of("x")
    monkeypatch.setattr("segkit.study.store.code_digest", lambda: "other")
    assert key_of("x") != key
    assert len(code_digest()) == 16
