"""State machines as tables: `{(state, event): state}`. Other transitions do not exist.

A machine has a file of its own: an enum of states, an enum of events, and `TRANSITIONS`. A state
changes only by `next_state`. The diagrams in the documentation are made from the same tables
(`policies/reference/machines.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

State = TypeVar("State", bound=Enum)
Event = TypeVar("Event", bound=Enum)


class NotATransition(Exception):
    """The event cannot happen in that state, which is a bug of its caller."""


def next_state(
    transitions: Mapping[tuple[State, Event], State], state: State, event: Event
) -> State:
    """Return the state after `event`. Raises `NotATransition` if the table has none."""
    after = transitions.get((state, event))
    if after is None:
        raise NotATransition(f"{event.value!r} cannot happen in state {state.value!r}")
    return after
