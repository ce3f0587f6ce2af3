"""Converts the backends of a rule to a split.

- An invalid backend keeps its share, which gets 500 (Gateway API, `backendRefs`); otherwise the
  others would get requests that were not for them.
- The pool for invalid backends is called `invalid` and has no variants.
"""

from __future__ import annotations

from policies.basics.untyped import JsonObject
from policies.gateway.cluster.manifests import at
from policies.gateway.models.http_routes import BackendRef
from policies.gateway.output.drafts import Draft
from policies.gateway.output.report import ImportReport, Manifest
from policies.gateway.routes.backends import Backends
from policies.gateway.routes.filters import FilterReader, Filters
from policies.language.findings.findings import Path
from policies.language.values.values import MAX_WEIGHT

ON_THE_WAY = ("request_headers", "rewrite", "mirrors")  # no effect without a backend
_OF_BACKENDS = (*ON_THE_WAY, "response_headers")  # the filters of a single backend
INVALID = "invalid"


class ShareReader:
    """Reads the backends of one route's rules."""

    def __init__(
        self,
        manifest: Manifest,
        home: str,
        backends: Backends,
        report: ImportReport,
        filters: FilterReader,
    ) -> None:
        self._manifest, self._home, self._report = manifest, home, report
        self._backends, self._filters = backends, filters

    def read(
        self, draft: Draft, refs: list[BackendRef | None], filters: Filters, path: Path
    ) -> JsonObject:
        """Return the share of each pool; the largest weight first, since the first is the fallback
        of the others. Empty if no valid backend has a weight."""
        shares: JsonObject = {}
        uses: dict[tuple[object, ...], int] = {}
        lost = 0
        for number, ref in enumerate(refs):
            here = (*path, number)
            own = self._own(ref, filters, here, alone=len(refs) == 1)
            if ref is None or own is None:
                lost += ref.weight if ref else self._weight_at(here)
                continue
            key = (ref.group, ref.kind, ref.namespace or self._home, ref.name, ref.port)
            uses[key] = uses.get(key, -1) + 1
            pool = self._backends.pool(ref, self._manifest, here, self._home, uses[key])
            weight = {"weight": ref.weight}
            shares[pool] = weight | {"filters": own.value} if own.value else ref.weight
            draft.origins["split", pool] = here
            draft.origins |= {
                ("split", pool, "filters", *key): origin for key, origin in own.origins.items()
            }
        weights = {pool: _weight(share) for pool, share in shares.items()}
        if not any(weights.values()):
            return {}
        split = {pool: shares[pool] for pool in sorted(shares, key=lambda name: -weights[name])}
        if lost:
            split[self._backends.invalid] = {"weight": lost, "backend": "none"}
        return split

    def _weight_at(self, path: Path) -> int:
        """Return the weight of an invalid backend, if it has a valid weight."""
        value: object = self._manifest.value
        for step in path:
            value = at(value, step)
        weight = value.get("weight", 1) if isinstance(value, dict) else 1
        return weight if type(weight) is int and 0 <= weight <= MAX_WEIGHT else 1

    def _own(
        self, ref: BackendRef | None, filters: Filters, path: Path, alone: bool
    ) -> Filters | None:
        """Return the filters of a backend; None if it is invalid."""
        if ref is None or not self._backends.is_valid(ref, self._manifest, path, self._home):
            return None
        instead = "the backend's requests get 500"
        own = self._filters.read(ref.filters, (*path, "filters"), instead)
        return None if own.lost or not self._fits(own, filters, path, alone) else own

    def _fits(self, own: Filters, filters: Filters, path: Path, alone: bool) -> bool:
        """Return whether a backend can have its filters. Filters that only a rule can have are
        moved to the rule if this is its only backend."""
        for name in [name for name in own.value if name not in _OF_BACKENDS]:
            if not alone or name in filters.value:
                message = "a backend among others cannot have this filter; its requests get 500"
                hint = "move the filter to the rule, or the backend to its own rule"
                self._report.tell(
                    self._manifest, own.origins[name,], "not-carried-over", message, hint
                )
                return False
            filters.value[name] = own.value.pop(name)
            filters.origins[name,] = own.origins.pop((name,))
        return True


def _weight(share: JsonObject | int) -> int:
    weight: int = share["weight"] if isinstance(share, dict) else share
    return weight
