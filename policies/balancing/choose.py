"""The decisions about one request: its target, its rule, and the variants to try.

Each function makes one decision and returns a value; `policies/proxy` has their order. The result
is a `Forward` (variants to try, in order), a `Fixed` response of the policy, or a `Problem`. Values
that are built for each request are named tuples, which cost a third of a frozen dataclass. Pure:
randomness is passed in as `rng`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Literal, NamedTuple

from policies.access.given import UNSEALED, Sealing
from policies.access.sticky import Source, sticky_key
from policies.balancing.availability import Availability
from policies.balancing.candidates import SelectionKey, candidates, new_key
from policies.balancing.pick import Pick
from policies.balancing.split import choose
from policies.compiled.model import Route, Share, Variant
from policies.compiled.policy import CompiledPolicy
from policies.http.answer import DirectResponse
from policies.http.cors import asked_method
from policies.http.filters import Mirror
from policies.http.problems import RETRY_AFTER_S, Problem
from policies.http.request import Request
from policies.http.url import LONGEST, BadHost, BadPath, RequestTarget, host_of, parse_target
from policies.resilience.failover import may_repeat
from policies.rollouts.overrides import RolloutOverride
from policies.routing.match import Miss, Rule


class Forward(NamedTuple):
    """A request that goes to a variant.

    `candidates`: the variants to try, in order, never empty. `panic`: they are tried although they
    are not in service, since too few are. `is_probe_request`: the first one is half-open, and this
    is its probe request. `new_cookie`: the source whose cookie the response sets, with `key` as its
    value. `rollout_override`: that of the route, whose weights `route` has. `pick`: what the
    request itself selected.
    """

    route: Route
    candidates: tuple[Variant, ...]
    share: Share
    region: str | None
    key: str
    source: Source | None
    new_cookie: Source | None
    panic: bool
    is_probe_request: bool
    rollout_override: RolloutOverride | None = None
    pick: Pick | None = None


class Fixed(NamedTuple):
    """A response of the policy at the edge. `step` says by which field."""

    route: Route
    answer: DirectResponse
    step: Literal["preflight", "redirect", "respond"] = "respond"


def read_target(
    policy: CompiledPolicy, url: str, headers: Mapping[str, str]
) -> RequestTarget | Problem:
    """Return the request's URL in its one spelling, or why it is refused."""
    target = parse_target(url, policy.merge_slashes)
    if isinstance(target, BadPath):
        return Problem("bad-path", f"The path contains {target.reason}.")
    # Two `Host` headers arrive joined, which is no host. One may differ from the URL's host.
    host = headers.get("host", "")
    is_bad = len(host) > LONGEST or ("host" in headers and host_of(host) is None)
    if isinstance(target, BadHost) or is_bad:
        return Problem("bad-request", "The request names no host, or several.")
    return target


def find_rule(policy: CompiledPolicy, request: Request) -> Rule | Problem:
    """Return the rule that takes `request`, or the problem if none does."""
    rule = policy.matcher.find(request)
    return _not_found(rule) if isinstance(rule, Miss) else rule


def answer_preflight(policy: CompiledPolicy, request: Request) -> tuple[Rule, Fixed] | None:
    """Return the response to `request` if it is a preflight, and the rule that gives it: the rule
    of the request that the preflight is for, if pages of other origins may use it."""
    method = policy.has_cors and asked_method(request.method, request.headers)
    if not method:
        return None
    rule = policy.matcher.find(replace(request, method=method))
    if isinstance(rule, Miss):
        return None
    route = policy.routes[rule.route]
    if route.cors is None:
        return None
    answer = route.cors.preflight(request.headers, keyed=route.needs is not None)
    return rule, Fixed(route, answer, "preflight")


def choose_mirror(
    policy: CompiledPolicy,
    choice: Forward,
    mirror: Mirror,
    rng: Random,
    availability: Availability | None = None,
) -> Variant | None:
    """Return the variant of the mirror's pool that gets the copy; None if none is in service. There
    is no fallback: a copy must not load other pools."""
    tiers = policy.order((mirror.pool,), choice.region).tiers
    asking = SelectionKey(choice.route.seed, choice.key, is_given=False, repeatable=False)
    found = candidates(tiers, asking, rng, availability)
    return found.variants[0] if found.variants and not found.panic else None


def choose_variants(
    policy: CompiledPolicy,
    route: Route,
    request: Request,
    rng: Random,
    availability: Availability | None = None,
    rollout_override: RolloutOverride | None = None,
    key_id: str = "",
    sealing: Sealing = UNSEALED,
) -> Forward | Problem:
    """Return the variants to try for `request` on `route`. `key_id`: that of the request's API key;
    `sealing`: recognizes cookies that the router set."""
    if rollout_override:
        route = rollout_override.route
    key, source, new_cookie = "", None, None
    if route.sticky:
        key, source = sticky_key(route.sticky, request)
        if not key:
            new_cookie = next((source for source in route.sticky if source.set_for), None)
            key = new_key(rng, policy.drained) if new_cookie else ""
    if rollout_override and rollout_override.takes(request, key_id):
        share = rollout_override.to
    else:
        share = route.shares[0] if len(route.shares) == 1 else _choose_share(route, key, rng)
    region = policy.regions.of(request.client)
    order = policy.order(share.chain, region)
    if order.settled and availability is None:
        chosen, panic, is_probe_request = order.settled, False, False
    else:
        repeatable = may_repeat(route.failover, request.method, request.headers)
        is_given = _is_given(policy, request, source, sealing)
        asking = SelectionKey(route.seed, key, is_given, repeatable)
        chosen, panic, is_probe_request = candidates(order.tiers, asking, rng, availability)
    if not chosen:
        return _no_variant(share)
    return Forward(
        route,
        chosen,
        share,
        region,
        key,
        source,
        new_cookie,
        panic,
        is_probe_request,
        rollout_override,
    )


def _is_given(
    policy: CompiledPolicy, request: Request, source: Source | None, sealing: Sealing
) -> bool:
    """Return whether the router set the request's key in a cookie before. Checked only if that
    matters."""
    if source is None or not source.set_for or not policy.drained:
        return False
    return sealing.is_given(source, request.cookie(source.name))


def choose_picked(
    policy: CompiledPolicy,
    picked: Pick,
    request: Request,
    rng: Random,
    availability: Availability | None = None,
    sealing: Sealing = UNSEALED,
) -> Forward | Problem:
    """Return the target of a request that selects it by a header. The client keeps its sticky
    key."""
    route, share, variant, _ = picked
    if variant is None:
        chosen = choose_variants(policy, route, request, rng, availability, sealing=sealing)
        if isinstance(chosen, Problem):
            return chosen
        return chosen._replace(new_cookie=None, pick=picked)
    region = policy.regions.of(request.client)
    return Forward(route, (variant,), share, region, "", None, None, False, False, None, picked)


def _choose_share(route: Route, key: str, rng: Random) -> Share:
    """Return the share of the split that the key belongs to; without a key, one at random."""
    if key:
        return choose(route.shares, route.seed, key)
    point = rng.random() * route.total
    for share in route.shares:
        point -= share.weight
        if point < 0:
            return share
    return route.shares[0]


def _not_found(miss: Miss) -> Problem:
    if miss.methods:
        methods = ", ".join(sorted(miss.methods))
        detail = f"A route matches this host and path, but only for {methods}."
        return Problem("no-route-for-method", detail)
    return Problem("no-route", "No route matches this host and path.")


def _no_variant(share: Share) -> Problem:
    if not share.chain:
        return Problem("no-backend", "This part of the requests has no backend.")
    detail = "No backend may serve requests from this region."
    return Problem("no-variant", detail, (("retry-after", str(RETRY_AFTER_S)),))
