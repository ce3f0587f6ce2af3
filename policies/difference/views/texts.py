"""Describes a change in a sentence."""

from __future__ import annotations

from policies.difference.views.change import Change
from policies.difference.views.spelling import Value, View

NOUNS = {
    "variants": "variant",
    "pools": "pool",
    "regions": "region",
    "rate_limits": "rate limit",
    "drills": "drill",
    "rollouts": "rollout",
    "routes": "route",
}
_TELLING = (
    *("hostnames", "matches", "pool", "binding", "region", "limit", "by", "split"),
    *("routes", "from", "to", "steps"),
)
_MANY = ("hostnames", "matches", "mirrors", "continents", "countries", "colos", "scopes", "routes")


def change_text(change: Change) -> str:
    """Return the sentence: the subject, the field, the old and the new value."""
    subject, field = _subject(change.path)
    if not field:
        return _whole(subject, change)
    if field == ("name",):
        return f"route {change.before} is now called {change.after}"
    if field[0] == "split" and len(field) == 2:
        return f"{subject}: pool {field[1]} gets {_shares(change)}"
    if field[0] == "split":
        return f"{subject}: pool {field[1]} falls back to {_names(change.after)}, not " + _names(
            change.before
        )
    if field == ("seed",):
        return f"{subject}: clients with a sticky key are distributed anew (seed {change.after})"
    if field == ("hash",):
        return f"{subject}: its hash has changed, so it is another key"
    what = " ".join(field).replace("_", " ")
    if field[-1] in _MANY and isinstance(change.before or change.after, list):
        return f"{subject}: {what}: {_members(change.before or [], change.after or [])}"
    return f"{subject}: {what} {_from_to(change)}"


def _subject(path: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if path == ("routes",):
        return "routes", ("order",)
    if path[:2] == ("auth", "keys"):
        return f"key {path[2]}", path[3:]
    if path[0] in NOUNS:
        return f"{NOUNS[path[0]]} {path[1]}", path[2:]
    return "policy", path


def _whole(subject: str, change: Change) -> str:
    if change.kind == "added":
        return f"{subject} is new: {_summary(change.after)}"
    return f"{subject} is gone: {_summary(change.before)}"


def _summary(view: View) -> str:
    """Return the most important fields of a part."""
    parts = []
    for name in _TELLING:
        value = view.get(name)
        if value and value != ["any request"]:
            parts.append(_value(value) if name == "matches" else f"{name} {_value(value)}")
    parts += [name for name in ("respond", "auth") if name in view]
    filters = view.get("filters", {})
    parts += [name for name in ("redirect",) if name in filters]
    rest = {name: item for name, item in view.items() if item and name not in ("id", "hash")}
    return ", ".join(parts) or _value(rest)


def _from_to(change: Change) -> str:
    if change.kind == "added":
        return f"is {_value(change.after)}, and was not there"
    if change.kind == "removed":
        return f"is gone, and was {_value(change.before)}"
    return f"is {_value(change.after)}, and was {_value(change.before)}"


def _shares(change: Change) -> str:
    """Return rounded percentages, unless rounding makes them equal."""
    before, after = (f"{float((share or '0%')[:-1]):.4g}%" for share in change[2:])
    if before == after:
        return f"{change.after} of the requests, not {change.before}"
    return f"{after} of the requests, not {before}"


def _names(value: Value) -> str:
    return ", ".join(value) or "nobody"


def _members(before: list[Value], after: list[Value]) -> str:
    lost = [member for member in before if member not in after]
    gained = [member for member in after if member not in before]
    parts = [f"takes {'; '.join(map(str, gained))}"] if gained else []
    parts += [f"no longer {'; '.join(map(str, lost))}"] if lost else []
    return ", ".join(parts)


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "none"
    if isinstance(value, dict) and value:
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items())
    if value == {}:
        return "no settings"
    return str(value) if value != "" else '""'
