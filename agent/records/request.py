"""The record of a request: one data point, for Analytics Engine and for the table `requests`.

Its columns are numbered, so their order never changes: new ones are appended. Clients cannot choose
its values freely, so their number is bounded; the tenant comes from the router.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

from agent.core.identity import Identity

# `blob1` to `blob9`, `double1` to `double3`; `index1` is the tenant, by which is sampled.
BLOBS = (
    *("endpoint", "method", "capability", "outcome", "cache"),
    *("variant", "region", "worker", "tenant"),
)
DOUBLES = ("at_ms", "status", "took_ms")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
MAX_TENANT = 96  # bytes: those of an index


class Facts(NamedTuple):
    """The facts that the endpoint adds: the capability of the job, its outcome (`completed`,
    `failed`), and the cache status (`HIT`, `MISS`, `BYPASS`)."""

    capability: str = ""
    outcome: str = ""
    cache: str = ""


NO_FACTS = Facts()


class RequestRecord(NamedTuple):
    """`endpoint`: a path of the table of endpoints, or ""."""

    at_ms: float
    endpoint: str
    method: str
    status: int
    took_ms: float
    tenant: str
    facts: Facts = NO_FACTS


def data_point(request: RequestRecord, who: Identity) -> str:
    """As JSON."""
    labels = _labels(request.endpoint, request.method, request.tenant, request.facts, who)
    numbers = f"{int(request.at_ms)},{request.status},{request.took_ms:.3f}"
    return f'{{{labels},"doubles":[{numbers}]}}'


@lru_cache(maxsize=1_000)  # most requests differ only in their numbers
def _labels(endpoint: str, method: str, tenant: str, facts: Facts, who: Identity) -> str:
    method = method if method in METHODS else OTHER
    tenant = tenant.encode(errors="replace")[:MAX_TENANT].decode(errors="ignore")
    blobs = [endpoint, method, *facts, who.variant, who.region, who.id, tenant]
    return f'"indexes":{json.dumps([tenant])},"blobs":{json.dumps(blobs)}'
