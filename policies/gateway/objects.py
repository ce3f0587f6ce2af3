"""What the files of an import hold: routes, Gateways, and all that is neither.

Of objects that are there twice the last one counts, as with `kubectl apply`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from policies.gateway.gateway_model import Gateway
from policies.gateway.listeners import HTTP, Owner
from policies.gateway.manifests import manifests_in, read_object
from policies.gateway.model import GROUP, HttpRoute, Metadata
from policies.gateway.report import Manifest, Report
from policies.language.findings import shown
from policies.language.found import Key

VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
# Kinds of the API that say nothing about which request goes where.
_ASIDE = ("GatewayClass", "ReferenceGrant")
# Groups of Kubernetes' own whose objects run or describe what is behind the routes.
_WORKLOADS = frozenset(
    ("", "apps", "autoscaling", "batch", "policy", "rbac.authorization.k8s.io", "cert-manager.io")
)
# Annotations of tools that apply manifests; they configure no traffic.
_TOOLS = (
    *("kubectl.kubernetes.io/", "app.kubernetes.io/", "config.kubernetes.io/", "kubernetes.io/"),
    *("helm.sh/", "meta.helm.sh/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/"),
)
_OF_GATEWAYS = ("addresses", "infrastructure", "tls", "allowedListeners", "defaultScope")

Read = TypeVar("Read", HttpRoute, Gateway)


@dataclass(slots=True)
class Objects:
    """`routes` come in the order of precedence between routes (Gateway API,
    `HTTPRouteRule.matches`): the oldest first, then by namespace and name."""

    routes: list[tuple[Manifest, HttpRoute]] = field(default_factory=list)
    gateways: list[tuple[Manifest, Gateway]] = field(default_factory=list)


def read_objects(files: Iterable[tuple[str, bytes]], report: Report) -> Objects:
    """All that is in `files`: pairs of a name and the bytes."""
    routes: dict[Owner, tuple[Manifest, HttpRoute]] = {}
    gateways: dict[Owner, tuple[Manifest, Gateway]] = {}
    for name, data in files:
        for manifest in manifests_in(name, data, report):
            group, kind = _what(manifest, report)
            if (group, kind) == (GROUP, "HTTPRoute"):
                _keep(routes, manifest, read_object(manifest, HttpRoute, report), report)
            elif (group, kind) == (GROUP, "Gateway"):
                _keep(gateways, manifest, read_object(manifest, Gateway, report), report)
            elif kind:
                _tell_kind(manifest, group, kind, report)
    for manifest, gateway in gateways.values():
        _tell_gateway(manifest, gateway, report)
    ordered = sorted(routes.values(), key=lambda pair: _age(pair[1].metadata))
    return Objects(ordered, [*gateways.values()])


def _age(metadata: Metadata) -> tuple[float, str]:
    """Without a time a route is not in a cluster yet, and so the youngest."""
    created = metadata.creation_timestamp
    age = float("inf") if created is None else created
    return age, f"{metadata.namespace}/{metadata.name}"


def _what(manifest: Manifest, report: Report) -> tuple[str, str]:
    """Group and kind of an object, of which it must say both."""
    said = []
    for name in ("apiVersion", "kind"):
        value = manifest.value.get(name)
        if not isinstance(value, str) or not value:
            message, hint = f"`{name}` is missing, so this is no Kubernetes object", f"add `{name}`"
            report.tell(manifest, (name,), "missing-field", message, hint)
            return "", ""
        said.append(value)
    version, kind = said
    if kind in ("HTTPRoute", "Gateway") and version.startswith(f"{GROUP}/"):
        if version not in VERSIONS:
            message = f"`{shown(version)}` of {kind} is not known"
            hint = "convert it to `gateway.networking.k8s.io/v1`"
            report.tell(manifest, ("apiVersion",), "other-kind", message, hint)
            return "", ""
        return GROUP, kind
    return version.rpartition("/")[0], kind


def _keep(
    kept: dict[Owner, tuple[Manifest, Read]],
    manifest: Manifest,
    read: Read | None,
    report: Report,
) -> None:
    if read is None:
        return
    owner = (read.metadata.namespace, read.metadata.name)
    if owner in kept:
        earlier = kept.pop(owner)[0]
        message = f"`{owner[0]}/{owner[1]}` comes again in {manifest.file}, line {manifest.line}, "
        message += "and the last one counts"
        report.warn(earlier, ("metadata", "name"), "unused-field", message, "keep one of the two")
    kept[owner] = manifest, read
    for name in read.metadata.annotations:
        if not name.startswith(_TOOLS):
            message = f"the router knows no annotation `{shown(name)}`"
            hint = "say in `routes.yaml` what it did, if it concerned requests"
            path = ("metadata", "annotations", Key(name))
            report.warn(manifest, path, "not-carried-over", message, hint)


def _tell_kind(manifest: Manifest, group: str, kind: str, report: Report) -> None:
    message = f"`{shown(kind)}` is not carried over"
    if group in _WORKLOADS or (group == GROUP and kind in _ASIDE):
        hint = "nothing: it does not say which request goes where"
        report.warn(manifest, ("kind",), "other-kind", message, hint)
    else:
        hint = "if it concerns requests, say in `routes.yaml` what it said"
        report.tell(manifest, ("kind",), "other-kind", message, hint)


def _tell_gateway(manifest: Manifest, gateway: Gateway, report: Report) -> None:
    for name in _OF_GATEWAYS:
        if name in gateway.spec.named:
            message, hint = f"`{name}` has no counterpart", "set it up at Cloudflare, if needed"
            report.warn(manifest, ("spec", Key(name)), "not-carried-over", message, hint)
    for index, listener in enumerate(gateway.spec.listeners):
        if listener is None:
            continue
        path = ("spec", "listeners", index)
        if listener.protocol not in HTTP:
            message = f"the router serves HTTP only, not `{shown(listener.protocol)}`"
            hint = "serve it elsewhere"
            report.warn(manifest, (*path, "protocol"), "not-carried-over", message, hint)
        if listener.tls is not None:
            message = "TLS ends at Cloudflare, with Cloudflare's certificates"
            hint = "see that they cover the listener's hosts"
            report.warn(manifest, (*path, Key("tls")), "not-carried-over", message, hint)
        if listener.allowed_routes.namespaces.from_ == "Selector":
            message = "labels of namespaces are not known here, so routes of all are allowed"
            hint = "import only routes that may attach to this listener"
            where = (*path, "allowedRoutes", "namespaces", "from")
            report.warn(manifest, where, "differs", message, hint)
