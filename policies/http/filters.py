"""What happens to requests for the variants of a pool, and to their answers, on the way.

A `FilterChain` is the route's filters and then the pool's own, joined when the policy is compiled.
It belongs to the pool whose variant is asked, also if that is a fallback or a mirror.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from policies.http.changes import Changes
from policies.http.claims import plain_name
from policies.http.redirect import NewPath
from policies.http.url import RequestTarget

# RFC 9110, section 9.2.1, without TRACE, which no Worker sees.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Mirror(NamedTuple):
    """`share` of the requests, 0 to 1, is copied to `pool`; `unsafe`: whatever the method;
    `side`: the part of that pool in a rollout, if that is what the copies are for."""

    pool: str
    share: float
    unsafe: bool
    side: str = ""

    def takes(self, method: str) -> bool:
        return self.unsafe or method in SAFE_METHODS


class FilterChain(NamedTuple):
    """None: nothing changes. `owned`: the names, plainly spelled, that `request` sets or
    removes; what a client sends under another spelling of one would pass for the policy's."""

    request: Changes | None
    response: Changes | None
    host: str | None
    path: NewPath | None
    mirrors: tuple[Mirror, ...]
    owned: frozenset[str] = frozenset()

    def request_changes(self, before: Changes, headers: Iterable[str]) -> Changes:
        """Those of a request with these headers, after what was `before`."""
        if self.request is None:
            return before
        changes, owned = before.then(self.request), self.owned
        if owned:
            own = self.request
            found = [name for name in headers if plain_name(name) in owned]
            changes.removed.extend(n for n in found if n not in own.set and n not in own.removed)
        return changes

    def target(self, target: RequestTarget, taken: int) -> RequestTarget:
        """What the variant is asked for; `taken`: characters of the matched prefix."""
        if self.host:
            target = target._replace(origin=f"{target.scheme}://{self.host}", host=self.host)
        return target._replace(path=self.path.of(target.path, taken)) if self.path else target

    def drawn(self, method: str, rng: Random) -> list[Mirror]:
        """The mirrors that get a copy of this request."""
        takers = [mirror for mirror in self.mirrors if mirror.takes(method)]
        return [each for each in takers if each.share >= 1 or rng.random() < each.share]


def owned_names(changes: Changes | None) -> frozenset[str]:
    """The names that a request's changes own."""
    return frozenset(map(plain_name, [*changes.removed, *changes.set])) if changes else frozenset()
