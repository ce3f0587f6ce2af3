"""Durations: what is written is what is read, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.basics.durations import duration_ms, duration_text
from tests.support.examples import examples


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("500ms", 500),
        ("10s", 10_000),
        ("1h30m", 5_400_000),
        ("30d", 2_592_000_000),
        ("0s", 0),
        ("", None),
        ("10", None),
        ("1.5s", None),
        ("10 s", None),
        ("10s\n", None),
        ("-1s", None),
        ("\u0661s", None),
    ],
)
def test_reading(text: str, milliseconds: int | None) -> None:
    assert duration_ms(text) == milliseconds


@examples(200)
@given(st.integers(0, 10**10))
def test_what_is_written_can_be_read(milliseconds: int) -> None:
    assert duration_ms(duration_text(milliseconds)) == milliseconds
