"""GRPCRoutes of the Kubernetes Gateway API as pydantic models; see `http_routes.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from policies.gateway.models.http_routes import (
    BackendRef,
    Filter,
    HttpRoute,
    Metadata,
    Object,
    RouteSpec,
    Rule,
    SessionPersistence,
    ValueMatch,
)
from policies.gateway.models.values import ObjectName
from policies.language.values.values import problem


class MethodMatch(Object):
    """A service and a method of gRPC; if one is absent, any matches."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    service: str | None = None
    method: str | None = None

    def check(self) -> None:
        if not (self.service or self.method):
            raise problem("missing-field", "there is neither service nor method", "add `service`")
        if self.type == "Exact" and "/" in f"{self.service}{self.method}":
            message, hint = (
                "a service or method cannot contain a slash",
                "write `service` and `method` separately",
            )
            raise problem("bad-value", message, hint)


class GrpcMatch(Object):
    method: MethodMatch | None = None
    headers: list[ValueMatch] = Field(default_factory=list)


class GrpcRule(Object):
    name: ObjectName | None = None
    matches: list[GrpcMatch | None] = Field(default_factory=list)
    filters: list[Filter | None] = Field(default_factory=list)
    backend_refs: list[BackendRef | None] = Field(default_factory=list)
    session_persistence: SessionPersistence | None = None


class GrpcRouteSpec(RouteSpec):
    rules: list[GrpcRule | None] = Field(default_factory=list)


class GrpcRoute(Object):
    api_version: object = None
    kind: object = None
    metadata: Metadata
    spec: GrpcRouteSpec
    status: object = None


AnyRoute = HttpRoute | GrpcRoute
AnyRule = Rule | GrpcRule
