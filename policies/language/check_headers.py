"""Headers to which a filter adds a value, although they have one and no list.

Together with what was there it makes a value that nobody reads. Joining is right for lists
(RFC 9110, section 5.3), and for headers with a separator of their own, which the router knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.language.filters import BackendFilters
from policies.language.findings import Path, shown
from policies.language.found import Found
from policies.language.model import Policy, Route

# RFC 9110 and 9111, Fetch, RFC 6797, RFC 6454, RFC 6266: those that are no lists.
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
    """Values that are added to a header of one value."""
    for index, route in enumerate(policy.routes):
        for path, filters in _filters(index, route):
            for side in ("request_headers", "response_headers"):
                changes = getattr(filters, side)
                for at, header in enumerate(changes.add if changes else ()):
                    if header.name.lower() in ONE_VALUE:
                        message = f"`{shown(header.name)}` has one value: `add` makes two of it "
                        message += "where there is one already, and then nobody reads it"
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
