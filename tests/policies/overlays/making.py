"""Overlays, what becomes of a policy with them, and any values."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

BASE = {
    "version": 1,
    "variants": {"a": {"binding": "A", "pool": "p"}, "b": {"binding": "B", "pool": "q"}},
    "auth": {"keys": [{"id": "core", "scopes": ["x"]}, {"id": "worker"}]},
    "routes": [
        {"name": "api", "split": {"p": 95, "q": 5}, "matches": [{"path": {"prefix": "/api"}}]},
        {"name": "all", "split": {"p": 1}},
    ],
}


def changed(*steps: Any) -> Any:
    """BASE with another value at a path; `...` removes it."""
    *path, last, value = steps
    whole = deepcopy(BASE)
    at: Any = whole
    for step in path:
        at = at[step]
    if value is ...:
        del at[last]
    elif isinstance(at, list) and last == len(at):
        at.append(value)
    else:
        at[last] = value
    return whole


NEW = {"name": "new", "split": {"q": 1}}
CASES: dict[str, tuple[Any, Any]] = {
    "nothing": ({}, BASE),
    "a value of a mapping": (
        {"variants": {"a": {"region": "eu"}}},
        changed("variants", "a", "region", "eu"),
    ),
    "a new entry of a mapping": (
        {"variants": {"c": {"binding": "C", "pool": "p"}}},
        changed("variants", "c", {"binding": "C", "pool": "p"}),
    ),
    "null removes": ({"variants": {"b": None}}, changed("variants", "b", ...)),
    "entries of a list by name": (
        {"routes": [{"name": "api", "split": {"q": 50}}]},
        changed("routes", 0, "split", "q", 50),
    ),
    "an entry that comes after the others": ({"routes": [NEW]}, changed("routes", 2, NEW)),
    "a mapping from names": (
        {"routes": {"api": {"split": {"q": 50}}}},
        changed("routes", 0, "split", "q", 50),
    ),
    "null removes an entry": ({"routes": {"all": None}}, changed("routes", 1, ...)),
    "keys by id": (
        {"auth": {"keys": {"worker": {"scopes": ["y"]}}}},
        changed("auth", "keys", 1, "scopes", ["y"]),
    ),
    "another list replaces": (
        {"routes": {"api": {"matches": [{"path": {"exact": "/"}}]}}},
        changed("routes", 0, "matches", [{"path": {"exact": "/"}}]),
    ),
    "a text replaces a mapping": ({"variants": "none"}, changed("variants", "none")),
    "a mapping replaces a text": ({"version": {"a": 1}}, changed("version", {"a": 1})),
    "what is new as a mapping": ({"health": {"a": {"b": 1}}}, changed("health", {"a": {"b": 1}})),
}


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
