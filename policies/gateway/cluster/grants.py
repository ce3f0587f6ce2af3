"""Which backends of other namespaces a route may use.

A reference to another namespace is valid only if a ReferenceGrant there says so (Gateway API,
`ReferenceGrant`). Those that are not among the imported objects grant nothing.
"""

from __future__ import annotations

from policies.gateway.models.gateways import ReferenceGrant
from policies.gateway.models.http_routes import GROUP, ObjectRef

_Reference = tuple[str, str, str]  # group, kind, namespace


class Grants:
    """All grants of an import."""

    def __init__(self) -> None:
        self._granted: dict[tuple[_Reference, _Reference], set[str | None]] = {}

    def add(self, grant: ReferenceGrant) -> None:
        home = grant.metadata.namespace
        for asks in grant.spec.from_:
            for to in grant.spec.to:
                if asks and to:
                    key = (asks.group, asks.kind, asks.namespace), (to.group, to.kind, home)
                    self._granted.setdefault(key, set()).add(to.name)

    def allow(self, kind: str, home: str, ref: ObjectRef) -> bool:
        """Return whether a route of that kind in namespace `home` may refer to a backend."""
        if ref.namespace in (None, home):
            return True
        names = self._granted.get(((GROUP, kind, home), (ref.group, ref.kind, ref.namespace)), ())
        return None in names or ref.name in names
