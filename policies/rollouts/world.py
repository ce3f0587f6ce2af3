"""What decides about rollouts besides themselves: the current policy, and the unhealthy variants.

The `mark` of a plan covers everything that an active rollout relies on: the plan, the splits and
sticky keys of its routes, and their variants. If any of these is edited, the mark changes.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from hashlib import blake2b
from typing import NamedTuple

from policies.compiled.model import Route, Variant
from policies.compiled.policy import CompiledPolicy
from policies.compiled.rollout_plan import WHOLE, RolloutPlan, step_to_dict

SplitEntry = list[str | float]  # a pool and its weight, as JSON
Splits = dict[str, list[SplitEntry]]  # by route


class Setting(NamedTuple):
    """What the policy has around a plan. `shares`: by route, the percentage of the new pool in the
    traffic of both pools, by the policy."""

    mark: str
    splits: Splits
    shares: dict[str, float]


class Planned(NamedTuple):
    plan: RolloutPlan
    setting: Setting


class RolloutContext(NamedTuple):
    """The current policy and health. `plans`: by name, in the policy's order; `unwell`: the names
    of the variants that fail; `drilled`: those that a drill makes fail."""

    plans: Mapping[str, Planned]
    variants: tuple[Variant, ...]
    unwell: Container[str] = ()
    drilled: Container[str] = ()


def world_of(policy: CompiledPolicy) -> RolloutContext:
    """Return the context of a policy with all variants healthy."""
    plans = {plan.name: Planned(plan, _setting(policy, plan)) for plan in policy.rollouts}
    return RolloutContext(plans, policy.variants)


def _setting(policy: CompiledPolicy, plan: RolloutPlan) -> Setting:
    wanted = set(plan.routes)
    routes = [route for route in policy.routes if route.name in wanted]
    splits = {route.name: _split(route) for route in routes}
    sticky = {route.name: [route.seed, _sources(route)] for route in routes}
    reached = [[v.name, v.upstream, v.override] for v in policy.variants if v.pool == plan.to]
    # Of the written form: tables differ between versions of the router.
    steps = [step_to_dict(step) for step in plan.steps]
    written: list[object] = [*plan._replace(steps=()), []]
    whole = json.dumps([written, steps, splits, sticky, reached], sort_keys=True)
    shares = {name: _share(split, plan) for name, split in splits.items()}
    return Setting(blake2b(whole.encode(), digest_size=8).hexdigest(), splits, shares)


def _sources(route: Route) -> list[tuple[str, str, int]]:
    return [(source.kind, source.name, source.set_for) for source in route.sticky]


def _split(route: Route) -> list[SplitEntry]:
    pairs = sorted((share.name, share.weight) for share in (*route.shares, *route.dormant))
    return [[name, weight] for name, weight in pairs]


def _share(split: list[SplitEntry], plan: RolloutPlan) -> float:
    weights = {str(pool): float(weight) for pool, weight in split}
    together = weights.get(plan.source, 0) + weights.get(plan.to, 0)
    return WHOLE * weights.get(plan.to, 0) / together if together else 0.0
