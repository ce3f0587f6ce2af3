"""Probes: what they say of a variant, and when they come."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.compiled.model import Variant
from policies.fleet.active_health import ActiveHealth, Probe, judge, target_of
from policies.resilience.health_terms import ActiveTerms
from tests.policies.fleet.probes import BAD, GOOD, START, TERMS, targets


def trajectory(terms: ActiveTerms, outcomes: str, state: str = "unknown") -> str:
    """The state after each outcome (`+` or `-`), as its first letter."""
    probe = Probe("ONE", START)
    probe.state = state  # type: ignore[assignment]
    states = []
    for number, outcome in enumerate(outcomes):
        probe.end(terms, GOOD if outcome == "+" else BAD, START + number)
        states.append({"unknown": "?", "healthy": "h", "unhealthy": "u"}[probe.state])
    return "".join(states)


@pytest.mark.parametrize(
    ("outcomes", "states"),
    [
        ("+", "h"),  # who was unknown is believed at once when well,
        ("---", "??u"),  # and only after the threshold when not
        ("--+--+", "??hhhh"),
        ("+--+--+---", "hhhhhhhhhu"),
        ("---+-+", "??uuuu"),
        ("---++", "??uuh"),
        ("---++---", "??uuhhhu"),
        ("---+++-+-", "??uuhhhhh"),
    ],
)
def test_trajectory(outcomes: str, states: str) -> None:
    assert trajectory(TERMS, outcomes) == states


def test_thresholds_of_one_decide_at_once() -> None:
    terms = TERMS._replace(unhealthy_after=1, healthy_after=1)
    assert trajectory(terms, "-+-+") == "uhuh"


def test_a_state_knows_since_when_it_is_and_whether_it_recovered() -> None:
    probe = Probe("ONE", START)
    probe.end(TERMS, GOOD, START + 1)
    assert (probe.since_ms, probe.recovered_ms) == (START + 1, None)
    for at in (2, 3, 4):
        probe.end(TERMS, BAD, START + at)
    assert (probe.state, probe.since_ms, probe.recovered_ms) == ("unhealthy", START + 4, None)
    for at in (5, 6, 7):
        probe.end(TERMS, GOOD, START + at)
    assert (probe.state, probe.since_ms, probe.recovered_ms) == ("healthy", START + 6, START + 6)


@given(st.integers(1, 5), st.integers(1, 5), st.text("+-", max_size=60))
def test_a_state_only_changes_after_its_threshold(ill: int, well: int, outcomes: str) -> None:
    states = "?" + trajectory(TERMS._replace(unhealthy_after=ill, healthy_after=well), outcomes)
    for at, (before, after) in enumerate(pairwise(states), 1):
        in_a_row = {"u": "-" * ill, "h": "+" * (1 if before == "?" else well)}.get(after)
        if before != after:
            assert in_a_row
            assert outcomes[:at].endswith(in_a_row)
        elif before == "h":
            assert not outcomes[:at].endswith("-" * ill)
        elif before == "u":
            since = states[:at].rindex("h" if "h" in states[:at] else "?")
            assert not outcomes[since + 1 : at].endswith("+" * well)


@pytest.mark.parametrize(
    ("expect", "body", "status", "text", "reason"),
    [
        (((200, 399),), None, 200, "", ""),
        (((200, 399),), None, 399, "", ""),
        (((200, 399),), None, 400, "", "status 400"),
        (((200, 200), (503, 503)), None, 503, "", ""),
        (((200, 200), (503, 503)), None, 204, "", "status 204"),
        (((200, 399),), "ok", 200, "all ok", ""),
        (((200, 399),), "ok", 200, "not OK", "the expected text is not in the body"),
        (((200, 399),), "ok", 500, "ok", "status 500"),
    ],
)
def test_judge(
    expect: tuple[tuple[int, int], ...], body: str | None, status: int, text: str, reason: str
) -> None:
    assert judge(TERMS._replace(expect=expect, body=body), status, text) == reason


def moments(
    checks: ActiveHealth, until_ms: float, answer_after_ms: float = 0
) -> dict[str, list[int]]:
    """When each variant is asked, in ms from the start; answers come so much later."""
    asked: dict[str, list[int]] = {}
    answers: list[tuple[float, str]] = []
    now = START
    while now < START + until_ms:
        for at, name in [each for each in answers if each[0] <= now]:
            answers.remove((at, name))
            checks.end(name, name.upper(), GOOD, now)
        for name in checks.begin(now):
            asked.setdefault(name, []).append(int(now - START))
            answers.append((now + answer_after_ms, name))
        now = min([max(checks.next_ms(), now + 1), *(at for at, _ in answers)])
    return asked


def test_who_is_unknown_is_asked_at_once_and_then_each_at_its_moment() -> None:
    checks = ActiveHealth()
    checks.plan(TERMS, targets("a", "b", "c", "d"), START)
    assert moments(checks, 30_000) == {
        "a": [0, 10_000, 20_000],
        "b": [0, 2_500, 12_500, 22_500],
        "c": [0, 5_000, 15_000, 25_000],
        "d": [0, 7_500, 17_500, 27_500],
    }


def test_a_late_alarm_asks_once_and_keeps_the_moments() -> None:
    checks = ActiveHealth()
    checks.plan(TERMS, targets("a", "b"), START)
    for name in checks.begin(START):
        checks.end(name, name.upper(), GOOD, START)
    late = START + 31_000
    assert checks.begin(late) == ["a", "b"]
    assert checks.next_ms() == START + 35_000


@given(
    names=st.lists(st.sampled_from("abcdef"), min_size=1, unique=True),
    answer_after_ms=st.integers(0, 25_000),
)
def test_no_two_probes_of_a_variant_at_once_and_never_more_than_one_an_interval(
    names: list[str], answer_after_ms: int
) -> None:
    checks = ActiveHealth()
    checks.plan(TERMS, targets(*names), START)
    asked = moments(checks, 60_000, answer_after_ms)
    assert asked.keys() == set(names)
    for times in asked.values():
        for before, after in pairwise(times):
            assert after - before >= answer_after_ms
        assert len(times) <= 7  # six intervals, and the first one


def test_one_that_takes_the_whole_interval_is_asked_again_at_once() -> None:
    checks = ActiveHealth()
    checks.plan(TERMS, targets("a"), START)
    assert moments(checks, 30_000, 10_000) == {"a": [0, 10_000, 20_000]}


def test_variants_that_come_and_go() -> None:
    checks = ActiveHealth()
    checks.plan(TERMS, targets("a", "b"), START)
    assert checks.begin(START) == ["a", "b"]
    checks.end("a", "A", GOOD, START)
    checks.plan(TERMS, targets("a", "c"), START + 1_000)
    assert checks.begin(START + 1_000) == ["c"]
    checks.end("b", "B", GOOD, START + 2_000)  # nobody is interested any more
    assert {name: probe.state for name, probe in checks.probes.items()} == {
        "a": "healthy",
        "c": "unknown",
    }


def test_a_variant_with_another_target_is_unknown_again() -> None:
    checks = ActiveHealth()
    checks.plan(TERMS, {"a": "OLD", "b": "B"}, START)
    checks.begin(START)
    for name, target in (("a", "OLD"), ("b", "B")):
        checks.end(name, target, GOOD, START)
    checks.plan(TERMS, {"a": "OLD", "b": "B"}, START + 1)
    assert checks.begin(START + 10_001) == ["a", "b"]
    checks.plan(TERMS, {"a": "NEW", "b": "B"}, START + 10_002)
    assert {name: probe.state for name, probe in checks.probes.items()} == {
        "a": "unknown",
        "b": "healthy",
    }
    assert checks.begin(START + 10_002) == ["a"]
    checks.end("a", "OLD", GOOD, START + 10_003)  # the probe that was sent to the old target
    assert checks.probes["a"].state == "unknown"
    checks.end("a", "NEW", GOOD, START + 10_004)
    assert checks.probes["a"].state == "healthy"


def test_a_target_is_a_binding_or_a_url_and_a_version() -> None:
    one = Variant("one", "ONE", "production", None, 1, False, None)
    urls = [replace(one, binding="", url=f"https://{host}.test") for host in ("a", "b")]
    others = (replace(one, binding="TWO"), replace(one, override='api="v2"'))
    assert len({target_of(variant) for variant in (one, *others, *urls)}) == 5
    assert target_of(replace(one, weight=7, drain=True)) == target_of(one)


def test_another_interval_holds_at_once() -> None:
    checks = ActiveHealth()
    checks.plan(TERMS._replace(interval_ms=3_600_000), targets("a"), START)
    checks.begin(START)
    checks.end("a", "A", GOOD, START)
    assert checks.next_ms() > START + 1_000_000
    checks.plan(TERMS, targets("a"), START + 1)
    assert checks.next_ms() == START + 10_000


def test_without_terms_nobody_is_asked_and_nothing_known() -> None:
    checks = ActiveHealth()
    checks.plan(TERMS, targets("a"), START)
    checks.begin(START)
    checks.plan(None, targets("a"), START)
    checks.end("a", "A", GOOD, START)
    assert checks.probes == {}
    assert checks.begin(START + 60_000) == []
    assert checks.next_ms() == inf
