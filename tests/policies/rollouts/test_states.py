"""The machine of a rollout: which event may happen when, and that people are held to it."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from policies.rollouts.actions import ACTIONS
from policies.rollouts.kept import UNREAD, run_from, run_json
from policies.rollouts.states import ENDED, TRANSITIONS, UNDONE, RolloutEvent, RolloutState
from tests.policies.rollouts.making import Story


def test_once_it_is_over_it_can_only_be_rolled_back() -> None:
    left = {key: to for key, to in TRANSITIONS.items() if key[0] in ENDED}
    assert left == {(RolloutState.SUCCEEDED, RolloutEvent.ROLL_BACK): RolloutState.ROLLED_BACK}


def at(state: RolloutState) -> Story:
    """A rollout in that state, whose step awaits approval."""
    story = Story(steps=[{"weight": 5, "pause": True, "hold": "1h"}, {"weight": 50}])
    story.act("start")
    story.run.state = state
    return story


@pytest.mark.parametrize(("state", "action"), list(product(RolloutState, ACTIONS)))
def test_people_may_do_what_the_table_has(state: RolloutState, action: str) -> None:
    story = at(state)
    told = story.act(action)
    event = RolloutEvent(f"`{action}`")
    if (state, event) in TRANSITIONS:
        assert told == TRANSITIONS[state, event]
    else:
        assert told not in set(RolloutState)
        assert story.run.state is state


@pytest.mark.parametrize("state", UNDONE)
def test_an_edit_that_is_undone_takes_it_back_to_where_it_was(state: RolloutState) -> None:
    story = at(state)
    story.edit(steps=[{"weight": 7}])
    story.tick()
    assert story.run.state is RolloutState.HELD
    story.restart()
    assert story.run.was is state
    story.edit(steps=[{"weight": 5, "pause": True, "hold": "1h"}, {"weight": 50}])
    story.tick()
    assert story.run.state is state


@pytest.mark.parametrize(("field", "value"), [("state", "waiting"), ("was", "held"), ("was", "x")])
def test_a_state_that_there_is_not_is_held(field: str, value: str) -> None:
    kept: dict[str, Any] = json.loads(json.dumps(run_json(at(RolloutState.GATE).run)))
    run = run_from(kept | {field: value}, 0)
    assert (run.state, run.reason) == (RolloutState.HELD, UNREAD)
