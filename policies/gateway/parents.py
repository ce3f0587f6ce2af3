"""Which listeners routes attach to, and what is told about those they do not."""

from __future__ import annotations

from policies.gateway.listeners import Attached, Listener, Listeners, attached, covers, intersection
from policies.gateway.model import GROUP, HttpRoute, ParentRef, Rule
from policies.gateway.report import Manifest, Report
from policies.language.findings import Path, shown
from policies.language.found import Key


def attach(
    manifest: Manifest, route: HttpRoute, listeners: Listeners, report: Report
) -> Attached | None:
    """The route with its hosts; None if it has none, which is told."""
    found: list[Listener | None] = []
    refs = route.spec.parent_refs
    names = route.spec.hostnames
    if names and not any(names):
        return None  # each has been told; without any it would serve all hosts
    for index, ref in enumerate(refs):
        if ref:
            found += _listeners(
                manifest, route, ref, ("spec", "parentRefs", index), listeners, report
            )
    if not refs:
        message = "the route has no `parentRefs`, so no Gateway of the cluster serves it"
        hint = "add the Gateway that it is for; its own hostnames are taken"
        report.warn(manifest, ("spec", "parentRefs"), "not-attached", message, hint)
        found = [None]
    result = attached(route, list(dict.fromkeys(found)))
    if not result.served:
        if found:  # else it has been told why none
            message = "no listener takes any of the route's hostnames; the route is left out"
            hint = "see that they fit the listeners' `hostname`"
            report.tell(manifest, ("spec", Key("hostnames")), "not-attached", message, hint)
        return None
    for index, name in enumerate(names):
        if name and not any(covers(name, host) for host in result.hosts):
            message = f"no listener of the route takes `{shown(name)}`"
            hint = "take it out, or add a listener"
            report.warn(manifest, ("spec", "hostnames", index), "not-attached", message, hint)
    return result


def _listeners(
    manifest: Manifest,
    route: HttpRoute,
    ref: ParentRef,
    path: Path,
    listeners: Listeners,
    report: Report,
) -> list[Listener | None]:
    """Those that one of the route's references leads to; `[None]` if nobody knows."""
    if (ref.group, ref.kind) not in ((GROUP, "Gateway"), (GROUP, "ListenerSet")):
        message = f"a route for a `{shown(ref.kind)}` is for traffic within the cluster"
        hint = "route it in the cluster, or give it a Gateway"
        report.tell(manifest, (*path, "kind"), "not-attached", message, hint)
        return []
    home = route.metadata.namespace
    named = listeners.named(ref, home)
    if named is None:
        if listeners:
            message = f"the {ref.kind} `{shown(ref.name)}` is not among the imported objects"
            hint = "import it, too; until then the route's own hostnames are taken"
            report.warn(manifest, path, "not-attached", message, hint)
        return [None]
    allowed = [listener for listener in named if listener.allows(home)]
    if not allowed:
        which = "lets this route attach" if named else "has this name and port"
        message = f"no HTTP listener of Gateway `{shown(ref.name)}` {which}"
        hint = "see its `listeners`, and their `allowedRoutes`"
        report.tell(manifest, path, "not-attached", message, hint)
    return [*allowed]


def forces_https(rule: Rule, route: Attached, listeners: Listeners) -> bool:
    """Whether a rule only sends clients of an HTTP listener to HTTPS, which other listeners
    serve. Such a route passes over requests that come by HTTPS, and goes before its equals."""
    own = [listener for listener, _ in route.served]
    if not all(listener and listener.told.protocol == "HTTP" for listener in own):
        return False
    secure = [each for each in listeners if each.told.protocol == "HTTPS"]
    overlapping = any(
        intersection(host, each.hostname) is not None for host in route.hosts for each in secure
    )
    redirects = [each.request_redirect for each in rule.filters if each and each.request_redirect]
    plain = [
        each.scheme == "https" and not (each.hostname or each.path) and each.port in (None, 443)
        for each in redirects
    ]
    return overlapping and bool(plain) and all(plain)


def tell_ports(
    routes: list[tuple[Manifest, Attached]], listeners: Listeners, report: Report
) -> None:
    """Hosts that listeners of several ports have, with routes that are not for all of them."""
    used = {listener for _, route in routes for listener, _ in route.served if listener}
    for manifest, route in routes:
        own = {listener for listener, _ in route.served if listener}
        ports = {listener.told.port for listener in own}
        for other in listeners:
            if other.told.port in ports or other not in used or not own:
                continue
            if any(intersection(host, other.hostname) is not None for host in route.hosts):
                message = f"requests to port {other.told.port} (listener `{shown(other.name)}`) "
                message += "come to this route, too: the router does not tell ports apart"
                hint = "give the ports hostnames of their own, or attach the route to both"
                report.warn(manifest, ("spec", "parentRefs"), "differs", message, hint)
                break
