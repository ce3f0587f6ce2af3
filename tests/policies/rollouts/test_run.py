"""Rollouts as trajectories: which weights they have, when, and why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.rollouts.counts import Counts
from policies.rollouts.overrides import overrides_of
from policies.rollouts.run import ENDED, SETTLES_MS
from tests.policies.making import compiled
from tests.policies.rollouts.making import ROUTE, STEPS, Story
from tests.support.examples import examples

GOOD = {"to": (200, 2), "other": (1_000, 10)}
BAD = {"to": (200, 20), "other": (1_000, 10)}


def through(story: Story, minutes: int = 20, **traffic: Any) -> list[float | None]:
    for _ in range(minutes):
        story.minute(**(traffic or GOOD))
    return story.weights()


def test_a_good_one() -> None:
    story = Story()
    assert story.act("start") == "running"
    assert through(story) == [1, 5, 25, 50, 100]
    assert story.run.state == "succeeded"


def test_a_bad_one() -> None:
    story = Story()
    story.act("start")
    story.minute(**GOOD)
    assert story.weight == 5
    story.minute(**BAD)
    assert story.weights() == [1, 5, 0]
    assert story.run.state == "rolled-back"
    assert (
        story.run.reason == "error rate against the old pool: 20 of 200 failed against 10 of 1000"
    )


def test_one_without_traffic_stays() -> None:
    story = Story()
    story.act("start")
    assert through(story, 200, to=(0, 0), other=(1_000, 10)) == [1]
    assert story.run.state == "running"
    assert story.run.analysis.last.reasons == ("0 of 50 requests of the new pool",)


def test_little_traffic_is_collected() -> None:
    story = Story()
    story.act("start")
    assert through(story, 4, to=(10, 0), other=(1_000, 10)) == [1]
    assert through(story, 1, to=(10, 0), other=(1_000, 10)) == [5]


def test_without_the_old_pool_there_is_nothing_to_compare_with() -> None:
    story = Story()
    story.act("start")
    assert through(story, 20, to=(200, 2), other=(0, 0)) == [1]
    assert story.run.analysis.last.reasons == ("0 of 50 requests of the old pool",)


def test_at_a_hundred_percent_the_old_pool_is_not_missed() -> None:
    story = Story(steps=[{"weight": 50}, {"weight": 100}])
    story.act("start")
    story.minute(**GOOD)
    assert through(story, 2, to=(200, 2), other=(0, 0)) == [50, 100]
    assert story.run.state == "succeeded"


def test_at_a_hundred_percent_nothing_passes_if_nothing_is_known_of_the_old_pool() -> None:
    story = Story(steps=[{"weight": 100}])
    story.act("start")
    through(story, 5, to=(200, 200), other=(0, 0))
    assert story.run.state == "running"
    assert story.run.analysis.last.reasons == ("0 of 50 requests of the old pool",)
    assert story.act("promote") == "succeeded"


def test_what_is_known_of_the_old_pool_stays_when_it_is_resumed() -> None:
    steps = [{"weight": 50}, {"weight": 100, "hold": "5m"}]
    story = Story(steps=steps, on_failure="hold")
    story.act("start")
    story.minute(to=(500, 5), other=(500, 5))
    for _ in range(2):
        through(story, 5, to=(1_000, 500), other=(0, 0))
        assert (story.run.state, story.weight) == ("held", 100)
        story.act("resume")


def gated(**changes: Any) -> Story:
    story = Story(steps=[{"weight": 5, "pause": True}, {"weight": 50}], **changes)
    story.act("start")
    story.minute(**GOOD)
    assert story.run.state == "gate"
    return story


def test_a_gate_waits() -> None:
    story = gated()
    assert through(story, 50) == [5]
    assert story.run.state == "gate"
    assert story.act("approve", note="looks well") == "running"
    assert story.weight == 50
    events = [(e["event"], e["by"], e["note"]) for e in story.events()]
    assert events == [
        ("rollout-approved", "ann", "looks well"),
        ("rollout-step", None, None),
    ]


def test_one_at_a_gate_that_turns_bad_is_rolled_back() -> None:
    story = gated()
    through(story, 30)
    through(story, 3, **BAD)
    assert (story.run.state, story.weight) == ("rolled-back", 0)


def test_one_that_was_approved_waits_for_its_judgement() -> None:
    story = gated()
    story.minute(to=(200, 200), other=(1_000, 10))
    assert story.run.state == "rolled-back"
    assert "waits for no approval" in story.act("approve")


def test_one_that_is_edited_in_the_middle_holds() -> None:
    story = Story()
    story.act("start")
    story.minute(**GOOD)
    story.edit(steps=[{"weight": 40}, {"weight": 100}])
    assert through(story, 20) == [1, 5]
    assert (story.run.state, story.weight) == ("held", 5)
    assert story.run.reason == "edited in the policy while it was under way"
    assert story.act("resume") == "running"
    assert story.weight == 40
    assert through(story) == [40, 100]


@pytest.mark.parametrize(
    "edit",
    [
        {"routes": [ROUTE | {"split": {"production": 90, "canary": 10}}]},
        {"routes": [ROUTE | {"sticky": ["header:x-user"]}]},
        {"routes": [ROUTE | {"seed": "another"}]},
        {"analysis": {"interval": "60s", "min_requests": 1}},
        {"on_failure": "hold"},
    ],
    ids=str,
)
def test_every_edit_that_matters_holds(edit: dict[str, Any]) -> None:
    story = Story()
    story.act("start")
    story.edit(**edit)
    story.tick()
    assert (story.run.state, story.weight) == ("held", 1)


def test_an_edit_that_does_not_matter_is_none() -> None:
    story = Story()
    story.act("start")
    story.edit(
        routes=[ROUTE | {"timeouts": {"request": "7s"}}, {"name": "q", "split": {"beta": 1}}]
    )
    assert through(story) == [1, 5, 25, 50, 100]


def test_an_edited_one_is_judged_as_it_was_begun() -> None:
    story = Story()
    story.act("start")
    story.edit(analysis=None, steps=[{"weight": 1, "hold": "1m"}, {"weight": 100, "hold": "1m"}])
    story.minute(**BAD)
    assert (story.run.state, story.weight) == ("rolled-back", 0)


def test_one_that_is_taken_out_holds_and_can_be_rolled_back() -> None:
    story = Story()
    story.act("start")
    story.take_out()
    assert through(story, 5) == [1]
    assert story.run.state == "held"
    [route] = overrides_of(compiled(routes=[ROUTE]), story.rollouts.overrides()).values()
    assert {share.name: share.weight for share in route.route.shares}["canary"] == 1
    assert "put it back" in story.act("resume")
    assert "put it back" in story.act("promote")
    assert story.act("rollback") == "rolled-back"


def test_a_plan_without_a_step_to_go_on_with() -> None:
    story = Story()
    story.act("start")
    through(story, 3)
    story.edit(steps=[{"weight": 1}, {"weight": 2}])
    story.tick()
    assert "no step of it has this weight" in story.act("resume")
    assert story.weight == 50


Q = {"name": "q", "hostnames": ["q.test"], "split": {"production": 70, "canary": 30}}


@pytest.mark.parametrize(
    ("edit", "said", "weights"),
    [
        ({"moved": ["r", "q"], "routes": [ROUTE, Q]}, "would be moved back", {"r": 5, "q": 5}),
        ({"moved": ["q"], "routes": [ROUTE, Q]}, "does not move route r", {"q": 5}),
        ({"to": "beta", "routes": [ROUTE | {"split": {"production": 1, "beta": 0, "canary": 0}}]},
         "other pools", {"r": 5}),
    ],
)  # fmt: skip
def test_an_edit_that_would_move_users_back_goes_on_only_by_force(
    edit: dict[str, Any], said: str, weights: dict[str, float]
) -> None:
    story = Story()
    story.act("start")
    story.minute(**GOOD)
    story.edit(**edit)
    assert said in story.act("resume")
    assert story.rollouts.overrides()[0]["weights"] == {"r": 5}
    assert story.act("resume", force=True) == "running"
    assert story.rollouts.overrides()[0]["weights"] == weights


def test_before_the_first_weight_an_edit_moves_nobody_back_either() -> None:
    routes = [ROUTE | {"split": {"production": 90, "canary": 10}}]
    header = {"header": {"name": "a", "value": "1"}}
    story = Story(steps=[header, {"weight": 20}], routes=routes)
    assert story.act("start") == "running"
    story.edit(steps=[header, {"weight": 5}], routes=routes)
    assert "would be moved back" in story.act("resume")
    story.edit(steps=[header, {"weight": 10}], routes=routes)
    assert story.act("resume") == "running"


def test_a_route_is_moved_by_one_at_a_time() -> None:
    """Also if the policy has forgotten the other."""
    story = Story()
    story.act("start")
    through(story, 2)
    story.edit(name="v3")
    story.tick()
    told = story.rollouts.act("v3", "start", ("ann", None, True), story.now * 1000, story.world)
    assert told == ("v2, which is held, moves r: roll that back first", False)
    assert story.act("rollback") == "rolled-back"
    story.rollouts.act("v3", "start", ("ann", None, False), story.now * 1000, story.world)
    assert story.rollouts.runs["v3"].weight == 1


def test_pausing_and_going_on() -> None:
    story = Story()
    story.act("start")
    story.minute(**GOOD)
    assert story.act("pause") == "paused"
    assert through(story, 10) == [1, 5]
    assert story.act("resume") == "running"
    assert story.weight == 25
    assert story.act("resume") == "it is running: there is nothing to resume"


@pytest.mark.parametrize("state", ["running", "gate", "paused", "held", "succeeded"])
def test_rolling_back_works_in_every_state(state: str) -> None:
    story = gated() if state == "gate" else Story()
    if state != "gate":
        story.act("start")
    if state == "paused":
        story.act("pause")
    elif state == "held":
        story.take_out()
        story.tick()
    elif state == "succeeded":
        story.act("promote")
    assert story.run.state == state
    assert story.act("rollback", note="no") == "rolled-back"
    assert story.weight == 0
    assert story.act("rollback") == "it is rolled back already"
    last = story.events()[-1]
    assert (last["event"], last["by"], last["note"]) == ("rollout-rolled-back", "ann", "no")


def test_promoting() -> None:
    story = Story()
    assert "not been started" in story.act("promote")
    story.act("start")
    assert story.act("promote") == "succeeded"
    assert story.weights() == [1, 100]
    assert story.act("promote") == "it is succeeded already"


def test_a_failure_is_not_promoted_by_mistake() -> None:
    story = Story(on_failure="hold")
    story.act("start")
    through(story, 3, **BAD)
    assert (story.run.state, story.weight) == ("held", 1)
    assert "`force` promotes" in story.act("promote")
    assert story.act("promote", force=True) == "succeeded"


def test_hold_on_failure_goes_on_when_somebody_says_so() -> None:
    story = Story(on_failure="hold")
    story.act("start")
    story.minute(**GOOD)
    story.minute(**BAD)
    assert (story.run.state, story.weight) == ("held", 5)
    assert through(story, 10) == [1, 5]  # however well it does now
    assert story.act("resume") == "running"
    assert through(story) == [25, 50, 100]


def test_hold_on_success() -> None:
    story = Story(on_success="hold", steps=[{"weight": 5}, {"weight": 50}])
    story.act("start")
    assert through(story) == [5, 50]
    assert story.run.state == "gate"
    assert "`promote` it" in story.act("approve")
    assert story.act("promote") == "succeeded"
    assert story.weight == 100


def test_so_many_failures_are_borne() -> None:
    story = Story(analysis={"interval": "60s", "failure_limit": 2})
    story.act("start")
    story.minute(**BAD)
    story.minute(**BAD)
    assert (story.run.state, story.weight) == ("running", 1)
    story.minute(**BAD)
    assert (story.run.state, story.weight) == ("rolled-back", 0)
    events = [event["event"] for event in story.events()]
    assert events == ["rollout-started", *["rollout-failed-check"] * 2, "rollout-rolled-back"]


def test_a_failure_that_was_borne_is_one() -> None:
    """However clear it was: afterwards it is judged by what comes then."""
    story = Story(analysis={"interval": "60s", "failure_limit": 1})
    story.act("start")
    story.minute(to=(200, 100), other=(1_000, 10))
    assert through(story, 5) == [1, 5, 25, 50, 100]
    assert story.run.analysis.failures == 1


def test_a_dry_run_only_tells() -> None:
    story = Story(analysis={"interval": "60s", "dry_run": True})
    story.act("start")
    assert through(story, 10, **BAD) == [1, 5, 25, 50, 100]
    story = Story(analysis={"interval": "60s", "dry_run": True})
    story.act("start")
    for _ in range(10):
        story.minute(**BAD)
    reasons = [event["reason"] for event in story.events()]
    failed = [reason for reason in reasons if reason.startswith("dry run: error rate against")]
    assert len(failed) == 1  # it is told when it begins, not again and again


def test_without_analysis_time_decides() -> None:
    steps = [{"weight": 10, "hold": "5m"}, {"weight": 50, "hold": "2m"}]
    story = Story(analysis=None, steps=steps)
    story.act("start")
    assert through(story, 4, to=(0, 0)) == [10]
    assert through(story, 1, to=(0, 0)) == [50]
    assert through(story, 2, to=(0, 0)) == [100]


def test_a_step_lasts_at_least_its_hold() -> None:
    story = Story(steps=[{"weight": 5, "hold": "10m"}, {"weight": 50}])
    story.act("start")
    assert through(story, 9) == [5]
    assert through(story, 1) == [50]


def test_steps_are_taken_in_windows() -> None:
    """From Monday 0:00; open from 9:00 to 17:00."""
    story = Story(schedule=[{"start": "0 9 * * *", "for": "8h"}])
    story.act("start")
    assert through(story, 8 * 60) == [1]
    assert story.rollouts.next_ms(story.now * 1000, is_idle=True) == (story.now + 3_600) * 1000
    assert through(story, 61) == [5, 25]


def test_rolling_back_is_not_bound_to_windows() -> None:
    story = Story(schedule=[{"start": "0 9 * * *", "for": "8h"}])
    story.act("start")
    through(story, 2, **BAD)
    assert story.run.state == "rolled-back"


def test_cohorts_come_first_and_stay() -> None:
    steps = [
        {"header": {"name": "X-Preview", "value": "1"}},
        {"key": ["ann"], "hold": "2m"},
        {"mirror": "10%", "hold": "1m"},
        {"weight": 5},
    ]
    auth = {"keys": [{"id": "ann", "sha256": "0" * 64}]}
    story = Story(steps=steps, auth=auth, routes=[ROUTE | {"auth": "required"}])
    story.act("start")
    told = []
    for _ in range(5):
        [override] = story.rollouts.overrides()
        kinds = [kind for kind, _ in override["cohorts"]]
        told.append((kinds, override["mirror"], override["weights"]))
        story.minute(**GOOD)
    assert told == [
        (["header"], 0.0, {"r": 0}),
        (["header", "key"], 0.0, {"r": 0}),
        (["header", "key"], 0.0, {"r": 0}),
        (["header", "key"], 0.1, {"r": 0}),
        (["header", "key"], 0.0, {"r": 5}),
    ]


def test_a_cohort_keeps_the_share_that_the_file_has() -> None:
    split = {"production": 57, "canary": 3, "beta": 40}
    steps = [{"header": {"name": "a", "value": "1"}}, {"weight": 50}]
    story = Story(steps=steps, routes=[ROUTE | {"split": split}])
    story.act("start")
    assert story.rollouts.overrides()[0]["weights"] == {"r": 5.0}
    story.act("rollback")
    assert story.rollouts.overrides()[0]["weights"] == {"r": 0.0}


def test_beginning_does_not_move_users_back() -> None:
    story = Story(routes=[ROUTE | {"split": {"production": 90, "canary": 10}}])
    assert "users would be moved back" in story.act("start")
    assert story.act("start", force=True) == "running"
    story.act("promote")
    assert "gives 100 % to pool canary already" in story.act("start")


def test_one_at_a_time() -> None:
    story = Story()
    story.act("start")
    first = story.run.id
    assert story.act("start") == f"it is running already, since run {first}"
    story.act("rollback")
    assert story.act("start") == "running"
    assert story.run.id != first


def test_what_has_ended_keeps_its_weight_until_the_file_says_more() -> None:
    story = Story()
    story.act("start")
    story.act("promote")
    story.edit(steps=[{"weight": 7}])  # which says nothing about now
    through(story, 60)
    assert story.rollouts.overrides()[0]["weights"] == {"r": 100}
    story.edit(routes=[ROUTE | {"split": {"production": 0, "canary": 100}}])
    story.tick()
    story.now += SETTLES_MS // 1000 - 1
    story.tick()
    assert story.rollouts.overrides()[0]["weights"] == {"r": 100}
    story.now += 1
    story.tick()
    assert story.rollouts.overrides() == []
    assert story.events()[-1]["event"] == "rollout-settled"


@pytest.mark.parametrize(("action", "weight"), [("rollback", 0), ("promote", 100)])
def test_a_split_that_was_edited_before_the_end_says_nothing_of_it(
    action: str, weight: float
) -> None:
    story = Story()
    story.act("start")
    story.edit(routes=[ROUTE | {"split": {"production": 50, "canary": 50}}])
    story.tick()
    story.restart()
    story.act(action)
    through(story, 10)
    assert story.rollouts.overrides()[0]["weights"] == {"r": weight}
    story.edit(routes=[ROUTE | {"split": {"production": 60, "canary": 40}}])
    through(story, 3)
    assert story.rollouts.overrides() == []


def test_what_has_ended_and_is_taken_out_is_settled() -> None:
    story = Story()
    story.act("start")
    story.act("rollback")
    story.take_out()
    story.tick()
    assert story.rollouts.next_ms(0, is_idle=True) == story.now * 1000 + SETTLES_MS
    story.now += SETTLES_MS // 1000
    story.tick()
    assert story.rollouts.runs == {}


def test_a_new_pool_that_is_out_of_service_is_a_failure() -> None:
    story = Story()
    story.act("start")
    story.world = story.world._replace(unwell={"canary"})
    through(story, 1, to=(4, 4), other=(1_000, 0))
    assert story.run.state == "rolled-back"
    assert story.run.reason == "no variant of the new pool is well"


def test_a_drill_is_no_failure() -> None:
    story = Story()
    story.act("start")
    story.world = story.world._replace(unwell={"canary"}, drilled={"canary"})
    assert through(story, 20, to=(0, 0), other=(1_000, 0)) == [1]
    assert story.run.state == "running"


CHECK = {"name": "smoke", "binding": "SMOKE", "path": "/canary", "timeout": "5s"}


def checked() -> Story:
    story = Story(analysis={"interval": "60s", "checks": [CHECK]})
    story.act("start")
    story.minute(**GOOD)
    return story


def asked(story: Story) -> list[str]:
    return [asking.check.name for asking in story.rollouts.asks(story.now * 1000)]


@pytest.mark.parametrize(
    ("result", "weights", "state"),
    [
        (("passed", "200"), [1, 5], "running"),
        (("failed", "status 503"), [1, 0], "rolled-back"),
        (("error", "no answer"), [1], "running"),
    ],
)
def test_checks(result: tuple[str, str], weights: list[float], state: str) -> None:
    story = checked()
    assert asked(story) == ["smoke"]
    assert asked(story) == []  # once in an interval
    story.rollouts.answer(story.run.id, "smoke", result)
    story.tick()
    assert (story.weights(), story.run.state) == (weights, state)
    assert story.run.analysis.last.checks == (("smoke", *result),)


def test_a_check_that_never_answers() -> None:
    story = checked()
    assert asked(story) == ["smoke"]
    story.now += 9
    story.tick()
    assert story.run.analysis.last is None
    story.now += 1
    story.tick()
    assert story.run.analysis.last.word == "inconclusive"
    assert story.run.analysis.last.reasons == ("check smoke: no answer",)


def test_a_step_is_not_left_before_its_last_interval_is_judged() -> None:
    steps = [{"weight": 1, "hold": "2m"}, {"weight": 100}]
    story = Story(steps=steps, analysis={"interval": "60s", "checks": [CHECK]})
    story.act("start")
    for traffic in (GOOD, BAD):
        story.minute(**traffic)
        assert (asked(story), story.weight) == (["smoke"], 1)
        story.rollouts.answer(story.run.id, "smoke", ("passed", "200"))
        story.tick()
    assert (story.run.state, story.weight) == ("rolled-back", 0)


def test_an_answer_that_comes_when_its_interval_is_over_is_none_to_the_next() -> None:
    story = checked()
    asked(story)
    story.now += 10
    story.tick()
    assert story.run.analysis.last.word == "inconclusive"
    story.rollouts.answer(story.run.id, "smoke", ("passed", "200"))
    story.minute(**GOOD)
    asked(story)
    story.tick()
    assert story.weight == 1
    story.rollouts.answer(story.run.id, "smoke", ("failed", "503"))
    story.tick()
    assert story.weight == 0


def test_limits_of_time() -> None:
    analysis = {"interval": "60s", "max_p95": "300ms"}
    story = Story(analysis=analysis)
    story.act("start")
    assert through(story, 2) == [1, 5, 25]
    story.minute(**GOOD, ms=900)
    assert story.run.state == "rolled-back"
    assert story.run.reason.startswith("p95: ")


def test_an_increase_of_time() -> None:
    analysis = {"interval": "60s", "max_latency_increase": "30%"}
    story = Story(analysis=analysis)
    story.act("start")
    assert through(story, 2) == [1, 5, 25]
    for _ in range(3):
        story.minute(**GOOD, ms=24)  # a fifth more
    assert story.run.state == "succeeded"
    story = Story(analysis=analysis)
    story.act("start")
    through(story, 1)
    through(story, 2, **GOOD, ms=35)
    assert story.run.state == "rolled-back"
    assert story.run.reason.startswith("p95 against the old pool: ")


def test_a_restart_changes_nothing() -> None:
    """After every minute and in the middle of it, wherever the rollout is."""

    def tell(restarts: bool) -> list[Any]:
        story = Story(steps=[*STEPS[:2], {"weight": 25, "pause": True}, {"weight": 100}])
        story.act("start")
        told = []
        for minute in range(12):
            story.minute(to=(30, 1), other=(900, 9))
            if minute == 9:
                story.act("approve")
            told += [(story.run.state, story.weight, story.run.analysis.to_dict(None))]
            told += [[e | {"run": ""} for e in story.events()]]
            if restarts:
                story.restart()
        return told

    assert tell(restarts=True) == tell(restarts=False)


COMMANDS = ("approve", "pause", "resume", "promote", "rollback", "start")
MOVES = st.one_of(
    st.sampled_from(COMMANDS),
    st.tuples(st.integers(0, 300), st.integers(0, 300)),
    st.sampled_from(["edit", "edit back", "take out", "restart", "unwell", "well"]),
)


@examples(200)
@given(st.lists(MOVES, max_size=40))
def test_weights_only_grow_until_it_is_rolled_back(moves: list[Any]) -> None:
    """Whatever happens, and in whatever order; a new beginning that would move users back is
    refused, and each change of a weight is an event that says why."""
    story = Story()
    story.act("start")
    before, now = 0.0, story.weight or 0.0
    for move in moves:
        if isinstance(move, tuple):
            story.minute(to=(200, min(move)), other=(max(move) * 10, min(move)))
        elif move in COMMANDS:
            story.act(move)
        elif move == "edit":
            story.edit(steps=[{"weight": 3}, {"weight": 30}, {"weight": 90}])
        elif move == "edit back":
            story.edit()
        elif move == "take out":
            story.take_out()
        elif move == "restart":
            story.events()
            story.restart()
        else:
            story.world = story.world._replace(unwell={"canary"} if move == "unwell" else ())
        if "v2" not in story.rollouts.runs:
            return  # it is settled
        before, now = now, story.weight or 0.0
        assert now >= before or story.run.state in ENDED or now == 0
        told = [e for e in story.events() if e["before"] != e["weight"]]
        assert all(each["reason"] for each in told)
        if before != now:
            assert told
            assert told[-1]["weight"] == now


def test_in_doubt_it_stays() -> None:
    story = Story(steps=[{"weight": 50}, {"weight": 100}])
    story.act("start")
    story.minute(to=(100, 5), other=(100, 0))
    assert (story.run.state, story.weight) == ("running", 50)
    verdict = story.run.analysis.last
    assert verdict.word == "inconclusive"
    assert verdict.reasons == (
        "not sure yet: error rate against the old pool: 5 of 100 failed against 0 of 100",
    )
    story.minute(to=(200, 11), other=(200, 0))
    assert story.run.state == "rolled-back"


def test_doubt_passes_when_it_does_well() -> None:
    story = Story(steps=[{"weight": 50}, {"weight": 100}])
    story.act("start")
    story.minute(to=(100, 5), other=(100, 0))
    through(story, 3, to=(200, 0), other=(200, 0))
    assert story.weight == 100


def test_at_a_hundred_percent_it_is_judged_by_what_was_before() -> None:
    story = Story(steps=[{"weight": 50}, {"weight": 100, "hold": "1h"}])
    story.act("start")
    story.minute(to=(500, 5), other=(500, 5))
    assert through(story, 30, to=(1_000, 10), other=(0, 0)) == [50, 100]
    through(story, 2, to=(1_000, 100), other=(0, 0))
    assert story.run.state == "rolled-back"
    assert story.run.reason == (
        "error rate against the old pool: 100 of 1000 failed against 5 of 500 before"
    )


@pytest.mark.parametrize(("slow", "state"), [(9, "running"), (60, "rolled-back")])
def test_at_a_hundred_percent_a_few_times_that_are_known_are_no_sharp_limit(
    slow: int, state: str
) -> None:
    """3 of 60 were slow, so 9 of 120 are nothing unusual."""
    steps = [{"weight": 50}, {"weight": 100, "hold": "1h"}]
    story = Story(steps=steps, analysis={"interval": "60s", "max_latency_increase": "10%"})
    story.act("start")
    story.hear({side: Counts(60, 0, {10: 57, 40: 3}) for side in ("to", "from")})
    story.minute()
    for _ in range(30):
        story.hear({"to": Counts(120, 0, {10: 120 - slow, 40: slow})})
        story.minute()
    assert (story.run.state, story.run.step) == (state, 1)


def test_an_edit_that_is_taken_back_was_none() -> None:
    story = gated()
    story.edit(steps=[{"weight": 7}, {"weight": 90}])
    story.tick()
    assert story.run.state == "held"
    story.edit(steps=[{"weight": 5, "pause": True}, {"weight": 50}])
    story.tick()
    assert (story.run.state, story.weight) == ("gate", 5)
    assert story.events()[-1]["reason"] == "the policy is as it was again"


def test_one_that_failed_meanwhile_does_not_go_on_when_an_edit_is_taken_back() -> None:
    story = Story(on_failure="hold")
    story.act("start")
    story.edit(steps=[{"weight": 7}], on_failure="hold")
    through(story, 3, **BAD)
    story.edit(on_failure="hold")
    story.tick()
    assert (story.run.state, story.weight) == ("held", 1)
