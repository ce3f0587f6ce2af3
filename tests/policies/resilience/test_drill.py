"""What a drill does to an attempt: modes as people write them, and drills that overlap."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.compiled.model import Variant
from policies.resilience.drill import (
    Drill,
    Fault,
    NotAMode,
    Target,
    drill_from,
    drills_from,
    fault_from,
    faults_of,
)
from tests.support.examples import examples

EU = Variant("agent-eu", "EU", "production", "eu", 1, False, None)
NOWHERE = Variant("canary", "CANARY", "canary", None, 1, False, None)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("down", Fault("down", 0)),
        ("errors:30%", Fault("errors", 0.3)),
        ("errors:0.001%", Fault("errors", 0.00001)),
        ("errors:100%", Fault("errors", 1)),
        ("latency:2s", Fault("latency", 2_000)),
        ("latency:1m30s", Fault("latency", 90_000)),
        ("latency:5m", Fault("latency", 300_000)),
    ],
)
def test_modes(text: str, fault: Fault) -> None:
    found = fault_from(text)
    assert (found.mode, found.amount) == (fault.mode, pytest.approx(fault.amount))
    assert found.text == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no mode"),
        ("up", "is no mode"),
        ("down ", "is no mode"),
        ("errors", "is no mode"),
        ("errors:30", "is no mode"),
        ("errors:-1%", "is no mode"),
        ("errors:0%", "out of range"),
        ("errors:101%", "out of range"),
        ("latency:2", "is no mode"),
        ("latency:fast", "is not a duration"),
        ("latency:0s", "out of range"),
        ("latency:301s", "out of range"),
    ],
)
def test_what_is_no_mode(text: str, said: str) -> None:
    with pytest.raises(NotAMode, match=said):
        fault_from(text)


@pytest.mark.parametrize(
    ("kind", "name", "covered"),
    [
        ("variant", "agent-eu", [True, False]),
        ("pool", "canary", [False, True]),
        ("region", "eu", [True, False]),
        ("region", "us", [False, False]),
        ("variant", "eu", [False, False]),
    ],
)
def test_whom_it_hits(kind: str, name: str, covered: list[bool]) -> None:
    target = Target(kind, name)  # type: ignore[arg-type]
    assert [target.covers(variant) for variant in (EU, NOWHERE)] == covered


def drill(mode: str, starts_ms: int = 0, ends_ms: int = 100, name: str = "eu") -> Drill:
    target = Target("region", name)
    return Drill(mode, target, fault_from(mode), starts_ms, ends_ms, "secret")


@pytest.mark.parametrize(
    ("drills", "expected"),
    [
        ([], [None, None, None]),
        (["down", "errors:1%", "latency:1s"], ["down", "errors:1%", "latency:1s"]),
        (["errors:1%", "errors:9%", "errors:2%"], [None, "errors:9%", None]),
        (["latency:1s", "latency:3s", "latency:2s"], [None, None, "latency:3s"]),
    ],
)
def test_the_strongest_of_each_mode_counts(drills: list[str], expected: list[str | None]) -> None:
    found = faults_of([drill(mode) for mode in drills], EU, 50)
    assert [each and each.id for each in found] == expected


@pytest.mark.parametrize(("now", "is_on"), [(-1, False), (0, True), (99.9, True), (100, False)])
def test_it_is_over_at_its_end(now: float, is_on: bool) -> None:
    assert (faults_of([drill("down")], EU, now).down is not None) == is_on
    assert faults_of([drill("down", name="us")], EU, now).down is None


@pytest.mark.parametrize(
    ("drills", "met"),
    [
        (["down", "errors:100%", "latency:1s"], {"down"}),
        (["errors:100%", "latency:1s"], {"errors:100%"}),
        (["errors:50%", "latency:1s"], {"errors:50%", "latency:1s"}),
        (["errors:50%"], {"errors:50%", None}),
        (["latency:1s"], {"latency:1s"}),
        ([], {None}),
    ],
)
def test_what_an_attempt_meets(drills: list[str], met: set[str | None]) -> None:
    faults, rng = faults_of([drill(mode) for mode in drills], EU, 50), Random(1)
    drawn = [faults.draw(rng) for _ in range(100)]
    assert {each and each.id for each in drawn} == met


def test_the_share_of_errors() -> None:
    faults, rng = faults_of([drill("errors:30%")], EU, 50), Random(1)
    failed = sum(faults.draw(rng) is not None for _ in range(10_000))
    assert 2_850 < failed < 3_150


MODES = st.sampled_from(["down", "errors:12.345%", "latency:1m1s"])
TIMES = st.integers(0, 4_000_000_000_000)


@examples(100)
@given(st.sampled_from(["region", "variant", "pool"]), MODES, TIMES, TIMES, st.booleans())
def test_what_is_told_can_be_read(
    kind: str, mode: str, starts_ms: int, ends_ms: int, forced: bool
) -> None:
    target = Target(kind, "x")  # type: ignore[arg-type]
    made = Drill("d-1", target, fault_from(mode), starts_ms, ends_ms, "me", forced, "n")
    assert drill_from(json.loads(json.dumps(made.to_dict()))) == made


GOOD = drill("down").to_dict()


@pytest.mark.parametrize(
    "told",
    [
        [1],
        [{}],
        [GOOD | {"pool": "p"}],
        [GOOD | {"mode": "up"}],
        [GOOD | {"ends_at": None}],
        [GOOD | {"ends_at": "soon"}],
        None,
    ],
)
def test_what_are_no_drills(told: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        drills_from(told)
