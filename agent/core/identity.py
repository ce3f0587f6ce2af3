"""The identity of an isolate: its id, its region, its start."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple


class Identity(NamedTuple):
    """One isolate of one variant; `id` is `cf-<region>-<8 hex>`, as FiberWise's clients know
    workers."""

    id: str
    variant: str
    region: str
    started_ms: float


def identity_of(variant: str, region: str, number: int, now_ms: float) -> Identity:
    """`number` is random, 32 bits of it count."""
    return Identity(f"cf-{region}-{number & 0xFFFFFFFF:08x}", variant, region, now_ms)


def uptime_ms(who: Identity, now_ms: float) -> int:
    return max(0, int(now_ms - who.started_ms))


def time_text(at_ms: float) -> str:
    """ISO 8601, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
