"""The listeners that routes attach to, and findings about missing ones.

- A parent that is not given never widens a route. A route with hostnames serves these; one
  without serves the hosts given for such parents (`elsewhere`), else the hosts of its given
  parents, else it is left out.
- A route without parents is left out unless it has hostnames.
- HTTPRoutes and GRPCRoutes do not share a listener's hosts: the older one gets them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.gateway.cluster.guards import parents_of
from policies.gateway.cluster.listeners import (
    Attached,
    Hosts,
    Listener,
    Listeners,
    attached,
    covers,
    intersection,
)
from policies.gateway.models.grpc_routes import AnyRoute
from policies.gateway.models.http_routes import GROUP, ParentRef
from policies.gateway.output.report import ImportReport, Manifest
from policies.language.findings.findings import Path, shown
from policies.language.findings.found import KeyOf

_SAY = "`--hostname www.example.com`, or `--hostname '*'` for every host"
_PARENTS = ((GROUP, "Gateway"), (GROUP, "ListenerSet"))


@dataclass(slots=True)
class _Attaching:
    """A route while its listeners are searched."""

    manifest: Manifest
    kind: str
    route: AnyRoute
    listeners: Listeners
    report: ImportReport
    elsewhere: Hosts
    found: list[Listener | None] = field(default_factory=list)
    unknown: list[ParentRef] = field(default_factory=list)
    is_told: bool = False  # the reason for a missing part has been reported

    def tell(self, path: Path, message: str, hint: str) -> None:
        self.is_told = True
        self.report.tell(self.manifest, path, "not-attached", message, hint)

    def warn(self, path: Path, message: str, hint: str) -> None:
        self.report.warn(self.manifest, path, "not-attached", message, hint)

    @property
    def _has_hosts(self) -> bool:
        """Return whether the hosts of the route are known for a parent that is not given."""
        return bool(self.route.spec.hostnames or self.elsewhere)

    def all_parents(self) -> None:
        refs = self.route.spec.parent_refs
        for index, ref in enumerate(refs):
            if ref:
                self._parent(ref, ("spec", "parentRefs", index))
        if self.route.spec.use_default_gateways == "All":
            self._defaults()
        elif not refs:
            self._nobody()

    def _parent(self, ref: ParentRef, path: Path) -> None:
        if (ref.group, ref.kind) not in _PARENTS:
            message = f"a route for a `{shown(ref.kind)}` is for traffic within the cluster"
            hint = "route it in the cluster, or give it a Gateway"
            if ref.kind == self.kind:
                message = (
                    f"a route that another `{shown(ref.kind)}` delegates to is not carried over"
                )
                hint = "combine both in `routes.yaml`, and give the route a Gateway"
            self.tell((*path, "kind"), message, hint)
            return
        home = self.route.metadata.namespace
        named = self.listeners.named(ref, home)
        if named is None:
            self._not_given(ref, path)
            return
        allowed = [listener for listener in named if self._is_let(listener)]
        if not allowed:
            which = "allows this route to attach" if named else "has this name and port"
            message = f"no HTTP listener of {ref.kind} `{shown(ref.name)}` {which}"
            self.tell(path, message, "check its `listeners` and their `allowedRoutes`")
        self.found += allowed

    def _is_let(self, listener: Listener) -> bool:
        home = self.route.metadata.namespace
        return listener.allows(home, self.kind, self.listeners.namespaces)

    def _not_given(self, ref: ParentRef, path: Path) -> None:
        what = f"the {ref.kind} `{shown(ref.name)}` is not among the imported objects"
        if not self._has_hosts:
            message = f"{what}, so the route's hosts there are unknown"
            self.tell(path, message, f"also import it, or give the hosts of its listeners: {_SAY}")
            return
        if self.route.spec.hostnames and (self.listeners or ref.kind != "Gateway"):
            hint = "also import it; until then, the route's own hostnames are used"
            self.warn(path, what, hint)
        self.unknown.append(ref)
        self.found.append(None)

    def _defaults(self) -> None:
        path = ("spec", KeyOf("useDefaultGateways"))
        allowed = [listener for listener in self.listeners.defaults() if self._is_let(listener)]
        self.found += allowed
        if allowed:
            return
        message = "no default Gateway among the imported objects accepts the route"
        hint = "import the Gateway with `defaultScope: All`, or name one in `parentRefs`"
        if self._has_hosts:
            if self.route.spec.hostnames:
                self.warn(path, f"{message}, so its own hostnames are used", hint)
            self.found.append(None)
        else:
            self.tell(path, f"{message}; it is left out", f"{hint}, or give its hosts: {_SAY}")

    def _nobody(self) -> None:
        path = ("spec", "parentRefs")
        message = "the route has no `parentRefs`, so no Gateway of the cluster serves it"
        if self.route.spec.hostnames:
            self.warn(path, message, "add its Gateway; its own hostnames are used")
            self.found.append(None)
        else:
            hint = "add its Gateway, or `hostnames`"
            self.tell(path, f"{message}; it has no hostnames, so it is left out", hint)


def attach(
    manifest: Manifest,
    kind: str,
    route: AnyRoute,
    listeners: Listeners,
    report: ImportReport,
    elsewhere: Hosts = (),
) -> Attached | None:
    """Return the route with its hosts; None if it has none, which is reported. `elsewhere`: the
    hosts of parents that are not given."""
    names = route.spec.hostnames
    if names and not any(names):
        return None  # each has been reported; without any, it would serve all hosts
    way = _Attaching(manifest, kind, route, listeners, report, elsewhere)
    way.all_parents()
    result = attached(kind, route, list(dict.fromkeys(way.found)), elsewhere)
    result.unknown = parents_of(way.unknown, route.metadata.namespace)
    if not result.served:
        if way.found:  # otherwise the reason has been reported
            message = "no listener accepts any of the route's hostnames; the route is left out"
            hint = "check that they match the listeners' `hostname`"
            way.tell(("spec", KeyOf("hostnames")), message, hint)
        return None
    for index, name in enumerate(names):
        if name and not any(covers(name, host) for host in result.hosts):
            message = f"no listener of the route accepts `{shown(name)}`"
            way.warn(("spec", "hostnames", index), message, "remove it, or add a listener")
    return result


def of_one_kind(
    routes: list[tuple[Manifest, Attached]], report: ImportReport
) -> list[tuple[Manifest, Attached]]:
    """Return the routes without those hosts of a listener that an older route of the other kind
    has (Gateway API, `GRPCRouteSpec.hostnames`)."""
    kept: list[tuple[Manifest, Attached]] = []
    for manifest, route in routes:
        others = [other_route for _, other_route in kept if other_route.kind != route.kind]
        taken = [served for other_route in others for served in other_route.served]
        served = [
            place for place in route.served if not any(_meet(place, other) for other in taken)
        ]
        if served != route.served:
            message = f"an older route that is not a {route.kind} has the same hosts of a listener"
            hint = "give one of them other hostnames"
            report.tell(manifest, ("spec", KeyOf("hostnames")), "not-attached", message, hint)
            route.served = served
        if served:
            kept.append((manifest, route))
    return kept


def _meet(one: tuple[Listener | None, str], other: tuple[Listener | None, str]) -> bool:
    return one[0] is other[0] and intersection(one[1], other[1]) is not None


def tell_ports(
    routes: list[tuple[Manifest, Attached]],
    listeners: Listeners,
    report: ImportReport,
) -> None:
    """Report hosts of listeners with several ports whose routes are not for all of these ports.
    HTTP and HTTPS are separate."""
    used = {listener for _, route in routes for listener in route.listeners}
    for manifest, route in routes:
        own = set(route.listeners)
        ports = {listener.spec.port for listener in own}
        protocols = {listener.spec.protocol if listener else "" for listener, _ in route.served}
        for other in listeners:
            if other.spec.port in ports or other not in used or not own:
                continue
            if len(protocols) == 1 and other.spec.protocol not in protocols:
                continue
            if any(intersection(host, other.hostname) is not None for host in route.hosts):
                message = f"requests to port {other.spec.port} (listener `{shown(other.name)}`) "
                message += "also go to this route: the router does not distinguish ports"
                hint = "give the ports different hostnames, or attach the route to both"
                report.warn(manifest, ("spec", "parentRefs"), "differs", message, hint)
                break
