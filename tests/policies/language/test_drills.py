"""The section `drills`: what it is compiled to, and drills that could never run."""

from __future__ import annotations

from typing import Any

import pytest

from policies.language.load import load
from policies.resilience.drill import Fault, ScheduledDrill, Target
from tests.policies.making import compiled, policy_text

REGIONS = {"eu": {"continents": ["EU"]}, "us": {"continents": ["NA"]}}
VARIANTS = {
    "eu": {"binding": "EU", "pool": "production", "region": "eu"},
    "us": {"binding": "US", "pool": "production", "region": "us"},
    "canary": {"binding": "CANARY", "pool": "canary"},
}


def sections(drill: dict[str, str], **more: Any) -> dict[str, Any]:
    """A policy of two regions with one drill, which is the one here but for what is given."""
    drill = {"name": "d", "mode": "down", "for": "10m", "schedule": "0 10 * * 1"} | drill
    routes = [{"name": "r", "split": {"production": 1, "canary": 1}}]
    return {"variants": VARIANTS, "regions": REGIONS, "routes": routes, "drills": [drill]} | more


@pytest.mark.parametrize(
    ("drill", "expected"),
    [
        ({"region": "eu"}, (Target("region", "eu"), Fault("down", 0), 600_000)),
        (
            {"variant": "us", "mode": "errors:12.5%", "for": "1s"},
            (Target("variant", "us"), Fault("errors", 0.125), 1_000),
        ),
        (
            {"pool": "canary", "mode": "latency:1m500ms", "for": "24h"},
            (Target("pool", "canary"), Fault("latency", 60_500), 86_400_000),
        ),
    ],
)
def test_compiled(drill: dict[str, str], expected: tuple[Target, Fault, int]) -> None:
    (found,) = compiled(**sections(drill)).drills
    assert found == ScheduledDrill("d", *expected, "0 10 * * 1")


@pytest.mark.parametrize(
    ("drill", "more", "gap"),
    [
        ({"region": "eu"}, {}, None),
        ({"pool": "production"}, {"pools": {"production": {"fallback": ["canary"]}}}, None),
        ({"pool": "production"}, {}, "route r (pool production)"),
        ({"variant": "canary"}, {}, None),
        (
            {"variant": "canary"},
            {"pools": {"canary": {"fallback": []}}},
            "route r (pool canary)",
        ),
        (
            {"region": "eu", "mode": "latency:1s"},
            {"pools": {"production": {"affinity": "strict"}}, "default_region": "us"},
            "route r (pool production, clients of eu)",
        ),
        (
            {"region": "us"},
            {"variants": VARIANTS | {"eu": VARIANTS["eu"] | {"drain": True}}},
            "route r (pool production)",
        ),
    ],
)
def test_a_drill_that_leaves_nothing_is_a_warning(
    drill: dict[str, str], more: dict[str, Any], gap: str | None
) -> None:
    loaded = load(policy_text(**sections(drill, **more)))
    assert loaded.policy
    told = [(each.code, each.severity, each.message.partition(": ")[2]) for each in loaded.findings]
    assert told == ([("drill-refused", "warning", gap)] if gap else [])


def test_many_gaps_are_told_in_short() -> None:
    routes = [
        {"name": f"r{n}", "hostnames": [f"{n}.test"], "split": {"canary": 1}} for n in range(8)
    ]
    (found,) = load(policy_text(**sections({"pool": "canary"}, routes=routes))).findings
    assert found.message.count("route r") == 5
    assert found.message.endswith("(and 3 more)")
