"""Who is left: every route, pool, fallback and region is looked at."""

from __future__ import annotations

from typing import Any

import pytest

from policies.fleet.remaining import gaps, groups_of
from tests.policies.making import compiled

VARIANTS = {
    "eu": {"binding": "EU", "pool": "production", "region": "eu"},
    "us": {"binding": "US", "pool": "production", "region": "us"},
    "canary": {"binding": "CANARY", "pool": "canary"},
}
REGIONS = {"eu": {"continents": ["EU"]}, "us": {"continents": ["NA"]}}
ROUTES = [
    {"name": "a", "split": {"production": 9, "canary": 1}},
    {"name": "b", "hostnames": ["b.test"], "split": {"canary": 1, "production": 0}},
    {"name": "c", "hostnames": ["c.test"], "respond": {}},
]


def sections(**more: Any) -> dict[str, Any]:
    return {"variants": VARIANTS, "regions": REGIONS, "routes": ROUTES} | more


DRAINED = VARIANTS | {"us": VARIANTS["us"] | {"drain": True}}
LAST = VARIANTS | {"us": VARIANTS["us"] | {"weight": 0}}
STRICT = {"pools": {"production": {"affinity": "strict"}}, "default_region": "us"}
ALONE = {"canary": {"fallback": []}}


@pytest.mark.parametrize(
    ("more", "out", "also", "expected"),
    [
        ({}, "", "eu", []),
        ({}, "", "eu us", ["route a (pool production)"]),
        ({}, "eu", "us", ["route a (pool production)"]),
        ({}, "eu us", "canary", ["route a (pool canary)", "route b (pool canary)"]),
        ({}, "", "canary", ["route b (pool canary)"]),
        ({"pools": ALONE}, "", "canary", ["route a (pool canary)", "route b (pool canary)"]),
        ({"pools": {"canary": {"fallback": ["production"]}}}, "", "canary", []),
        ({"variants": DRAINED}, "", "eu", ["route a (pool production)"]),
        ({"variants": DRAINED}, "", "us", []),
        ({"variants": LAST}, "", "eu", []),
        (STRICT, "", "eu", ["route a (pool production, clients of eu)"]),
        (STRICT, "us", "eu", ["route a (pool production, clients of eu)"]),
        (
            {"pools": STRICT["pools"], "default_region": "eu"},
            "",
            "eu us",
            ["route a (pool production)"],
        ),
        ({}, "eu us canary", "eu us canary", []),
        ({}, "", "", []),
    ],
)
def test_gaps(more: dict[str, Any], out: str, also: str, expected: list[str]) -> None:
    policy = compiled(**sections(**more))
    names = {variant.name: variant for variant in policy.variants}
    is_out = {names[name] for name in out.split()}
    would_be = {names[name] for name in also.split()}
    found = gaps(policy, is_out.__contains__, would_be.__contains__)
    assert [str(gap) for gap in found] == expected


def test_clients_of_no_region_count_only_if_there_can_be_any() -> None:
    regions = {group.region for group in groups_of(compiled(**sections()))}
    assert regions == {"eu", "us", None}
    regions = {group.region for group in groups_of(compiled(**sections(default_region="us")))}
    assert regions == {"eu", "us"}
