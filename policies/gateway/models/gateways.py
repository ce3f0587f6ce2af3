"""Gateways and ListenerSets of the Kubernetes Gateway API as pydantic models; see `http_routes.py`.

Of fields with the type `object`, at most the presence is reported.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from policies.gateway.models.http_routes import GROUP, Metadata, Object
from policies.gateway.models.values import Label, Numbered, ObjectName
from policies.language.values.values import Hostname


class RouteNamespaces(Object):
    from_: Literal["All", "Selector", "Same", "None"] = Field("Same", alias="from")
    selector: object = None


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
    tls: object = None
    allowed_routes: AllowedRoutes = Field(default_factory=AllowedRoutes)


class ListenerNamespaces(Object):
    from_: Literal["All", "Selector", "Same", "None"] = Field("None", alias="from")
    selector: object = None


class AllowedListeners(Object):
    namespaces: ListenerNamespaces = Field(default_factory=ListenerNamespaces)


class GatewaySpec(Object):
    gateway_class_name: object = None
    listeners: list[Listener | None] = Field(default_factory=list)
    addresses: object = None
    infrastructure: object = None
    allowed_listeners: AllowedListeners = Field(default_factory=AllowedListeners)
    default_scope: Literal["All", "None"] = "None"
    tls: object = None


class Gateway(Object):
    api_version: object = None
    kind: object = None
    metadata: Metadata
    spec: GatewaySpec
    status: object = None


class GatewayRef(Object):
    """The Gateway that a ListenerSet adds listeners to."""

    group: str = GROUP
    kind: str = "Gateway"
    namespace: Label | None = None
    name: ObjectName


class ListenerSetSpec(Object):
    parent_ref: GatewayRef
    listeners: list[Listener | None] = Field(default_factory=list)


class ListenerSet(Object):
    api_version: object = None
    kind: object = None
    metadata: Metadata
    spec: ListenerSetSpec
    status: object = None


class GrantFrom(Object):
    group: str
    kind: str
    namespace: Label


class GrantTo(Object):
    group: str
    kind: str
    name: ObjectName | None = None


class ReferenceGrantSpec(Object):
    from_: list[GrantFrom] = Field(alias="from")
    to: list[GrantTo]


class ReferenceGrant(Object):
    api_version: object = None
    kind: object = None
    metadata: Metadata
    spec: ReferenceGrantSpec
    status: object = None
