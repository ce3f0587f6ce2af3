"""What the steps of an explanation say, in words."""

from __future__ import annotations

from collections.abc import Sequence

from policies.balancing.availability import Availability
from policies.balancing.choose import Forward
from policies.balancing.pick import Pick
from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.http.cache import CacheRule
from policies.http.filters import SAFE_METHODS, FilterChain
from policies.http.request import Client, Request
from policies.resilience.failover import RetryPolicy
from policies.rollouts.overrides import RolloutOverride


def key_text(outcome: Forward) -> str:
    if outcome.source:
        source = outcome.source
        return f"the key comes from {source.kind}{f':{source.name}' if source.name else ''}"
    if outcome.new_cookie:
        return f"no source has a key; the client gets cookie {outcome.new_cookie.name} with one"
    return "no sticky key"


def pick_text(picked: Pick, availability: Availability | None) -> str:
    who, variant = f"key {picked.identity.key.id}", picked.variant
    if variant is None:
        return f"{who} picks pool {picked.share.name}, without its fallbacks"
    is_out = availability is not None and (
        variant.name in availability.out or variant.name in availability.half_open
    )
    states = [word for word, holds in (("drained", variant.drain), ("down", is_out)) if holds]
    though = f", although it is {' and '.join(states)}" if states else ""
    return f"{who} picks variant {variant.name}{though}; nobody else is tried"


def rollout_text(override: RolloutOverride, request: Request, key_id: str) -> str:
    to = override.to.name
    if override.takes(request, key_id):
        return f"{override.rollout} sends this client to pool {to}: it is one of the first"
    both = f"{override.source} and {to} together"
    return f"{override.rollout} gives pool {to} {override.weight:.4g}% of what {both} have"


def split_text(outcome: Forward) -> str:
    route = outcome.route
    shares = ", ".join(
        f"{share.name} {100 * share.weight / route.total:.4g}%" for share in route.shares
    )
    if len(route.shares) == 1:
        return f"pool {outcome.share.name} takes all"
    if outcome.source:
        return f"the key belongs to pool {outcome.share.name} of {shares}"
    return f"at random among {shares}; shown: {outcome.share.name}"


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
    """Who is tried, and why the others are not."""
    names = ", ".join(variant.name for variant in outcome.candidates)
    if outcome.panic:
        some = availability is not None and outcome.candidates[0].pool in availability.panic
        why = "too few are in service, so health is not looked at"
        return f"{why if some else 'nothing is in service; tried all the same'}: {names}"
    if outcome.is_probe_request:
        names += f"; {outcome.candidates[0].name} is tried once, to see whether it is well"
    tiers = policy.order(outcome.share.chain, outcome.region).tiers
    rest = [each for tier in tiers for each in tier if each not in outcome.candidates]
    others = ", ".join(f"{each.name} ({'drained' if each.drain else 'down'})" for each in rest)
    return f"{names}; left out: {others}" if others else names


def hedge_text(terms: RetryPolicy, second: Variant) -> str:
    time = f"{terms.hedge} ms"
    if terms.hedge == "p95":
        time = "the time that 95 of 100 answers of the route take"
    return f"also to variant {second.name}, if no answer has begun after {time}"


def filter_texts(plan: FilterChain) -> list[str]:
    """What the filters of a pool do, one by one."""
    texts = []
    for side, changes in (("request", plan.request), ("response", plan.response)):
        if changes:
            verbs = (
                ("sets", list(changes.set)),
                ("adds", list(dict.fromkeys(name for name, _ in changes.added))),
                ("removes", changes.removed),
            )
            said = "; ".join(f"{verb} {', '.join(names)}" for verb, names in verbs if names)
            texts.append(f"{side} headers: {said}")
    if plan.host:
        texts.append(f"rewrite: host {plan.host}, in the URL and in `Host`")
    if plan.path:
        what = "path" if plan.path.kind == "full" else "matched prefix"
        texts.append(f"rewrite: {what} to {plan.path.text or '/'}")
    return texts


def cache_text(rule: CacheRule, request: Request, variant: Variant, regions: Sequence[str]) -> str:
    """`regions`: in which order those of the variant's pool serve the client."""
    if variant.drain and rule.takes(request):
        return f"not from the cache: variant {variant.name} is drained"
    if rule.takes(request):
        by = f", by {', '.join(rule.vary)}" if rule.vary else ""
        stale = f", then stale for {rule.stale_ms / 1000:g} s" if rule.stale_ms else ""
        only = (
            f", for clients of regions {', '.join(filter(None, regions))}" if any(regions) else ""
        )
        fresh = f"fresh for {rule.ttl_ms / 1000:g} s"
        return f"given from the cache if it is there: {fresh}{stale}{by}{only}"
    carried = [name for name in rule.refused if name in request.headers]
    if carried:
        return f"not from the cache: {', '.join(carried)} is not in `vary`"
    if request.method not in SAFE_METHODS:
        return "not from the cache; a good answer voids what is kept of this URL"
    return "not from the cache: only GET and HEAD without a body, a range or an upgrade are"
