"""Backends: each that rules refer to becomes a pool with one variant.

- A pool is called like its Service. What else says which one it is (port, namespace, kind)
  joins the name only where another backend has the shorter one already.
- A backend of a kind that is not known to answer requests is not valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from policies.gateway.grants import Grants
from policies.gateway.model import ObjectRef
from policies.gateway.names import Names, binding_of, fitted
from policies.gateway.report import Manifest, Report
from policies.gateway.write import Entry
from policies.language.findings import Path, shown

SERVICE = ("", "Service")
# What controllers take for a Service; any other kind is not valid (Gateway API, `InvalidKind`).
_LIKE_SERVICES = frozenset(
    (
        ("multicluster.x-k8s.io", "ServiceImport"),
        ("net.gke.io", "ServiceImport"),
        ("inference.networking.k8s.io", "InferencePool"),
        ("inference.networking.x-k8s.io", "InferencePool"),
        ("gateway.envoyproxy.io", "Backend"),
        ("gateway.kgateway.dev", "Backend"),
        ("gloo.solo.io", "Upstream"),
        ("networking.istio.io", "Hostname"),
        ("traefik.io", "TraefikService"),
        ("application-networking.k8s.aws", "ServiceImport"),
    )
)


class Identity(NamedTuple):
    """`use` tells apart several uses of one backend in one rule, which are pools of their own."""

    group: str
    kind: str
    namespace: str
    name: str
    port: int | None
    use: int

    @property
    def text(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        port = f", port {self.port}" if self.port else ""
        return f"{kind} {self.namespace}/{self.name}{port}"


@dataclass(frozen=True, slots=True)
class Backend:
    pool: str
    binding: str


class Backends:
    """All backends of an import, in the order in which they come up."""

    def __init__(self, report: Report, grants: Grants) -> None:
        self._report, self._grants = report, grants
        self._pools = Names()
        self._bindings = Names("_")
        self._backends: dict[Identity, Backend] = {}
        self._variants: dict[str, Entry] = {}
        self._invalid = ""

    def variant(self, pool: str) -> Entry:
        """The variant of a pool, with a comment that says which backend it is."""
        return self._variants[pool]

    @property
    def invalid(self) -> str:
        """What stands in splits for backends that are not valid."""
        if not self._invalid:
            self._invalid = self._pools.first_free(["invalid"])
        return self._invalid

    def is_valid(self, ref: ObjectRef, manifest: Manifest, path: Path, home: str) -> bool:
        """Whether the backend at `path`, to which a route in namespace `home` refers, is of a
        kind that answers requests, and the route may refer to it."""
        if (ref.group, ref.kind) not in (SERVICE, *_LIKE_SERVICES):
            message = f"no `{shown(ref.kind)}` of the group `{shown(ref.group)}` is known that "
            message += "answers requests, so the backend's are answered 500"
            hint = "name a Service, or put a variant into the route's `split` in `routes.yaml`"
            self._report.tell(manifest, (*path, "kind"), "not-carried-over", message, hint)
            return False
        kind = str(manifest.value.get("kind"))
        if self._grants.allow(kind, home, ref):
            return True
        message = f"no ReferenceGrant lets a {shown(kind)} of namespace `{shown(home)}` use this "
        message += "backend of another one, so its requests are answered 500"
        hint = f"import the ReferenceGrant of namespace `{shown(ref.namespace)}`, too"
        where = (*path, "namespace")
        self._report.tell(manifest, where, "not-carried-over", message, hint)
        return False

    def pool(self, ref: ObjectRef, manifest: Manifest, path: Path, home: str, use: int = 0) -> str:
        """The pool of the backend at `path`, to which a route in namespace `home` refers."""
        self._note(ref, manifest, path)
        wanted = Identity(ref.group, ref.kind, ref.namespace or home, ref.name, ref.port, use)
        if wanted not in self._backends:
            pool = self._pools.first_free(_wishes(wanted))
            known = self._backends.get(wanted._replace(use=0))
            binding = known.binding if known else self._bindings.first_free([binding_of(pool)])
            self._backends[wanted] = Backend(pool, binding)
            self._variants[pool] = Entry([wanted.text], {"binding": binding, "pool": pool})
        return self._backends[wanted].pool

    def _note(self, ref: ObjectRef, manifest: Manifest, path: Path) -> None:
        if (ref.group, ref.kind) != SERVICE:
            message = f"this is no Service but a `{shown(ref.kind)}`, carried over by its name"
            hint = "bind the Worker that stands for it"
            self._report.warn(manifest, (*path, "kind"), "differs", message, hint)
        elif ref.port is None:
            message, hint = "a Service needs a `port` here", "add it; the router itself has no use"
            self._report.warn(manifest, path, "missing-field", message, f"{hint} for it")


def _wishes(identity: Identity) -> list[str]:
    """Names from the shortest to the one that says it all."""
    _, kind, namespace, name, port, _ = identity
    wishes = [name, f"{name}-{port}"] if port else [name]
    wishes += [f"{namespace}-{wish}" for wish in wishes]
    return [fitted(wish) for wish in [*wishes, f"{wishes[-1]}-{kind.lower()}"]]
