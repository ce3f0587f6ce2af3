"""What holds for every state machine that is a table."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import pytest

from policies.basics.transitions import NotATransition, next_state
from policies.fleet import drill_states
from policies.resilience import outlier_states
from policies.rollouts import states as rollout_states

MACHINES = [rollout_states, drill_states, outlier_states]


def states(machine: Any) -> type[Enum]:
    """The enumeration of all states."""
    return type(machine.INITIAL)


def events(machine: Any) -> type[Enum]:
    """The enumeration of all events."""
    _, event = next(iter(machine.TRANSITIONS))
    return type(event)


def named(module: Any) -> str:
    return str(module.__name__).rpartition(".")[2]


@pytest.mark.parametrize("machine", MACHINES, ids=named)
def test_every_state_can_be_reached(machine: Any) -> None:
    reached = found = {machine.INITIAL}
    while found:
        found = {to for (at, _), to in machine.TRANSITIONS.items() if at in reached} - reached
        reached = reached | found
    assert reached == set(states(machine))


@pytest.mark.parametrize("machine", MACHINES, ids=named)
def test_every_event_can_happen(machine: Any) -> None:
    assert {event for _, event in machine.TRANSITIONS} == set(events(machine))


@pytest.mark.parametrize("machine", MACHINES, ids=named)
def test_what_is_not_in_the_table_is_refused(machine: Any) -> None:
    refused: list[tuple[Enum, Enum]] = []
    for state in states(machine):
        for event in events(machine):
            if (state, event) in machine.TRANSITIONS:
                after = next_state(machine.TRANSITIONS, state, event)
                assert after is machine.TRANSITIONS[state, event]
                continue
            refused.append((state, event))
            with pytest.raises(NotATransition, match=re.escape(repr(event.value))):
                next_state(machine.TRANSITIONS, state, event)
    assert refused


def test_a_drill_that_has_ended_is_over() -> None:
    assert not {state for state, _ in drill_states.TRANSITIONS} & set(drill_states.ENDED)
