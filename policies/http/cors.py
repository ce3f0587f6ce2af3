"""CORS: which web pages of other origins may use a route (Fetch standard; Gateway API).

- The router answers preflights. Other requests are forwarded whatever their origin: the browser
  keeps the response from the page unless the headers allow it.
- The variant's own CORS headers are replaced.
- A response that depends on a header of the request has `Vary`. If every origin may read it and no
  credentials are sent, it is the same with and without `Origin`.
- `*` never covers `Authorization` (Fetch, "CORS-preflight fetch"), and with credentials it covers
  nothing: then the requested names are returned instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from policies.http.answer import DirectResponse
from policies.http.changes import Changes

_ALLOW = "access-control-allow-"
_OWN = (
    f"{_ALLOW}origin",
    f"{_ALLOW}credentials",
    f"{_ALLOW}methods",
    f"{_ALLOW}headers",
    "access-control-expose-headers",
    "access-control-max-age",
)
_ASKED_METHOD = "access-control-request-method"
_ASKED_HEADERS = "access-control-request-headers"
_PART_OF_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cors:
    """`everybody`: `*` is among the origins. `wild`: beginning and end of each origin with a
    wildcard. `max_age` in seconds."""

    everybody: bool
    exact: frozenset[str]
    wild: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    credentials: bool
    max_age: int

    def allows(self, origin: str) -> bool:
        """Return whether pages of `origin` may use the route."""
        if self.everybody or origin in self.exact:
            return True
        return any(_between(origin, begin, end) for begin, end in self.wild)

    def _granted(self, origin: str) -> list[tuple[str, str]]:
        """Return the headers for an allowed origin that preflights and other requests share."""
        granted = [(f"{_ALLOW}origin", origin if self._varies else "*")]
        if self.credentials:
            granted.append((f"{_ALLOW}credentials", "true"))
        if self.exposed:
            granted.append(("access-control-expose-headers", ", ".join(self.exposed)))
        return granted

    @property
    def _varies(self) -> bool:
        """Whether other origins get another response."""
        return self.credentials or not self.everybody

    def changes(self, headers: Mapping[str, str]) -> Changes:
        """Return the changes of the response to a request with `headers`."""
        origin = headers.get("origin", "")
        given: list[tuple[str, str]] = []
        if not self._varies or (origin and self.allows(origin)):
            given = self._granted(origin)
        names = {name for name, _ in given}
        removed = [name for name in _OWN if name not in names]
        return Changes(removed, dict(given), [("vary", "Origin")] if self._varies else [])

    def preflight(self, headers: Mapping[str, str], *, keyed: bool = False) -> DirectResponse:
        """Return the response to a preflight. `keyed`: the route requires an API key."""
        may = self.allows(headers["origin"])
        given = self._granted(headers["origin"]) if may else []
        varies = ["Origin"] * self._varies
        echoes = self.credentials or keyed
        names = headers.get(_ASKED_HEADERS, "")
        for kind, allowed, request_header, echoes_any in (
            ("methods", self.methods, _ASKED_METHOD, echoes),
            ("headers", self.headers, _ASKED_HEADERS, echoes or _has_authorization(names)),
        ):
            is_echoed = echoes_any and "*" in allowed
            text = headers.get(request_header, "") if is_echoed else ", ".join(allowed)
            given += [(f"{_ALLOW}{kind}", text)] * (may and bool(text))
            varies += [request_header] * is_echoed
        if may:
            given.append(("access-control-max-age", str(self.max_age)))
        return DirectResponse(204, (*given, *((("vary", ", ".join(varies)),) if varies else ())))


def _has_authorization(names: str) -> bool:
    """Return whether a list of headers has `Authorization`, which `*` does not cover."""
    return "authorization" in (name.strip() for name in names.lower().split(","))


def asked_method(method: str, headers: Mapping[str, str]) -> str:
    """Return the method that a preflight asks for; "" for other requests."""
    if method != "OPTIONS" or "origin" not in headers:
        return ""
    return headers.get(_ASKED_METHOD, "")


def _between(origin: str, begin: str, end: str) -> bool:
    if len(origin) <= len(begin) + len(end):
        return False
    if not origin.startswith(begin) or not origin.endswith(end):
        return False
    middle = origin[len(begin) : len(origin) - len(end)]
    return _PART_OF_HOST.fullmatch(middle) is not None
