"""The bound of GCRA: at most burst + rate x t requests in any span t, whatever happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.access.bucket import REMEMBERED, Ask, Bucket
from policies.access.gcra import Rate, charged, full_ms, spare, wait_ms
from tests.policies.access.rates import RATES, START, assert_bounded


def ask(rate: Rate, want: int = 1, lease_ms: int = 0, *returns: tuple[int, int]) -> Ask:
    return Ask(rate, want, lease_ms, 1, returns)


@pytest.mark.parametrize(
    ("description", "rate", "arrivals", "passed"),
    [
        ("a burst, then one an interval", Rate(4, 1000, 2), [0, 0, 0, 250, 250, 499], [0, 0, 250]),
        ("after a pause a whole burst", Rate(4, 1000, 2), [0, 0, 900, 900, 900], [0, 0, 900, 900]),
        ("without a burst", Rate(2, 1000, 1), [0, 499, 500, 999, 1000], [0, 500, 1000]),
        ("no whole milliseconds", Rate(3, 1000, 3), [0, 0, 0, 0, 333, 334], [0, 0, 0, 334]),
        ("several in a millisecond", Rate(2000, 1000, 2), [0, 0, 0, 1, 1, 1], [0, 0, 1, 1]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_which_requests_pass(
    description: str, rate: Rate, arrivals: list[int], passed: list[int]
) -> None:
    bucket = Bucket(rate)
    found = [at for at in arrivals if bucket.take(ask(rate), START + at).number]
    assert found == passed


@given(RATES, st.lists(st.integers(0, 400), max_size=80))
def test_never_more_than_burst_and_rate(rate: Rate, pauses: list[int]) -> None:
    bucket, now, passed = Bucket(rate), START, []
    for pause in pauses:
        now += pause
        grant = bucket.take(ask(rate), now)
        passed += [now] * grant.number
        assert grant.wait_ms == 0 or grant.spare == 0
        if not grant.number:
            later = Bucket(rate, bucket.tat)
            assert not later.take(ask(rate), now + grant.wait_ms - 1).number
            assert later.take(ask(rate), now + grant.wait_ms).number == 1
    assert_bounded(rate, passed)


@given(RATES, st.integers(0, 5_000))
def test_a_full_bucket_gives_a_burst_and_no_more(rate: Rate, pause: int) -> None:
    bucket, now = Bucket(rate), START + pause
    assert [bucket.take(ask(rate), now).number for _ in range(rate.burst + 1)] == [
        *([1] * rate.burst),
        0,
    ]
    assert bucket.take(ask(rate), now + full_ms(rate, bucket.tat, now)).spare == rate.burst - 1


@given(RATES, st.integers(0, 10**6), st.integers(0, 500), st.integers(1, 5))
def test_what_is_spare_can_be_charged(rate: Rate, tat: int, late: int, number: int) -> None:
    tat += START * rate.requests
    left = spare(rate, tat, START + late, START)
    limit = START * rate.requests + rate.span
    assert left == 0 or charged(rate, tat, START + late, left) <= limit
    assert charged(rate, tat, START + late, left + 1) > limit
    wait = wait_ms(rate, tat, START, min(number, rate.burst))
    assert spare(rate, tat, START + wait, START + wait) >= min(number, rate.burst)


class Step:
    """What may happen to a bucket: `times` questions for `want`, of which `used` pass at
    some time of the lease, and the rest go back `back` steps later (never: None)."""

    def __init__(
        self, pause: int, times: int, want: int, used: int, back: int | None, late: int
    ) -> None:
        self.pause, self.times, self.want = pause, times, want
        self.used, self.back, self.late = used, back, late

    def __repr__(self) -> str:
        numbers = self.pause, self.times, self.want, self.used, self.back, self.late
        return f"Step{numbers}"


STEPS = st.lists(
    st.builds(
        Step,
        pause=st.sampled_from((0, 20, 100, 500)),
        times=st.sampled_from((1, 2, 12)),
        want=st.sampled_from((1, 2, 5, 12)),
        used=st.sampled_from((0, 1, 12, 12, 12)),
        back=st.one_of(st.none(), st.integers(1, 6)),
        late=st.sampled_from((0, 100, 100)),
    ),
    max_size=12,
)


@given(RATES, STEPS, st.sampled_from((0, 1, 20, 100, 500)))
def test_leases_given_back_at_any_time_never_let_more_through(
    rate: Rate, steps: list[Step], lease_ms: int
) -> None:
    bucket, now, passed = Bucket(rate), START, []
    owed: dict[int, list[tuple[int, int]]] = {}
    for index, step in enumerate(steps):
        now += step.pause
        returns = owed.pop(index, [])
        for _ in range(step.times):
            grant = bucket.take(ask(rate, step.want, lease_ms, *returns), now)
            returns, used = [], min(step.used, grant.number)
            # The first passes at once, the others at some time within the lease.
            passed += [now] * min(1, used) + [now + lease_ms * step.late // 100] * max(0, used - 1)
            if step.back and used < grant.number:
                owed.setdefault(index + step.back, []).append((grant.id, grant.number - used))
    assert_bounded(rate, passed)


@given(RATES, st.integers(1, 3), st.integers(0, 400), st.integers(0, 400))
def test_a_lease_used_in_its_last_moment_adds_nothing_to_a_burst(
    rate: Rate, leases: int, lease_ms: int, pause: int
) -> None:
    bucket, passed = Bucket(rate), []
    for _ in range(leases):
        number = bucket.take(ask(rate, 12, lease_ms), START).number
        passed += [START + lease_ms] * (number - 1) + [START] * min(1, number)
    for now in (START + min(pause, lease_ms), START + lease_ms):
        while bucket.take(ask(rate), now).number:
            passed.append(now)
    assert_bounded(rate, passed)


@given(RATES, STEPS)
def test_what_is_given_back_at_once_was_never_charged(rate: Rate, steps: list[Step]) -> None:
    bucket, other, now = Bucket(rate), Bucket(rate), START
    for step in steps:
        now += step.pause
        grant = bucket.take(ask(rate, step.want), now)
        if step.back:
            bucket.give_back(grant.id, grant.number)
        else:
            assert other.take(ask(rate, step.want), now).number == grant.number
        begin = now * rate.requests
        assert max(bucket.tat, begin) == max(other.tat, begin)


def test_an_early_return_does_not_fill_a_bucket_that_was_full_since() -> None:
    rate = Rate(10, 10_000, 10)
    bucket = Bucket(rate)
    first = bucket.take(ask(rate, 5), START)
    assert first.number == 5
    assert sum(bucket.take(ask(rate), START + 20_000).number for _ in range(20)) == 10
    bucket.give_back(first.id, 5)
    assert bucket.take(ask(rate), START + 20_000).number == 0


@pytest.mark.parametrize(
    ("description", "grant", "number"),
    [("unknown", 7, 1), ("negative", None, -3), ("more than was granted", None, 99)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_return_of_what_was_not_granted_changes_nothing_else(
    description: str, grant: int | None, number: int
) -> None:
    rate = Rate(10, 10_000, 10)
    bucket = Bucket(rate)
    bucket.take(ask(rate), START)
    mine = bucket.take(ask(rate, 2), START)
    bucket.give_back(mine.id if grant is None else grant, number)
    assert 7 <= spare(rate, bucket.tat, START, START) <= 9


def test_grants_too_old_to_be_given_back_stay_charged() -> None:
    rate = Rate(1, 1_000, REMEMBERED * 2)
    bucket = Bucket(rate)
    first = bucket.take(ask(rate), START)
    for _ in range(REMEMBERED + 5):
        bucket.take(ask(rate), START)
    before = bucket.tat
    bucket.give_back(first.id, 1)
    assert bucket.tat == before


@pytest.mark.parametrize(
    ("description", "new", "left"),
    [
        ("a higher limit leaves what it adds", Rate(20, 60_000, 20), 15),
        ("a lower limit counts what has passed", Rate(8, 60_000, 8), 3),
        ("a limit below what has passed denies", Rate(4, 60_000, 4), 0),
        ("another period counts the same requests", Rate(10, 1_000, 10), 5),
        ("a smaller burst", Rate(10, 60_000, 6), 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_changed_limit_holds_at_once(description: str, new: Rate, left: int) -> None:
    old = Rate(10, 60_000, 10)
    bucket = Bucket(old)
    for _ in range(5):
        bucket.take(ask(old), START)
    passed = sum(bucket.take(ask(new), START).number for _ in range(30))
    assert passed == left


def test_a_clock_that_was_turned_back_locks_nobody_out() -> None:
    rate = Rate(10, 1_000, 10)
    bucket = Bucket(rate)
    bucket.take(ask(rate), START)
    assert not bucket.take(ask(rate), START - 3_600_000).number
    assert bucket.take(ask(rate), START - 3_600_000 + 100).number
