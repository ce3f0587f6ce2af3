"""Findings about Gateways and ListenerSets, and the guards of their listeners' routes."""

from __future__ import annotations

from collections.abc import Iterator

from policies.gateway.cluster.guards import Guard, GuardTarget
from policies.gateway.cluster.listeners import HTTP, Listeners, Owner
from policies.gateway.cluster.namespaces import Namespaces
from policies.gateway.cluster.suspects import annotation_guards, certificate_guards, listener_guards
from policies.gateway.models.gateways import Gateway, ListenerSet
from policies.gateway.output.report import ImportReport, Manifest
from policies.language.findings.findings import Path, shown
from policies.language.findings.found import KeyOf

_ASIDE = ("addresses", "infrastructure", "tls")


def tell_gateway(
    manifest: Manifest, gateway: Gateway, namespaces: Namespaces, report: ImportReport
) -> None:
    for name in _ASIDE:
        if name in gateway.spec.named:
            message, hint = f"`{name}` has no equivalent", "set it up at Cloudflare, if needed"
            report.warn(manifest, ("spec", KeyOf(name)), "not-carried-over", message, hint)
    allowed = gateway.spec.allowed_listeners.namespaces
    if allowed.from_ == "Selector" and not namespaces.can_tell(allowed.selector):
        message = (
            "the labels of namespaces are unknown, so ListenerSets of all namespaces are allowed"
        )
        hint = "also import the Namespaces, or only ListenerSets that may attach here"
        where = ("spec", "allowedListeners", "namespaces", "from")
        report.warn(manifest, where, "differs", message, hint)
    tell_listeners(manifest, gateway, namespaces, report)


def tell_listeners(
    manifest: Manifest, part: Gateway | ListenerSet, namespaces: Namespaces, report: ImportReport
) -> None:
    for index, listener in enumerate(part.spec.listeners):
        if listener is None:
            continue
        path = ("spec", "listeners", index)
        if listener.protocol not in HTTP:
            message = f"the router serves HTTP only, not `{shown(listener.protocol)}`"
            hint = "serve it with another system"
            report.warn(manifest, (*path, "protocol"), "not-carried-over", message, hint)
        if listener.tls is not None:
            message = "TLS terminates at Cloudflare, with Cloudflare's certificates"
            hint = "check that they cover the listener's hosts"
            report.warn(manifest, (*path, KeyOf("tls")), "not-carried-over", message, hint)
        allowed = listener.allowed_routes.namespaces
        if allowed.from_ == "Selector" and not namespaces.can_tell(allowed.selector):
            message = (
                "the labels of namespaces are unknown, so routes of all namespaces are allowed"
            )
            hint = "also import the Namespaces, or only routes that may attach here"
            where = (*path, "allowedRoutes", "namespaces", "from")
            report.warn(manifest, where, "differs", message, hint)


def tell_refused(
    sets: dict[Owner, tuple[Manifest, ListenerSet]], listeners: Listeners, report: ImportReport
) -> None:
    """Report the listeners of ListenerSets that join no Gateway."""
    for owner, index, why in listeners.refused:
        manifest, _ = sets[owner]
        path: Path = ("spec", "parentRef") if index is None else ("spec", "listeners", index)
        what = "the ListenerSet" if index is None else "this listener"
        hint = "check the Gateway's `allowedListeners` and its other listeners"
        report.tell(manifest, path, "not-attached", f"{what} joins no Gateway: {why}", hint)


def guards_of(manifest: Manifest, kind: str, part: Gateway | ListenerSet) -> Iterator[Guard]:
    """Find the guards of the routes of a Gateway or a ListenerSet."""
    owner = (part.metadata.namespace, part.metadata.name)
    whole = [GuardTarget(kind, *owner)]
    named: object = part.metadata.annotations
    yield from annotation_guards(manifest, named, ("metadata", "annotations"), whole)
    if isinstance(part, Gateway):
        yield from certificate_guards(manifest, part.spec.tls, owner)
        infrastructure = part.spec.infrastructure
        if isinstance(infrastructure, dict):
            named, place = (
                infrastructure.get("annotations"),
                ("spec", "infrastructure", "annotations"),
            )
            yield from annotation_guards(manifest, named, place, whole)
    for index, listener in enumerate(part.spec.listeners):
        if listener:
            target = GuardTarget(kind, *owner, listener.name)
            path = ("spec", "listeners", index, "tls")
            yield from listener_guards(manifest, listener.tls, path, target)
