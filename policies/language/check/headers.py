"""Warnings about filters that add a value to a header that can have only one.

Two values make such a header invalid. Values can be joined only in list headers (RFC 9110,
section 5.3) and in headers with a separator of their own, which the router knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.language.findings.findings import Path, shown
from policies.language.findings.found import Found
from policies.language.model.filters import BackendFilters
from policies.language.model.policy import Policy, Route

# Headers that are not lists: RFC 9110 and 9111, Fetch, RFC 6797, RFC 6454, RFC 6266.
ONE_VALUE = frozenset(
    {
        *("access-control-allow-credentials", "access-control-allow-origin"),
        *("access-control-max-age", "access-control-request-method", "age", "authorization"),
        *("content-disposition", "content-location", "content-range", "content-type"),
        *("cross-origin-embedder-policy", "cross-origin-opener-policy"),
        *("cross-origin-resource-policy", "date", "etag", "expires", "from", "if-modified-since"),
        *("if-range", "if-unmodified-since", "last-modified", "location", "max-forwards"),
        *("origin", "proxy-authorization", "range", "referer", "retry-after"),
        *("strict-transport-security", "upgrade-insecure-requests", "x-content-type-options"),
        *("x-frame-options",),
    }
)


def doubtful_headers(policy: Policy) -> Iterator[Found]:
    """Yield a finding for each value that is added to a header with one value."""
    for index, route in enumerate(policy.routes):
        for path, filters in _filters(index, route):
            for side in ("request_headers", "response_headers"):
                changes = getattr(filters, side)
                for at, header in enumerate(changes.add if changes else ()):
                    if header.name.lower() in ONE_VALUE:
                        message = f"`{shown(header.name)}` can have only one value: if it is "
                        message += "there already, `add` makes it invalid"
                        hint = f"write `set: [{{name: {shown(header.name)}, value: …}}]`, "
                        hint += "which replaces it"
                        yield "one-value", (*path, side, "add", at, "name"), message, hint


def _filters(index: int, route: Route) -> Iterator[tuple[Path, BackendFilters]]:
    path: Path = ("routes", index)
    if route.filters:
        yield (*path, "filters"), route.filters
    for pool, share in (route.split or {}).items():
        if share.filters:
            yield (*path, "split", pool, "filters"), share.filters
