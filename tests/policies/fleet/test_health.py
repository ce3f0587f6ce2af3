"""Both views of who may serve: outlier detection here, the Coordinator's word, panic."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.availability import Availability
from policies.balancing.choose import Forward, choose_variants
from policies.compiled.policy import CompiledPolicy
from policies.fleet.health import TOLD_FOR_MS, Health
from policies.fleet.snapshot import CoordinatorView, Snapshot, snapshot_from, snapshot_json
from tests.policies.making import compiled, request
from tests.support.examples import examples

NAMES = ("a", "b", "c")
PASSIVE = {"consecutive_failures": 3, "eject_for": "10s", "slow_start": "10s"}


def policy(passive: dict[str, Any] = PASSIVE, **sections: Any) -> CompiledPolicy:
    variants = {name: {"binding": name.upper(), "pool": "production"} for name in NAMES}
    route = {"name": "r", "split": {"production": 1}, "sticky": ["header:x-user"]}
    sections = {"variants": variants, "routes": [route], **sections}
    return compiled(**{"health": {"passive": passive}, **sections})


class Isolate:
    """Health with a clock and a log."""

    def __init__(self, made: CompiledPolicy | None = None) -> None:
        self.policy = made or policy()
        self.now = 1_000_000.0
        self.log: list[str] = []
        self.health = Health(lambda event, fields: self.log.append(f"{event} {fields['variant']}"))
        self.health.availability(self.policy, self.now)

    @property
    def availability(self) -> Availability | None:
        return self.health.availability(self.policy, self.now)

    def fails(self, *names: str, times: int = 3) -> None:
        for name in names:
            for _ in range(times):
                self.health.failed(name, self.now, self.now, "status 503")

    def choose(self, key: str = "k", method: str = "GET") -> Forward:
        asked = request(headers={"x-user": key}, method=method)
        route = self.policy.routes[0]
        found = choose_variants(self.policy, route, asked, Random(1), self.availability)
        assert isinstance(found, Forward)
        return found

    def names(self, key: str = "k", method: str = "GET") -> list[str]:
        return [variant.name for variant in self.choose(key, method).candidates]

    def told(self, **variants: CoordinatorView) -> None:
        self.health.learn(Snapshot("e", 1, variants, []), self.now)


def key_of(name: str) -> str:
    """A key whose requests are that variant's own."""
    isolate = Isolate()
    return next(key for key in map(str, range(1_000)) if isolate.names(key)[0] == name)


def test_a_policy_without_slow_start_gives_a_returning_variant_its_share_at_once() -> None:
    isolate = Isolate()
    isolate.fails("a")
    isolate.now += 11_000
    isolate.health.availability(isolate.policy, isolate.now)
    isolate.health.succeeded("a", isolate.now)
    assert isolate.availability
    assert isolate.availability.returning == {"a": 0.1}
    isolate.policy = policy({**PASSIVE, "slow_start": "0s"})
    assert isolate.availability is None


def test_when_all_is_well_there_is_nothing_to_look_at() -> None:
    isolate = Isolate()
    isolate.health.succeeded("a", isolate.now)
    assert isolate.availability is None
    assert isolate.health.retry_after_s(isolate.policy, isolate.now) == 1


def test_an_ejected_variant_is_left_out_and_tried_once() -> None:
    isolate, key = Isolate(), key_of("a")
    isolate.fails("a")
    assert "a" not in isolate.names(key)
    assert isolate.health.is_urgent
    isolate.now += 10_000
    assert not isolate.choose(key, "POST").is_probe_request, (
        "a probe request must not cost a request"
    )
    assert not isolate.choose(key_of("b")).is_probe_request, "it is not one of its own"
    choice = isolate.choose(key)
    assert choice.is_probe_request
    assert choice.candidates[0].name == "a"
    isolate.health.begin_probe_request("a", isolate.now)
    assert "a" not in isolate.names(key), "one probe request at a time"
    isolate.health.succeeded("a", isolate.now)
    assert isolate.availability
    assert isolate.availability.returning == {"a": 0.1}
    assert isolate.log == ["variant-ejected a", "variant-returns a"]
    isolate.now += 10_000
    isolate.health.succeeded("a", isolate.now)
    assert isolate.availability is None


def test_after_waiting_long_for_a_better_one_any_request_is_the_probe_request() -> None:
    isolate, key = Isolate(), key_of("a")
    isolate.fails("a")
    isolate.now += 20_000
    assert isolate.choose(key, "POST").is_probe_request


def test_a_returning_variant_gets_a_growing_part_of_its_own_requests() -> None:
    isolate = Isolate()
    keys = [key for key in map(str, range(3_000)) if isolate.names(key)[0] == "a"]
    isolate.fails("a")
    isolate.now += 1_000
    isolate.told(a=CoordinatorView("healthy", recovered_ms=0))
    before: set[str] = set()
    for second in (1, 3, 5, 8):
        isolate.now = 1_001_000.0 + 1_000 * second
        taken = {key for key in keys if isolate.names(key)[0] == "a"}
        assert before <= taken, "nobody is moved away again"
        assert len(taken) / len(keys) == pytest.approx(second / 10, abs=0.05)
        before = taken
    other = key_of("b")
    assert isolate.names(other)[0] == "b"
    isolate.now = 1_011_000.0
    assert {isolate.names(key)[0] for key in keys} == {"a"}


def test_panic_is_when_nobody_is_left() -> None:
    isolate = Isolate()
    isolate.fails("a", "b")
    assert isolate.names() == ["c"]
    isolate.fails("c")
    choice = isolate.choose()
    assert choice.panic
    assert sorted(variant.name for variant in choice.candidates) == ["a", "b", "c"]
    assert isolate.health.retry_after_s(isolate.policy, isolate.now) == 10
    isolate.now += 1
    isolate.health.succeeded("b", isolate.now)
    assert isolate.names() == ["b"], "who answers in panic is back"
    assert not isolate.choose().panic


def test_panic_at_a_threshold_keeps_the_few_from_being_overrun() -> None:
    made = policy(health={"passive": PASSIVE, "panic_threshold": "50%"})
    isolate = Isolate(made)
    isolate.fails("a")
    assert sorted(isolate.names()) == ["b", "c"]
    isolate.fails("b")
    choice = isolate.choose()
    assert choice.panic
    assert sorted(isolate.names()) == ["a", "b", "c"]
    isolate.fails("c")
    assert isolate.choose().panic


def test_a_pool_that_is_all_ill_falls_back_before_there_is_panic() -> None:
    variants = {
        "c1": {"binding": "C", "pool": "canary"},
        "p1": {"binding": "P", "pool": "production"},
    }
    route = {"name": "r", "split": {"production": 0, "canary": 1}}
    isolate = Isolate(policy(variants=variants, routes=[route]))
    isolate.fails("c1")
    choice = isolate.choose()
    assert [variant.name for variant in choice.candidates] == ["p1"]
    assert not choice.panic


def test_what_the_coordinator_excludes_is_left_out_until_it_says_otherwise() -> None:
    isolate = Isolate()
    isolate.told(a=CoordinatorView("unhealthy"), b=CoordinatorView(ejected_ms=5_000, voters=2))
    assert isolate.names() == ["c"]
    isolate.now += 5_000
    assert sorted(isolate.names()) == ["b", "c"]
    isolate.told(a=CoordinatorView("healthy", recovered_ms=0))
    assert isolate.availability
    assert isolate.availability.returning == {"a": 0.1, "b": 0.1}


def test_what_is_not_renewed_is_forgotten() -> None:
    isolate = Isolate()
    isolate.told(a=CoordinatorView("unhealthy"))
    isolate.now += TOLD_FOR_MS - 1
    assert "a" not in isolate.names()
    isolate.health.learn(None, isolate.now)
    isolate.now += TOLD_FOR_MS - 1
    assert "a" not in isolate.names(), "the same as before is as good as new"
    isolate.now += 1
    assert isolate.availability
    assert isolate.availability.returning == {"a": 0.1}


@pytest.mark.parametrize(
    ("told", "is_back"),
    [
        (CoordinatorView("healthy", recovered_ms=0), True),
        (CoordinatorView("healthy", recovered_ms=4_000), True),
        (CoordinatorView("healthy", recovered_ms=6_000), False),  # before it was ejected
        (CoordinatorView("healthy"), False),  # green all along
        (CoordinatorView("unknown"), False),
    ],
)
def test_a_probe_that_recovers_ends_an_ejection(told: CoordinatorView, is_back: bool) -> None:
    isolate = Isolate()
    isolate.fails("a")
    isolate.now += 5_000
    isolate.told(a=told)
    assert isolate.availability
    assert ("a" in isolate.availability.returning) == is_back
    assert ("a" in isolate.availability.out) != is_back


def test_who_recovers_by_probes_stays_out_while_it_is_ejected_here() -> None:
    isolate = Isolate()
    isolate.told(a=CoordinatorView("unhealthy"))
    isolate.fails("a")
    isolate.told(a=CoordinatorView("unknown"))
    assert "a" not in isolate.names()


def test_reports_count_since_the_last_one_that_was_taken() -> None:
    isolate = Isolate()
    isolate.health.succeeded("b", isolate.now)
    isolate.fails("a")
    isolate.now += 4_000
    first = isolate.health.report(isolate.now)
    assert first["a"] == {"requests": 3, "failures": 3, "ejected_ms": 6_000}
    assert first["b"] == {"requests": 1, "failures": 0, "ejected_ms": 0}
    assert not isolate.health.is_urgent
    assert isolate.health.report(isolate.now) == first, "nobody has taken it"
    isolate.health.succeeded("b", isolate.now)
    isolate.health.taken(first)
    second = isolate.health.report(isolate.now)
    assert [(each["requests"], each["failures"]) for each in second.values()] == [
        (0, 0),
        (1, 0),
        (0, 0),
    ]


def test_a_new_policy_keeps_what_is_known_of_the_same_workers() -> None:
    isolate = Isolate()
    isolate.fails("a", "b")
    variants = {
        "a": {"binding": "A", "pool": "production"},
        "b": {"binding": "OTHER", "pool": "production"},
        "d": {"binding": "D", "pool": "production"},
    }
    isolate.policy = policy(variants=variants)
    assert sorted(isolate.names()) == ["b", "d"]


def test_people_are_told_how_everybody_is() -> None:
    made = policy(
        variants={
            name: {"binding": name.upper(), "pool": "production", "drain": name == "d"}
            for name in "abcdef"
        }
    )
    isolate = Isolate(made)
    isolate.fails("a")
    isolate.health.rest("b", isolate.now + 3_000, isolate.now)
    isolate.told(
        c=CoordinatorView("unhealthy"), e=CoordinatorView("healthy", ejected_ms=9_000, voters=3)
    )
    isolate.now += 4_000
    views = isolate.health.view(made, isolate.now)
    assert {name: (each.state, each.share, each.reason) for name, each in views.items()} == {
        "a": ("ejected", 0.0, "status 503"),
        "b": ("half-open", 0.0, "Retry-After"),
        "c": ("unhealthy", 0.0, "probes"),
        "d": ("drained", 0.0, ""),
        "e": ("ejected", 0.0, "other isolates"),
        "f": ("healthy", 1.0, ""),
    }
    assert views["a"].ejected_for_ms == 6_000
    assert (views["e"].active, views["f"].active) == ("healthy", None)


OUTCOMES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.booleans(), st.integers(0, 15_000)), max_size=60
)


@examples(200)
@given(OUTCOMES, st.sampled_from(["0%", "34%", "67%"]), st.randoms(use_true_random=False))
def test_somebody_always_serves_and_the_last_one_is_never_left_out(
    outcomes: list[tuple[str, bool, int]], threshold: str, rng: Random
) -> None:
    isolate = Isolate(policy(health={"passive": PASSIVE, "panic_threshold": threshold}))
    for name, is_good, later in outcomes:
        isolate.now += later
        if is_good:
            isolate.health.succeeded(name, isolate.now)
        else:
            isolate.health.failed(name, isolate.now, isolate.now, "status 500")
        choice = isolate.choose(str(rng.random()))
        availability = isolate.availability or Availability()
        out = {*availability.out, *availability.half_open}
        names = {variant.name for variant in choice.candidates}
        assert len(names) == len(choice.candidates) > 0
        if choice.panic:
            assert len(out) == len(NAMES) or "production" in availability.panic
        elif not choice.is_probe_request:
            assert names == set(NAMES) - out
    isolate.now += 100_000_000
    for name in NAMES:
        isolate.health.succeeded(name, isolate.now)
    isolate.now += 10_000
    for name in NAMES:
        isolate.health.succeeded(name, isolate.now)
    assert isolate.availability is None


def test_a_snapshot_crosses_as_text() -> None:
    made = Snapshot(
        "e1",
        7,
        {"a": CoordinatorView("healthy", 5, 6, 2), "b": CoordinatorView()},
        [{"id": "d-1"}],
        [{"run": "r-1"}],
    )
    assert snapshot_from(snapshot_json(made)) == made


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"epoch": "e"}', '{"variants": 1}'])
def test_what_is_no_snapshot_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not a snapshot"):
        snapshot_from(text)
