"""The tools of capabilities at the edge: each is made when it is first used."""

from __future__ import annotations

from functools import cached_property

from agent.core.capabilities.python import Python
from agent.edge.bridge import JsObject
from agent.edge.python import EdgePython


class EdgeTools:
    """Of one request; `env` has the bindings."""

    def __init__(self, env: JsObject, ctx: JsObject, tenant: str, scopes: frozenset[str]) -> None:
        self.tenant = tenant
        self.scopes = scopes
        self._env = env
        self._ctx = ctx

    @cached_property
    def python(self) -> Python:
        return EdgePython(self._env, self._ctx)
