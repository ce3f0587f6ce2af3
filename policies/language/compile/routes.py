"""Compiles routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.access.authenticate import Needs
from policies.access.rate_limits import Limit, route_limits
from policies.access.sticky import Source
from policies.compiled.model import Route, Share
from policies.http.answer import DirectResponse
from policies.http.limits import Sizes
from policies.language.compile.filters import (
    compiled_cache,
    compiled_cors,
    compiled_redirect,
    filter_chain,
    filter_chains,
)
from policies.language.compile.once import Once
from policies.language.compile.rollouts import dormant_pools
from policies.language.model import policy as model
from policies.language.model.auth import Auth, RouteAuth
from policies.language.model.failover import Failover
from policies.language.model.filters import Backend
from policies.language.values.failover import NO_BUDGET
from policies.resilience.failover import RetryPolicy
from policies.routing.override import Override

Chain = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Making:
    """What routes are compiled with: their policy, its limits by name, what they share."""

    policy: model.Policy
    limits: Mapping[str, Limit]
    once: Once = field(default_factory=Once)


def compiled_route(stated: model.Route, making: Making) -> Route:
    """Return the route; one that answers itself leads nowhere."""
    filters, once, auth = stated.filters, making.once, making.policy.auth
    redirect = filters.redirect if filters else None
    cors, cache = (filters.cors, filters.cache) if filters else (None, None)
    limits = [making.limits[name] for name in stated.rate_limits]
    route = Route(
        name=stated.name,
        sizes=once.of(_sizes(making.policy, stated)),
        needs=once.of(_needs(stated.auth)) if stated.auth else None,
        rate_limits=once.of(route_limits(limits)) if limits else None,
        plan=filter_chain(stated, once),
        plans=filter_chains(stated, once),
        cors=compiled_cors(cors, once) if cors else None,
        cache=once.of(compiled_cache(cache, key_headers(auth))) if cache else None,
        respond=_respond(stated.respond) if stated.respond else None,
        redirect=compiled_redirect(redirect) if redirect else None,
    )
    return route if route.respond or route.redirect else _leading(route, stated, making)


def _leading(route: Route, stated: model.Route, making: Making) -> Route:
    """Return the same route with where it leads."""
    once, split = making.once, stated.split or {}
    chains = _chains(making.policy, split)
    shares = [Share(pool, part.weight, once.of(chains[pool])) for pool, part in split.items()]
    leading = sorted(
        (share for share in shares if share.weight > 0),
        key=lambda share: (-share.weight, share.name),
    )
    dormant = [Share(pool, 0, once.of(chains[pool])) for pool in dormant_pools(stated)]
    return route._replace(
        seed=stated.seed or stated.name,
        shares=once.of(tuple(leading)),
        total=sum(share.weight for share in leading),
        sticky=once.of(tuple(_source(source, making.policy.auth) for source in stated.sticky)),
        failover=once.of(_failover(stated.failover)),
        request_ms=stated.timeouts.request,
        backend_request_ms=stated.timeouts.backend_request,
        dormant=once.of(tuple(sorted(dormant, key=lambda share: share.name))),
        override=_override(stated.override, chains) if stated.override else None,
    )


def _sizes(policy: model.Policy, route: model.Route) -> Sizes:
    own, common = route.limits, policy.limits
    url = common.url if own is None or own.url is None else own.url
    return Sizes(url, common.body if own is None or own.body is None else own.body)


def _needs(auth: RouteAuth) -> Needs:
    return Needs(frozenset(auth.scopes), auth.forward_credentials)


def _respond(respond: model.Respond) -> DirectResponse:
    headers = tuple((header.name.lower(), header.value) for header in respond.headers)
    return DirectResponse(respond.status, headers, respond.body)


def _chains(policy: model.Policy, split: Mapping[str, Backend]) -> dict[str, Chain]:
    """Return each pool of a split with its fallbacks, in order; nothing for a part that has no
    backend."""
    first = next(pool for pool, share in split.items() if share.backend is None)
    return {
        pool: () if share.backend else _chain(policy, pool, first) for pool, share in split.items()
    }


def _chain(policy: model.Policy, pool: str, first: str) -> Chain:
    stated = policy.pools[pool].fallback if pool in policy.pools else None
    return tuple(dict.fromkeys([pool, *([first] if stated is None else stated)]))


def _override(header: str, chains: Mapping[str, Chain]) -> Override:
    pools = frozenset(pool for pool, chain in chains.items() if chain)
    reach = frozenset(name for chain in chains.values() for name in chain)
    return Override(header=header.lower(), pools=pools, reach=reach)


def _failover(failover: Failover) -> RetryPolicy:
    return RetryPolicy(
        attempts=failover.attempts,
        codes=frozenset(code for code in failover.on if isinstance(code, int)),
        connect="connect" in failover.on,
        timeout="timeout" in failover.on,
        non_idempotent=failover.non_idempotent,
        again=failover.same_variant,
        backoff_ms=failover.backoff,
        buffer=failover.buffer,
        budget=None if failover.budget == NO_BUDGET else failover.budget,
        hedge=failover.hedge,
    )


def _source(source: model.StickySource, auth: Auth) -> Source:
    if source.header is not None:
        return Source("header", source.header.lower())
    if source.cookie is not None:
        return Source("cookie", source.cookie, source.max_age // 1000 if source.set else 0)
    return Source("api_key", " ".join(key_headers(auth))) if source.api_key else Source("ip")


def key_headers(auth: Auth) -> list[str]:
    """Return the headers that API keys come in."""
    return list(dict.fromkeys(name.lower() for name in auth.header))
