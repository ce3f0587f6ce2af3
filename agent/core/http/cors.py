"""CORS: which pages of other origins may call the agent directly, by the variable `CORS_ORIGINS`.

Without it nothing changes: a `cors` filter of the router's policy answers for the agent.
Credentials (cookies) are never allowed, so a page needs an API key of its own. Pages may not send
headers that only the router sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from agent.core.http.responses import Response, error

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
    ) -> Response | None:
        """The response to a preflight request. Returns None for any other request, or if no origin
        is allowed. `methods`: those of the endpoint, empty if there is no such endpoint."""
        is_one = method == "OPTIONS" and "access-control-request-method" in headers
        allowed = ", ".join(methods)
        if not (self.origins and is_one and allowed):
            return None
        if not self._allowed_origin(headers):
            origin = headers.get("origin", "")[:200]
            return error(403, f"the origin `{origin}` is none of CORS_ORIGINS", now_ms)
        names = _names(headers.get("access-control-request-headers", ""))
        response_headers = {
            "access-control-allow-methods": allowed,
            "access-control-allow-headers": ", ".join(names),
            "access-control-max-age": str(MAX_AGE_S),
        }
        return Response(
            204,
            "",
            headers=tuple((name, value) for name, value in response_headers.items() if value),
        )

    def applied(self, headers: Mapping[str, str], answer: Response) -> Response:
        """Adds the headers that let a page of an allowed origin read the response."""
        if not self.origins:
            return answer
        more: Headers = () if ANY in self.origins else VARY
        if origin := self._allowed_origin(headers):
            more += (("access-control-allow-origin", origin),)
            more += (("access-control-expose-headers", EXPOSED),)
        return answer._replace(headers=answer.headers + more)

    def _allowed_origin(self, headers: Mapping[str, str]) -> str:
        """The origin to name in the response; "" if it is not allowed."""
        if ANY in self.origins:
            return ANY
        origin = headers.get("origin", "")
        return origin if origin.lower() in self.origins else ""


def read_origins(text: str) -> Cors:
    """Origins with spaces or commas between them, or `*`."""
    found = re.split(r"[\s,]+", text.lower())
    return Cors(frozenset(origin.rstrip("/") for origin in found if origin))


def _names(text: str) -> list[str]:
    """The valid header names in a list."""
    names = [name.strip().lower() for name in text.split(",", MAX_NAMES)[:MAX_NAMES]]
    return [n for n in names if _NAME.fullmatch(n) and not n.startswith(_OF_THE_ROUTER)]
