"""Warnings about routes, pools and regions: each with its place, none without need."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decisions.match import Miss
from policies.decisions.policy import CompiledPolicy
from policies.language.compile import compile_policy
from policies.language.load import load
from tests.examples import examples
from tests.policies.making import policy_text, request

TO = {"split": {"production": 1}}


def warned(**sections: Any) -> list[tuple[str, str]]:
    loaded = load(policy_text(**sections))
    assert loaded.policy, loaded.findings
    assert all(each.severity == "warning" for each in loaded.findings)
    return [(each.code, each.path) for each in loaded.findings]


def alternatives(*routes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return warned(
        routes=[{"name": f"r{at}", "matches": each, **TO} for at, each in enumerate(routes)]
    )


def header(value: str | None = None, regex: str | None = None) -> dict[str, Any]:
    return {"headers": [{"name": "x-a", **({"value": value} if value else {"regex": regex})}]}


ROUTE, MATCH = "duplicate-route", "unreachable-match"
SHADOWED: list[tuple[str, list[list[dict[str, Any]]], list[tuple[str, str]]]] = [
    (
        "methods that an earlier one has, too",
        [[{"methods": ["GET", "PUT"]}], [{"methods": ["PUT"]}]],
        [(ROUTE, "routes[1].name")],
    ),
    (
        "methods of two earlier ones together",
        [[{"methods": ["GET"]}], [{"methods": ["PUT"]}], [{"methods": ["PUT", "GET"]}]],
        [(ROUTE, "routes[2].name")],
    ),
    ("a method is left", [[{"methods": ["GET"]}], [{"methods": ["GET", "PUT"]}]], []),
    ("who names methods goes first", [[{}], [{"methods": ["GET"]}]], []),
    ("there are more methods than anybody names", [[{"methods": ["GET", "PUT"]}], [{}]], []),
    (
        "a value that an earlier expression matches",
        [[header(regex="v[0-9]+")], [header("v2")]],
        [(ROUTE, "routes[1].name")],
    ),
    ("a value that it does not match", [[header(regex="v[0-9]+")], [header("vx")]], []),
    ("the expression comes later", [[header("v2")], [header(regex="v[0-9]+")]], []),
    ("two different expressions", [[header(regex=".*")], [header(regex="a+")]], []),
    (
        "a header and a query parameter of one name",
        [[header("v2")], [{"query_params": [{"name": "x-a", "value": "v2"}]}]],
        [],
    ),
    ("more conditions go first", [[{}], [header("v2")]], []),
    (
        "a longer prefix goes first",
        [[{"path": {"prefix": "/a"}}], [{"path": {"prefix": "/a/b"}}]],
        [],
    ),
    ("an exact path goes first", [[{"path": {"prefix": "/a"}}], [{"path": {"exact": "/a"}}]], []),
    ("an expression takes no endless path", [[{"path": {"regex": "/.*"}}], [{}]], []),
    (
        "an alternative of a route",
        [[{"path": {"exact": "/a"}}], [{"path": {"exact": "/b"}}, {"path": {"exact": "/a"}}]],
        [(MATCH, "routes[1].matches[1]")],
    ),
    (
        "an alternative of the same route",
        [[{"path": {"prefix": "/a"}}, {"path": {"prefix": "/a/"}}]],
        [(MATCH, "routes[0].matches[1]")],
    ),
    (
        "a route that another covers with one that is covered itself",
        [[{}], [{"path": {"prefix": "/"}}, {"path": {"prefix": "/"}}]],
        [(ROUTE, "routes[1].name")],
    ),
]


@pytest.mark.parametrize(
    ("routes", "told"), [pytest.param(*case[1:], id=case[0]) for case in SHADOWED]
)
def test_shadowed(routes: list[list[dict[str, Any]]], told: list[tuple[str, str]]) -> None:
    assert alternatives(*routes) == told


def test_a_hostname_that_is_left_is_enough() -> None:
    first = {"name": "a", "hostnames": ["a.test", "b.test"], **TO}
    for hostnames, told in (
        (["b.test"], [(ROUTE, "routes[1].name")]),
        (["b.test", "c.test"], []),
        (["*.test"], []),
        ([], []),
    ):
        assert warned(routes=[first, {"name": "b", "hostnames": hostnames, **TO}]) == told


def test_a_redirect_passes_over_what_is_there_already() -> None:
    redirect = {"name": "a", "filters": {"redirect": {"scheme": "https"}}}
    assert warned(routes=[redirect, {"name": "b", **TO}]) == []


PATHS = st.sampled_from([{"prefix": "/"}, {"prefix": "/a"}, {"exact": "/a"}, {"regex": "/a.*"}])
CONDITIONS = st.sampled_from([header("v1"), header("v2"), header(regex="v[12]"), {}, {}])
METHODS = st.sampled_from([["GET"], ["PUT"], ["GET", "PUT"], None])
MATCHES = st.builds(
    lambda path, more, methods: {"path": path, **more, **({"methods": methods} if methods else {})},
    PATHS,
    CONDITIONS,
    METHODS,
)
REQUESTS = [
    request(f"https://h.test{path}", method, headers)
    for path in ("/", "/a", "/a/b", "/ab", "/b")
    for method in ("GET", "PUT", "DELETE")
    for headers in ({}, {"x-a": "v1"}, {"x-a": "v2"}, {"x-a": "v3"})
]


@examples(300)
@given(st.lists(st.lists(MATCHES, min_size=1, max_size=3), min_size=2, max_size=6))
def test_what_is_called_unreachable_is(routes: list[list[dict[str, Any]]]) -> None:
    """Every alternative becomes a route of its own, so that who takes a request shows."""
    value = [
        {"name": f"r{at}-{number}", "matches": [match], **TO}
        for at, matches in enumerate(routes)
        for number, match in enumerate(matches)
    ]
    loaded = load(policy_text(routes=value))
    assert loaded.policy
    policy = CompiledPolicy(compile_policy(loaded.policy, ""))
    taken = set()
    for each in REQUESTS:
        rule = policy.matcher.find(each)
        if not isinstance(rule, Miss):
            taken.add(policy.routes[rule.route].name)
    for code, path in alternatives(*routes):
        at, *number = [int(part) for part in json.loads(_numbers(path))]
        names = [f"r{at}-{each}" for each in number or range(len(routes[at]))]
        assert code in (ROUTE, MATCH)
        assert taken.isdisjoint(names)


def _numbers(path: str) -> str:
    parts = [part.partition("]")[0] for part in path.split("[")[1:]]
    return json.dumps(parts)


V = {"production": "production", "canary": "canary"}


def variants(**more: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"binding": name.upper(), "pool": pool, **more.get(name, {})}
        for name, pool in V.items()
    }


def routes(**split: Any) -> list[dict[str, Any]]:
    return [{"name": "r", "split": split}]


EU = {"regions": {"eu": {"continents": ["EU"]}}}
POOLS: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("nobody is in a region", EU, [("region-without-variants", "regions.eu")]),
    ("somebody is", EU | {"variants": variants(canary={"region": "eu"})}, []),
    (
        "a canary that falls back to nobody",
        {"pools": {"canary": {"fallback": []}}},
        [("pool-without-fallback", "pools.canary.fallback")],
    ),
    (
        "told once, however many routes",
        {
            "pools": {"canary": {"fallback": []}},
            "routes": [
                {"name": name, "hostnames": [name], "split": {"production": 9, "canary": 1}}
                for name in ("a", "b")
            ],
        },
        [("pool-without-fallback", "pools.canary.fallback")],
    ),
    (
        "a canary that stands first",
        {"routes": routes(canary=1, production=9)},
        [("pool-without-fallback", "routes[0].split.canary")],
    ),
    (
        "it says where to",
        {
            "routes": routes(canary=1, production=9),
            "pools": {"canary": {"fallback": ["production"]}},
        },
        [],
    ),
    ("halves", {"routes": routes(canary=1, production=1)}, []),
    (
        "no share until a rollout gives it one",
        {
            "routes": routes(production=1, canary=0),
            "rollouts": [
                {
                    "name": "next",
                    "routes": ["r"],
                    "from": "production",
                    "to": "canary",
                    "steps": [{"weight": 5, "hold": "10m"}],
                }
            ],
            "pools": {"canary": {"fallback": []}},
            "variants": variants(canary={"drain": True}),
        },
        [
            ("pool-without-weight", "variants.canary.drain"),
            ("pool-without-fallback", "pools.canary.fallback"),
        ],
    ),
    ("no share", {"routes": routes(canary=0, production=1)}, []),
    ("alone", {"routes": routes(canary=1), "pools": {"canary": {"fallback": []}}}, []),
    (
        "drained, all of it",
        {"variants": variants(canary={"drain": True})},
        [("pool-without-weight", "variants.canary.drain")],
    ),
    (
        "of weight 0, all of it",
        {"variants": variants(canary={"weight": 0})},
        [("pool-without-weight", "variants.canary.weight")],
    ),
    (
        "a pool that gets nothing",
        {"variants": variants(canary={"weight": 0}), "routes": routes(production=1, canary=0)},
        [],
    ),
    (
        "one is left",
        {"variants": variants(canary={"weight": 0}) | {"c": {"binding": "C", "pool": "canary"}}},
        [],
    ),
]


@pytest.mark.parametrize(
    ("changes", "told"), [pytest.param(*case[1:], id=case[0]) for case in POOLS]
)
def test_pools_and_regions(changes: dict[str, Any], told: list[tuple[str, str]]) -> None:
    common = {"variants": variants(), "routes": routes(production=9, canary=1)}
    assert warned(**{**common, **changes}) == told


def test_the_hint_can_be_followed() -> None:
    (found,) = load(policy_text(routes=routes(canary=1, production=9))).findings
    assert found.hint == "write `fallback: [production]` for it under `pools.canary`"


@pytest.mark.parametrize(
    ("side", "name", "is_told"),
    [
        ("request_headers", "Authorization", True),
        ("response_headers", "location", True),
        ("request_headers", "Cookie", False),
        ("request_headers", "User-Agent", False),
        ("request_headers", "Accept", False),
        ("response_headers", "Set-Cookie", False),
        ("response_headers", "x-own", False),
    ],
)
def test_a_value_added_to_a_header_that_has_one(side: str, name: str, is_told: bool) -> None:
    """14.3"""
    filters = {side: {"add": [{"name": name, "value": "1"}]}}
    route = {"name": "r", **TO, "filters": filters}
    shared = {"name": "s", "split": {"production": {"filters": filters}}}
    place = f"filters.{side}.add[0].name"
    expected = [("one-value", f"routes[0].{place}")] if is_told else []
    assert warned(routes=[route]) == expected
    expected = [("one-value", f"routes[0].split.production.{place}")] if is_told else []
    assert warned(routes=[shared]) == expected
    replaced = {side: {"set": [{"name": name, "value": "1"}]}}
    assert not warned(routes=[{**route, "filters": replaced}])
