"""Rollout overrides: a route's weights and mirror while a rollout is under way.

An override is computed once for each policy and each message of the Coordinator, so that a request
only looks it up. The weights of both pools add up to what they are in the file, so other pools
keep their share. An override that cannot be read is left out, and the file's weights hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from policies.basics.json import Json
from policies.basics.regex import Matcher, Memory
from policies.basics.untyped import JsonMapping, JsonObject
from policies.compiled.form.codec import Codec
from policies.compiled.model import Route, Share
from policies.compiled.policy import CompiledPolicy
from policies.compiled.rollout_plan import WHOLE, CohortHeader
from policies.http.filters import FilterChain, Mirror
from policies.http.request import Request
from policies.routing.match import Condition

HEADER = Codec(CohortHeader)


class RolloutOverride(NamedTuple):
    """A `route` with the weights of its rollout. `to`: the new pool; requests with one of
    `headers`, and clients with one of `keys`, go there whatever the weights are. `counts`: the
    outcomes of requests are reported to the Coordinator, under the name of the `run`."""

    route: Route
    to: Share
    source: str
    rollout: str
    run: str
    weight: float
    headers: tuple[Condition, ...]
    keys: frozenset[str]
    counts: bool

    def takes(self, request: Request, key_id: str) -> bool:
        """Return whether the request belongs to a cohort, which goes to the new pool first."""
        if key_id in self.keys:
            return True
        given = request.headers
        return any(condition.holds(given.get(condition.name)) for condition in self.headers)

    def side(self, pool: str) -> str | None:
        """Return `to` or `from`; None for a pool outside the rollout."""
        if pool == self.to.name:
            return "to"
        return "from" if pool == self.source else None

    def part(self, pool: str) -> str:
        """Return what a response of `pool` counts for, in one word: run and side; `-` for
        nothing."""
        side = self.side(pool) if self.counts else None
        return f"{self.run}/{side}" if side else "-"


OverridesByRoute = Mapping[str, RolloutOverride]  # by route
NOTHING: OverridesByRoute = MappingProxyType({})


class RolloutOverrides:
    """The rollouts that the Coordinator has described. `is_known`: whether it has done so yet."""

    def __init__(self) -> None:
        self.is_known = False
        self.runs: dict[
            str, JsonObject
        ] = {}  # by the name of the rollout, as the Coordinator described them
        self._routes: OverridesByRoute = NOTHING
        self._policy: CompiledPolicy | None = None

    def learn(self, rollouts: Iterable[JsonObject], *, is_all: bool) -> None:
        """Take rollouts from the Coordinator. Unless these are all, others stay as they were."""
        runs = {str(rollout.get("name")): rollout for rollout in rollouts}
        runs = runs if is_all else self.runs | runs
        self.is_known = True
        if runs != self.runs:
            self.runs, self._policy = runs, None

    @property
    def counted(self) -> frozenset[str]:
        """Return the runs whose requests are counted."""
        runs = self.runs.values()
        return frozenset(str(rollout.get("run")) for rollout in runs if rollout.get("counts"))

    @property
    def moves(self) -> bool:
        """Return whether a rollout is active, so that weights may change soon."""
        return any(rollout.get("is_on") for rollout in self.runs.values())

    def of(self, policy: CompiledPolicy) -> OverridesByRoute:
        """Return the overrides of routes of `policy`, by the names of the routes."""
        if policy is not self._policy:
            self._routes = overrides_of(policy, self.runs.values()) if self.runs else NOTHING
            self._policy = policy
        return self._routes


def overrides_of(policy: CompiledPolicy, rollouts: Iterable[JsonObject]) -> OverridesByRoute:
    """Return the override of each route that `rollouts`, as the Coordinator describes them,
    change."""
    found: dict[str, RolloutOverride] = {}
    for rollout in rollouts:
        try:
            weights = dict(rollout["weights"])
            routes = [route for route in policy.routes if route.name in weights]
            overrides = [_override(route, rollout, float(weights[route.name])) for route in routes]
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        found |= {override.route.name: override for override in overrides if override}
    return MappingProxyType(found)


def _override(route: Route, rollout: JsonMapping, weight: float) -> RolloutOverride | None:
    pools = {share.name: share for share in (*route.shares, *route.dormant)}
    source, to = pools.get(rollout["from"]), pools.get(rollout["to"])
    if source is None or to is None or not 0 <= weight <= WHOLE:
        return None
    together = source.weight + to.weight
    pools[to.name] = replace(to, weight=together * weight / WHOLE)
    pools[source.name] = replace(source, weight=together * (WHOLE - weight) / WHOLE)
    shares = sorted(
        (share for share in pools.values() if share.weight), key=lambda s: (-s.weight, s.name)
    )
    changed = route._replace(shares=tuple(shares), total=sum(share.weight for share in shares))
    if rollout["mirror"]:
        changed = _mirrored(changed, source.name, Mirror(to.name, rollout["mirror"], False, "to"))
    return RolloutOverride(
        changed,
        pools[to.name],
        source.name,
        rollout["name"],
        rollout["run"],
        weight,
        tuple(_condition(value) for kind, value in rollout["cohorts"] if kind == "header"),
        frozenset(key for kind, ids in rollout["cohorts"] if kind == "key" for key in ids),
        bool(rollout["counts"]),
    )


def _mirrored(route: Route, pool: str, mirror: Mirror) -> Route:
    """Return the route with a mirror for the requests of `pool`."""
    plan = route.plan_for(pool) or FilterChain(None, None, None, None, ())
    plan = plan._replace(mirrors=(*plan.mirrors, mirror))
    return route._replace(plans={**(route.plans or {}), pool: plan})


def _condition(value: Json) -> Condition:
    header = HEADER.read(value)
    program = header.program
    pattern = None if program is None else Matcher(program, Memory())
    return Condition(header.name, header.value, pattern)
