"""Which hosts a route serves: its hostnames, as the listeners of its Gateways take them.

- A route is attached to the listeners that its `parentRefs` name and that allow it. Its hosts
  are the intersections of its hostnames and theirs; `""` stands for all hosts.
- Listeners of one port are isolated: a request belongs to the most specific one that takes
  its host, and no route of the others gets it (Gateway API, `GatewaySpec.listeners`).
- The router does not see ports. What routes of several ports serve comes together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from policies.gateway.gateway_model import Gateway
from policies.gateway.gateway_model import Listener as Told
from policies.gateway.model import GROUP, HttpRoute, ParentRef

HTTP = ("HTTP", "HTTPS")  # the protocols of listeners that HTTPRoutes can attach to

Owner = tuple[str, str]  # namespace and name of an object


@dataclass(slots=True, eq=False)
class Listener:
    """`narrower`: those of its port that take some of its hosts away."""

    gateway: Owner
    told: Told
    hostname: str
    narrower: list[Listener] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.gateway[0]}/{self.gateway[1]}/{self.told.name}"

    def allows(self, namespace: str) -> bool:
        allowed = self.told.allowed_routes
        kinds = {(each.group, each.kind) for each in allowed.kinds} or {(GROUP, "HTTPRoute")}
        where = allowed.namespaces.from_
        same = where == "Same" and namespace == self.gateway[0]
        return (GROUP, "HTTPRoute") in kinds and (where in ("All", "Selector") or same)

    def takes(self, hostname: str) -> str | None:
        """The hosts of `hostname` that come to this listener."""
        both = intersection(self.hostname, hostname)
        if both is None or any(covers(each.hostname, both) for each in self.narrower):
            return None
        return both


def covers(wide: str, narrow: str) -> bool:
    """Whether all hosts of `narrow` belong to `wide`; `*.a` is any host below `a`."""
    below = wide.startswith("*.") and narrow.endswith(wide[1:])
    return wide in ("", narrow) or below


def intersection(one: str, other: str) -> str | None:
    if covers(one, other):
        return other
    return one if covers(other, one) else None


class Listeners:
    """All listeners of the Gateways that are given."""

    def __init__(self, gateways: Iterable[Gateway]) -> None:
        self._of: dict[Owner, list[Listener]] = {}
        for gateway in gateways:
            owner = (gateway.metadata.namespace, gateway.metadata.name)
            self._of[owner] = [
                Listener(owner, told, told.hostname or "")
                for told in gateway.spec.listeners
                if told and told.protocol in HTTP
            ]
        for group in self._of.values():
            _isolate(group)

    def __bool__(self) -> bool:
        return bool(self._of)

    def __iter__(self) -> Iterator[Listener]:
        return (listener for group in self._of.values() for listener in group)

    def named(self, ref: ParentRef, namespace: str) -> list[Listener] | None:
        """Those that a route in `namespace` refers to; None if the Gateway is not given."""
        group = self._of.get((ref.namespace or namespace, ref.name))
        if (ref.group, ref.kind) != (GROUP, "Gateway") or group is None:
            return None
        return [
            listener
            for listener in group
            if ref.section_name in (None, listener.told.name)
            and ref.port in (None, listener.told.port)
        ]


def _isolate(group: list[Listener]) -> None:
    for listener in group:
        listener.narrower = [
            each
            for each in group
            if each.told.port == listener.told.port
            and each.hostname != listener.hostname
            and covers(listener.hostname, each.hostname)
        ]


@dataclass(slots=True, eq=False)
class Attached:
    """A route with what it serves through each listener; None stands for one not given."""

    route: HttpRoute
    served: list[tuple[Listener | None, str]]

    @property
    def hosts(self) -> list[str]:
        return list(dict.fromkeys(host for _, host in self.served))


def attached(route: HttpRoute, listeners: list[Listener | None]) -> Attached:
    names = [each for each in route.spec.hostnames if each is not None] or [""]
    found = (
        (listener, name if listener is None else listener.takes(name))
        for listener in listeners
        for name in names
    )
    return Attached(route, [(listener, host) for listener, host in found if host is not None])


def isolated_hosts(routes: list[Attached]) -> Iterator[str]:
    """Hosts of listeners that routes of wider listeners would get when none of their own
    takes a request, and must not. Where a route gets them by another port, it keeps them."""
    narrow = {
        each.hostname: None
        for route in routes
        for listener, _ in route.served
        for each in (listener.narrower if listener else ())
    }
    for hostname in narrow:
        wider = [
            listener and any(each.hostname == hostname for each in listener.narrower)
            for route in routes
            if hostname not in route.hosts
            for listener, host in route.served
            if covers(host, hostname)
        ]
        if wider and all(wider):
            yield hostname
