"""Drills as trajectories: what begins, what is refused, what ends, when and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.compiled.policy import CompiledPolicy
from policies.fleet.drills import MAX_ACTIVE, MAX_PAST, Asked, Drills, Refusal, World
from policies.fleet.remaining import groups_of
from policies.resilience.drill import Drill, Target, fault_from
from tests.policies.making import compiled
from tests.support.examples import examples

VARIANTS = {
    "eu": {"binding": "EU", "pool": "production", "region": "eu"},
    "us": {"binding": "US", "pool": "production", "region": "us"},
    "ap": {"binding": "AP", "pool": "production", "region": "ap"},
    "canary": {"binding": "CANARY", "pool": "canary"},
}
REGIONS = {
    "eu": {"continents": ["EU"], "fallback": ["us"]},
    "us": {"continents": ["NA"], "fallback": ["eu"]},
    "ap": {"continents": ["AS"]},
}
SECTIONS: dict[str, Any] = {
    "variants": VARIANTS,
    "regions": REGIONS,
    "default_region": "us",
    "routes": [{"name": "r", "split": {"production": 9, "canary": 1}}],
}
MONDAY = int(datetime.fromisoformat("2026-11-23T10:00:00+00:00").timestamp())  # seconds
WEEK = 7 * 24 * 3_600
SCHEDULED = {
    "name": "mondays",
    "region": "eu",
    "mode": "down",
    "for": "10m",
    "schedule": "0 10 * * 1",
}
POLICY = compiled(**SECTIONS)


def asked(target: str, mode: str = "down", for_s: float = 600, forced: bool = False) -> Asked:
    kind, name = target.split()
    made = Target(kind, name)  # type: ignore[arg-type]
    return Asked(made, fault_from(mode), int(for_s * 1000), "secret", forced)


class Story:
    """Drills and the world around them; times in seconds."""

    def __init__(self, policy: CompiledPolicy = POLICY) -> None:
        self.drills = Drills(Random(1))
        self.policy = policy
        self.unwell: set[str] = set()

    @property
    def world(self) -> World:
        return World(self.policy, self.unwell)

    def start(self, at: float, target: str, **more: Any) -> Drill | Refusal:
        return self.drills.start(asked(target, **more), at * 1000, self.world)

    def tick(self, at: float, unwell: Iterable[str] | None = None) -> list[str]:
        """The drills that are running, by their targets."""
        if unwell is not None:
            self.unwell = set(unwell)
        self.drills.tick(at * 1000, self.world)
        return [str(drill.target) for drill in self.drills.running(at * 1000)]

    def events(self) -> list[str]:
        """`time event target: why`, the time in seconds."""
        told = []
        for each in self.drills.take_events():
            at = datetime.fromisoformat(each["at"]).timestamp()
            drill = each["drill"]
            kind = next(kind for kind in ("region", "variant", "pool") if kind in drill)
            why = each.get("why") or drill["mode"]
            told.append(f"{at:g} {each['event']} {kind} {drill[kind]}: {why}")
        return told


def test_it_ends_at_its_time_even_if_nobody_looked() -> None:
    story = Story()
    story.start(0, "region eu", for_s=600)
    assert [story.drills.running(at) for at in (599_999, 600_000)] == [story.drills.active, []]
    assert story.tick(5_000) == []
    assert story.events() == [
        "0 drill-started region eu: down",
        "600 drill-ended region eu: time",
    ]


def test_drills_one_after_the_other() -> None:
    story = Story()
    states = []
    for at, target in enumerate(["region eu", "variant us", "pool canary"]):
        story.start(at, target, for_s=10)
        states.append(story.tick(at))
    states += [story.tick(at) for at in (9.9, 10, 11, 12)]
    assert states == [
        ["region eu"],
        ["region eu", "variant us"],
        ["region eu", "variant us", "pool canary"],
        ["region eu", "variant us", "pool canary"],
        ["variant us", "pool canary"],
        ["pool canary"],
        [],
    ]


REFUSED = [
    # running already, unwell, what is asked for, the gaps or the reason
    ([], "", "pool production", ["route r (pool production)"]),
    (["region eu", "region us"], "", "region ap", ["route r (pool production)"]),
    (["region eu"], "us", "variant ap", ["route r (pool production)"]),
    (["pool canary"], "us ap", "region eu", ["route r (pool production)", "route r (pool canary)"]),
    ([], "eu us ap", "pool production", None),  # nothing is lost that was there
    ([], "eu us ap", "pool canary", ["route r (pool canary)"]),
    (["region eu"], "", "region us", None),
    (["region eu"], "eu", "region us", None),
    (["region eu"], "", "region eu", None),
    ([], "", "region mars", "there is no region mars"),
    ([], "", "variant production", "there is no variant production"),
]


@pytest.mark.parametrize(("running", "unwell", "target", "refused"), REFUSED)
@pytest.mark.parametrize("mode", ["down", "errors:1%", "latency:1s"])
def test_what_is_refused(
    running: list[str], unwell: str, target: str, refused: list[str] | str | None, mode: str
) -> None:
    story = Story()
    for each in running:
        assert isinstance(story.start(0, each), Drill)
    story.unwell = set(unwell.split())
    made = story.start(1, target, mode=mode)
    if refused is None:
        assert isinstance(made, Drill)
        return
    assert isinstance(made, Refusal)
    assert story.drills.take_events()[-1]["event"] == "drill-refused"
    if isinstance(refused, str):
        assert (made.reason, made.gaps) == (refused, ())
    else:
        assert [str(gap) for gap in made.gaps] == refused
        assert isinstance(story.start(2, target, mode=mode, forced=True), Drill)


def test_clients_of_one_region_are_enough_to_refuse() -> None:
    strict = compiled(**SECTIONS | {"pools": {"production": {"affinity": "strict"}}})
    made = Story(strict).start(0, "region ap")
    assert isinstance(made, Refusal)
    assert [str(gap) for gap in made.gaps] == ["route r (pool production, clients of ap)"]


def test_nothing_is_left_when_others_fail_in_earnest() -> None:
    story = Story()
    story.start(0, "region eu")
    story.start(1, "region us")
    assert [
        story.tick(2, []),
        story.tick(3, ["eu", "us"]),  # as a drill makes them look
        story.tick(4, ["eu", "us", "ap"]),  # the newest goes first, and that is enough
        story.tick(5, ["eu", "us", "ap"]),  # still unwell: it was drilled a moment ago
        story.tick(6, []),
    ] == [
        ["region eu", "region us"],
        ["region eu", "region us"],
        ["region eu"],
        [],
        [],
    ]
    assert story.events()[2:] == [
        "4 drill-ended region us: nothing left",
        "5 drill-ended region eu: nothing left",
    ]


def test_who_was_unwell_before_is_not_waited_for() -> None:
    story = Story()
    story.unwell = {"eu", "us", "ap"}
    assert isinstance(story.start(0, "region eu"), Drill)
    assert [story.tick(1), story.tick(2, ["eu"]), story.tick(3, ["eu", "us", "ap"])] == [
        ["region eu"]
    ] * 3


def test_a_forced_drill_ends_by_its_time_alone() -> None:
    story = Story()
    story.start(0, "pool production", forced=True, for_s=20)
    story.start(1, "region eu", forced=True, for_s=10)
    assert [
        story.tick(2, ["eu", "us", "ap", "canary"]),
        story.tick(10.9, ["eu", "us", "ap", "canary"]),
        story.tick(11),
        story.tick(20),
    ] == [["pool production", "region eu"]] * 2 + [["pool production"], []]


def test_a_forced_overlap_leaves_the_others_alone() -> None:
    story = Story()
    story.start(0, "region eu")
    story.start(1, "region us")
    story.start(2, "region ap", forced=True)
    assert story.tick(3) == ["region eu", "region us", "region ap"]


def test_the_policy_changes() -> None:
    story = Story()
    for at, target in enumerate(["region ap", "variant canary"]):
        story.start(at, target)
    without = {name: each for name, each in VARIANTS.items() if name != "ap"}
    story.policy = compiled(**SECTIONS | {"variants": without})
    assert story.tick(5) == ["variant canary"]
    drained = {
        name: each | {"drain": name in ("eu", "us", "ap")} for name, each in VARIANTS.items()
    }
    story.policy = compiled(**SECTIONS | {"variants": drained})
    assert story.tick(6) == []
    assert story.events()[2:] == [
        "5 drill-ended region ap: policy",
        "6 drill-ended variant canary: nothing left",
    ]


def test_stopping() -> None:
    story = Story()
    one, two, three = (story.start(0, f"variant {name}") for name in ("eu", "us", "canary"))
    assert isinstance(one, Drill)
    assert [each.drill for each in story.drills.stop(one.id, "ann", 1_000)] == [one]
    assert story.drills.stop(one.id, "ann", 1_000) == []
    assert story.drills.stop("d-none", "ann", 1_000) == []
    assert [each.drill for each in story.drills.stop(None, "bob", 2_000)] == [two, three]
    assert [(each.by, each.why) for each in story.drills.past] == [
        ("bob", "stopped"),
        ("bob", "stopped"),
        ("ann", "stopped"),
    ]
    story.start(3, "variant eu", for_s=1)
    assert story.drills.stop(None, "ann", 4_000) == []  # its time is over


def scheduled(**changes: str) -> CompiledPolicy:
    return compiled(**SECTIONS | {"drills": [SCHEDULED | changes]})


def test_a_schedule() -> None:
    story = Story(scheduled())
    states = [story.tick(at) for at in (MONDAY - 60, MONDAY - 0.001, MONDAY, MONDAY + 599.9)]
    states += [story.tick(MONDAY + at) for at in (600, WEEK - 1, WEEK, WEEK + 600)]
    assert states == [[], [], ["region eu"], ["region eu"], [], [], ["region eu"], []]
    (drill,) = {each.drill.by for each in story.drills.past}
    assert drill == "schedule"
    assert {each.drill.name for each in story.drills.past} == {"mondays"}


@pytest.mark.parametrize(
    ("first", "states", "ended"),
    [
        # nobody was awake at the time, but the drill would still be running: the rest of it
        ([-60, 300], ["region eu"], 600),
        ([-60, 599], ["region eu"], 600),
        ([-60, 600], [], None),
        ([-60, 3 * 24 * 3_600], [], None),
        ([-60, WEEK + 1], ["region eu"], WEEK + 600),
        # a policy that comes in the middle of a run does not begin it
        ([300], [], None),
        ([0], [], None),
    ],
)
def test_nobody_was_awake(first: list[float], states: list[str], ended: int | None) -> None:
    story = Story(scheduled())
    found = [story.tick(MONDAY + at) for at in first]
    assert found[-1] == states
    if ended:
        assert story.drills.active[0].ends_ms == (MONDAY + ended) * 1000


def test_a_run_is_run_once() -> None:
    story = Story(scheduled())
    story.tick(MONDAY - 60)
    story.tick(MONDAY)
    story.drills.stop(None, "ann", (MONDAY + 1) * 1000)
    assert [story.tick(MONDAY + at) for at in (1, 2, -5, 0, 599)] == [[]] * 5
    restored = Story(story.policy)
    restored.drills.restore(json.loads(json.dumps(story.drills.to_json())))
    assert [restored.tick(MONDAY + at) for at in (2, 599, WEEK)] == [[], [], ["region eu"]]


def test_a_changed_schedule_counts_from_now() -> None:
    story = Story(scheduled())
    story.tick(MONDAY - 60)
    story.policy = scheduled(schedule="0 9 * * 1")
    assert [story.tick(MONDAY + at) for at in (1, WEEK - 3_600)] == [[], ["region eu"]]
    story.policy = scheduled(schedule="0 9 * * 1", name="other")
    assert story.tick(MONDAY + WEEK - 3_500) == []
    assert story.drills.past[0].why == "policy"


def test_a_run_that_would_leave_nothing_is_refused_once() -> None:
    story = Story(scheduled())
    story.tick(MONDAY - 60)
    assert [story.tick(MONDAY, ["us", "ap"]), story.tick(MONDAY + 10, [])] == [[], []]
    refused = "drill-refused region eu: nothing would be left for route r (pool production)"
    assert story.events() == [f"{MONDAY:g} {refused}"]


def test_next_is_the_next_end_or_run() -> None:
    story = Story(scheduled())
    assert story.drills.next_ms() is None
    story.tick(MONDAY - 60)
    assert story.drills.next_ms() == MONDAY * 1000
    story.start(MONDAY - 50, "variant canary", for_s=5)
    assert story.drills.next_ms() == (MONDAY - 45) * 1000
    story.tick(MONDAY)
    assert story.drills.next_ms() == (MONDAY + 600) * 1000
    (told,) = story.drills.scheduled(story.policy)
    assert told == SCHEDULED | {"next_at": "2026-11-30T10:00:00.000+00:00"}


def test_lists_do_not_grow_for_ever() -> None:
    story = Story()
    for _ in range(MAX_ACTIVE):
        assert isinstance(story.start(0, "variant eu"), Drill)
    refused = story.start(0, "variant eu", forced=True)
    assert refused == Refusal("100 drills are running already")
    assert len({drill.id for drill in story.drills.active}) == MAX_ACTIVE
    story.drills.stop(None, "ann", 1_000)
    story.start(2, "variant us")
    story.drills.stop(None, "ann", 3_000)
    assert len(story.drills.past) == MAX_PAST
    assert str(story.drills.past[0].drill.target) == "variant us"


TARGETS = st.sampled_from(
    [*(f"variant {name}" for name in VARIANTS), "region eu", "region ap", "pool production"]
)
UNWELL = st.sets(st.sampled_from([*VARIANTS]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), TARGETS, st.integers(1, 40), st.booleans()),
        st.tuples(st.just("stop"), st.booleans()),
        st.tuples(st.just("tick"), UNWELL),
    ),
    max_size=25,
)
EACH_MINUTE = SCHEDULED | {"schedule": "* * * * *", "for": "30s", "region": "us"}
POLICIES = [POLICY, compiled(**SECTIONS | {"drills": [EACH_MINUTE]})]


@examples(300)
@given(st.sampled_from(POLICIES), st.lists(st.integers(0, 30), min_size=25, max_size=25), STEPS)
def test_whatever_happens(policy: CompiledPolicy, waits: list[int], steps: list[Any]) -> None:
    story, at, events = Story(policy), MONDAY, list[dict[str, Any]]()
    for wait, (what, *more) in zip(waits, steps, strict=False):
        at += wait
        if what == "start":
            story.start(at, more[0], for_s=more[1], forced=more[2])
        elif what == "stop":
            first = next(iter(story.drills.active), None)
            story.drills.stop(first.id if first and more[0] else None, "me", at * 1000)
        else:
            story.tick(at, more[0])
            settle(story, at)
            assert not_in_the_way(story)
        events += story.drills.take_events()
        known = Drills(Random(2))
        known.restore(json.loads(json.dumps(story.drills.to_json())))
        assert known.to_json() == story.drills.to_json()
    story.tick(at + 10_000)
    story.drills.stop(None, "me", (at + 10_000) * 1000)
    events += story.drills.take_events()
    assert ends(events) == starts(events)
    assert all(each.at_ms <= each.drill.ends_ms for each in story.drills.past)
    runs = [drill["ends_at"] for drill in starts(events) if drill["by"] == "schedule"]
    assert len(runs) == len(set(runs))  # never the same one twice


def settle(story: Story, at: float) -> None:
    """Until nothing more ends: each end may be enough, or not."""
    for _ in list(story.drills.active):
        story.tick(at)


def not_in_the_way(story: Story) -> bool:
    """Every group that has nobody has nobody for another reason than a drill that is not
    forced, but for what a forced one has taken besides."""
    drills = story.drills.active
    for group in groups_of(story.policy):
        drilled = [v for v in group.variants if any(drill.covers(v) for drill in drills)]
        served = any(v not in drilled and v.name not in story.unwell for v in group.variants)
        free = [v for v in drilled if not any(d.forced and d.covers(v) for d in drills)]
        known = {name for drill in drills for name in story.drills.failing[drill.id]}
        meant = len(drilled) == len(group.variants) and any(drill.forced for drill in drills)
        if not served and not meant and any(v.name not in known for v in free):
            return False
    return True


def starts(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return of("drill-started", events)


def ends(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return of("drill-ended", events)


def of(event: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [each["drill"] for each in events if each["event"] == event]
    return sorted(found, key=lambda drill: (drill["started_at"], drill["id"]))
