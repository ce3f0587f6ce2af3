"""The state machines as the documentation shows them: a diagram in Mermaid, and a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any, NamedTuple

from policies.fleet import drill_states
from policies.resilience import outlier_states
from policies.rollouts import states as rollout_states

Transitions = Mapping[tuple[Any, Any], Enum]


class Machine(NamedTuple):
    """`ended`: states that are the last, if there are any."""

    transitions: Transitions
    initial: Enum
    ended: Collection[Enum] = ()


ROLLOUT = Machine(rollout_states.TRANSITIONS, rollout_states.INITIAL, rollout_states.ENDED)
DRILL = Machine(drill_states.TRANSITIONS, drill_states.INITIAL, drill_states.ENDED)
OUTLIER = Machine(outlier_states.TRANSITIONS, outlier_states.INITIAL)


def machine_text(machine: Machine) -> str:
    return f"{_diagram(machine)}\n{_table(machine.transitions)}"


def _diagram(machine: Machine) -> str:
    """An arrow for each pair of states; those that change nothing are in the table only."""
    arrows: dict[tuple[Enum, Enum], list[str]] = {}
    for (before, event), after in machine.transitions.items():
        if before is not after:
            arrows.setdefault((before, after), []).append(event.value.replace("`", ""))
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_id(machine.initial)}"]
    lines += [
        f"    {_id(before)} --> {_id(after)} : {'<br>'.join(events).replace(': ', ' ')}"
        for (before, after), events in arrows.items()
    ]
    lines += [f"    {_id(state)} --> [*]" for state in machine.ended]
    names = dict.fromkeys(state for arrow in arrows for state in arrow)
    lines += [f"    {_id(s)} : {s.value}" for s in names if _id(s) != s.value]
    return "\n".join([*lines, "```", ""])


def _id(state: Enum) -> str:
    """Mermaid takes no hyphen in the name of a state."""
    return str(state.value).replace("-", "_")


def _table(transitions: Transitions) -> str:
    """A row for each event and the state that it leads to."""
    rows: dict[tuple[Enum, Enum], list[Enum]] = {}
    for (before, event), after in transitions.items():
        rows.setdefault((event, after), []).append(before)
    lines = ["| event | in | leads to |", "|---|---|---|"]
    for (event, after), states in rows.items():
        where = ", ".join(f"`{state.value}`" for state in states)
        lines.append(f"| {event.value} | {where} | `{after.value}` |")
    return "\n".join([*lines, ""])
