"""The objects in the files of an import: routes, Gateways, guards, and others.

Of objects with the same name, the last one counts, as with `kubectl apply`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from policies.gateway.cluster.gateways import guards_of, tell_gateway, tell_listeners
from policies.gateway.cluster.grants import Grants
from policies.gateway.cluster.guards import PARENTS, ROUTES, Guard, Guards, GuardTarget
from policies.gateway.cluster.listeners import Owner
from policies.gateway.cluster.manifests import manifests_in, read_object
from policies.gateway.cluster.namespaces import Namespaces
from policies.gateway.cluster.suspects import TOOLS, annotation_guards, attached_guard, is_guard
from policies.gateway.models.gateways import Gateway, ListenerSet, ReferenceGrant
from policies.gateway.models.grpc_routes import AnyRoute, GrpcRoute
from policies.gateway.models.http_routes import GROUP, HttpRoute, Metadata
from policies.gateway.output.report import ImportReport, Manifest
from policies.language.findings.findings import shown
from policies.language.findings.found import KeyOf, mapping_in

VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
# Groups of Kubernetes itself whose objects run or describe the backends.
_WORKLOADS = frozenset(
    ("", "apps", "autoscaling", "batch", "policy", "rbac.authorization.k8s.io", "cert-manager.io")
)
# Annotations for a Service's own load balancer, which requests of routes do not use.
_LOAD_BALANCERS = ("service.beta.kubernetes.io/", "service.kubernetes.io/", "metallb.")

Read = TypeVar("Read", HttpRoute, GrpcRoute, Gateway, ListenerSet, ReferenceGrant)
Kept = dict[Owner, tuple[Manifest, Read]]


@dataclass(slots=True)
class Objects:
    """`routes` are in the order of precedence between routes (Gateway API,
    `HTTPRouteRule.matches`): the oldest first, then by namespace and name. `classes`: the
    controller of each GatewayClass. `has_parents`: there is a Gateway or ListenerSet, even an
    invalid one."""

    routes: list[tuple[Manifest, str, AnyRoute]] = field(default_factory=list)
    gateways: list[tuple[Manifest, Gateway]] = field(default_factory=list)
    sets: dict[Owner, tuple[Manifest, ListenerSet]] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    grants: Grants = field(default_factory=Grants)
    guards: Guards = field(default_factory=Guards)
    namespaces: Namespaces = field(default_factory=Namespaces)
    has_parents: bool = False


class _Reader:
    """Sorts objects by kind."""

    def __init__(self, report: ImportReport) -> None:
        self._report = report
        self._http: Kept[HttpRoute] = {}
        self._grpc: Kept[GrpcRoute] = {}
        self._gateways: Kept[Gateway] = {}
        self._sets: Kept[ListenerSet] = {}
        self._grants: Kept[ReferenceGrant] = {}
        self._found = Objects()

    def take(self, manifest: Manifest) -> None:
        report = self._report
        named = manifest.value.get("kind"), str(manifest.value.get("apiVersion"))
        if named[0] in PARENTS and named[1].startswith(f"{GROUP}/"):
            self._found.has_parents = True
        match _what(manifest, report):
            case (group, "HTTPRoute") if group == GROUP:
                _keep(self._http, manifest, read_object(manifest, HttpRoute, report), report)
            case (group, "GRPCRoute") if group == GROUP:
                _keep(self._grpc, manifest, read_object(manifest, GrpcRoute, report), report)
            case (group, "Gateway") if group == GROUP:
                _keep(self._gateways, manifest, read_object(manifest, Gateway, report), report)
            case (group, "ListenerSet") if group == GROUP:
                _keep(self._sets, manifest, read_object(manifest, ListenerSet, report), report)
            case (group, "ReferenceGrant") if group == GROUP:
                _keep(self._grants, manifest, read_object(manifest, ReferenceGrant, report), report)
            case (group, "GatewayClass") if group == GROUP:
                self._class(manifest)
            case (None, kind):
                services = _of_service(manifest) if kind == "Service" else []
                self._found.guards.add([*_attached(manifest, kind), *services])
            case (group, kind):
                self._foreign(manifest, group, kind)

    def _class(self, manifest: Manifest) -> None:
        name = mapping_in(manifest.value, "metadata").get("name")
        controller = mapping_in(manifest.value, "spec").get("controllerName")
        if isinstance(name, str) and isinstance(controller, str):
            self._found.classes[name] = controller

    def _foreign(self, manifest: Manifest, group: str, kind: str) -> None:
        """Read an object of another API, which may be a guard."""
        if (group, kind) == ("", "Namespace"):
            self._found.namespaces.add(manifest.value)
            return
        if group in _WORKLOADS:
            guards = _of_service(manifest) if kind == "Service" else []
        else:
            guards = _attached(manifest, kind)
        if guards:
            self._found.guards.add(guards)
        else:
            _tell_kind(manifest, group, kind, self._report)

    def objects(self) -> Objects:
        found, report = self._found, self._report
        for manifest, gateway in self._gateways.values():
            tell_gateway(manifest, gateway, found.namespaces, report)
            found.guards.add(guards_of(manifest, "Gateway", gateway))
        for manifest, listener_set in self._sets.values():
            tell_listeners(manifest, listener_set, found.namespaces, report)
            found.guards.add(guards_of(manifest, "ListenerSet", listener_set))
        for _, grant in self._grants.values():
            found.grants.add(grant)
        routes: list[tuple[Manifest, str, AnyRoute]] = []
        routes += ((manifest, "HTTPRoute", route) for manifest, route in self._http.values())
        routes += ((manifest, "GRPCRoute", route) for manifest, route in self._grpc.values())
        for manifest, kind, route in routes:
            meta = route.metadata
            targets = [GuardTarget(kind, meta.namespace, meta.name)]
            place = ("metadata", "annotations")
            found.guards.add(annotation_guards(manifest, meta.annotations, place, targets))
        found.routes = sorted(routes, key=lambda entry: _age(entry[2].metadata))
        found.gateways = [*self._gateways.values()]
        oldest = sorted(self._sets.items(), key=lambda entry: _age(entry[1][1].metadata))
        found.sets = dict(oldest)
        return found


def read_objects(files: Iterable[tuple[str, bytes]], report: ImportReport) -> Objects:
    """Return all objects in `files`, which are pairs of a name and bytes."""
    reader = _Reader(report)
    for name, data in files:
        for manifest in manifests_in(name, data, report):
            reader.take(manifest)
    return reader.objects()


def _attached(manifest: Manifest, kind: str) -> list[Guard]:
    """Return the guard that an object is, if it is one and says its kind."""
    guard = attached_guard(manifest, kind) if kind else None
    return [guard] if guard else []


def _of_service(manifest: Manifest) -> list[Guard]:
    """Return the guards among the annotations of a Service."""
    meta = mapping_in(manifest.value, "metadata")
    space, name = meta.get("namespace", "default"), meta.get("name")
    if not isinstance(space, str) or not isinstance(name, str):
        return []
    targets = [GuardTarget("Service", space, name)]
    named = mapping_in(meta, "annotations")
    named = {name: port for name, port in named.items() if not name.startswith(_LOAD_BALANCERS)}
    return [*annotation_guards(manifest, named, ("metadata", "annotations"), targets)]


def _age(metadata: Metadata) -> tuple[float, str]:
    """Return the sort key; an object without a time is not in a cluster yet, and so the
    youngest."""
    created = metadata.creation_timestamp
    age = float("inf") if created is None else created
    return age, f"{metadata.namespace}/{metadata.name}"


def _what(manifest: Manifest, report: ImportReport) -> tuple[str | None, str]:
    """Return group and kind of an object; both are required. Without a version the group is None:
    the object may be of any."""
    version, kind = (_said(manifest, name, report) for name in ("apiVersion", "kind"))
    if not version or not kind:
        return None, kind
    if kind in (*ROUTES, *PARENTS) and version.startswith(f"{GROUP}/"):
        if version not in VERSIONS:
            message = f"`{shown(version)}` of {kind} is not known"
            hint = "convert it to `gateway.networking.k8s.io/v1`"
            report.tell(manifest, ("apiVersion",), "other-kind", message, hint)
            return None, ""
        return GROUP, kind
    return _group(version), kind


def _said(manifest: Manifest, name: str, report: ImportReport) -> str:
    """Return a text that every object has; "" without it."""
    value = manifest.value.get(name)
    if isinstance(value, str) and value:
        return value
    message = f"`{name}` is missing, so this is not a Kubernetes object"
    report.tell(manifest, (name,), "missing-field", message, f"add `{name}`")
    return ""


def _group(version: str) -> str:
    """Return the group of a version. Only `v1` is of Kubernetes's own, which has no name: what
    misspells its version must not pass for one of those, which guard nothing."""
    group = version.rpartition("/")[0]
    return group if group or version == "v1" else version


def _keep(
    kept: Kept[Read],
    manifest: Manifest,
    read: Read | None,
    report: ImportReport,
) -> None:
    if read is None:
        return
    owner = (read.metadata.namespace, read.metadata.name)
    if owner in kept:
        earlier = kept.pop(owner)[0]
        message = (
            f"`{owner[0]}/{owner[1]}` is defined again in {manifest.file}, line {manifest.line}, "
        )
        message += "and the last one counts"
        report.warn(earlier, ("metadata", "name"), "unused-field", message, "keep one of the two")
    kept[owner] = manifest, read
    for name in read.metadata.annotations:
        if not name.startswith(TOOLS) and not is_guard(name):
            message = f"the router knows no annotation `{shown(name)}`"
            hint = "if it affects requests, configure its effect in `routes.yaml`"
            path = ("metadata", "annotations", KeyOf(name))
            report.warn(manifest, path, "not-carried-over", message, hint)


def _tell_kind(manifest: Manifest, group: str, kind: str, report: ImportReport) -> None:
    message = f"`{shown(kind)}` is not carried over"
    if group in _WORKLOADS:
        hint = "no change is needed: it does not affect routing"
        report.warn(manifest, ("kind",), "other-kind", message, hint)
    else:
        hint = "if it affects requests, configure its effect in `routes.yaml`"
        report.tell(manifest, ("kind",), "other-kind", message, hint)
