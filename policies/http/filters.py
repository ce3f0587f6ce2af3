"""Filters: changes of requests for the variants of a pool, and of their responses.

A `FilterChain` is the filters of a route and then those of a pool, joined when the policy is
compiled. It belongs to the pool of the variant that gets the request, also if that is a fallback or
a mirror.
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
    """A `share` of the requests, 0 to 1, is copied to `pool`. `unsafe`: also those with unsafe
    methods; `side`: the pool's side in a rollout, if the copies are for that."""

    pool: str
    share: float
    unsafe: bool
    side: str = ""

    def takes(self, method: str) -> bool:
        return self.unsafe or method in SAFE_METHODS


class FilterChain(NamedTuple):
    """The filters for one pool; a field is None if nothing changes. `owned`: the names that
    `request` sets or removes, in plain spelling; clients must not send them in another spelling."""

    request: Changes | None
    response: Changes | None
    host: str | None
    path: NewPath | None
    mirrors: tuple[Mirror, ...]
    owned: frozenset[str] = frozenset()

    def request_changes(self, before: Changes, headers: Iterable[str]) -> Changes:
        """Return the changes of a request with these headers, following those of `before`."""
        if self.request is None:
            return before
        changes, owned = before.then(self.request), self.owned
        if owned:
            own = self.request
            found = [name for name in headers if plain_name(name) in owned]
            changes.removed.extend(n for n in found if n not in own.set and n not in own.removed)
        return changes

    def target(self, target: RequestTarget, taken: int) -> RequestTarget:
        """Return the URL that the variant gets. `taken`: the length of the matched prefix."""
        if self.host:
            target = target._replace(origin=f"{target.scheme}://{self.host}", host=self.host)
        return target._replace(path=self.path.of(target.path, taken)) if self.path else target

    def drawn(self, method: str, rng: Random) -> list[Mirror]:
        """Return the mirrors that get a copy of this request."""
        takers = [mirror for mirror in self.mirrors if mirror.takes(method)]
        return [mirror for mirror in takers if mirror.share >= 1 or rng.random() < mirror.share]


def owned_names(changes: Changes | None) -> frozenset[str]:
    """Return the names that changes of a request own."""
    return frozenset(map(plain_name, [*changes.removed, *changes.set])) if changes else frozenset()
