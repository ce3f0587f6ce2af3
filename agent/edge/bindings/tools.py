"""The tools of capabilities at the edge, each created on first use."""

from __future__ import annotations

import random
from functools import cached_property

from agent.core.capabilities.python import Python
from agent.core.capabilities.sql.busy import PatientData
from agent.core.refused import Unavailable
from agent.core.web.web import Web
from agent.edge.bindings.ai import EdgeAi
from agent.edge.bindings.python import EdgePython
from agent.edge.d1.data import EdgeData
from agent.edge.fetching.web import web_of
from agent.edge.runtime.bridge import pause
from workers_runtime.javascript import JsObject, now_ms


class EdgeTools:
    """The tools of one request; `env` has the bindings."""

    def __init__(self, env: JsObject, ctx: JsObject, tenant: str, scopes: frozenset[str]) -> None:
        self.tenant = tenant
        self.scopes = scopes
        self._env = env
        self._ctx = ctx

    @cached_property
    def python(self) -> Python:
        return EdgePython(self._env, self._ctx)

    @cached_property
    def ai(self) -> EdgeAi:
        binding = self._binding("AI", "Workers AI")
        return EdgeAi(binding, self._var("AI_MODEL"), self._var("AI_EMBEDDING_MODEL"))

    @cached_property
    def data(self) -> PatientData:
        data = EdgeData(self._binding("DATA", "a D1 database"))
        return PatientData(data, pause, random.random, now_ms)

    @cached_property
    def web(self) -> Web:
        return web_of(self._env)

    def _binding(self, name: str, what: str) -> JsObject:
        """Raises `Unavailable`, since another variant may have the binding."""
        binding = getattr(self._env, name, None)
        if binding is None:
            raise Unavailable(f"this worker has no {what}; bind it as `{name}`")
        return binding

    def _var(self, name: str) -> str:
        return str(getattr(self._env, name, None) or "")
