"""What ejections of several isolates say together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.fleet.votes import LEAST, USED_MS, Votes

NOW = 1_800_000_000_000.0


def votes(*ejected_ms: int) -> Votes:
    """Isolates that used the variant just now, and how long they have it ejected."""
    found = Votes()
    for number, each in enumerate(ejected_ms):
        found.hear(f"i{number}", 10, each, NOW)
    return found


@pytest.mark.parametrize(
    ("ejected_ms", "left_ms"),
    [
        ((), 0),
        ((30_000,), 0),  # one alone decides for itself
        ((30_000, 0), 0),
        ((30_000, 20_000), 20_000),  # until the first of those who are needed comes back
        ((30_000, 20_000, 0), 20_000),
        ((30_000, 20_000, 0, 0), 0),  # half is not more than half
        ((30_000, 20_000, 10_000, 0), 10_000),
        ((30_000, 20_000, 10_000), 20_000),
        ((0, 0, 0), 0),
    ],
)
def test_more_than_half_and_at_least_two(ejected_ms: tuple[int, ...], left_ms: int) -> None:
    until_ms = votes(*ejected_ms).until_ms(NOW)
    assert until_ms == (NOW + left_ms if left_ms else 0)
    assert votes(*ejected_ms).voters(NOW) == sum(each > 0 for each in ejected_ms)


def test_a_vote_ends_when_its_ejections_do() -> None:
    found = votes(30_000, 20_000)
    assert found.until_ms(NOW + 19_999) == NOW + 20_000
    assert found.until_ms(NOW + 20_000) == 0


def test_an_isolate_takes_its_vote_back() -> None:
    found = votes(30_000, 20_000)
    found.hear("i0", 1, 0, NOW)
    assert found.until_ms(NOW) == 0


def test_only_who_used_it_within_a_minute_has_a_say() -> None:
    found = votes(0, 0)
    later = NOW + USED_MS + 1
    found.hear("i0", 0, 0, later)  # is there, but did not use it
    found.hear("i8", 0, 30_000, later)
    found.hear("i9", 0, 30_000, later)
    assert found.until_ms(later) == later + 30_000
    found.hear("i0", 1, 0, later)
    found.hear("i1", 1, 0, later)
    assert found.until_ms(later) == 0


def test_who_is_forgotten_has_no_say() -> None:
    found = votes(30_000, 30_000)
    found.forget("i1")
    found.forget("i7")
    assert found.until_ms(NOW) == 0
    assert found.voters(NOW) == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 3), st.sampled_from([0, 0, 500, 30_000])),
        max_size=60,
    ),
    st.integers(0, 20_000),
)
def test_the_same_as_counting_everybody(reports: list[tuple[int, int, int]], step_ms: int) -> None:
    found, now = Votes(), NOW
    used: dict[int, float] = {}
    ends: dict[int, float] = {}
    for isolate, requests, ejected_ms in reports:
        now += step_ms
        found.hear(f"i{isolate}", requests, ejected_ms, now)
        if requests or ejected_ms:
            used[isolate] = now
        ends[isolate] = now + ejected_ms if ejected_ms else 0
        users = sum(at >= now - USED_MS for at in used.values())
        until_ms = found.until_ms(now)
        holds = sum(end > now for end in ends.values())
        assert (until_ms > now) == (holds >= LEAST and 2 * holds > users)
        if until_ms:  # it holds as long as it says, and no longer
            assert 2 * sum(end >= until_ms for end in ends.values()) > users
            still = sum(end > until_ms for end in ends.values())
            assert still < LEAST or 2 * still <= users


@pytest.mark.parametrize(
    ("ejected_ms", "most"),
    [
        ((), False),
        ((0,), False),
        ((30_000,), True),  # it is all who have used it
        ((30_000, 0), False),
        ((30_000, 20_000, 0), True),
    ],
)
def test_most_of_few(ejected_ms: tuple[int, ...], most: bool) -> None:
    assert votes(*ejected_ms).most(NOW) == most
    assert not votes(*ejected_ms).most(NOW + 30_000)
