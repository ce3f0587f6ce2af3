"""JSON within limits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers_runtime.json_text import MAX_DEPTH, read_json, read_writable_json, whole

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_it_reads_what_json_is(value: object) -> None:
    assert read_json(json.dumps(value)) == read_writable_json(json.dumps(value)) == value


def test_brackets_in_strings_are_none() -> None:
    text = json.dumps(["[" * 500, '"{' * 500, "\\"])
    assert read_json(text) == json.loads(text)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 100_000])
def test_depth(depth: int) -> None:
    text = "[" * depth + "]" * depth
    if depth <= MAX_DEPTH:
        read_json(text)
        return
    for read in (read_json, read_writable_json):
        with pytest.raises(ValueError, match="more than 100 levels"):
            read(text)


def test_many_that_are_not_deep() -> None:
    assert read_json("[" + ",".join(["[]"] * 5_000) + "]") == [[]] * 5_000


@pytest.mark.parametrize("text", ["NaN", "[-Infinity]", '{"a": 1e999}', "[-1e400]"])
def test_numbers_that_json_does_not_have(text: str) -> None:
    with pytest.raises(ValueError, match="no number of JSON"):
        read_writable_json(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(10, 10), (10.0, 10), (-0.0, 0), (1.5, None), (True, None), ("1", None), (float("nan"), None)],
)
def test_whole_numbers_as_json_has_them(value: object, expected: int | None) -> None:
    assert whole(value) == expected


@pytest.mark.parametrize("text", ['"' + '\\"' * 250_000, '"\\' * 250_000, '"' * 500_000])
def test_strings_without_an_end_take_no_time(text: str) -> None:
    """They would, if each quote were looked at as the first one, to the end of the text."""
    with pytest.raises(ValueError, match="Extra data"):
        read_json("[]" * (MAX_DEPTH + 1) + text)
