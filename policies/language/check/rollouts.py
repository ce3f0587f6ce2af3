"""Checks of rollouts against the rest of the policy; see `check.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from policies.language.findings.findings import Path, shown
from policies.language.findings.found import (
    Found,
    KeyOf,
    entries_of,
    list_in,
    mapping_in,
    pools_in,
    repeated_names,
    routes_of,
    served_pools,
    unknown,
)
from policies.language.model.policy import Policy


def _names(policy: object) -> Iterator[Found]:
    return repeated_names(policy, "rollouts", "duplicate-rollout")


def _pools(policy: object) -> Iterator[Found]:
    served = served_pools(policy)
    for index, rollout in _rollouts(policy):
        for side in ("from", "to"):
            yield from unknown("pool", rollout.get(side), served, ("rollouts", index, side))


def _routes(policy: object) -> Iterator[Found]:
    """The routes of a rollout exist, have both pools, and are in no other rollout."""
    routes = _named(policy)
    known = set(routes)
    owners: dict[str, int] = {}
    for index, rollout in _rollouts(policy):
        for at, name in enumerate(list_in(rollout, "routes")):
            path: Path = ("rollouts", index, "routes", at)
            yield from unknown("route", name, known, path)
            if not isinstance(name, str) or name not in known:
                continue
            if name in owners:
                message = f"rollouts[{owners[name]}] already moves route `{shown(name)}`"
                yield "rollout-overlap", path, message, "keep it in one of them"
            owners.setdefault(name, index)
            yield from _sides(rollout, routes[name], path)


def _named(policy: object) -> dict[str, dict[str, object]]:
    """Return the routes by name; of several with the same name, the last."""
    routes = [(route.get("name"), route) for _, route in routes_of(policy)]
    return {name: route for name, route in routes if isinstance(name, str)}


def _sides(rollout: dict[str, object], route: dict[str, object], path: Path) -> Iterator[Found]:
    split = mapping_in(route, "split")
    split = {pool: split[pool] for pool in pools_in(split)}
    sides = [rollout.get(side) for side in ("from", "to")]
    missing = [str(pool) for pool in sides if isinstance(pool, str) and pool not in split]
    name = shown(route.get("name"))
    if missing:
        message = f"the split of route `{name}` has no pool `{shown(missing[0])}`"
        hint = f"add `{shown(missing[0])}: 0` there, or leave the route out"
        yield "rollout-pools", path, message, hint
    elif not any(_weight(split[pool]) for pool in sides if isinstance(pool, str)):
        message = f"route `{name}` gives both pools weight 0, so there is no traffic to move"
        yield "rollout-pools", path, message, "give one of them a weight in the route's split"


def _keys(policy: object) -> Iterator[Found]:
    """Cohorts by key have known keys, and their routes require a key."""
    keys = list_in(mapping_in(policy, "auth"), "keys")
    known = {str(key.get("id")) for key in keys if isinstance(key, dict)}
    routes = _named(policy)
    for index, rollout in _rollouts(policy):
        for at, step in enumerate(list_in(rollout, "steps")):
            path: Path = ("rollouts", index, "steps", at, "key")
            wanted = list_in(step, "key")
            for number, key in enumerate(wanted):
                yield from unknown("key", key, known, (*path, number))
            names = [name for name in list_in(rollout, "routes") if isinstance(name, str)]
            keyless = [name for name in names if "auth" not in (routes.get(name) or {"auth": 1})]
            if wanted and keyless:
                message = f"route `{shown(keyless[0])}` requires no key, so its clients are "
                message += "not identified"
                hint = "add `auth` to the route, or use `header`"
                yield "cohort-without-auth", (*path[:-1], KeyOf("key")), message, hint


def _rollouts(policy: object) -> Iterator[tuple[int, dict[str, object]]]:
    return entries_of(policy, "rollouts")


def _weight(entry: object) -> float:
    weight = entry.get("weight", 1) if isinstance(entry, dict) else entry
    return weight if isinstance(weight, int | float) else 0


def doubtful_rollouts(policy: Policy) -> Iterator[Found]:
    """Yield rollouts whose first step would move users back."""
    routes = {route.name: route for route in policy.routes}
    for index, rollout in enumerate(policy.rollouts):
        first = next(step.weight for step in rollout.steps if step.weight is not None)
        for at, name in enumerate(rollout.routes):
            split = routes[name].split or {}
            weights = [split[pool].weight for pool in (rollout.source, rollout.to)]
            share = 100 * weights[1] / sum(weights)
            if share > first:
                message = (
                    f"route `{shown(name)}` gives pool `{shown(rollout.to)}` {share:g} % now, "
                )
                message += f"and the first step {first:g} %: it would move users back"
                hint = "start with a larger step; if the rollout is over, remove it"
                yield "rollout-starts-lower", ("rollouts", index, "routes", at), message, hint


ROLLOUT_RULES: tuple[Callable[[object], Iterator[Found]], ...] = (_names, _pools, _routes, _keys)
