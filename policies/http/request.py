"""A request as decisions use it: its normalised target, its headers, its client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl

from policies.http.url import RequestTarget


class Client(NamedTuple):
    """The client's place, in Cloudflare's codes; "" if not known."""

    ip: str = ""
    colo: str = ""
    country: str = ""
    continent: str = ""


@dataclass(slots=True)
class Request:
    """`headers` has lower-case names; repeated headers are joined with `, `. `claims`: the names of
    those that only proxies may set; None if not looked for yet."""

    method: str
    target: RequestTarget
    headers: Mapping[str, str]
    client: Client
    claims: Sequence[str] | None = None
    _params: dict[str, str] | None = field(default=None, repr=False)

    @property
    def params(self) -> dict[str, str]:
        """The parameters of the query, decoded; of repeated ones the first."""
        if self._params is None:
            pairs = parse_qsl(self.target.query[1:], keep_blank_values=True, errors="replace")
            self._params = dict(reversed(pairs))
        return self._params

    def cookie(self, name: str) -> str:
        """Return a cookie's value (RFC 6265, section 4.2.1); "" if there is none."""
        header = self.headers.get("cookie", "")
        if name not in header:
            return ""
        for pair in header.replace(", ", ";").split(";"):
            if name in pair:
                key, _, value = pair.partition("=")
                if key.strip() == name:
                    return value.strip().strip('"')
        return ""
