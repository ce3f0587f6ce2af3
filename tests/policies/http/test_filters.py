"""Plans: which filters and which mirrors a request meets."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from policies.balancing.availability import availability_without
from policies.balancing.choose import Forward, choose_mirror
from policies.compiled.policy import CompiledPolicy
from policies.http.filters import FilterChain, Mirror
from policies.http.request import Client
from policies.proxy.decide import decide
from policies.proxy.explain.explain import explain
from tests.policies.making import NOW, compiled, request


def policy(**route: Any) -> CompiledPolicy:
    return compiled(routes=[{"name": "r", "split": {"production": 1}, **route}])


def test_a_route_without_filters_has_no_plan() -> None:
    route = policy().routes[0]
    assert (route.plan, route.plans, route.cors, route.cache, route.redirect) == (None,) * 5


def test_a_backends_rewrite_replaces_the_routes_part_by_part() -> None:
    made = policy(
        filters={"rewrite": {"hostname": "a.test", "path": {"full": "/a"}}},
        split={
            "production": {"filters": {"rewrite": {"path": {"prefix": "/b"}}}},
            "canary": {"filters": {"rewrite": {"hostname": "c.test"}}},
            "beta": 1,
        },
    ).routes[0]
    urls = {}
    for pool in ("production", "canary", "beta"):
        plan = made.plan_for(pool)
        assert plan
        urls[pool] = plan.target(request("http://h:81/x?q").target, 0).url
    assert urls == {
        "production": "http://a.test/b/x?q",
        "canary": "http://c.test/a?q",
        "beta": "http://a.test/a?q",
    }


def test_another_spelling_of_what_the_policy_says_goes() -> None:  # 14.14
    """`x_channel` and `x-channel` are one variable for programs that run as CGI or WSGI."""
    entries = {
        "set": [{"name": "X-Channel", "value": "beta"}, {"name": "under_score", "value": "1"}],
        "remove": ["x-secret"],
        "add": [{"name": "x-more", "value": "1"}],
    }
    sent = {
        "x_channel": "6",
        "x.channel": "6",
        "x-channel": "6",
        "under-score": "6",
        "x_secret": "6",
        "x-secret": "6",
        "x_more": "7",
        "xchannel": "7",
        "x_other": "7",
    }
    made = policy(filters={"request_headers": entries})
    told = explain(made, "GET", "https://h/", sent, Client(), NOW)
    assert told["forwarded"]
    got = {n: v for n, v in told["forwarded"]["headers"].items() if n in {*sent, "under_score"}}
    assert got == {
        "x-channel": "beta",
        "under_score": "1",
        "x_more": "7",
        "xchannel": "7",
        "x_other": "7",
    }
    plain = explain(policy(), "GET", "https://h/", sent, Client(), NOW)
    assert plain["forwarded"]
    assert plain["forwarded"]["headers"]["x_channel"] == "6"  # nobody's but the client's


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 0), (0.001, 10), (0.25, 2500), (0.999, 9990), (1, 10_000)]
)
def test_mirrors_are_drawn_by_their_share(share: float, expected: int) -> None:
    plan = FilterChain(None, None, None, None, (Mirror("p", share, False),))
    rng, total = Random(3), 10_000
    drawn = sum(len(plan.drawn("GET", rng)) for _ in range(total))
    assert abs(drawn - expected) <= 5 * (total * share * (1 - share)) ** 0.5


def test_only_safe_methods_unless_said() -> None:
    plan = FilterChain(None, None, None, None, (Mirror("safe", 1, False), Mirror("all", 1, True)))
    drawn = {m: [each.pool for each in plan.drawn(m, Random(1))] for m in ("GET", "HEAD", "POST")}
    assert drawn == {"GET": ["safe", "all"], "HEAD": ["safe", "all"], "POST": ["all"]}


def test_fractions_and_percents() -> None:
    mirrors = [
        {"pool": "canary", "percent": 12.5},
        {"pool": "beta", "fraction": {"numerator": 1, "denominator": 1000}},
        {"pool": "beta", "fraction": {"numerator": 1}},
    ]
    plan = policy(filters={"mirrors": mirrors}).routes[0].plan
    assert plan
    assert [each.share for each in plan.mirrors] == [0.125, 0.001, 0.01]


def test_a_mirror_goes_to_nobody_else() -> None:
    variants = {
        "p": {"binding": "P", "pool": "production"},
        "c1": {"binding": "C", "pool": "canary"},
        "c2": {"binding": "C", "pool": "canary"},
    }
    mirror = Mirror("canary", 1, False)
    made = compiled(
        variants=variants,
        routes=[
            {"name": "r", "split": {"production": 1}, "filters": {"mirrors": [{"pool": "canary"}]}}
        ],
    )
    outcome = decide(made, request(), Random(1), NOW).outcome
    assert isinstance(outcome, Forward)
    one = choose_mirror(made, outcome, mirror, Random(1), availability_without({"c1"}))
    assert one
    assert one.name == "c2"
    assert (
        choose_mirror(made, outcome, mirror, Random(1), availability_without({"c1", "c2"})) is None
    )


def test_explain_tells_each_filter() -> None:
    made = policy(
        matches=[{"path": {"prefix": "/old"}}],
        filters={
            "request_headers": {"set": [{"name": "X-A", "value": "1"}], "remove": ["x-b"]},
            "response_headers": {"add": [{"name": "x-c", "value": "1"}], "remove": ["x-d"]},
            "rewrite": {"hostname": "new.test", "path": {"prefix": "/new"}},
            "mirrors": [{"pool": "canary", "percent": 10}],
            "cors": {"allow_origins": ["*"]},
            "cache": {"ttl": "1m"},
        },
    )
    headers = {"x-b": "2", "origin": "https://a.test"}
    told = explain(made, "GET", "https://h/old/x?q", headers, Client(), NOW)
    assert told["forwarded"]["host"] == "new.test"
    assert told["forwarded"]["headers"]["host"] == "new.test"  # 14.2
    assert told["forwarded"]["headers"]["x-forwarded-host"] == "h"
    assert told["forwarded"]["path"] == "/new/x"
    assert told["forwarded"]["headers"]["x-a"] == "1"
    assert "x-b" not in told["forwarded"]["headers"]
    assert told["mirrors"] == [{"pool": "canary", "variant": "canary", "percent": 10}]
    assert told["response_headers"]["set"]["access-control-allow-origin"] == "*"
    assert told["response_headers"]["add"] == [["x-c", "1"]]
    assert "x-d" in told["response_headers"]["remove"]
    texts = [
        each["text"] for each in told["steps"] if each["step"] in ("filter", "mirror", "cache")
    ]
    assert texts == [
        "answered from the cache if stored: fresh for 1m",
        "request headers: sets x-a; removes x-b",
        "response headers: adds x-c; removes x-d",
        "rewrite: host new.test, in the URL and in `Host`",
        "rewrite: matched prefix to /new",
        "10% to pool canary: variant canary",
    ]
    posted = explain(made, "POST", "https://h/old", {"cookie": "a"}, Client(), NOW)
    assert posted["mirrors"] == []
