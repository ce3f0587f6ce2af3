"""Warnings about routes, pools and regions: each with its place, none without need."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.compiled.policy import CompiledPolicy
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.routing.match import Miss
from tests.policies.making import policy_text, request
from tests.support.examples import examples

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


def cors(*origins: str, **more: Any) -> dict[str, Any]:
    return {"filters": {"cors": {"allow_origins": list(origins), **more}}, **TO}


KEYED = {"auth": "required"}
KEYS = {"auth": {"keys": [{"id": "a", "sha256": "0" * 64}]}}
ORIGINS = "routes[0].filters.cors.allow_origins[%d]"
CORS = "routes[0].filters.cors"
APP = "https://app.test"


@pytest.mark.parametrize(
    ("route", "findings"),
    [
        # 14.7: everybody, by whatever pattern, with credentials
        (cors("*", allow_credentials=True), [("cors-credentials", ORIGINS % 0)]),
        (cors(APP, "https://*", allow_credentials=True), [("cors-credentials", ORIGINS % 1)]),
        (cors("https://*:8443", allow_credentials=True), [("cors-credentials", ORIGINS % 0)]),
        (cors("https://*.com", allow_credentials=True), [("cors-credentials", ORIGINS % 0)]),
        (cors("https://*.app.test", APP, allow_credentials=True), []),
        (cors("*"), []),
        # 14.6: what pages of other origins cannot use
        (cors(APP) | KEYED, [("cors-unusable", CORS)]),
        (cors(APP, allow_headers=["content-type"]) | KEYED, [("cors-unusable", CORS)]),
        (cors(APP, allow_headers=["Authorization"]) | KEYED, []),
        (cors(APP, allow_headers=["X-API-Key"]) | KEYED, []),
        (cors(APP, allow_headers=["*"]) | KEYED, []),
        (cors(APP) | {"matches": [{"methods": ["PUT", "DELETE"]}]}, [("cors-unusable", CORS)]),
        (cors(APP) | {"matches": [{"methods": ["PUT", "GET"]}]}, []),
        (cors(APP) | {"matches": [{"methods": ["PUT"]}, {"path": {"exact": "/a"}}]}, []),
        (cors(APP, allow_methods=["PUT"]) | {"matches": [{"methods": ["PUT"]}]}, []),
        (cors(APP, allow_methods=["*"]) | {"matches": [{"methods": ["PUT"]}]}, []),
    ],
)
def test_cors(route: dict[str, Any], findings: list[tuple[str, str]]) -> None:
    assert warned(routes=[{"name": "r", **route}], **KEYS) == findings


def moved(redirect: dict[str, Any], path: dict[str, str] | None = None, **more: Any) -> Any:
    matches = {"matches": [{"path": path, **more.pop("match", {})}]} if path else {}
    return {"filters": {"redirect": redirect}, **matches, **more}


def sent(location: str, path: str, status: int = 302) -> dict[str, Any]:
    headers = [{"name": "Location", "value": location}]
    return {
        "respond": {"status": status, "headers": headers},
        "matches": [{"path": {"exact": path}}],
    }


PREFIX_A, TO_AB = {"prefix": "/a"}, {"path": {"prefix": "/a/b"}}
LOOPS: list[tuple[str, list[dict[str, Any]], list[int]]] = [
    ("a path that grows", [moved(TO_AB, PREFIX_A)], [0]),  # 14.17
    (
        "there and back",  # 14.17
        [
            moved({"path": {"prefix": "/l2"}}, {"prefix": "/l1"}),
            moved({"path": {"prefix": "/l1"}}, {"prefix": "/l2"}),
        ],
        [0, 1],
    ),
    (
        "a longer path that is served",
        [moved(TO_AB, PREFIX_A), {"matches": [{"path": {"prefix": "/a/b"}}], **TO}],
        [],
    ),
    ("the exact path", [moved(TO_AB | {"path": {"full": "/a/b"}}, {"exact": "/a"})], []),
    ("to https, which is served", [moved({"scheme": "https"}), TO], []),
    (
        "to https and back",
        [moved({"scheme": "https"}, PREFIX_A), moved({"scheme": "http"})],
        [0],
    ),
    (
        "from host to host",
        [
            moved({"hostname": "b.test"}, hostnames=["a.test"]),
            moved({"hostname": "x.a.test"}, hostnames=["b.test"]),
            moved({"hostname": "b.test"}, hostnames=["*.a.test"]),
        ],
        [0, 1, 2],
    ),
    (
        "expressions",
        [
            moved({"path": {"full": "/l2"}}, {"regex": "/l1[0-9]*"}),
            moved({"path": {"full": "/l1"}}, {"regex": "/l2[0-9]*"}),
        ],
        [0, 1],
    ),
    (
        "a fixed answer that leads on",
        [sent("/y", "/x"), moved({"path": {"full": "/x"}}, {"exact": "/y"})],
        [0, 1],
    ),
    ("a relative place elsewhere", [sent("../z", "/x"), TO], []),
    ("another site", [sent("https://elsewhere.test/x", "/x")], []),
    ("another site by a redirect", [moved({"hostname": "elsewhere.test", **TO_AB}, PREFIX_A)], []),
    ("no redirect, though it has a place", [sent("/x", "/x", 201)], []),
    (
        "a header is asked for",
        [moved(TO_AB, PREFIX_A, match={"headers": [{"name": "x", "value": "1"}]})],
        [0],
    ),
    (
        "a parameter is asked for",
        [moved(TO_AB, PREFIX_A, match={"query_params": [{"name": "x", "value": "&"}]})],
        [0],
    ),
    (
        "only POST, answered by 303",
        [moved({"status": 303, **TO_AB}, PREFIX_A, match={"methods": ["POST"]})],
        [],
    ),
    (
        "only POST, answered by 307",
        [moved({"status": 307, **TO_AB}, PREFIX_A, match={"methods": ["POST"]})],
        [0],
    ),
    ("303 alone", [moved({"status": 303})], []),
    ("307 alone", [moved({"status": 307})], [0]),
]


@pytest.mark.parametrize(("what", "routes", "looping"), LOOPS, ids=lambda each: str(each)[:40])
def test_redirects_without_end(what: str, routes: list[dict[str, Any]], looping: list[int]) -> None:
    named = [{"name": f"r{at}", **route} for at, route in enumerate(routes)]
    found = [(code, path) for code, path in warned(routes=named) if code == "redirect-loop"]
    kinds = ["respond" if "respond" in route else "filters.redirect" for route in routes]
    assert found == [("redirect-loop", f"routes[{at}].{kinds[at]}") for at in looping], what


def test_many_redirects_are_followed_within_bounds() -> None:
    """Each leads to the next: what all of them cost is bounded, however many there are."""
    routes = [
        {"name": f"r{at}", **moved({"path": {"full": f"/{at + 1}"}}, {"exact": f"/{at}"})}
        for at in range(1_500)
    ]
    assert {code for code, _ in warned(routes=routes)} == {"redirect-loop"}


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
