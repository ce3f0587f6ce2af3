"""The figures of a run, for runs that are made up."""

from __future__ import annotations

import pytest

from tests.load.clients import Sent
from tests.load.judge import (
    Story,
    broken,
    extra,
    failed,
    in_bad,
    needless,
    repeated_posts,
    returned_after,
)
from tests.load.modes import ONE_OF_THREE
from tests.load.report import table
from tests.load.site import Arrival

MODE = ONE_OF_THREE[0]
BAD, GOOD, OTHER = MODE.variants
FAILED_AT, HEALED_AT = 100.0, 120.0


def sent(name: str, at: float, status: int | None = 200, *, whole: bool = True) -> Sent:
    method = "POST" if name.startswith("p") else "GET"
    return Sent(name, MODE.name, method, at, at + 0.1, status, whole, None)


def came(name: str | None, at: float, variant: str = GOOD) -> Arrival:
    method = "POST" if (name or "").startswith("p") else "GET"
    return Arrival(at, variant, "/work", method, name)


def story(requests: list[Sent], arrivals: list[Arrival], probe_requests: int = 0) -> Story:
    return Story(MODE, requests, arrivals, FAILED_AT, HEALED_AT, probe_requests)


@pytest.mark.parametrize(
    ("request_", "fails", "breaks"),
    [
        (sent("g1", 101), False, False),
        (sent("g1", 101, 503), True, False),
        (sent("g1", 101, None, whole=False), True, False),
        (sent("g1", 101, 200, whole=False), False, True),
        (sent("g1", 99, 503), False, False),
        (sent("p1", 101, 503), False, False),
    ],
)
def test_what_has_failed(request_: Sent, fails: bool, breaks: bool) -> None:
    told = story([request_], [])
    assert bool(failed(told, "GET", FAILED_AT)) is fails
    assert bool(broken(told)) is breaks


def test_posts() -> None:
    requests = [sent("p1", 101, 503), sent("p2", 101, 503), sent("p3", 101), sent("g4", 101)]
    arrivals = [came("p1", 101, BAD), came("p2", 101), came("p3", 101), came("p3", 102)]
    told = story(requests, [*arrivals, came("g4", 101), came("g4", 102)])
    assert [each.id for each in needless(told)] == ["p2"]
    assert repeated_posts(told) == ["p3"]


def test_what_reaches_the_bad_variant_is_counted_from_five_seconds_on_until_it_heals() -> None:
    requests = [sent(f"g{at}", at) for at in range(99, 125)]
    arrivals = [came(f"g{at}", at, BAD) for at in range(99, 125)] + [came(None, 110, BAD)]
    assert in_bad(story(requests, arrivals)) == (15, 15)
    assert in_bad(story(requests, arrivals, probe_requests=3)) == (12, 15)


def test_extra_requests_are_counted_while_the_bad_one_fails() -> None:
    requests = [sent(f"g{at}", at) for at in (99, 101, 102, 121)]
    arrivals = [came(each.id, each.begun) for each in requests]
    again = [came("g99", 99), came("g101", 101), came(None, 101), came("g121", 121)]
    assert extra(story(requests, arrivals)) == 0
    assert extra(story(requests, arrivals + again)) == 0.5


@pytest.mark.parametrize(("back_at", "after"), [(120, 5.0), (127, 12.0), (200, None)])
def test_a_share_is_back_when_a_window_has_it(back_at: float, after: float | None) -> None:
    arrivals = []
    for tick in range(1200, 1500):
        variants = MODE.variants if tick / 10 >= back_at else (GOOD, OTHER)
        arrivals.append(came(f"g{tick}", tick / 10, variants[tick % len(variants)]))
    found = returned_after(story([], arrivals))
    assert found == (after and pytest.approx(after, abs=1.1))


def test_the_table_has_a_line_for_each_story() -> None:
    told = story([sent("g1", 101), sent("g2", 106)], [came("g1", 101), came("g2", 106)])
    lines = table([told]).splitlines()
    assert lines[1].split() == [
        "throws",
        "2",
        "0",
        "(0)",
        "0",
        "0",
        "0",
        "0",
        "0/1",
        "0.0%",
        "never",
    ]
