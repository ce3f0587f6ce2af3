"""A request to the agent, as the edge or a test builds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from agent.core.http.problem import Problem

ANONYMOUS = "anonymous"  # the caller on a route without keys
WORKER_SCOPE = "agent:worker"  # of keys that may run jobs of all tenants
WRITE_SCOPE = "agents:write"  # of keys that may define agents


class Call(NamedTuple):
    """`headers`: by their lower-case names. `body` reads the request's body as text; None if it
    is larger than that many bytes."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    now_ms: float
    body: Callable[[int], str | None]

    @property
    def tenant(self) -> str:
        """The id of the API key, from the router's header."""
        return self.headers.get("x-router-key-id", ANONYMOUS)

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.headers.get("x-router-key-scopes", "").split())

    def known_tenant(self) -> str:
        """The tenant. Raises `Problem` for a request without an API key."""
        if self.tenant == ANONYMOUS:
            hint = "give the route `auth` in the router's policy"
            raise Problem(401, f"jobs belong to API keys, and this request came without: {hint}")
        return self.tenant

    def tenant_of_job(self, named: str | None) -> str:
        """The tenant of a job: the caller, or the one that is `named`. Raises `Problem` if the key
        may not act for it."""
        own = self.known_tenant()
        if named is None or named == own:
            return own
        if WORKER_SCOPE not in self.scopes:
            raise Problem(403, f"jobs of other tenants need a key of scope `{WORKER_SCOPE}`")
        return named
