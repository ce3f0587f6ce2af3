"""Which web pages of other origins may use a route (Fetch standard; Gateway API's CORS).

A preflight is answered by the router. Other requests go their way whatever their origin:
it is the browser that keeps the answer from the page if the headers do not allow it. What
a variant says about CORS itself is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies.decisions.answer import Answer
from policies.decisions.changes import Changes

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
    """`everybody`: `*` is among the origins. `wild`: beginning and end of origins with a
    wildcard between. `max_age` in seconds."""

    everybody: bool
    exact: frozenset[str]
    wild: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    credentials: bool
    max_age: int

    def allows(self, origin: str) -> bool:
        """Whether pages of `origin` may use the route."""
        if self.everybody or origin in self.exact:
            return True
        return any(_between(origin, begin, end) for begin, end in self.wild)

    def _granted(self, origin: str) -> list[tuple[str, str]]:
        """What the answers to both kinds of requests say to an origin that may."""
        anybody = self.everybody and not self.credentials
        granted = [(f"{_ALLOW}origin", "*" if anybody else origin)]
        if self.credentials:
            granted.append((f"{_ALLOW}credentials", "true"))
        if self.exposed:
            granted.append(("access-control-expose-headers", ", ".join(self.exposed)))
        return granted

    @property
    def _varies(self) -> bool:
        """Whether other origins get another answer."""
        return self.credentials or not self.everybody

    def changes(self, headers: Mapping[str, str]) -> Changes:
        """What the answer to a request with `headers` loses and gains."""
        origin = headers.get("origin", "")
        given: list[tuple[str, str]] = []
        if origin and self.allows(origin):
            given = self._granted(origin)
        names = {name for name, _ in given}
        removed = [name for name in _OWN if name not in names]
        return Changes(removed, dict(given), [("vary", "Origin")] if self._varies else [])

    def preflight(self, headers: Mapping[str, str]) -> Answer:
        """The answer to a preflight."""
        origin = headers["origin"]
        given: list[tuple[str, str]] = []
        if self.allows(origin):
            given = self._granted(origin)
            for name, allowed, asked in (
                (f"{_ALLOW}methods", self.methods, headers.get(_ASKED_METHOD, "")),
                (f"{_ALLOW}headers", self.headers, headers.get(_ASKED_HEADERS, "")),
            ):
                # Browsers that send credentials take `*` to the letter.
                echoed = self.credentials and "*" in allowed
                text = asked if echoed else ", ".join(allowed)
                given += [(name, text)] if text else []
            given.append(("access-control-max-age", str(self.max_age)))
        asks = ", ".join(["Origin"] * self._varies + self._echoes)
        return Answer(204, (*given, *((("vary", asks),) if asks else ())))

    @property
    def _echoes(self) -> list[str]:
        """The headers of a preflight that come back in its answer."""
        sides = ((self.methods, _ASKED_METHOD), (self.headers, _ASKED_HEADERS))
        return [name for allowed, name in sides if self.credentials and "*" in allowed]


def asked_method(method: str, headers: Mapping[str, str]) -> str:
    """The method that a preflight asks for; "" for other requests."""
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


def cors_from(table: dict[str, Any]) -> Cors:
    """From what `policies.language.compile_filters` makes of the policy's `cors`."""
    return Cors(
        everybody=table["everybody"],
        exact=frozenset(table["exact"]),
        wild=tuple((begin, end) for begin, end in table["wild"]),
        methods=tuple(table["methods"]),
        headers=tuple(table["headers"]),
        exposed=tuple(table["exposed"]),
        credentials=table["credentials"],
        max_age=table["max_age"],
    )
