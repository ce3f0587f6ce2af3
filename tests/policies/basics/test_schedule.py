"""Schedules: five cron fields in UTC, read by the minute."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.basics.schedule import (
    NotASchedule,
    check_schedule,
    last_run_ms,
    next_run_ms,
    shortest_gap_ms,
)
from tests.support.examples import examples

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("schedule", "now", "last", "following"),
    [
        ("0 10 * * 1", "2026-11-24T09:00", "2026-11-23T10:00", "2026-11-30T10:00"),
        ("0 10 * * 1", "2026-11-23T10:00", "2026-11-23T10:00", "2026-11-30T10:00"),
        ("0 10 * * 1", "2026-11-23T09:59:59.999", "2026-11-16T10:00", "2026-11-23T10:00"),
        ("0 10 * * 1", "2026-11-23T10:00:00.001", "2026-11-23T10:00", "2026-11-30T10:00"),
        ("* * * * *", "2026-01-01T00:00:30", "2026-01-01T00:00", "2026-01-01T00:01"),
        ("*/20 6-8 * * MON-FRI", "2026-11-28T12:00", "2026-11-27T08:40", "2026-11-30T06:00"),
        ("0 0 29 2 *", "2026-11-28T12:00", "2024-02-29T00:00", "2028-02-29T00:00"),
        ("0 0 1 1 1", "2026-12-29T12:00", "2026-01-26T00:00", "2027-01-01T00:00"),
    ],
)
def test_runs(schedule: str, now: str, last: str, following: str) -> None:
    assert last_run_ms(schedule, at(now)) == at(last)
    assert next_run_ms(schedule, at(now)) == at(following)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("", "0 fields where 5 are wanted"),
        ("@daily", "1 fields where 5"),
        ("0 10 * *", "4 fields"),
        ("0 0 10 * * 1", "6 fields"),
        ("60 * * * *", "bad minute"),
        ("x * * * *", "bad minute"),
        ("0 24 * * *", "bad hour"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("0 0 */31 2 1#2", "there is no such day"),
        ("0 0 1 13 *", "bad month"),
        ("0 0 * * mo", "bad day-of-week"),
        ("1" * 93 + " * * * *", "more than 100 characters"),
    ],
)
def test_what_is_no_schedule(schedule: str, said: str) -> None:
    with pytest.raises(NotASchedule, match=said):
        check_schedule(schedule)


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        ("* * * * *", MINUTE),
        ("*/7 * * * *", 4 * MINUTE),
        ("0 23,0 * * *", 60 * MINUTE),
        ("0 0 * * 1", 7 * DAY),
        ("0 0 1 * *", 28 * DAY),
    ],
)
def test_the_shortest_gap(schedule: str, gap: int) -> None:
    assert shortest_gap_ms(schedule) == gap


FIELD = st.text("0123456789*/-,#LWMONJAN", min_size=1, max_size=6)


@examples(300)
@given(
    st.one_of(st.text(max_size=12), st.tuples(*[st.one_of(st.just("*"), FIELD)] * 5).map(" ".join)),
    st.integers(0, 4_000_000_000_000),
)
def test_any_text_is_a_schedule_or_is_refused(schedule: str, now: int) -> None:
    try:
        check_schedule(schedule)
    except NotASchedule:
        return
    last, following = last_run_ms(schedule, now), next_run_ms(schedule, now)
    assert following is not None
    assert following > now
    if last is not None:
        assert last <= now
        assert next_run_ms(schedule, last - 1) == last
