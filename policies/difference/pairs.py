"""Matches the routes of two policies: by name, or else by all other fields.

A route that differs only in its name is the same route, renamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from policies.difference.views.spelling import View

Renamed = dict[str, str]  # old name to new name


def renamed_routes(before: View, after: View) -> Renamed:
    """Return the renamed routes of two views."""
    new: dict[str, list[str]] = {}
    for name in after:
        if name not in before:
            new.setdefault(_all_but_name(name, after[name]), []).append(name)
    found: Renamed = {}
    for name in before if new else ():
        same = new.get(_all_but_name(name, before[name])) if name not in after else None
        if same:
            found[name] = same.pop(0)
    return found


def _all_but_name(name: str, route: View) -> str:
    """Return the view without the seed, if it is only the name."""
    kept = route | {"seed": "" if route.get("seed") == name else route.get("seed")}
    return json.dumps(kept, sort_keys=True)


def under_new_names(routes: View, renamed: Renamed) -> View:
    """Return the old routes by their new names."""
    return {renamed.get(name, name): route for name, route in routes.items()}


def common_names(before: Iterable[str], after: Iterable[str], renamed: Renamed) -> Renamed:
    """Return the old and new name of each route that both have."""
    new = set(after)
    pairs = ((name, renamed.get(name, name)) for name in before)
    return {old: name for old, name in pairs if name in new}
