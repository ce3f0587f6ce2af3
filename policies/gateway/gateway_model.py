"""Gateways of the Kubernetes Gateway API, v1 and v1beta1, as pydantic models; see `model.py`.

What has the type `Any` is only told to be there, if that.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from policies.gateway.model import GROUP, Metadata, Object
from policies.gateway.values import Numbered, ObjectName
from policies.language.values import Hostname


class RouteNamespaces(Object):
    from_: Literal["All", "Selector", "Same", "None"] = Field("Same", alias="from")
    selector: Any = None


class RouteKind(Object):
    group: str = GROUP
    kind: str


class AllowedRoutes(Object):
    namespaces: RouteNamespaces = Field(default_factory=RouteNamespaces)
    kinds: list[RouteKind] = Field(default_factory=list)


class Listener(Object):
    name: ObjectName
    hostname: Hostname | None = None
    port: Numbered
    protocol: str
    tls: Any = None
    allowed_routes: AllowedRoutes = Field(default_factory=AllowedRoutes)


class GatewaySpec(Object):
    gateway_class_name: Any = None
    listeners: list[Listener | None] = Field(default_factory=list)
    addresses: Any = None
    infrastructure: Any = None
    allowed_listeners: Any = None
    default_scope: Any = None
    tls: Any = None


class Gateway(Object):
    api_version: Any = None
    kind: Any = None
    metadata: Metadata
    spec: GatewaySpec
    status: Any = None
