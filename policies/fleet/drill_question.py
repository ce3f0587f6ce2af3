"""The JSON of a request to start a drill."""

from __future__ import annotations

from difflib import get_close_matches

from policies.basics.durations import duration_ms, duration_text
from policies.basics.untyped import JsonObject
from policies.compiled.policy import CompiledPolicy
from policies.fleet.drills import DrillRequest
from policies.resilience.drill import (
    HOW_TO_WRITE_A_MODE,
    KINDS,
    MAX_MS,
    MIN_MS,
    Fault,
    NotAMode,
    Target,
    fault_from,
)
from workers_runtime.json_text import read_json

FIELDS = (*KINDS, "mode", "for", "force")
EXAMPLE = '{"region": "eu", "mode": "down", "for": "10m"}'


class NotStartable(Exception):
    """The request is not valid. The message says why, and how to mend it."""


def read_asked(text: str, by: str) -> DrillRequest:
    """Return the drill that `by` requests. Raises `NotStartable`."""
    try:
        value = read_json(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise NotStartable(f"The body is no JSON object; send one such as {EXAMPLE}.")
    for name in value:
        if name not in FIELDS:
            known = ", ".join(f"`{field}`" for field in FIELDS)
            raise NotStartable(f"There is no field `{name[:80]}`; known: {known}.")
    forced = value.get("force", False)
    if not isinstance(forced, bool):
        raise NotStartable("`force` is true or false.")
    return DrillRequest(_target(value), _fault(value), _for_ms(value), by, forced)


def _target(value: JsonObject) -> Target:
    given = [kind for kind in KINDS if kind in value]
    if len(given) != 1 or not isinstance(value[given[0]], str):
        raise NotStartable("Name exactly one of `region`, `variant` and `pool`, as text.")
    return Target(given[0], value[given[0]])


def _fault(value: JsonObject) -> Fault:
    mode = value.get("mode")
    try:
        return fault_from(mode if isinstance(mode, str) else "")
    except NotAMode as error:
        raise NotStartable(f"`mode`: {error}; {HOW_TO_WRITE_A_MODE}.") from None


def _for_ms(value: JsonObject) -> int:
    text = value.get("for")
    milliseconds = duration_ms(text) if isinstance(text, str) else None
    if milliseconds is None or not MIN_MS <= milliseconds <= MAX_MS:
        bounds = f"{duration_text(MIN_MS)} to {duration_text(MAX_MS)}"
        raise NotStartable(f"`for` is no duration of {bounds}; write `10m`.")
    return milliseconds


def missing_target(target: Target, policy: CompiledPolicy) -> str | None:
    """Return the message for a target that the policy does not have, with the nearest one."""
    if any(map(target.covers, policy.variants)):
        return None
    key = "name" if target.kind == "variant" else target.kind
    known = sorted({getattr(variant, key) for variant in policy.variants} - {None})
    nearest = get_close_matches(target.name, known, n=1)
    if nearest:
        hint = f"did you mean `{nearest[0]}`?"
    elif known:
        hint = "known: " + ", ".join(f"`{name}`" for name in known[:20])
    else:
        hint = f"no variant has a {target.kind}"
    what = f"no variant `{target.name[:80]}`"
    if target.kind != "variant":
        what = f"no variant in the {target.kind} `{target.name[:80]}`"
    return f"There is {what}; {hint}"
