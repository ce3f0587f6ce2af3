"""Answers to probes, and how they are judged."""

from __future__ import annotations

from policies.fleet.active_health import ProbeAnswer
from policies.resilience.health_terms import ActiveTerms

TERMS = ActiveTerms(
    path="/health",
    interval_ms=10_000,
    timeout_ms=2_000,
    unhealthy_after=3,
    healthy_after=2,
    expect=((200, 399),),
    body=None,
)


START = 1_800_000_000_000.0


def targets(*names: str) -> dict[str, str]:
    """Variants, each with a binding of its own."""
    return {name: name.upper() for name in names}


GOOD, BAD = ProbeAnswer(200, 12), ProbeAnswer(0, 2_000, "no answer in 2000 ms")
