"""State machines as tables: `{(state, event): state}`, and nothing that is not in the table.

A machine has a file of its own: an enum of states, an enum of events, and `TRANSITIONS`.
Whoever keeps a state changes it by `next_state` alone; the diagrams in the documentation are
made from the same tables (`policies/reference/machines.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

State = TypeVar("State", bound=Enum)
Event = TypeVar("Event", bound=Enum)


class NotATransition(Exception):
    """The event cannot happen in that state: a bug of whoever reported it."""


def next_state(
    transitions: Mapping[tuple[State, Event], State], state: State, event: Event
) -> State:
    """The state after `event`. Raises `NotATransition` if the table does not have it."""
    after = transitions.get((state, event))
    if after is None:
        raise NotATransition(f"{event.value!r} cannot happen in state {state.value!r}")
    return after
