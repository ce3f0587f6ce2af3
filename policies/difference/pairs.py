"""Which route of one policy is which of another: by name, or else by all the rest.

A route whose name alone has changed is the same route, renamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from policies.difference.spelling import View

Renamed = dict[str, str]  # the name before, and after


def renamed_routes(before: View, after: View) -> Renamed:
    """From the views of two policies' routes."""
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
    """A route's seed is its name unless one is given."""
    kept = route | {"seed": "" if route.get("seed") == name else route.get("seed")}
    return json.dumps(kept, sort_keys=True)


def under_new_names(routes: View, renamed: Renamed) -> View:
    """The routes before, by the names that they have after."""
    return {renamed.get(name, name): route for name, route in routes.items()}


def common_names(before: Iterable[str], after: Iterable[str], renamed: Renamed) -> Renamed:
    """The name of each route that both have, before and after."""
    new = set(after)
    pairs = ((name, renamed.get(name, name)) for name in before)
    return {old: name for old, name in pairs if name in new}
