"""Drills at work: what they do to attempts, in front of the variant's binding.

Whoever is drilled fails for everybody the same way a broken Worker does, so failover and
health do what they do in earnest. Only the metrics know the difference.
"""

from __future__ import annotations

from policies.decisions.drill import Drill, Faults, faults_of
from policies.decisions.policy import Variant
from router.edge.bridge import InFront, now_ms
from router.edge.isolate import Isolate


def fault_on(isolate: Isolate, variant: Variant) -> InFront:
    """What the next attempt at `variant` meets; it is counted."""
    drill = faults(isolate, variant, now_ms()).draw(isolate.chance)
    if drill is None:
        return None
    isolate.metrics.drill_faults[drill.id, variant.name, drill.fault.mode] += 1
    return in_front(drill)


def in_front(drill: Drill) -> InFront:
    """As `bridge` does it."""
    mode, amount = drill.fault
    return int(amount) if mode == "latency" else mode


def is_down(isolate: Isolate, variant: Variant) -> bool:
    return faults(isolate, variant, now_ms()).down is not None


def faults(isolate: Isolate, variant: Variant, now: float) -> Faults:
    """Of the drills that this isolate has heard of."""
    return faults_of(isolate.coordinating.drills, variant, now)
