"""What rollouts look at beside themselves: the policy as it is now, and who is unwell.

The `mark` of a plan names everything that a rollout under way relies on: the plan itself, the
splits and sticky keys of its routes, the variants it leads to. If any of that is edited, the
mark is another.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from policies.compiled.model import Route, Variant
from policies.compiled.policy import CompiledPolicy
from policies.compiled.rollout_plan import WHOLE, RolloutPlan, step_to_dict

Splits = dict[str, list[list[Any]]]  # route: pool and weight


class Setting(NamedTuple):
    """What the policy has around a plan; `shares`: by route, the percentage of what both
    pools have together that goes to the second by the file."""

    mark: str
    splits: Splits
    shares: dict[str, float]


class Planned(NamedTuple):
    plan: RolloutPlan
    setting: Setting


class RolloutContext(NamedTuple):
    """`plans`: by name, in the policy's order. `unwell` names the variants that fail,
    `drilled` those that a drill makes fail."""

    plans: Mapping[str, Planned]
    variants: tuple[Variant, ...]
    unwell: Container[str] = ()
    drilled: Container[str] = ()


def world_of(policy: CompiledPolicy) -> RolloutContext:
    """With everybody well."""
    plans = {plan.name: Planned(plan, _setting(policy, plan)) for plan in policy.rollouts}
    return RolloutContext(plans, policy.variants)


def _setting(policy: CompiledPolicy, plan: RolloutPlan) -> Setting:
    wanted = set(plan.routes)
    routes = [route for route in policy.routes if route.name in wanted]
    splits = {route.name: _split(route) for route in routes}
    sticky = {route.name: [route.seed, _sources(route)] for route in routes}
    reached = [[v.name, v.upstream, v.override] for v in policy.variants if v.pool == plan.to]
    # As it was written: tables have another form in another version of the router.
    steps = [step_to_dict(step) for step in plan.steps]
    written: list[object] = [*plan._replace(steps=()), []]
    whole = json.dumps([written, steps, splits, sticky, reached], sort_keys=True)
    shares = {name: _share(split, plan) for name, split in splits.items()}
    return Setting(blake2b(whole.encode(), digest_size=8).hexdigest(), splits, shares)


def _sources(route: Route) -> list[tuple[str, str, int]]:
    return [(source.kind, source.name, source.set_for) for source in route.sticky]


def _split(route: Route) -> list[list[Any]]:
    return sorted([share.name, share.weight] for share in (*route.shares, *route.dormant))


def _share(split: list[list[Any]], plan: RolloutPlan) -> float:
    weights = {str(pool): float(weight) for pool, weight in split}
    together = weights.get(plan.source, 0) + weights.get(plan.to, 0)
    return WHOLE * weights.get(plan.to, 0) / together if together else 0.0
