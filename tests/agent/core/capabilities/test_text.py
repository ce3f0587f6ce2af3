"""The capability `text-processing`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.capabilities.text import MAX_TEXT, process_text
from agent.core.refused import Refused


def done(text: str, operation: str, **more: Any) -> dict[str, Any]:
    return process_text({"text": text, "operation": operation, **more})


def test_statistics() -> None:
    told = done("Hello, world. Hello again!\nIt's done", "statistics")
    assert told == {
        "characters": 36,
        "lines": 2,
        "words": 6,
        "sentences": 3,
        "average_word_length": 4.67,
        "top_words": [
            {"word": "hello", "count": 2},
            *({"word": word, "count": 1} for word in ("world", "again", "it's", "done")),
        ],
    }
    assert process_text({"text": ""})["words"] == 0


@given(st.text(max_size=300), st.integers(1, 60), st.integers(0, 59))
def test_chunks_are_the_text(text: str, size: int, overlap: int) -> None:
    if overlap >= size:
        with pytest.raises(Refused, match="`overlap` must be less"):
            done(text, "chunk", size=size, overlap=overlap)
        return
    told = done(text, "chunk", size=size, overlap=overlap)
    covered = 0
    for piece in told["chunks"]:
        start, part = piece["start"], piece["text"]
        assert text[start : start + len(part)] == part
        assert 0 < len(part) <= size
        assert start <= covered < start + len(part)  # nothing between two of them is missing
        covered = start + len(part)
    assert covered == len(text)
    assert told["count"] == len(told["chunks"])


def test_chunks_end_between_words() -> None:
    told = done("one two three", "chunk", size=8)
    assert [piece["text"] for piece in told["chunks"]] == ["one two ", "three"]


def test_extract() -> None:
    text = "Ask ann@a.example (see https://b.example/c?d=1), 3 or -4.5 times #now, ann@a.example."
    assert done(text, "extract") == {
        "emails": ["ann@a.example"],
        "urls": ["https://b.example/c?d=1"],
        "numbers": ["1", "3", "-4.5"],
        "hashtags": ["#now"],
    }
    assert done(text, "extract", kinds=["numbers"]) == {"numbers": ["1", "3", "-4.5"]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "`text` is missing"),
        ({"text": 5}, "`text` is missing"),
        ({"text": "x" * (MAX_TEXT + 1)}, "500,000 are allowed"),
        ({"text": "", "operation": "sing"}, "known: statistics, chunk, extract"),
        ({"text": "", "operation": ["chunk"]}, "no operation"),
        ({"text": "", "operation": "chunk", "size": 0}, "`size` is a whole number"),
        ({"text": "", "operation": "chunk", "size": True}, "`size` is a whole number"),
        ({"text": "", "operation": "chunk", "overlap": -1}, "`overlap` is a whole number"),
        ({"text": "", "operation": "extract", "kinds": []}, "`kinds` is a list"),
        ({"text": "", "operation": "extract", "kinds": ["names"]}, "`kinds` is a list"),
        ({"text": "", "operation": "extract", "kinds": [["urls"]]}, "`kinds` is a list"),
        ({"text": "", "operation": "chunk", "sizes": 1}, "did you mean `size`?"),
        ({"text": "", "kinds": ["urls"]}, "there is no field `kinds`"),
        ({"text": "x" * 10_001, "operation": "chunk", "size": 1}, "more than 10,000 chunks"),
        (
            {"text": "x" * 9_000, "operation": "chunk", "size": 4_500, "overlap": 4_499},
            "2,000,000 characters of them",
        ),
    ],
)
def test_what_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        process_text(given)
    assert said in str(refused.value)


@given(st.text(max_size=200), st.sampled_from(["statistics", "chunk", "extract"]))
def test_any_text_can_be_processed(text: str, operation: str) -> None:
    assert isinstance(done(text, operation), dict)


@pytest.mark.parametrize("text", ["a@" * 200_000, "a." * 200_000, "-1" * 200_000, "." * 400_000])
def test_no_text_takes_for_ever(text: str) -> None:
    """It would, if an expression could go back and forth."""
    for operation in ("statistics", "extract"):
        done(text, operation)


def test_no_chunk_lies_within_another() -> None:
    told = process_text({"text": "00 00", "operation": "chunk", "size": 3, "overlap": 2})
    assert [each["text"] for each in told["chunks"]] == ["00 ", "0 0", " 00"]
