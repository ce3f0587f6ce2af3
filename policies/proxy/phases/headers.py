"""The headers that a variant gets, and those that are added to its response.

Removed: claims that clients may not make (`claims.py`), and the headers that `Connection` names
(RFC 9110, section 7.6.1). Set: the request's id, its trace (W3C Trace Context), the client's
address and host, the client's identity, and the decision.

A variant with a URL gets neither identity nor decision: anybody can send it requests, so it could
not trust these headers (docs/security.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from policies.access.authenticate import Identity
from policies.access.sticky import Source
from policies.balancing.choose import Fixed
from policies.compiled.model import Route, Variant
from policies.http.changes import Changes
from policies.http.claims import claims_among
from policies.http.loops import HOPS, hops_of
from policies.http.request import Request

# Headers that `Connection` must not remove: the edge's own about the client and the body, and the
# host.
_KEPT = re.compile(r"cf-.*|content-.*|host")
_NOMINATES_CLAIMS = frozenset({"keep-alive", "upgrade"})  # are removed in any case
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~+/=-]{8,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
# Sets a bit in each trace and each span that is drawn, since neither may be all zeros.
_MOST_DRAWN = 64
_NO_ZEROS = sum((1 << 64 | 1) << 192 * at for at in range(_MOST_DRAWN))
VERSION_OVERRIDE = "cloudflare-workers-version-overrides"


class Trace(NamedTuple):
    """The ids of a request. `request_id` is the client's if it is well-formed; `traceparent` is
    this hop's; `continued`: it belongs to a trace of the client."""

    request_id: str
    traceparent: str
    continued: bool


def trace_of(headers: Mapping[str, str], rng: Random) -> Trace:
    """Continue the client's trace, or begin one."""
    return trace_from(headers, fresh_digits(rng, 1)[0])


def fresh_digits(rng: Random, number: int) -> list[str]:
    """Return 48 digits for each of so many requests: those of a trace and of a span in it."""
    bits = rng.getrandbits(192 * number) | _NO_ZEROS >> 192 * (_MOST_DRAWN - number)
    text = f"{bits:0{48 * number}x}"
    return [text[at : at + 48] for at in range(0, len(text), 48)]


class FreshDigits:
    """Digits for one request after another. They are drawn in batches: drawing for each request
    costs several times as much."""

    __slots__ = ("_left", "_rng")

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._left: list[str] = []

    def next(self) -> str:
        if not self._left:
            self._left = fresh_digits(self._rng, _MOST_DRAWN)
        return self._left.pop()

    def forget(self) -> None:
        """Drop the digits that were drawn before the generator had its seed."""
        self._left.clear()


def trace_from(headers: Mapping[str, str], digits: str) -> Trace:
    """Return the trace; `digits` are used for its new parts."""
    fresh, span = digits[:32], digits[32:]
    if not ("x-request-id" in headers or "traceparent" in headers):
        return Trace(fresh, f"00-{fresh}-{span}-00", False)
    request_id = headers.get("x-request-id")
    if request_id is None or not _REQUEST_ID.fullmatch(request_id):
        request_id = fresh  # the number of the trace, if it begins here
    given = headers.get("traceparent")
    parent = _TRACEPARENT.fullmatch(given) if given else None
    if parent is None:
        return Trace(request_id, f"00-{fresh}-{span}-00", continued=False)
    trace, flags = parent.groups()
    return Trace(request_id, f"00-{trace}-{span}-{flags}", continued=True)


def header_changes(
    request: Request,
    route: Route,
    variant: Variant,
    trace: Trace,
    attempt: int,
    identity: Identity | None = None,
) -> Changes:
    """Return the changes of the headers for attempt number `attempt` (from 1) at `variant`.
    `identity`: the client."""
    headers = request.headers
    removed = [*(claims_among(headers) if request.claims is None else request.claims)]
    if "connection" in headers and headers["connection"] not in _NOMINATES_CLAIMS:
        removed += _nominated(headers)
    if route.override and route.override.header in headers:
        removed.append(route.override.header)  # it is for the router
    if not trace.continued and "tracestate" in headers:
        removed.append("tracestate")  # it belongs to a trace that is not continued
    target, ip = request.target, request.client.ip
    added = {
        "x-request-id": trace.request_id,
        "traceparent": trace.traceparent,
        "x-forwarded-host": target.authority,
        "x-forwarded-proto": target.scheme,
    }
    if not variant.url:
        added["x-router-route"], added["x-router-variant"] = route.name, variant.name
    if ip:
        added["x-forwarded-for"] = ip
    if attempt > 1:
        added["x-router-attempt"] = str(attempt)
    if variant.url:
        removed += _not_for_outside(headers, route, identity)
        added[HOPS] = str(hops_of(headers) + 1)
    elif identity:
        if route.needs and not route.needs.forward:
            removed += identity.carried
        added["x-router-key-id"] = identity.key.id
        if identity.key.scopes:
            added["x-router-key-scopes"] = " ".join(sorted(identity.key.scopes))
        if identity.key.metadata:
            added["x-router-key-metadata"] = identity.key.metadata
    if variant.override:
        added[VERSION_OVERRIDE] = variant.override
    if "upgrade" in headers and headers["upgrade"].lower() == "websocket":
        added["upgrade"] = "websocket"
    return Changes(removed, added, [])


def _not_for_outside(
    headers: Mapping[str, str], route: Route, identity: Identity | None
) -> list[str]:
    """Return what a server on the Internet does not get: Cloudflare's headers about the client, and
    the API key unless the route forwards it."""
    names = [name for name in headers if name.startswith("cf-")]
    if identity and not (route.needs and route.needs.forward):
        names += identity.carried
    return names


def _nominated(headers: Mapping[str, str]) -> list[str]:
    """Return the headers that `Connection` names, without the edge's own."""
    names = map(str.strip, headers["connection"].lower().split(","))
    return [name for name in names if name in headers and not _KEPT.fullmatch(name)]


def response_headers(
    trace: Trace, route: Route, variant: Variant, identify: bool
) -> dict[str, str]:
    """Return the headers that are added to a variant's response."""
    headers = {"x-request-id": trace.request_id}
    if identify:
        headers["x-router-route"] = route.name
        headers["x-router-variant"] = variant.name
    return headers


def fixed_headers(fixed: Fixed, trace: Trace, identify: bool) -> list[tuple[str, str]]:
    """Return the headers of a response of the policy; a name may occur several times."""
    headers, route = list(fixed.answer.headers), fixed.route
    if fixed.answer.body and not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    if route.plan and route.plan.response and fixed.step != "preflight":
        headers = route.plan.response.on(headers)
    headers.append(("x-request-id", trace.request_id))
    return [*headers, ("x-router-route", route.name)] if identify else headers


def set_cookie(source: Source, value: str, secure: bool) -> str:
    """Return the cookie with a client's sticky key (RFC 6265bis)."""
    text = f"{source.name}={value}; Path=/; Max-Age={source.set_for}; HttpOnly; SameSite=Lax"
    return f"{text}; Secure" if secure else text
