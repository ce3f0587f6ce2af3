"""Guards: objects that protect routes without being one of their filters.

- A guard cannot be carried over, so it is an error, and the rules that it protects answer 500
  until `routes.yaml` says what protects them.
- A target counts by its name, even if its object is not among the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from policies.gateway.models.grpc_routes import AnyRoute, AnyRule
from policies.gateway.models.http_routes import GROUP, BackendRef, ParentRef
from policies.gateway.output.report import ImportReport, Manifest
from policies.language.findings.findings import Path

ROUTES = ("HTTPRoute", "GRPCRoute")
PARENTS = ("Gateway", "ListenerSet")
HINT = "protect them in `routes.yaml` (`auth`, `rate_limits`) or in the Worker, then fix them"


@dataclass(frozen=True, slots=True)
class GuardTarget:
    """The target of a guard: `kind` is an object's kind, `Namespace` or `All`. None: any."""

    kind: str
    namespace: str | None = None
    name: str | None = None
    section: str | None = None
    port: int | None = None
    not_ports: frozenset[int] = frozenset()
    https: bool = False  # only HTTPS requests


@dataclass(slots=True, eq=False)
class Guard:
    """A guard: `what` describes it, `path` is its place."""

    manifest: Manifest
    path: Path
    what: str
    targets: list[GuardTarget]
    guarded: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Parent:
    """A listener that a route attaches to: `owners` are the Gateway and the ListenerSet between."""

    owners: frozenset[tuple[str, str, str]]  # kind, namespace, name
    section: str | None
    port: int | None
    protocol: str = "HTTPS"  # the default if it is unknown

    def meets(self, target: GuardTarget) -> bool:
        owns = any(
            kind == target.kind
            and target.namespace in (None, space)
            and target.name in (None, name)
            for kind, space, name in self.owners
        )
        fits = None in (target.section, self.section) or target.section == self.section
        names_port = self.port is None or (
            target.port in (None, self.port) and self.port not in target.not_ports
        )
        return owns and fits and names_port and (self.protocol == "HTTPS" or not target.https)


@dataclass(frozen=True, slots=True)
class Guarded:
    """What guards need to know of a rule."""

    kind: str
    route: AnyRoute
    rule: AnyRule
    parents: list[Parent]

    @property
    def home(self) -> str:
        return str(self.route.metadata.namespace)

    def meets(self, target: GuardTarget) -> bool:
        if target.kind == "All":
            return True
        if target.kind == "Namespace":
            spaces = {self.home, *(own[1] for parent in self.parents for own in parent.owners)}
            return target.name in (None, *spaces)
        if target.kind in PARENTS:
            return any(parent.meets(target) for parent in self.parents)
        if target.kind in ROUTES:
            own = (target.kind, target.namespace or self.home, target.name or self._name)
            fits = target.section in (None, self.rule.name)
            return own == (self.kind, self.home, self._name) and fits
        return any(self._uses(ref, target) for ref in _backends(self.rule))

    @property
    def _name(self) -> str:
        return str(self.route.metadata.name)

    def _uses(self, ref: BackendRef, target: GuardTarget) -> bool:
        own = (ref.kind, ref.namespace or self.home, ref.name)
        return own == (target.kind, target.namespace or self.home, target.name or ref.name)


def _backends(rule: AnyRule) -> Iterator[BackendRef]:
    return (ref for ref in rule.backend_refs if ref)


class Guards:
    """All guards of an import."""

    def __init__(self) -> None:
        self._all: list[Guard] = []

    def add(self, guards: Iterable[Guard]) -> None:
        self._all += guards

    def of(self, rule: Guarded, name: str) -> list[str]:
        """Return the guards of a rule that becomes the route `name`."""
        found = [
            guard for guard in self._all if any(rule.meets(target) for target in guard.targets)
        ]
        for guard in found:
            guard.guarded.add(name)
        return [guard.what for guard in found]

    def tell(self, report: ImportReport) -> None:
        """Report each guard, with the number of routes that answer 500 because of it."""
        for guard in self._all:
            count = len(guard.guarded)
            routes = "1 route answers" if count == 1 else f"{count} routes answer"
            message = f"{guard.what} is not carried over; {routes} 500 instead of being unprotected"
            if not count:
                message = (
                    f"{guard.what} is not carried over; no imported route is known to be affected"
                )
            report.tell(guard.manifest, guard.path, "not-carried-over", message, HINT)


def parents_of(refs: Iterable[ParentRef | None], home: str) -> list[Parent]:
    """Return the targets that a route's references name, given or not."""
    return [
        Parent(frozenset([(ref.kind, ref.namespace or home, ref.name)]), ref.section_name, ref.port)
        for ref in refs
        if ref and ref.group == GROUP
    ]
