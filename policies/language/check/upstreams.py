"""Checks of variants with a URL.

The router's machine sends requests to a URL, so it must not lead into a private network, and
traffic over the Internet must be encrypted. Both are lifted only on a developer's machine. Only DNS
knows where a name leads: that is checked when a request is sent (`router/edge/runtime/guard.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic_core import PydanticCustomError

from policies.language.findings.findings import Path, shown
from policies.language.findings.found import Found, mapping_in
from policies.language.model.filters import BackendFilters
from policies.language.model.policy import Policy, Route
from policies.language.values.upstreams import read_upstream_url
from workers_runtime.networks import is_public
from workers_runtime.urls import parse_url

PRIVATE_UPSTREAM = "private-upstream"


def _upstreams(policy: object) -> Iterator[Found]:
    for name, variant in mapping_in(policy, "variants").items():
        written = variant.get("url") if isinstance(variant, dict) else None
        try:
            url = parse_url(read_upstream_url(written))
        except PydanticCustomError:
            continue  # the model reports it
        path: Path = ("variants", name, "url")
        if not is_public(url.host, url.address):
            message = f"`{shown(url.host)}` is no public host, so nothing is sent to it"
            hint = "write the name of a public host; on your own machine, `router dev "
            hint += "--allow-private` lifts this, and ROUTER_ALLOW_PRIVATE=1 for the other commands"
            yield PRIVATE_UPSTREAM, path, message, hint
        elif url.address is not None:
            message = "Cloudflare's network sends no requests to addresses, only to host names"
            yield "upstream-by-address", path, message, "write the server's name"
        elif url.scheme == "http":
            message = "requests would not be encrypted: whoever is on the way could read and "
            message += "change them"
            hint = f"write `https://{shown(url.text.removeprefix('http://').rstrip('/'))}`"
            yield "plaintext-upstream", path, message, hint


def doubtful_upstreams(policy: Policy) -> Iterator[Found]:
    """Yield findings about URLs that may lead back to the router, and about rewritten hosts that
    no server with a URL gets."""
    yield from _loops(policy)
    yield from _unsent_hosts(policy)


def _loops(policy: Policy) -> Iterator[Found]:
    served = {host: route.name for route in policy.routes for host in route.hostnames}
    for name, variant in policy.variants.items():
        host = parse_url(variant.url).host if variant.url else ""
        labels = host.split(".")
        wild = ("*." + ".".join(labels[at:]) for at in range(1, len(labels)))
        found = (
            next((served_host for served_host in (host, *wild) if served_host in served), None)
            if host
            else None
        )
        if found is None:
            continue
        message = f"route `{shown(served[found])}` serves `{shown(found)}`, so requests to this "
        message += "URL may come back to the router"
        hint = "give the server a host name of its own that does not lead to the router"
        yield "upstream-loop", ("variants", name, "url"), message, hint


def _unsent_hosts(policy: Policy) -> Iterator[Found]:
    by_url = {variant.pool: name for name, variant in policy.variants.items() if variant.url}
    if not by_url:
        return
    for index, route in enumerate(policy.routes):
        for path, filters, pools in _filters(index, route):
            pool = next((candidate for candidate in pools if candidate in by_url), None)
            if pool is None or filters.rewrite is None or filters.rewrite.hostname is None:
                continue
            message = f"variant `{shown(by_url[pool])}` of pool `{shown(pool)}` gets the host of "
            message += "its URL, whatever is written here"
            hint = "write the host in the `url` of the variant, or put the variants that need "
            hint += "this into another pool"
            yield "host-not-sent", (*path, "rewrite", "hostname"), message, hint


def _filters(index: int, route: Route) -> Iterator[tuple[Path, BackendFilters, list[str]]]:
    """Yield filters with their path and the pools whose variants they are for."""
    path: Path = ("routes", index)
    split = route.split or {}
    if route.filters:
        yield (*path, "filters"), route.filters, list(split)
    for pool, share in split.items():
        if share.filters:
            yield (*path, "split", pool, "filters"), share.filters, [pool]


# A rule for each check of the plain document.
UPSTREAM_RULES: tuple[Callable[[object], Iterator[Found]], ...] = (_upstreams,)
