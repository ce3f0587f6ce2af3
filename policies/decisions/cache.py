"""Which answers are kept at the edge, for whom, and how long (RFC 9111).

Only answers to GET, with status 200, that say nothing against it; given to GET and HEAD.
The policy's `ttl` is the longest time; the answer may name a shorter one. What depends on
a credential is only kept if the key of the entry has that credential in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from policies.decisions.changes import Pairs, joined
from policies.decisions.failover import has_content
from policies.decisions.http_values import date_ms, seconds
from policies.decisions.request import Request

_DIRECTIVE = re.compile(r'([a-z-]+)(?:=(?:"([^"]*)"|([^\s,;"]*)))?', re.ASCII)
# Endless by nature; the rest of their answers cannot be given to others.
_STREAMS = ("text/event-stream", "multipart/x-mixed-replace")
_NOT_KEPT = ("set-cookie", "content-range")
# The connection's, the router's, or made anew whenever the answer is given.
_NOT_REMEMBERED = re.compile(
    r"age|connection|content-length|keep-alive|transfer-encoding|x-cache|x-router-.*"
)

State = Literal["HIT", "STALE"]


class CacheRule(NamedTuple):
    """Fresh for `ttl_ms`, then stale for `stale_ms`. `vary`: headers of the key; `refused`:
    credentials that are not among these."""

    ttl_ms: int
    stale_ms: int
    vary: tuple[str, ...]
    refused: tuple[str, ...]

    def takes(self, request: Request) -> bool:
        """Whether the request may be answered with what is kept."""
        headers = request.headers
        if request.method not in ("GET", "HEAD") or "range" in headers or "upgrade" in headers:
            return False
        if has_content(headers):
            return False  # a body might matter
        return not any(name in headers for name in self.refused)

    def key(self, request: Request, route: str, pool: str, sent_url: str) -> str:
        """What names the answer: all that it may depend on. Hashed, so that neither the
        store nor a log holds a credential. `sent_url`: as the variant is asked."""
        told = [route, pool, request.target.url, sent_url]
        parts = [*told, *(request.headers.get(name) for name in self.vary)]
        return sha256(json.dumps(parts).encode()).hexdigest()

    def keeps(self, status: int, headers: Pairs, now_ms: float, variant: str) -> Kept | None:
        """What is kept of an answer to GET; None if it may not be."""
        found = joined(headers)
        said = _directives(found.get("cache-control", ""))
        if status != 200 or any(name in found for name in _NOT_KEPT):
            return None
        if {"no-store", "private", "no-cache"} & said.keys():
            return None
        if found.get("content-type", "").lower().startswith(_STREAMS):
            return None
        varies = {name.strip().lower() for name in found.get("vary", "").split(",")} - {""}
        if not varies <= set(self.vary):
            return None
        age_ms = 1000 * (seconds(found.get("age", "")) or 0)
        own_ms = _own_lifetime_ms(found, said)
        fresh_ms = self.ttl_ms if own_ms is None else min(self.ttl_ms, own_ms)
        if fresh_ms <= age_ms:
            return None
        must = {"must-revalidate", "proxy-revalidate"} & said.keys()
        stale_ms = 0 if must else self.stale_ms
        rest = [(name, value) for name, value in headers if not _NOT_REMEMBERED.fullmatch(name)]
        return Kept(now_ms - age_ms, fresh_ms, stale_ms, variant, rest)


class Kept(NamedTuple):
    """What is known of an answer that is kept; `since_ms`: when it was made."""

    since_ms: float
    fresh_ms: float
    stale_ms: float
    variant: str
    headers: Pairs

    def to_json(self) -> str:
        return json.dumps(self)

    @property
    def seconds(self) -> int:
        """How long the store must hold it."""
        return max(1, -int(-(self.fresh_ms + self.stale_ms) // 1000))

    def state(self, rule: CacheRule, now_ms: float) -> State | None:
        """Whether it may be given now; the rule may have changed since it was kept."""
        age_ms = now_ms - self.since_ms
        fresh_ms = min(self.fresh_ms, rule.ttl_ms)
        if age_ms < fresh_ms:
            return "HIT"
        return "STALE" if age_ms < fresh_ms + min(self.stale_ms, rule.stale_ms) else None

    def given(self, now_ms: float, state: State) -> Pairs:
        """The headers with which it is given."""
        age = max(0, int((now_ms - self.since_ms) // 1000))
        return [*self.headers, ("age", str(age)), ("x-cache", state)]

    def is_unchanged(self, headers: Mapping[str, str]) -> bool:
        """Whether a client that asks conditionally has it already: 304 (RFC 9110, 13.2.2)."""
        found = joined(self.headers)
        if "if-none-match" in headers:
            wanted = headers["if-none-match"]
            tag = found.get("etag", "").removeprefix("W/")
            given = (each.strip().removeprefix("W/") for each in wanted.split(","))
            return bool(tag) and (wanted.strip() == "*" or tag in given)
        since = date_ms(headers.get("if-modified-since", ""))
        changed = date_ms(found.get("last-modified", ""))
        return since is not None and changed is not None and changed <= since


def kept_from(text: str) -> Kept | None:
    """What `to_json` wrote; None for anything else."""
    try:
        since, fresh, stale, variant, headers = json.loads(text)
        return Kept(since, fresh, stale, variant, [(name, value) for name, value in headers])
    except (ValueError, TypeError):
        return None


def cache_rule_from(table: list[Any] | None) -> CacheRule | None:
    """From `[fresh ms, stale ms, headers of the key, credentials not among them]`."""
    if table is None:
        return None
    ttl_ms, stale_ms, vary, refused = table
    return CacheRule(ttl_ms, stale_ms, tuple(vary), tuple(refused))


def _directives(text: str) -> dict[str, str]:
    """`Cache-Control` by the directive's name (RFC 9111, section 5.2)."""
    matches: Iterable[re.Match[str]] = _DIRECTIVE.finditer(text.lower())
    return {match[1]: match[2] or match[3] or "" for match in matches}


def _own_lifetime_ms(headers: Mapping[str, str], said: Mapping[str, str]) -> float | None:
    """How long the answer says that it is fresh (section 4.2.1); None if it does not."""
    for name in ("s-maxage", "max-age"):
        if name in said:
            return 1000 * (seconds(said[name]) or 0)
    if "expires" not in headers:
        return None
    until, made = date_ms(headers["expires"]), date_ms(headers.get("date", ""))
    if until is None:
        return 0  # `Expires: 0` and the like: it has expired
    return None if made is None else until - made
