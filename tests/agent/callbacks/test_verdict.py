"""What an answer means, and how long a callback waits after it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.callbacks.callback import MAX_ATTEMPTS
from agent.callbacks.verdict import (
    LONGEST_WAIT_MS,
    MAX_ERROR,
    MAX_RETRY_AFTER_MS,
    RETRIES,
    Reply,
    retry_after_ms,
    verdict,
)
from tests.support.examples import examples

NOW = 1_790_000_000_000
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (Reply(200), "delivered", None),
        (Reply(204, "60"), "delivered", None),
        (Reply(299), "delivered", None),
        (Reply(410), "failed", "wants no callbacks any more"),
        (Reply(301), "due", "redirects are not followed"),
        (Reply(304), "due", "answered 304"),
        (Reply(400), "due", "answered 400"),
        (Reply(401), "due", "answered 401"),
        (Reply(404), "due", "answered 404"),
        (Reply(408), "due", "answered 408"),
        (Reply(425), "due", "answered 425"),
        (Reply(429), "due", "answered 429"),
        (Reply(500), "due", "answered 500"),
        (Reply(503), "due", "answered 503"),
        (Reply(error="no answer in 10000 ms"), "due", "no answer in 10000 ms"),
        (Reply(), "due", "no answer"),
    ],
)
def test_verdicts(answer: Reply, state: str, said: str | None) -> None:
    made = verdict(answer, 1, NOW, 0.5)
    assert (made.state, made.status) == (state, answer.status)
    assert (made.due_ms is not None) == (state == "due")
    assert (made.error is None) == (said is None)
    assert (said or "") in (made.error or "")
    last = verdict(answer, MAX_ATTEMPTS, NOW, 0.5)
    assert last.state == ("delivered" if state == "delivered" else "failed")
    assert last.due_ms is None


def test_a_long_error_is_cut() -> None:
    made = verdict(Reply(error="x" * 9_999), 1, NOW, 0)
    assert len(made.error or "") == MAX_ERROR


@pytest.mark.parametrize(
    ("jitter", "seconds", "hours"),
    [
        (0, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240], 15),
        (1, [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480], 29),
    ],
)
def test_all_waits_are_about_a_day(jitter: float, seconds: list[int], hours: int) -> None:
    waits = [(verdict(Reply(500), n, NOW, jitter).due_ms or 0) - NOW for n in range(1, 16)]
    assert [wait / 1_000 for wait in waits[:12]] == seconds
    assert set(waits[12:]) == {LONGEST_WAIT_MS * (1 + jitter) / 2}
    assert round(sum(waits) / HOUR) == hours


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("120", 120_000),
        (" 7 ", 7_000),
        ("-1", 0),
        ("1.5", 0),
        ("١٢", 0),
        ("9" * 9_999, 999_999_999_000),
        ("soon", 0),
        ("Mon, 21 Sep 2026 14:14:20 GMT", 60_000),
        ("Mon, 21 Sep 2026 14:12:20 GMT", 0),
        ("Mon, 31 Feb 2026 14:12:20 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_612_300_799_000),
        ("2026-09-21T14:14:20Z", 0),
    ],
    ids=lambda value: str(value)[:30],
)
def test_retry_after(text: str | None, ms: int) -> None:
    assert retry_after_ms(text, NOW) == ms


@examples(50)
@given(st.integers(NOW // 1_000, NOW // 1_000 + 10**6))
def test_dates_as_others_write_them(at: int) -> None:
    text = format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)
    assert retry_after_ms(text, NOW) == at * 1_000 - NOW


@examples(100)
@given(
    st.integers(1, MAX_ATTEMPTS - 1),
    st.floats(0, 1),
    st.one_of(st.none(), st.text(), st.integers(0, 10**12).map(str)),
)
def test_a_wait_stays_within_bounds(attempt: int, jitter: float, retry_after: str | None) -> None:
    due_ms = verdict(Reply(429, retry_after), attempt, NOW, jitter).due_ms
    assert due_ms is not None
    least, most = RETRIES.wait_ms(attempt, 0), RETRIES.wait_ms(attempt, 1)
    assert least <= due_ms - NOW <= max(most, MAX_RETRY_AFTER_MS)
    asked = retry_after_ms(retry_after, NOW)
    assert due_ms - NOW >= min(asked, MAX_RETRY_AFTER_MS)
