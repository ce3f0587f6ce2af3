"""The rules of the cache at the edge: which responses it stores, for whom, and for how long (RFC
9111).

1. Only responses to GET with status 200 that do not forbid it are stored. They answer GET and HEAD.
2. The policy's `ttl` is the longest time; a response may state a shorter one.
3. A response to a request with a credential is stored only if the credential is part of the key.
4. An entry is used only where the variant that made it may serve: the key has the order of regions
   that serve this client, and a drained variant neither fills the cache nor answers from it.
5. A change of a URL (section 4.4) voids all earlier responses for it, whatever their keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from math import inf
from typing import Literal, NamedTuple
from urllib.parse import urljoin

from policies.http.changes import Changes, Pairs, joined
from policies.http.filters import SAFE_METHODS
from policies.http.freshness import said_by
from policies.http.http_values import date_ms
from policies.http.limits import has_content
from policies.http.request import Request
from policies.http.url import RequestTarget, parse_target

# Streams without an end.
_STREAMS = ("text/event-stream", "multipart/x-mixed-replace")
_NOT_KEPT = ("set-cookie", "content-range")
# Headers of the connection or of the router, or set anew with each response.
_NOT_REMEMBERED = re.compile(
    r"age|connection|content-length|keep-alive|te|trailer|transfer-encoding|upgrade|x-cache"
    r"|proxy-.*|x-router-.*"
)

State = Literal["HIT", "STALE"]


class CacheRule(NamedTuple):
    """The cache of a route: fresh for `ttl_ms`, then stale for `stale_ms`. `vary`: headers in the
    key; `refused`: credentials that are not among these."""

    ttl_ms: int
    stale_ms: int
    vary: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def longest_ms(self) -> int:
        """How long a response can be used."""
        return self.ttl_ms + self.stale_ms

    def takes(self, request: Request) -> bool:
        """Return whether the cache may answer the request."""
        headers = request.headers
        if request.method not in ("GET", "HEAD") or "range" in headers or "upgrade" in headers:
            return False
        if has_content(headers):
            return False  # the response may depend on the body
        return not any(name in headers for name in self.refused)

    def key(
        self,
        request: Request,
        route: str,
        pool: str,
        regions: Sequence[str],
        sent_url: str,
        changes: Changes,
    ) -> str:
        """Return the key of an entry: a hash of all that the response may depend on, so that
        neither the store nor a log holds a credential. `regions`: the order in which those of the
        pool serve this client; `sent_url`, `changes`: what the variant gets otherwise."""
        headers = request.headers
        came = [headers.get(name) for name in self.vary]
        sent = [changes.value(name, headers) for name in self.vary]
        parts = [route, pool, list(regions), request.target.url, sent_url, came, sent]
        return sha256(json.dumps(parts).encode()).hexdigest()

    def keeps(
        self, status: int, headers: Pairs, asked_ms: float, now_ms: float, variant: str
    ) -> Kept | None:
        """Return the entry for a response to a GET sent at `asked_ms`; None if it must not be
        stored."""
        found = joined(headers)
        if status != 200 or any(name in found for name in _NOT_KEPT):
            return None
        said = said_by(found, now_ms)
        if said.forbidden:
            return None
        if found.get("content-type", "").lower().startswith(_STREAMS):
            return None
        varies = {name.strip().lower() for name in found.get("vary", "").split(",")} - {""}
        if not varies <= set(self.vary):
            return None
        fresh_ms = self.ttl_ms if said.fresh_ms is None else min(self.ttl_ms, said.fresh_ms)
        if fresh_ms <= said.age_ms:
            return None
        stale_ms = 0 if said.revalidate else self.stale_ms
        hops = {name.strip().lower() for name in found.get("connection", "").split(",")}
        rest = [
            (name, value)
            for name, value in headers
            if name not in hops and not _NOT_REMEMBERED.fullmatch(name)
        ]
        return Kept(asked_ms, now_ms - said.age_ms, fresh_ms, stale_ms, variant, rest)


class Kept(NamedTuple):
    """The metadata of an entry: when its request was sent, when the response was made, by which
    variant."""

    asked_ms: float
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

    def state(
        self, rule: CacheRule, now_ms: float, open_to: Collection[str], voided_ms: float = -inf
    ) -> State | None:
        """Return whether it may be used now for a client that these variants may serve; rule and
        variants may have changed since. `voided_ms`: when its URL was changed."""
        if self.variant not in open_to or self.asked_ms <= voided_ms:
            return None
        age_ms = now_ms - self.since_ms
        fresh_ms = min(self.fresh_ms, rule.ttl_ms)
        if age_ms < fresh_ms:
            return "HIT"
        return "STALE" if age_ms < fresh_ms + min(self.stale_ms, rule.stale_ms) else None

    def given(self, now_ms: float, state: State) -> Pairs:
        """Return the headers of a response from this entry."""
        age = max(0, int((now_ms - self.since_ms) // 1000))
        return [*self.headers, ("age", str(age)), ("x-cache", state)]

    def length(self, size: int) -> Pairs:
        """Return `Content-Length` for HEAD (RFC 9110, section 8.6) if `size` bytes are stored;
        nothing if the runtime compresses the response to GET."""
        is_packed = any(name == "content-encoding" for name, _ in self.headers)
        return [] if is_packed else [("content-length", str(size))]

    def is_unchanged(self, headers: Mapping[str, str]) -> bool:
        """Return whether a conditional request is answered with 304 (RFC 9110, section 13.2.2)."""
        found = joined(self.headers)
        if "if-none-match" in headers:
            wanted = headers["if-none-match"]
            tag = found.get("etag", "").removeprefix("W/")
            given = (given_tag.strip().removeprefix("W/") for given_tag in wanted.split(","))
            return bool(tag) and (wanted.strip() == "*" or tag in given)
        since = date_ms(headers.get("if-modified-since", ""))
        changed = date_ms(found.get("last-modified", ""))
        return since is not None and changed is not None and changed <= since


def kept_from(text: str) -> Kept | None:
    """Return what `to_json` wrote; None for anything else."""
    try:
        asked_ms, since_ms, fresh_ms, stale_ms, variant, headers = json.loads(text)
        pairs = [(name, value) for name, value in headers]
        return Kept(asked_ms, since_ms, fresh_ms, stale_ms, variant, pairs)
    except (ValueError, TypeError):
        return None


def voids(method: str, status: int) -> bool:
    """Return whether a response shows that the URL has changed: it is successful, and the method is
    not known to be safe (section 4.4)."""
    return method not in SAFE_METHODS and 200 <= status < 400


def mark_of(target: RequestTarget) -> str:
    """Return the key of the note that a URL has changed; the same for all clients."""
    port = f":{target.port}" if target.port else ""
    url = f"{target.scheme}://{target.host}{port}{target.path}{target.query}"
    return sha256(url.encode(errors="surrogateescape")).hexdigest()


def changed_urls(
    target: RequestTarget, headers: Mapping[str, str], merge_slashes: bool
) -> list[RequestTarget]:
    """Return the URLs that a change of `target` voids: its own, and those in `Location` and
    `Content-Location` of the same origin."""
    found = {target.url: target}
    for name in ("location", "content-location"):
        named = _resolved(target, headers[name], merge_slashes) if name in headers else None
        if named and _origin(named) == _origin(target):
            found.setdefault(named.url, named)
    return list(found.values())


def _resolved(target: RequestTarget, reference: str, merge_slashes: bool) -> RequestTarget | None:
    try:
        named = parse_target(urljoin(target.url, reference), merge_slashes)
    except ValueError:
        return None  # it is no URL
    return named if isinstance(named, RequestTarget) else None


def _origin(target: RequestTarget) -> tuple[str, str, str]:
    return target.scheme, target.host, target.port
