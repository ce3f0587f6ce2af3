"""The text of each step of an explanation."""

from __future__ import annotations

from collections.abc import Sequence

from policies.access.rate_limits import Limit
from policies.balancing.availability import Availability
from policies.balancing.choose import Forward
from policies.balancing.pick import Pick
from policies.basics.durations import duration_text
from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.http.cache import CacheRule
from policies.http.filters import SAFE_METHODS, FilterChain
from policies.http.request import Client, Request
from policies.resilience.failover import RetryPolicy
from policies.rollouts.overrides import RolloutOverride

PERIODS = {1_000: "second", 60_000: "minute", 3_600_000: "hour", 86_400_000: "day"}


def limit_text(limit: Limit, key: str) -> str:
    """The rate of a limit, and which requests it counts together: those with `key`."""
    rate, by = limit.rate, f"header {limit.header}" if limit.by == "header" else limit.by
    period = PERIODS.get(rate.per_ms) or duration_text(rate.per_ms)
    return (
        f"{limit.name} by {by} {key or '(none)'}: {rate.requests} per {period}, burst {rate.burst}"
    )


def key_text(outcome: Forward) -> str:
    if outcome.source:
        source = outcome.source
        return f"key from {source.kind}{f':{source.name}' if source.name else ''}"
    if outcome.new_cookie:
        return f"no key yet: the response sets one in cookie {outcome.new_cookie.name}"
    return "no sticky key"


def pick_text(picked: Pick, availability: Availability | None) -> str:
    who, variant = f"key {picked.identity.key.id}", picked.variant
    if variant is None:
        return f"{who} selects pool {picked.share.name}, without its fallbacks"
    is_out = availability is not None and (
        variant.name in availability.out or variant.name in availability.half_open
    )
    states = [word for word, holds in (("drained", variant.drain), ("down", is_out)) if holds]
    though = f", although it is {' and '.join(states)}" if states else ""
    return f"{who} selects variant {variant.name}{though}; no other variant is tried"


def rollout_text(override: RolloutOverride, request: Request, key_id: str) -> str:
    rollout, to = f"rollout {override.rollout}", override.to.name
    if override.takes(request, key_id):
        return f"{rollout} sends this client to pool {to}: it belongs to a cohort"
    both = f"pools {override.source} and {to}"
    return f"{rollout} gives {to} {override.weight:.4g}% of the traffic of {both}"


def split_text(outcome: Forward) -> str:
    route = outcome.route
    shares = ", ".join(
        f"{share.name} {100 * share.weight / route.total:.4g}%" for share in route.shares
    )
    if len(route.shares) == 1:
        return f"all requests go to pool {outcome.share.name}"
    if outcome.source:
        return f"{shares}; this key goes to {outcome.share.name}"
    return f"{shares}, at random; shown: {outcome.share.name}"


def region_text(policy: CompiledPolicy, client: Client, outcome: Forward) -> str:
    if not policy.has_regions:
        return "the policy has no regions"
    if outcome.region is None:
        return "no region claims the client"
    regions = policy.regions
    for kind, code, table in (
        ("colo", client.colo, regions.colos),
        ("country", client.country, regions.countries),
        ("continent", client.continent, regions.continents),
    ):
        if code in table:
            return f"{outcome.region}, by {kind} {code}"
    unsaid = " (no continent is given)" if regions.continents and not client.continent else ""
    return f"{outcome.region}, the default region{unsaid}"


def variants_text(
    policy: CompiledPolicy, outcome: Forward, availability: Availability | None
) -> str:
    """The variants that are tried, in order, and why the others are not."""
    names = ", ".join(variant.name for variant in outcome.candidates)
    if outcome.panic:
        some = availability is not None and outcome.candidates[0].pool in availability.panic
        lack = "too few variants are in service" if some else "no variant is in service"
        return f"{lack}, so health is ignored: {names}"
    if outcome.is_probe_request:
        names += f"; this is the probe request of {outcome.candidates[0].name}"
    tiers = policy.order(outcome.share.chain, outcome.region).tiers
    rest = [variant for tier in tiers for variant in tier if variant not in outcome.candidates]
    others = ", ".join(f"{v.name} ({'drained' if v.drain else 'down'})" for v in rest)
    return f"{names}; left out: {others}" if others else names


def hedge_text(terms: RetryPolicy, second: Variant) -> str:
    hedge = terms.hedge
    after = duration_text(hedge) if isinstance(hedge, int) else "the route's 95th percentile"
    return f"also to variant {second.name} if no response has begun after {after}"


def filter_texts(plan: FilterChain) -> list[str]:
    """What each filter of a pool does."""
    texts = []
    for side, changes in (("request", plan.request), ("response", plan.response)):
        if changes:
            verbs = (
                ("sets", list(changes.set)),
                ("adds", list(dict.fromkeys(name for name, _ in changes.added))),
                ("removes", changes.removed),
            )
            edits = "; ".join(f"{verb} {', '.join(names)}" for verb, names in verbs if names)
            texts.append(f"{side} headers: {edits}")
    if plan.host:
        texts.append(f"rewrite: host {plan.host}, in the URL and in `Host`")
    if plan.path:
        what = "path" if plan.path.kind == "full" else "matched prefix"
        texts.append(f"rewrite: {what} to {plan.path.text or '/'}")
    return texts


def cache_text(rule: CacheRule, request: Request, variant: Variant, regions: Sequence[str]) -> str:
    """Whether the cache may answer. `regions`: those of the variant's pool, in the order in which
    they serve the client."""
    if variant.drain and rule.takes(request):
        return f"not from the cache: variant {variant.name} is drained"
    if rule.takes(request):
        by = f", varies by {', '.join(rule.vary)}" if rule.vary else ""
        stale = f", then stale for {duration_text(rule.stale_ms)}" if rule.stale_ms else ""
        only = (
            f", for clients of regions {', '.join(filter(None, regions))}" if any(regions) else ""
        )
        fresh = f"fresh for {duration_text(rule.ttl_ms)}"
        return f"answered from the cache if stored: {fresh}{stale}{by}{only}"
    carried = [name for name in rule.refused if name in request.headers]
    if carried:
        return f"not from the cache: the request has {', '.join(carried)}, which `vary` lacks"
    if request.method not in SAFE_METHODS:
        return "not from the cache; a successful response invalidates what is stored for this URL"
    return "not from the cache: only GET and HEAD without a body, a range or an upgrade are"
