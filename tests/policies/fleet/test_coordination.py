"""What the Coordinator knows and tells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.fleet.active_health import ProbeAnswer
from policies.fleet.coordination import (
    FORGOTTEN_MS,
    MAX_ISOLATES,
    SETTLING_MS,
    Coordination,
    coordination_from,
)
from policies.fleet.last_minute import LastMinute
from policies.fleet.report import Report, Tally, report_from, report_json
from policies.fleet.snapshot import CoordinatorView, Snapshot, snapshot_from
from policies.resilience.drill import Drill, Target, drills_from, fault_from
from tests.policies.fleet.probes import BAD, GOOD, START, TERMS, targets

NAMES = ["one", "two"]
TARGETS = targets(*NAMES)


def new(terms: bool = True) -> Coordination:
    state = Coordination("e1")
    state.plan(TERMS if terms else None, TARGETS, START)
    return state


def probe(state: Coordination, name: str, outcomes: str, now: float = START) -> None:
    for outcome in outcomes:
        state.active_health.end(name, TARGETS[name], GOOD if outcome == "+" else BAD, now)
        state.look(now)


class Isolate:
    """One that reports, and remembers what it was told."""

    def __init__(self, state: Coordination, name: str) -> None:
        self.state, self.name = state, name
        self.epoch: str | None = None
        self.version = 0
        self.told: dict[str, CoordinatorView] = {}

    def report(self, now: float = START, **variants: tuple[int, int, int]) -> bool:
        """Whether there was news."""
        counts = {name: Tally(*each) for name, each in variants.items()}
        report = Report(self.name, "FRA", self.epoch, self.version, "digest", counts)
        text = self.state.hear(report_from(report_json(report)), now)
        value = json.loads(text)
        if "variants" not in value:
            assert (value["epoch"], value["version"]) == (self.epoch, self.version)
            return False
        snapshot = snapshot_from(text)
        self.epoch, self.version, self.told = snapshot.epoch, snapshot.version, snapshot.variants
        return True


def test_a_report_survives_its_way() -> None:
    report = Report("ab12", "FRA", "e1", 17, "d", {"one": Tally(120, 3, 30_000)})
    assert report_from(report_json(report)) == report
    assert json.loads(report_json(report))["variants"] == {
        "one": {"requests": 120, "failures": 3, "ejected_ms": 30_000}
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "{}", '{"isolate": "a"}'),
        report_json(Report("a", "", None, 0, "", {})).replace("{}", "[1]"),
        report_json(Report("a", "", None, 0, "", {})).replace("{}", '{"x": 3}'),
        report_json(Report("a", "", None, 0, "", {})).replace("{}", '{"x": {"requests": 1}}'),
    ],
)
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        report_from(text)


def test_who_knows_the_version_is_told_no_more() -> None:
    state = new()
    isolate = Isolate(state, "a")
    assert isolate.report()
    assert isolate.told == {"one": CoordinatorView(), "two": CoordinatorView()}
    assert not isolate.report()
    probe(state, "one", "---")
    assert isolate.report()
    assert isolate.told == {"one": CoordinatorView("unhealthy"), "two": CoordinatorView()}
    assert not isolate.report()


def test_probes_tell_when_somebody_has_recovered() -> None:
    state = new()
    isolate = Isolate(state, "a")
    probe(state, "one", "---++", START)
    isolate.report(START + 1_500)
    assert isolate.told["one"] == CoordinatorView("healthy", recovered_ms=1_500)


def test_versions_grow_only_when_there_is_news() -> None:
    """The trajectory of versions, one step a line."""
    state, versions = new(), []
    for name, outcomes in [
        ("one", "+"),  # healthy: news
        ("one", "+++"),
        ("one", "--"),
        ("one", "-"),  # unhealthy: news
        ("one", "--+"),
        ("one", "+"),  # healthy: news
        ("two", "--"),
    ]:
        probe(state, name, outcomes)
        versions.append(state.version)
    assert versions == [2, 2, 2, 3, 3, 4, 4]


def test_two_isolates_that_disagree() -> None:
    state = new()
    a, b, c = (Isolate(state, name) for name in "abc")
    a.report(one=(10, 5, 30_000))
    b.report(one=(10, 0, 0))
    a.report(one=(0, 0, 30_000))
    b.report(one=(10, 0, 0))
    assert a.told["one"].ejected_ms == b.told["one"].ejected_ms == 0  # each has its own view
    c.report(one=(10, 5, 20_000))  # a second one agrees with the first
    b.report(one=(10, 0, 0))
    assert b.told["one"] == CoordinatorView(ejected_ms=20_000, voters=2)
    c.report(START + 5_000, one=(0, 0, 0))  # and does so no more
    b.report(START + 5_000)
    assert b.told["one"] == CoordinatorView(ejected_ms=0, voters=1)


def test_a_vote_that_goes_on_is_no_news_and_one_that_is_longer_is() -> None:
    state = new()
    a, b = Isolate(state, "a"), Isolate(state, "b")
    a.report(one=(10, 5, 30_000))
    b.report(one=(10, 5, 30_000))
    a.report(one=(0, 0, 30_000))
    version = state.version
    for later in (5_000, 10_000):  # clocks and ways differ a little
        a.report(START + later, one=(0, 0, 30_000 - later + 400))
        b.report(START + later, one=(0, 0, 30_000 - later - 300))
    assert state.version == version
    a.report(START + 15_000, one=(0, 0, 60_000))
    b.report(START + 15_000, one=(0, 0, 60_000))
    assert state.version == version + 1
    assert b.told["one"].ejected_ms == 60_000
    state.look(START + 75_001)
    assert state.version == version + 2  # it is over


def test_an_isolate_that_is_silent_for_a_minute_counts_no_more() -> None:
    state = new()
    a, b = Isolate(state, "a"), Isolate(state, "b")
    a.report(one=(1, 1, 300_000))
    b.report(one=(1, 1, 300_000))
    a.report(START + 1)
    assert a.told["one"].ejected_ms > 0
    later = START + FORGOTTEN_MS + 2
    a.report(later, one=(1, 1, 240_000))
    assert a.told["one"] == CoordinatorView(ejected_ms=0, voters=1)
    assert state.state(later)["isolates"] == 1


def test_of_very_many_isolates_the_latest_are_heard() -> None:
    state = new()
    for number in range(MAX_ISOLATES + 50):
        Isolate(state, f"i{number}").report(START + number, one=(1, 1, 30_000))
    now = START + MAX_ISOLATES + 50
    assert state.state(now)["isolates"] == MAX_ISOLATES
    assert state.state(now)["variants"]["one"]["voters"] == MAX_ISOLATES


def test_sums_of_the_last_minute() -> None:
    minute = LastMinute()
    for second in range(0, 300, 5):
        minute.add(10, 1, START + second * 1_000)
    assert minute.sums(START + 295_000) == (120, 12)
    assert minute.sums(START + 325_000) == (60, 6)
    assert minute.sums(START + 400_000) == (0, 0)


def test_drills_are_news_and_told_whole() -> None:
    state = new()
    isolate = Isolate(state, "a")
    isolate.report()
    drills = [Drill("d-1", Target("variant", "one"), fault_from("down"), 0, 9, "ann")]
    state.drill(drills)
    assert isolate.report()
    assert drills_from(state.snapshot(START).drills) == tuple(drills)
    state.drill(drills)
    assert not isolate.report()
    state.drill([])
    assert isolate.report()
    assert state.snapshot(START).drills == []


def test_who_is_unwell_for_drills() -> None:
    state = new()
    a, b = Isolate(state, "a"), Isolate(state, "b")
    assert state.unwell(START) == set()
    probe(state, "one", "---")
    a.report(two=(5, 5, 30_000))
    assert state.unwell(START) == {"one", "two"}  # one isolate, and it is all there are
    assert state.snapshot(START).variants["two"].ejected_ms == 0
    b.report(two=(5, 0, 0))
    assert state.unwell(START) == {"one"}


def test_the_state_for_people() -> None:
    state = new()
    Isolate(state, "a").report(one=(10, 3, 30_000))
    Isolate(state, "b").report(one=(5, 0, 0), other=(7, 7, 0))
    state.active_health.end("one", "ONE", ProbeAnswer(503, 12, "status 503"), START)
    told = state.state(START + 1_000)
    assert told["isolates"] == 2
    assert told["variants"].keys() == set(NAMES)
    assert told["variants"]["one"] == {
        "active": "unknown",
        "since_ms": 1_000,
        "probe": {"status": 503, "took_ms": 12, "reason": "status 503", "age_ms": 1_000},
        "voters": 1,
        "ejected_ms": 0,
        "requests": 15,
        "failures": 3,
    }
    unprobed = new(terms=False).state(START)["variants"]["one"]
    assert (unprobed["active"], unprobed["probe"]) == (None, None)


def test_variants_that_the_policy_no_longer_has_are_forgotten() -> None:
    state = new()
    a, b = Isolate(state, "a"), Isolate(state, "b")
    probe(state, "two", "---")
    for isolate in (a, b):
        isolate.report(two=(5, 5, 30_000))
    state.plan(TERMS, targets("one"), START + 1)
    a.report(START + 1)
    assert a.told == {"one": CoordinatorView()}
    state.plan(TERMS, TARGETS, START + 2)
    a.report(START + 2)
    assert a.told.get("two", CoordinatorView()) == CoordinatorView()


def test_without_probes_in_the_policy_nobody_is_unhealthy_by_them() -> None:
    state = new()
    probe(state, "one", "---")
    isolate = Isolate(state, "a")
    isolate.report()
    state.plan(None, TARGETS, START + 1)
    assert isolate.report(START + 1)
    assert isolate.told["one"] == CoordinatorView()


def again(state: Coordination, now: float) -> Coordination:
    restored = coordination_from(state.to_json(), now)
    assert restored
    return restored


def test_a_restart_changes_nothing_for_isolates() -> None:
    state = new()
    a, b = Isolate(state, "a"), Isolate(state, "b")
    probe(state, "one", "---")
    probe(state, "two", "+")
    for isolate in (a, b, a):
        isolate.report(two=(5, 5, 30_000))
    later = START + 3_000
    a.state = again(state, later)
    assert not a.report(later)
    a.state.plan(TERMS, TARGETS, later)
    assert not a.report(later)
    a.epoch = None
    assert a.report(later)
    assert a.told == {
        "one": CoordinatorView("unhealthy"),
        "two": CoordinatorView("healthy", None, 27_000, 0),
    }
    # One good answer is not enough for who was unhealthy, and the first probe is due.
    assert a.state.active_health.begin(later) == NAMES
    probe(a.state, "one", "+", later)
    assert not a.report(later)
    probe(a.state, "one", "+", later)
    assert a.report(later)
    assert a.told["one"] == CoordinatorView("healthy", 0)


def test_another_target_after_a_restart_is_unknown() -> None:
    state = new()
    probe(state, "one", "---")
    probe(state, "two", "---")
    restored = again(state, START)
    restored.plan(TERMS, TARGETS | {"one": "ANOTHER"}, START)
    isolate = Isolate(restored, "a")
    isolate.report()
    assert isolate.told == {"one": CoordinatorView(), "two": CoordinatorView("unhealthy")}


def test_a_state_without_targets_is_that_of_the_first_ones() -> None:
    """Older versions kept none."""
    state = coordination_from(damaged(), START)
    assert state
    state.plan(TERMS, TARGETS, START)
    assert state.active_health.probes["one"].state == "unhealthy"
    state.plan(TERMS, TARGETS | {"one": "ANOTHER"}, START)
    assert state.active_health.probes["one"].state == "unknown"


def test_votes_of_before_a_restart_hold_until_isolates_have_reported() -> None:
    state = new()
    a, b = Isolate(state, "a"), Isolate(state, "b")
    for isolate in (a, b, a):
        isolate.report(two=(5, 5, 60_000))
    restored = again(state, START)
    a.state = b.state = restored
    a.report(START + 1_000, two=(0, 0, 0))
    assert a.told["two"].ejected_ms > 0  # nobody knows yet what the others say
    b.report(START + SETTLING_MS, two=(0, 0, 0))
    a.report(START + SETTLING_MS, two=(0, 0, 0))
    assert a.told.get("two", CoordinatorView()) == CoordinatorView()


def test_after_a_rest_nothing_of_old_probes_is_believed() -> None:
    state = new()
    probe(state, "one", "---")
    version = state.version
    state.rest(START + 400_000)
    assert state.version == version + 1
    isolate = Isolate(again(state, START + 900_000), "a")
    isolate.report(START + 900_000)
    assert isolate.told.get("one", CoordinatorView()) == CoordinatorView()


def test_another_epoch_is_news_whatever_its_version() -> None:
    isolate = Isolate(new(), "a")
    probe(isolate.state, "one", "---++---++")
    isolate.report()
    isolate.state = Coordination("e2")
    assert isolate.report()
    assert (isolate.epoch, isolate.version) == ("e2", 1)


def test_a_state_older_than_what_isolates_know_is_news() -> None:
    state = new()
    old = state.to_json()
    probe(state, "one", "---++")
    isolate = Isolate(state, "a")
    isolate.report()
    restored = coordination_from(old, START)
    assert restored
    isolate.state = restored
    restored.plan(TERMS, TARGETS, START)
    probe(restored, "two", "---")
    assert isolate.report()
    assert isolate.told["two"] == CoordinatorView("unhealthy")
    assert (isolate.epoch, isolate.version) == ("e1+", 3)
    assert not isolate.report()


KEPT: dict[str, Any] = json.loads(new().to_json()) | {"facts": {"one": ["unhealthy", 1, 2, 3]}}


def damaged(**changes: Any) -> str:
    return json.dumps(KEPT | changes)


def test_what_is_kept_can_be_read() -> None:
    assert coordination_from(damaged(), START)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "7", "{}"),
        damaged(format=0),
        damaged(format=99),
        damaged(version="many"),
        damaged(version=None),
        damaged(facts=None),
        damaged(facts=[1]),
        damaged(facts={"one": "x"}),
        damaged(facts={"one": ["unhealthy", 1, 2]}),
        damaged(facts={"one": ["sick", 1, 2, 3]}),
        damaged(facts={"one": ["unhealthy", "x", 2, 3]}),
        damaged(facts={"one": ["unhealthy", 1, [], 3]}),
        damaged(facts={"one": ["unhealthy", float("nan"), None, 3]}),
        damaged(facts={"one": ["unhealthy", 10**400, None, 3]}),
        damaged(version=float("inf")),
    ],
)
def test_an_old_or_damaged_state_is_none(text: str) -> None:
    assert coordination_from(text, START) is None


FIELDS = st.sampled_from(["format", "epoch", "version", "facts", "one"])
VALUES = st.recursive(
    st.none() | st.floats() | st.integers(-1, 2) | st.sampled_from(["unhealthy", "unknown", ""]),
    lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner),
)


FACTS = st.dictionaries(FIELDS, VALUES | st.lists(VALUES, min_size=4, max_size=5))


@given(st.text() | VALUES.map(json.dumps) | FACTS.map(lambda facts: damaged(facts=facts)))
def test_whatever_is_kept_nothing_is_raised(text: str) -> None:
    state = coordination_from(text, START)
    if state:
        state.look(START)
        assert isinstance(state.snapshot(START), Snapshot)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("probe"), st.sampled_from(NAMES), st.sampled_from("+-")),
            st.tuples(st.just("report"), st.sampled_from("abc"), st.sampled_from([0, 20_000])),
            st.tuples(st.just("wait"), st.just(""), st.sampled_from([1_000, 70_000])),
            st.tuples(st.just("restart"), st.just(""), st.just(0)),
        ),
        max_size=40,
    )
)
def test_an_isolate_that_is_told_nothing_new_knows_what_holds(steps: list[Any]) -> None:
    """Who skips what it has already lags behind in nothing that it acts on."""
    state, now = new(), START
    watcher = Isolate(state, "w")
    for what, who, how in steps:
        if what == "probe":
            probe(state, who, how, now)
        elif what == "report":
            Isolate(state, who).report(now, one=(1, 1, how))
        elif what == "wait":
            now += how
        else:
            state = watcher.state = again(state, now)
            state.plan(TERMS, TARGETS, now)
        before = watcher.version
        watcher.report(now)
        assert watcher.version >= before
        whole = Isolate(state, "w")
        whole.report(now)
        assert {name: told.active for name, told in watcher.told.items()} == {
            name: told.active for name, told in whole.told.items()
        }
