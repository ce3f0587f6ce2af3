"""The difference in meaning between two valid policies.

1. Policies that decide the same have no difference, however they are written.
2. A value that affects many routes is reported once, at its own place.
3. A renamed route is still the same route.
4. Order is a difference only where it decides which route gets a request (`order.py`).
5. Hashes of keys are never reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policies.compiled.tables import PolicyTables
from policies.difference.order import reordered
from policies.difference.pairs import Renamed, common_names, renamed_routes, under_new_names
from policies.difference.views.change import Change, changes_between
from policies.difference.views.key_views import HASH, key_views
from policies.difference.views.spelling import Value, View
from policies.difference.views.view import IMPLICIT, PLAIN_POOL, policy_view
from policies.language.model.policy import Policy


class Side(NamedTuple):
    """One of the two policies, with its compiled form."""

    policy: Policy
    tables: PolicyTables


class Difference(NamedTuple):
    """The changes, in the order of the sections and then of the new policy. `renamed`: the old
    and the new name of renamed routes."""

    changes: list[Change]
    renamed: Renamed


def difference(before: Side, after: Side) -> Difference:
    """Return the difference."""
    same = _same_routes(before.policy, after.policy)
    old, new = policy_view(before.policy, same), policy_view(after.policy, same)
    old["auth"]["keys"], new["auth"]["keys"] = key_views(
        before.policy.auth.keys, after.policy.auth.keys
    )
    renamed = renamed_routes(old["routes"], new["routes"])
    common = common_names(old["routes"], new["routes"], renamed)
    old["routes"] = under_new_names(old["routes"], renamed)
    chains = _chains(before.tables, common), _chains(after.tables, {n: n for n in common.values()})
    changes = [
        change for change in changes_between(old, new) if not _is_said_elsewhere(change, old, new)
    ]
    changes = [*_fallbacks(changes, *chains)]
    changes += _renames(renamed)
    changes += (
        Change(("routes",), "changed", f"{second}, {first}", f"{first}, {second}")
        for first, second in reordered(before.tables, after.tables, common)
    )
    order = {name: at for at, name in enumerate(dict.fromkeys([*new, *old]))}
    places = {name: at for at, name in enumerate(new["routes"])}
    changes.sort(key=lambda change: (order[change.path[0]], _route_place(change, places)))
    return Difference([_tellable(change) for change in changes], renamed)


def _same_routes(before: Policy, after: Policy) -> frozenset[str]:
    """Return the routes with identical fields, which need no comparison; usually most."""
    if before.limits != after.limits or before.rollouts != after.rollouts:
        return frozenset()
    old = {route.name: route for route in before.routes}
    return frozenset(route.name for route in after.routes if old.get(route.name) == route)


def _route_place(change: Change, places: dict[str, int]) -> int:
    """Sort the changes: those of one route together, those of the whole section last."""
    if change.path[0] != "routes":
        return 0
    return places.get(change.path[1], len(places)) if change.path[1:] else len(places) + 1


def _is_said_elsewhere(change: Change, old: View, new: View) -> bool:
    """Return whether a change only follows from another one: a route has the policy's new limits,
    or a pool without settings appears or disappears with its variants."""
    if change.path[0] == "pools" and PLAIN_POOL in (change.before, change.after):
        return len(change.path) == 2
    if len(change.path) != 4 or change.path[0] != "routes" or change.path[2] != "limits":
        return False
    name = change.path[3]
    common = old["limits"].get(name), new["limits"].get(name)
    return common == (change.before, change.after)


Chains = dict[tuple[str, str], tuple[str, ...]]  # (route, pool of its split): serving pools


def _chains(tables: PolicyTables, common: Renamed) -> Chains:
    return {
        (common[route.name], share.name): share.chain
        for route in tables.routes
        if route.name in common
        for share in route.shares
    }


def _fallbacks(changes: Iterable[Change], old: Chains, new: Chains) -> Iterator[Change]:
    """Add the changes of fallbacks: at the pool if it states them, else at the route, whose split
    has another first pool. Changes without an effect are left out."""
    differ = {place for place in old.keys() & new.keys() if old[place] != new[place]}
    reported = set[str]()
    for change in changes:
        if change.path[0] == "pools" and change.path[2:] == ("fallback",):
            pool = change.path[1]
            reported.add(pool)
            is_stated = IMPLICIT not in (change.before, change.after)
            if not is_stated and all(pool != other for _, other in differ):
                continue
        yield change
    for route, pool in sorted(differ):
        if pool not in reported:
            path = ("routes", route, "split", pool, "fallback")
            before, after = [*old[route, pool][1:]], [*new[route, pool][1:]]
            yield Change(path, "changed", before, after)


def _renames(renamed: Renamed) -> Iterator[Change]:
    for before, after in renamed.items():
        yield Change(("routes", after, "name"), "changed", before, after)


def _tellable(change: Change) -> Change:
    """Return the changes without hashes."""
    if change.path[:2] != ("auth", "keys"):
        return change
    if change.path[-1] == HASH:
        return change._replace(before=change.before[0], after=change.after[0])
    return change._replace(before=_hidden(change.before), after=_hidden(change.after))


def _hidden(value: Value) -> Value:
    return value | {HASH: value[HASH][0]} if isinstance(value, dict) and HASH in value else value
