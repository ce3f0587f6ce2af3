"""Which pages of other origins may ask the agent itself: the variable `CORS_ORIGINS`.

Without any nothing changes: where the router's policy has a `cors` filter, it answers for the
agent. Credentials (cookies) are never allowed, so a page has to bring a key of its own.
Headers that the router alone may say are not allowed to pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from agent.core.http.answers import Answer, error

ANY = "*"
EXPOSED = "x-cache, age, etag, retry-after, x-request-id"
MAX_AGE_S = 7_200  # as long as any browser keeps it
MAX_NAMES = 32  # of headers that a preflight asks for
VARY = (("vary", "origin"),)
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
_OF_THE_ROUTER = "x-router-"

Headers = tuple[tuple[str, str], ...]


class Cors(NamedTuple):
    origins: frozenset[str] = frozenset()

    def preflight(
        self, method: str, headers: Mapping[str, str], methods: Iterable[str], now_ms: float
    ) -> Answer | None:
        """What a browser is told that asks whether it may ask; None if it does not, or if nobody
        may. `methods`: of the endpoint; without any there is no such endpoint."""
        is_one = method == "OPTIONS" and "access-control-request-method" in headers
        allowed = ", ".join(methods)
        if not (self.origins and is_one and allowed):
            return None
        if not self._told(headers):
            origin = headers.get("origin", "")[:200]
            return error(403, f"the origin `{origin}` is none of CORS_ORIGINS", now_ms)
        asked = _names(headers.get("access-control-request-headers", ""))
        told = {
            "access-control-allow-methods": allowed,
            "access-control-allow-headers": ", ".join(asked),
            "access-control-max-age": str(MAX_AGE_S),
        }
        return Answer(
            204, "", headers=tuple((name, value) for name, value in told.items() if value)
        )

    def applied(self, headers: Mapping[str, str], answer: Answer) -> Answer:
        """With what lets the page of an allowed origin read it."""
        if not self.origins:
            return answer
        more: Headers = () if ANY in self.origins else VARY
        if origin := self._told(headers):
            more += (("access-control-allow-origin", origin),)
            more += (("access-control-expose-headers", EXPOSED),)
        return answer._replace(headers=answer.headers + more)

    def _told(self, headers: Mapping[str, str]) -> str:
        """The origin that the answer names; nothing if it is not allowed."""
        if ANY in self.origins:
            return ANY
        said = headers.get("origin", "")
        return said if said.lower() in self.origins else ""


def read_origins(text: str) -> Cors:
    """Origins with spaces or commas between them, or `*`."""
    found = re.split(r"[\s,]+", text.lower())
    return Cors(frozenset(each.rstrip("/") for each in found if each))


def _names(text: str) -> list[str]:
    """Of headers, as they were asked for; what is no name is left out."""
    names = [each.strip().lower() for each in text.split(",", MAX_NAMES)[:MAX_NAMES]]
    return [n for n in names if _NAME.fullmatch(n) and not n.startswith(_OF_THE_ROUTER)]
