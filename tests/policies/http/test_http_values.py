"""What headers of the other side say, and that none of them does harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.http.http_values import MAX_WAIT_MS, date_ms, retry_after_ms, seconds

NOW_MS = 1_800_000_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("text", "wait_ms"),
    [
        ("120", 120_000),
        (" 7 ", 7_000),
        ("0", 0),
        ("99999999999", MAX_WAIT_MS),
        ("999999999999", MAX_WAIT_MS),  # 14.4: as long as can be
        ("000000000000007", 7_000),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30_000),
        ("Friday, 15-Jan-27 08:00:30 GMT", 30_000),
        ("Fri Jan 15 08:00:30 2027", 30_000),
        ("Wednesday, 20-Jan-27 08:00:00 GMT", MAX_WAIT_MS),
        ("Fri, 15 Jan 2027 07:59:59 GMT", 0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1, 2", None),
        ("soon", None),
        ("1" * 5_000, MAX_WAIT_MS),
        ("٣", None),
        ("Fri, 99 Jan 2027 08:00:30 GMT", None),
        ("Fri, 15 Jan 2027 08:00:30 GMT" + " " * 100, None),
    ],
)
def test_retry_after(text: str, wait_ms: float | None) -> None:
    assert retry_after_ms(text, NOW_MS) == wait_ms


@given(st.text() | st.from_regex(r"[A-Za-z0-9,: -]{0,45}"))
def test_any_text_is_read_or_left(text: str) -> None:
    wait = retry_after_ms(text, NOW_MS)
    assert wait is None or 0 <= wait <= MAX_WAIT_MS
    assert (wait is None) == (seconds(text) is None and date_ms(text) is None)
