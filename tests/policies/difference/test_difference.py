"""What is different is told, once, at its place; what only looks different is not."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.difference.difference import difference
from policies.difference.views.texts import change_text
from policies.difference.views.view import policy_view
from policies.language.model.policy import Policy, Route
from tests.policies.difference.making import compared, routes, side, side_of
from tests.support.examples import examples

VARIANTS = {
    "one": {"binding": "ONE", "pool": "production", "region": "eu"},
    "two": {"binding": "TWO", "pool": "production", "region": "us"},
    "can": {"binding": "CAN", "pool": "canary"},
}
REGIONS = {"eu": {"continents": ["EU", "AF"], "fallback": ["us"]}, "us": {"continents": ["NA"]}}
PLACES = {"variants": VARIANTS, "regions": REGIONS}
HASH, OTHER = "a" * 64, "b" * 64
TO = {"split": {"production": 1}}

SAME: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a duration", routes(timeouts={"request": "60s"}), routes(timeouts={"request": "1m"})),
    ("a default", routes(), routes(timeouts={"request": "100s", "backend_request": "0s"})),
    ("a weight", routes(), routes(split={"production": {"weight": 9}, "canary": {"weight": 1}})),
    ("ratios of weights", routes(), routes(split={"production": 90, "canary": 10})),
    (
        "the case of a header",
        routes(override="X-Router-Override"),
        routes(override="x-router-override"),
    ),
    ("a pool with no share", routes(), routes(split={"production": 9, "canary": 1, "beta": 0})),
    (
        "sources",
        routes(sticky=["header:X-A", "ip"]),
        routes(sticky=[{"header": "x-a"}, {"ip": True}]),
    ),
    ("a seed that is the name", routes(sticky=["ip"]), routes(sticky=["ip"], seed="r")),
    ("a seed of nobody", routes(), routes(seed="x")),
    (
        "any request",
        routes(),
        routes(matches=[{"path": {"prefix": "/"}}, {}]),
    ),
    (
        "the order of conditions, the case of names",
        routes(matches=[{"headers": [{"name": "A", "value": "1"}, {"name": "b", "value": "2"}]}]),
        routes(matches=[{"headers": [{"name": "B", "value": "2"}, {"name": "a", "value": "1"}]}]),
    ),
    (
        "the order of methods and hosts",
        routes(matches=[{"methods": ["GET", "PUT"]}], hostnames=["a.test", "b.test"]),
        routes(matches=[{"methods": ["PUT", "GET"]}], hostnames=["B.test", "a.test"]),
    ),
    (
        "a slash",
        routes(matches=[{"path": {"prefix": "/a/"}}]),
        routes(matches=[{"path": {"prefix": "/a"}}]),
    ),
    (
        "the order of routes that share nothing",
        routes({"name": "a", "hostnames": ["a.test"], **TO}, {"name": "b", **TO}),
        routes({"name": "b", **TO}, {"name": "a", "hostnames": ["a.test"], **TO}),
    ),
    (
        "the order of routes on one path that no request has both of",
        routes(
            *[
                {"name": n, "matches": [{"headers": [{"name": "x", "value": n}]}], **TO}
                for n in "ab"
            ]
        ),
        routes(
            *[
                {"name": n, "matches": [{"headers": [{"name": "x", "value": n}]}], **TO}
                for n in "ba"
            ]
        ),
    ),
    (  # 14.31
        "the order of routes of two schemes",
        routes(*[{"name": n, "matches": [{"scheme": n}], **TO} for n in ("http", "https")]),
        routes(*[{"name": n, "matches": [{"scheme": n}], **TO} for n in ("https", "http")]),
    ),
    (
        "the order of a route and one that is first",
        routes({"name": "a", **TO}, {"name": "b", "first": True, **TO}),
        routes({"name": "b", "first": True, **TO}, {"name": "a", **TO}),
    ),
    (
        "the order of expressions that no path matches both of",
        routes(*[{"name": n, "matches": [{"path": {"regex": f"/{n}[0-9]+"}}], **TO} for n in "ab"]),
        routes(*[{"name": n, "matches": [{"path": {"regex": f"/{n}[0-9]+"}}], **TO} for n in "ba"]),
    ),
    (
        "the fallback that there is anyway",
        routes(),
        routes()
        | {"pools": {"canary": {"fallback": ["production"]}, "production": {"fallback": []}}},
    ),
    (
        "a pool that says nothing",
        routes(),
        routes() | {"pools": {"canary": {"affinity": "prefer"}}},
    ),
    (
        "weights of variants that keep their ratio",
        routes(),
        routes()
        | {
            "variants": {
                p: {"binding": p.upper(), "pool": p, "weight": 7}
                for p in ("production", "canary", "beta")
            }
        },
    ),
    (
        "rates",
        routes() | {"rate_limits": {"l": {"limit": "60/1m", "by": "ip"}}},
        routes() | {"rate_limits": {"l": {"limit": 60, "per": "60s", "by": "ip", "burst": 60}}},
    ),
    (
        "the case of a header",
        routes(filters={"request_headers": {"set": [{"name": "X-A", "value": "1"}]}}),
        routes(filters={"request_headers": {"set": [{"name": "x-a", "value": "1"}]}}),
    ),
    (
        "a mirror",
        routes(filters={"mirrors": [{"pool": "beta", "percent": 50}]}),
        routes(
            filters={"mirrors": [{"pool": "beta", "fraction": {"numerator": 1, "denominator": 2}}]}
        ),
    ),
    ("a limit of the policy's own", routes(), routes(limits={"url": "16KiB"})),
    (
        "status codes",
        routes() | {"health": {"active": {"path": "/", "expect": 200}}},
        routes() | {"health": {"active": {"path": "/", "expect": ["200-200"]}}},
    ),
    (
        "the order of keys",
        routes() | {"auth": {"keys": [{"id": "a", "sha256": HASH}, {"id": "b", "sha256": OTHER}]}},
        routes()
        | {
            "auth": {
                "keys": [{"id": "b", "sha256": OTHER, "scopes": []}, {"id": "a", "sha256": HASH}]
            }
        },
    ),
]


@pytest.mark.parametrize(
    ("before", "after"), [pytest.param(*case[1:], id=case[0]) for case in SAME]
)
def test_no_phantom(before: dict[str, Any], after: dict[str, Any]) -> None:
    for pair in ((before, after), (after, before)):
        found, traffic = compared(*(side(**sections) for sections in pair), requests=40)
        assert found.changes == []
        assert traffic.total.changed == 0


def keys(*given: dict[str, Any]) -> dict[str, Any]:
    return routes() | {"auth": {"keys": list(given)}}


ROLLOUT: dict[str, Any] = {
    "name": "next",
    "routes": ["r"],
    "from": "production",
    "to": "canary",
    "steps": [{"weight": 5}, {"weight": 50, "hold": "1m"}],
    "analysis": {"interval": "60s"},
}
A, B = {"name": "a", "hostnames": ["a.test"], **TO}, {"name": "b", "hostnames": ["b.test"], **TO}
CHANGED: list[tuple[str, dict[str, Any], dict[str, Any], list[tuple[str, str, Any, Any]]]] = [
    (
        "a split",
        routes(),
        routes(split={"production": 8, "canary": 2}),
        [
            ("changed", "routes.r.split.production", "90%", "80%"),
            ("changed", "routes.r.split.canary", "10%", "20%"),
        ],
    ),
    (
        "a pool of a split",
        routes(),
        routes(split={"production": 1}),
        [
            ("changed", "routes.r.split.production", "90%", "100%"),
            ("removed", "routes.r.split.canary", "10%", None),
        ],
    ),
    (
        "who falls back, by the order of the split",
        routes(),
        routes(split={"canary": 1, "production": 9}),
        [
            ("changed", "routes.r.split.canary.fallback", ["production"], []),
            ("changed", "routes.r.split.production.fallback", [], ["canary"]),
        ],
    ),
    (
        "who falls back, for all routes at once",
        routes(
            A | {"split": {"production": 9, "canary": 1}},
            B | {"split": {"production": 9, "canary": 1}},
        ),
        routes(
            A | {"split": {"production": 9, "canary": 1}},
            B | {"split": {"production": 9, "canary": 1}},
        )
        | {"pools": {"canary": {"fallback": ["beta"]}}},
        [("changed", "pools.canary.fallback", "the first pool of the split", ["beta"])],
    ),
    (
        "a time",
        routes(timeouts={"request": "60s"}),
        routes(timeouts={"request": "90s"}),
        [("changed", "routes.r.timeouts.request", "1m", "1m30s")],
    ),
    (
        "what a route takes",
        routes(matches=[{"path": {"prefix": "/a"}}, {"methods": ["GET"]}]),
        routes(matches=[{"methods": ["GET"]}, {"path": {"exact": "/b"}}]),
        [("changed", "routes.r.matches", ["GET", "path prefix /a"], ["GET", "path /b"])],
    ),
    ("a route only there", routes(A, B), routes(A), [("removed", "routes.b", {}, None)]),
    ("a route only here", routes(A), routes(A, B), [("added", "routes.b", None, {})]),
    (
        "a route by another name",
        routes(A, B),
        routes(A, B | {"name": "c"}),
        [("changed", "routes.c.name", "b", "c")],
    ),
    (
        "and its clients dealt anew",
        routes(A, B | {"sticky": ["ip"]}),
        routes(A, B | {"name": "c", "sticky": ["ip"]}),
        [("changed", "routes.c.seed", "b", "c"), ("changed", "routes.c.name", "b", "c")],
    ),
    (
        "the order of two that take the same",
        routes(A, A | {"name": "c", "matches": [{}]}),
        routes(A | {"name": "c", "matches": [{}]}, A),
        [("changed", "routes", "a, c", "c, a")],
    ),
    (
        "the order of expressions that a path matches both of",
        routes(
            *[{"name": "x", "matches": [{"path": {"regex": "/x.*"}}], **TO}],
            {"name": "y", "matches": [{"path": {"regex": "/..*"}}], **TO},
        ),
        routes(
            {"name": "y", "matches": [{"path": {"regex": "/..*"}}], **TO},
            {"name": "x", "matches": [{"path": {"regex": "/x.*"}}], **TO},
        ),
        [("changed", "routes", "x, y", "y, x")],
    ),
    (
        "sources in another order",
        routes(sticky=["ip", "header:a"]),
        routes(sticky=["header:a", "ip"]),
        [("changed", "routes.r.sticky", ["ip", "header:a"], ["header:a", "ip"])],
    ),
    (
        "a region",
        routes() | PLACES,
        routes() | PLACES | {"regions": {**REGIONS, "eu": {"continents": ["EU"], "fallback": []}}},
        [
            ("changed", "regions.eu.continents", ["AF", "EU"], ["EU"]),
            ("changed", "regions.eu.fallback", ["us"], []),
        ],
    ),
    (
        "a default region",
        routes() | PLACES,
        routes() | PLACES | {"default_region": "us"},
        [("added", "default_region", None, "us")],
    ),
    (
        "a weight",
        routes() | PLACES,
        routes() | PLACES | {"variants": {**VARIANTS, "two": {**VARIANTS["two"], "weight": 3}}},
        [("changed", "variants.two.weight", 1, 3)],
    ),
    (
        "a variant and its pool",
        routes(),
        routes()
        | {
            "variants": {
                **VARIANTS,
                "one": {"binding": "O", "pool": "production"},
                "two": {"binding": "O", "pool": "x"},
            }
        },
        [
            ("added", "variants.one", None, {}),
            ("added", "variants.two", None, {}),
            ("added", "variants.can", None, {}),
            ("removed", "variants.production", {}, None),
            ("removed", "variants.canary", {}, None),
            ("removed", "variants.beta", {}, None),
        ],
    ),
    (
        "a key's hash",
        keys({"id": "a", "sha256": HASH}),
        keys({"id": "a", "sha256": OTHER}),
        [("changed", "auth.keys.a.hash", "sha256", "sha256")],
    ),
    (
        "a key's end",
        keys({"id": "a", "sha256": HASH, "not_after": "2027-01-01T01:00:00+01:00"}),
        keys({"id": "a", "sha256": HASH, "disabled": True}),
        [
            ("changed", "auth.keys.a.disabled", False, True),
            ("removed", "auth.keys.a.not_after", "2027-01-01T00:00:00Z", None),
        ],
    ),
    (
        "a second key of one id",
        keys({"id": "a", "sha256": HASH}),
        keys(
            {"id": "a", "sha256": OTHER},
            {"id": "a", "sha256": HASH, "not_after": "2027-01-01T00:00:00Z"},
        ),
        [
            ("added", "auth.keys.a", None, {}),
            ("added", "auth.keys.a#2.not_after", None, "2027-01-01T00:00:00Z"),
        ],
    ),
    (
        "a limit of all routes, told once",
        routes(A, B),
        routes(A, B) | {"limits": {"url": "8KiB"}},
        [("changed", "limits.url", "16KiB", "8KiB")],
    ),
    (
        "a limit that a route keeps to itself",
        routes(A, B),
        routes(A, B | {"limits": {"url": "16KiB"}}) | {"limits": {"url": "8KiB"}},
        [("changed", "limits.url", "16KiB", "8KiB")],
    ),
    (
        "a limit of one route",
        routes(A, B),
        routes(A, B | {"limits": {"url": "8KiB"}}),
        [("changed", "routes.b.limits.url", "16KiB", "8KiB")],
    ),
    (
        "health",
        routes(),
        routes() | {"health": {"active": {"path": "/ok"}, "passive": {"failure_rate": "30%"}}},
        [
            ("added", "health.active", None, {}),
            ("changed", "health.passive.failure_rate", "50%", "30%"),
        ],
    ),
    (
        "an answer",
        routes({"name": "r", "respond": {"status": 503}}),
        routes({"name": "r", "respond": {"status": 410, "body": "gone"}}),
        [
            ("changed", "routes.r.respond.status", 503, 410),
            ("changed", "routes.r.respond.body", "", "gone"),
        ],
    ),
    (
        "filters",
        routes(filters={"response_headers": {"remove": ["server"]}}),
        routes(filters={"response_headers": {"add": [{"name": "Server", "value": "x"}]}}),
        [("changed", "routes.r.filters.response_headers.server", "removed", 'added "x"')],
    ),
    (
        "who may use a route",
        keys({"id": "a", "sha256": HASH, "scopes": ["s"]}),
        keys({"id": "a", "sha256": HASH, "scopes": ["s"]}) | routes(auth={"scopes": ["s"]}),
        [("added", "routes.r.auth", None, {"scopes": ["s"], "forward_credentials": False})],
    ),
    (
        "a rollout",
        routes() | {"rollouts": [ROLLOUT]},
        routes()
        | {
            "rollouts": [
                ROLLOUT
                | {
                    "steps": [{"weight": 10, "pause": True}, {"weight": 50, "hold": "60s"}],
                    "analysis": {"interval": "60s", "max_p95": "300ms"},
                }
            ]
        },
        [
            ("added", "rollouts.next.analysis.max_p95", None, "300ms"),
            (
                "changed",
                "rollouts.next.steps",
                ["5% for 1m", "50% for 1m"],
                ["10% for 1m until approved", "50% for 1m"],
            ),
        ],
    ),
    (
        "a rollout only here",
        routes(split={"production": 1}),
        routes(split={"production": 1, "canary": 0}) | {"rollouts": [ROLLOUT]},
        [("added", "rollouts.next", None, {}), ("added", "routes.r.split.canary", None, "0%")],
    ),
    (
        "switches",
        routes(),
        routes() | {"merge_slashes": True, "identify": False},
        [("changed", "merge_slashes", False, True), ("changed", "identify", True, False)],
    ),
    (  # 14.31
        "what goes first, and by which scheme",
        routes(matches=[{"scheme": "http"}]),
        routes(matches=[{"scheme": "https", "methods": ["GET"]}], first=True),
        [
            ("changed", "routes.r.first", False, True),
            ("changed", "routes.r.matches", ["scheme http"], ["scheme https, GET"]),
        ],
    ),
    (
        "an override, and a pool that only it reaches",
        routes(override="X-Router-Override"),
        routes(override="x-try", split={"production": 9, "canary": 1, "beta": 0}),
        [
            ("added", "routes.r.split.beta", None, "0%"),
            ("changed", "routes.r.override", "x-router-override", "x-try"),
        ],
    ),
]


@pytest.mark.parametrize(
    ("before", "after", "told"), [pytest.param(*case[1:], id=case[0]) for case in CHANGED]
)
def test_changes(
    before: dict[str, Any], after: dict[str, Any], told: list[tuple[str, str, Any, Any]]
) -> None:
    old, new = side(**before), side(**after)
    found = difference(old, new).changes
    whole = [  # what is added or removed is not spelt out here
        tuple({} if isinstance(value, dict) and wanted == {} else value for value in (a, b))
        for (_, _, a, b), (_, _, x, y) in zip(found, told, strict=False)
        for wanted in [{} if {} in (x, y) else None]
    ]
    assert [(each.kind, each.where) for each in found] == [case[:2] for case in told]
    assert whole == [case[2:] for case in told]
    assert all(change_text(each) for each in found)
    back = difference(new, old).changes
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    assert len(back) == len(found)
    assert sorted(opposite[each.kind] for each in back) == sorted(each.kind for each in found)


def test_every_field_is_compared() -> None:
    """A field that comes to the language comes to the comparison, too."""
    given = {"auth": {"keys": [{"id": "a", "sha256": HASH}]}} | PLACES | {"default_region": "eu"}
    whole = routes(
        sticky=["ip"],
        auth="required",
        override="x-router-override",
        filters={"response_headers": {"remove": ["a"]}},
    )
    view = policy_view(side(**given, **whole).policy)
    answering = policy_view(side(**routes({"name": "r", "respond": {}})).policy)
    assert set(view) == set(Policy.model_fields) - {"version"}
    fields = set(view["routes"]["r"]) | set(answering["routes"]["r"])
    assert fields - {"backends"} == set(Route.model_fields) - {"name"}


def test_no_hash_is_told() -> None:
    old = keys({"id": "a", "sha256": HASH}, {"id": "x", "sha256": "c" * 64})
    new = keys({"id": "a", "hmac_sha256": OTHER}, {"id": "y", "sha256": "d" * 64})
    found = difference(side(**old), side(**new)).changes
    assert len(found) == 3
    text = repr(found) + json.dumps([change_text(each) for each in found])
    assert not any(each * 64 in text for each in "abcd")
    assert "key a: its hash has changed, so it is another key" in text


TEXTS = [
    (
        (routes(), routes(split={"production": 8, "canary": 2})),
        "route r: pool canary gets 20% of the requests, not 10%",
    ),
    ((routes(A), routes(A, B)), "route b is new: hostnames b.test, split production 100%"),
    ((routes(A, B), routes(A)), "route b is gone: hostnames b.test, split production 100%"),
    (
        (routes(A), routes(A | {"hostnames": ["c.test"]})),
        "route a: hostnames: takes c.test, no longer a.test",
    ),
    (
        (routes(), routes(timeouts={"request": "5s"})),
        "route r: timeouts request is 5s, and was 1m40s",
    ),
    ((routes(A), routes(A | {"name": "z"})), "route a is now called z"),
    (
        (
            routes(A, A | {"name": "c", "matches": [{}]}),
            routes(A | {"name": "c", "matches": [{}]}, A),
        ),
        "routes: order is c, a, and was a, c",
    ),
]


@pytest.mark.parametrize(("pair", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_sentences(pair: tuple[dict[str, Any], dict[str, Any]], text: str) -> None:
    found = difference(side(**pair[0]), side(**pair[1])).changes
    assert text in [change_text(each) for each in found]


WEIGHTS = st.sampled_from([1, 2, 5, 95])
TIMES = st.sampled_from([1_000, 60_000, 90_000, 3_600_000])
PATHS = st.sampled_from([{"prefix": "/a"}, {"exact": "/a"}, {"regex": "/a[0-9]*"}, {"prefix": "/"}])


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    """A whole policy as a plain value, fully spelt out."""
    made = []
    for at in range(draw(st.integers(1, 4))):
        route: dict[str, Any] = {
            "name": f"r{at}",
            "hostnames": draw(st.lists(st.sampled_from(["a.test", "b.test"]), unique=True)),
            "matches": [
                {"path": path, "methods": draw(st.sampled_from([["GET"], ["GET", "PUT"]]))}
                for path in draw(st.lists(PATHS, min_size=1, max_size=2))
            ],
            "split": {"production": draw(WEIGHTS), "canary": draw(WEIGHTS)},
            "sticky": draw(st.sampled_from([[], ["ip"], ["header:x-user", "ip"]])),
            "timeouts": {"request": f"{draw(TIMES)}ms"},
        }
        made.append(route)
    places = {name: dict(region) for name, region in REGIONS.items()}
    return {"version": 1, "variants": dict(VARIANTS), "regions": places, "routes": made}


def respelt(value: dict[str, Any], rng: Random) -> dict[str, Any]:
    """The same policy in other words."""
    made = json.loads(json.dumps(value))
    for route in made["routes"]:
        factor = rng.choice([1, 3, 0.5])
        split = {pool: weight * factor for pool, weight in route["split"].items()}
        route["split"] = {
            pool: {"weight": weight} if rng.random() < 0.5 else weight
            for pool, weight in split.items()
        }
        milliseconds = int(route["timeouts"]["request"][:-2])
        route["timeouts"]["request"] = f"{milliseconds // 1000}s"
        if rng.random() < 0.5:
            route["timeouts"]["backend_request"] = "0s"
            route["failover"] = {"attempts": 2, "budget": "20%", "buffer": f"{64 * 1024}B"}
            route["seed"] = route["name"]
        for match in route["matches"]:
            rng.shuffle(match["methods"])
        rng.shuffle(route["matches"])
        rng.shuffle(route["hostnames"])
        if rng.random() < 0.5:
            route["sticky"] = [
                {"header": "X-User"} if each == "header:x-user" else each
                for each in route["sticky"]
            ]
    for section in ("variants", "regions"):
        items = list(made[section].items())
        rng.shuffle(items)
        made[section] = dict(items)
    made["regions"]["eu"]["continents"].reverse()
    made["pools"] = {"canary": {"affinity": "prefer"}}
    items = list(made.items())
    rng.shuffle(items)
    return dict(items)


@examples(200)
@given(values(), st.integers(0, 1_000_000))
def test_other_words_are_no_difference(value: dict[str, Any], seed: int) -> None:
    before = side_of(json.dumps(value).encode())
    after = side_of(json.dumps(respelt(value, Random(seed))).encode())
    found, traffic = compared(before, after, requests=12)
    assert found.changes == []
    assert traffic.total.changed == 0


@examples(200)
@given(values(), values())
def test_whoever_goes_elsewhere_has_a_reason(one: dict[str, Any], two: dict[str, Any]) -> None:
    """If requests change, something is told; and there is nothing between equal policies."""
    before, after = (side_of(json.dumps(value).encode()) for value in (one, two))
    found, traffic = compared(before, after, requests=24)
    if traffic.total.changed:
        assert found.changes
    assert difference(before, before).changes == []


def test_many_routes_the_other_way_round_are_told_once_each() -> None:
    """And not each pair of them, nor for minutes."""
    made = [
        {"name": f"r{at}", "matches": [{"path": {"regex": f"/[a-z]+[0-9]{{1,{at + 2}}}x*"}}]}
        for at in range(60)
    ]
    given = [route | {"split": {"production": 1}} for route in made]
    told = difference(side(routes=given), side(routes=given[::-1])).changes
    assert 0 < len([each for each in told if "order" in change_text(each)]) < 60
