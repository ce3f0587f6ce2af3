"""The hosts that a route serves: its hostnames, as far as its listeners accept them.

- A route is attached to the listeners that its `parentRefs` name and that allow it. Its hosts
  are the intersections of its hostnames and theirs; `""` means all hosts.
- The listeners of a ListenerSet join those of its Gateway if the Gateway allows it. Routes refer
  to the set; a reference to the Gateway means only the Gateway's own listeners.
- Listeners of one port are isolated: a request belongs to the most specific listener for its
  host, and no route of the others gets it (Gateway API, `GatewaySpec.listeners`).
- The router does not see ports: the routes of several ports are merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from policies.gateway.cluster.guards import Parent
from policies.gateway.cluster.namespaces import Namespaces
from policies.gateway.models.gateways import (
    Gateway,
    ListenerNamespaces,
    ListenerSet,
    RouteNamespaces,
)
from policies.gateway.models.gateways import Listener as ListenerSpec
from policies.gateway.models.grpc_routes import AnyRoute
from policies.gateway.models.http_routes import GROUP, ParentRef

HTTP = ("HTTP", "HTTPS")  # the protocols of listeners that routes can attach to
DEFAULT_KINDS = frozenset(((GROUP, "HTTPRoute"), (GROUP, "GRPCRoute")))

Hosts = Sequence[str]
Owner = tuple[str, str]  # namespace and name of an object


@dataclass(slots=True, eq=False)
class Listener:
    """`home`: the Gateway or ListenerSet that contains it. `narrower`: listeners of the same port
    that take some of its hosts."""

    gateway: Owner
    spec: ListenerSpec
    hostname: str
    home: tuple[str, Owner]
    default: bool = False
    narrower: list[Listener] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.home[1][0]}/{self.home[1][1]}/{self.spec.name}"

    @property
    def parent(self) -> Parent:
        """Return what guards need to know of it."""
        kind, owner = self.home
        owners = frozenset([("Gateway", *self.gateway), (kind, *owner)])
        return Parent(owners, self.spec.name, self.spec.port, self.spec.protocol)

    def allows(self, namespace: str, kind: str, namespaces: Namespaces) -> bool:
        allowed = self.spec.allowed_routes
        kinds = {(kind.group, kind.kind) for kind in allowed.kinds} or DEFAULT_KINDS
        where = allowed.namespaces
        return (GROUP, kind) in kinds and _are_let(where, namespace, self.home[1][0], namespaces)

    def takes(self, hostname: str) -> str | None:
        """Return the hosts of `hostname` that this listener gets."""
        both = intersection(self.hostname, hostname)
        if both is None or any(covers(other.hostname, both) for other in self.narrower):
            return None
        return both


def covers(wide: str, narrow: str) -> bool:
    """Return whether all hosts of `narrow` belong to `wide`; `*.a` is any host below `a`."""
    below = wide.startswith("*.") and narrow.endswith(wide[1:])
    return wide in ("", narrow) or below


def intersection(one: str, other: str) -> str | None:
    if covers(one, other):
        return other
    return one if covers(other, one) else None


class RefusedListener(NamedTuple):
    """A listener of a ListenerSet that does not join its Gateway (all, if `number` is None)."""

    owner: Owner
    number: int | None
    why: str


class Listeners:
    """All listeners of the given Gateways and ListenerSets. `told_of`: whether there was any such
    object, even an invalid one. `refused`: listeners that their Gateway does not allow."""

    def __init__(
        self,
        gateways: Iterable[Gateway] = (),
        sets: Iterable[ListenerSet] = (),
        *,
        told_of: bool = False,
        namespaces: Namespaces | None = None,
    ) -> None:
        self.namespaces = namespaces or Namespaces()
        self._of: dict[tuple[str, Owner], list[Listener]] = {}
        self._merged: dict[Owner, list[Listener]] = {}
        self._told_of = told_of
        self.refused: list[RefusedListener] = []
        given = {}
        for gateway in gateways:
            owner = (gateway.metadata.namespace, gateway.metadata.name)
            given[owner] = gateway
            default = gateway.spec.default_scope == "All"
            self._of["Gateway", owner] = self._merged[owner] = [
                Listener(owner, spec, spec.hostname or "", ("Gateway", owner), default)
                for spec in gateway.spec.listeners
                if spec and spec.protocol in HTTP
            ]
        self._merged = {owner: [*group] for owner, group in self._merged.items()}
        for listener_set in sets:
            self._join(listener_set, given)
        for group in self._merged.values():
            _isolate(group)

    def _join(self, listener_set: ListenerSet, gateways: dict[Owner, Gateway]) -> None:
        owner = (listener_set.metadata.namespace, listener_set.metadata.name)
        ref = listener_set.spec.parent_ref
        above = (ref.namespace or owner[0], ref.name)
        group = self._of["ListenerSet", owner] = []
        gateway = gateways.get(above)
        if (ref.group, ref.kind) != (GROUP, "Gateway"):
            self.refused.append(RefusedListener(owner, None, f"its parent is a `{ref.kind[:80]}`"))
            return
        allowed = gateway and gateway.spec.allowed_listeners.namespaces
        if allowed and not _are_let(allowed, owner[0], above[0], self.namespaces):
            why = "its Gateway does not allow it (`allowedListeners`)"
            self.refused.append(RefusedListener(owner, None, why))
            return
        merged = self._merged.setdefault(above, [])
        for index, spec in enumerate(listener_set.spec.listeners):
            if spec is None or spec.protocol not in HTTP:
                continue
            listener = Listener(above, spec, spec.hostname or "", ("ListenerSet", owner))
            if any(_in_conflict(listener, other) for other in merged):
                why = "another listener of its Gateway has this port"
                self.refused.append(RefusedListener(owner, index, why))
                continue
            merged.append(listener)
            group.append(listener)

    def __bool__(self) -> bool:
        return self._told_of or bool(self._of)

    def __iter__(self) -> Iterator[Listener]:
        return (listener for group in self._merged.values() for listener in group)

    def named(self, ref: ParentRef, namespace: str) -> list[Listener] | None:
        """Return the listeners that a route in `namespace` refers to; None if their object is not
        given."""
        group = self._of.get((ref.kind, (ref.namespace or namespace, ref.name)))
        if ref.group != GROUP or group is None:
            return None
        return [
            listener
            for listener in group
            if ref.section_name in (None, listener.spec.name)
            and ref.port in (None, listener.spec.port)
        ]

    def defaults(self) -> list[Listener]:
        """Return the listeners of default Gateways."""
        return [listener for listener in self if listener.default and listener.home[0] == "Gateway"]


def _are_let(
    allowed: RouteNamespaces | ListenerNamespaces, name: str, home: str, namespaces: Namespaces
) -> bool:
    """Return whether an object of namespace `home` allows those of namespace `name`."""
    if allowed.from_ == "Selector":
        return namespaces.selects(allowed.selector, name)
    return allowed.from_ == "All" or (allowed.from_ == "Same" and name == home)


def _in_conflict(one: Listener, other: Listener) -> bool:
    """Return whether two listeners conflict; the first one stays."""
    if one.spec.port != other.spec.port:
        return False
    return one.spec.protocol != other.spec.protocol or one.hostname == other.hostname


def _isolate(group: list[Listener]) -> None:
    for listener in group:
        listener.narrower = [
            other
            for other in group
            if other.spec.port == listener.spec.port
            and other.hostname != listener.hostname
            and covers(listener.hostname, other.hostname)
        ]


@dataclass(slots=True, eq=False)
class Attached:
    """A route, with the hosts that it serves through each listener; None: a listener that is not
    given. `unknown`: the targets of its references to those."""

    kind: str
    route: AnyRoute
    served: list[tuple[Listener | None, str]]
    unknown: list[Parent] = field(default_factory=list)

    @property
    def hosts(self) -> list[str]:
        return list(dict.fromkeys(host for _, host in self.served))

    @property
    def listeners(self) -> list[Listener]:
        return list(dict.fromkeys(listener for listener, _ in self.served if listener))

    @property
    def parents(self) -> list[Parent]:
        return [*(listener.parent for listener in self.listeners), *self.unknown]


def attached(
    kind: str, route: AnyRoute, listeners: list[Listener | None], elsewhere: Hosts = ()
) -> Attached:
    """Return the route with its hosts. `elsewhere`: the hosts of listeners that are not given, for
    routes without hostnames."""
    names = [name for name in route.spec.hostnames if name is not None]
    found = (
        (listener, name if listener is None else listener.takes(name))
        for listener in listeners
        for name in names or (elsewhere if listener is None else [""])
    )
    return Attached(kind, route, [(listener, host) for listener, host in found if host is not None])


def isolated_hosts(routes: list[Attached]) -> Iterator[str]:
    """Yield hosts of listeners whose requests without a route would wrongly go to routes of wider
    listeners. A route that gets them through another port keeps them."""
    narrow = {
        other.hostname: None
        for route in routes
        for listener, _ in route.served
        for other in (listener.narrower if listener else ())
    }
    for hostname in narrow:
        wider = [
            listener and any(other.hostname == hostname for other in listener.narrower)
            for route in routes
            if hostname not in route.hosts
            for listener, host in route.served
            if covers(host, hostname)
        ]
        if wider and all(wider):
            yield hostname
