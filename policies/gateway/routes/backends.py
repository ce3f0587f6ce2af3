"""Backends: each backend that rules refer to becomes a pool with one variant.

- A pool is named after its Service. Port, namespace and kind are added to the name only if
  another backend already has the shorter one.
- A backend of a kind that is not known to answer requests is invalid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from policies.gateway.cluster.grants import Grants
from policies.gateway.models.http_routes import ObjectRef
from policies.gateway.output.names import PolicyNames, binding_of, fitted
from policies.gateway.output.report import ImportReport, Manifest
from policies.gateway.output.write import YamlEntry
from policies.language.findings.findings import Path, shown

SERVICE = ("", "Service")
# Kinds that controllers accept as a Service; others are invalid (Gateway API, `InvalidKind`).
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


class BackendIdentity(NamedTuple):
    """`use` distinguishes several uses of one backend in one rule, which are separate pools."""

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
    """All backends of an import, in the order of their first use."""

    def __init__(self, report: ImportReport, grants: Grants) -> None:
        self._report, self._grants = report, grants
        self._pools = PolicyNames()
        self._bindings = PolicyNames("_")
        self._backends: dict[BackendIdentity, Backend] = {}
        self._variants: dict[str, YamlEntry] = {}
        self._invalid = ""

    def variant(self, pool: str) -> YamlEntry:
        """Return the variant of a pool, with a comment that names its backend."""
        return self._variants[pool]

    @property
    def invalid(self) -> str:
        """Return the pool that splits have for invalid backends."""
        if not self._invalid:
            self._invalid = self._pools.first_free(["invalid"])
        return self._invalid

    def is_valid(self, ref: ObjectRef, manifest: Manifest, path: Path, home: str) -> bool:
        """Return whether the backend at `path` is of a kind that answers requests, and whether a
        route in namespace `home` may refer to it."""
        if (ref.group, ref.kind) not in (SERVICE, *_LIKE_SERVICES):
            message = f"no `{shown(ref.kind)}` of the group `{shown(ref.group)}` is known that "
            message += "answers requests, so requests to this backend get 500"
            hint = "name a Service, or put a variant into the route's `split` in `routes.yaml`"
            self._report.tell(manifest, (*path, "kind"), "not-carried-over", message, hint)
            return False
        kind = str(manifest.value.get("kind"))
        if self._grants.allow(kind, home, ref):
            return True
        message = f"no ReferenceGrant allows a {shown(kind)} of namespace `{shown(home)}` to use "
        message += "this backend of another namespace, so its requests get 500"
        hint = f"also import the ReferenceGrant of namespace `{shown(ref.namespace)}`"
        where = (*path, "namespace")
        self._report.tell(manifest, where, "not-carried-over", message, hint)
        return False

    def pool(self, ref: ObjectRef, manifest: Manifest, path: Path, home: str, use: int = 0) -> str:
        """Return the pool of the backend at `path`, for a route in namespace `home`."""
        self._note(ref, manifest, path)
        wanted = BackendIdentity(
            ref.group, ref.kind, ref.namespace or home, ref.name, ref.port, use
        )
        if wanted not in self._backends:
            pool = self._pools.first_free(_wishes(wanted))
            known = self._backends.get(wanted._replace(use=0))
            binding = known.binding if known else self._bindings.first_free([binding_of(pool)])
            self._backends[wanted] = Backend(pool, binding)
            self._variants[pool] = YamlEntry([wanted.text], {"binding": binding, "pool": pool})
        return self._backends[wanted].pool

    def _note(self, ref: ObjectRef, manifest: Manifest, path: Path) -> None:
        if (ref.group, ref.kind) != SERVICE:
            message = (
                f"this is a `{shown(ref.kind)}`, not a Service; it is carried over by its name"
            )
            hint = "bind the Worker that replaces it"
            self._report.warn(manifest, (*path, "kind"), "differs", message, hint)
        elif ref.port is None:
            message, hint = "a Service needs a `port` here", "add it; the router does not use it"
            self._report.warn(manifest, path, "missing-field", message, f"{hint} for it")


def _wishes(identity: BackendIdentity) -> list[str]:
    """Return names from the shortest to the most specific."""
    _, kind, namespace, name, port, _ = identity
    wishes = [name, f"{name}-{port}"] if port else [name]
    wishes += [f"{namespace}-{wish}" for wish in wishes]
    return [fitted(wish) for wish in [*wishes, f"{wishes[-1]}-{kind.lower()}"]]
