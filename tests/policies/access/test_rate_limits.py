"""Whose requests count together, and what answers tell about limits."""

from __future__ import annotations

import json

import pytest

from policies.access.authenticate import ApiKey, Identity
from policies.access.rate_limits import (
    LONGEST_KEY,
    Limit,
    LimitStatus,
    limit_headers,
    limiter_unavailable,
    rate_limited,
)
from policies.compiled.policy import CompiledPolicy
from policies.http.request import Client
from policies.proxy.decide import Surroundings
from policies.proxy.explain.explain import explain
from tests.policies.making import compiled, request

HASH = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of `secret`
LIMITS = {
    "ip": {"limit": "100/1m", "by": "ip"},
    "tenant": {"limit": 10, "per": "1s", "by": "header:X-Tenant", "mode": "exact"},
    "key": {"limit": 1000, "per": "1m", "burst": 50, "by": "api_key", "on_error": "deny"},
    "all": {"limit": "5/1h", "by": "route"},
}


def policy(*names: str) -> CompiledPolicy:
    keys = [{"id": "a", "sha256": HASH, "rate_limits": {"key": {"limit": "3/1s"}}}]
    route = {"name": "r", "auth": "required", "split": {"production": 1}}
    return compiled(
        auth={"keys": keys}, rate_limits=LIMITS, routes=[{**route, "rate_limits": [*names]}]
    )


def limit(name: str) -> Limit:
    limits = policy(name).routes[0].rate_limits
    assert limits
    (found,) = (*limits.before, *limits.after)
    return found


def identity(name: str) -> Identity:
    key = ApiKey(name, b"", frozenset(), 0, 0, False, "")
    return Identity(key, ())


def test_a_route_without_limits_has_none() -> None:
    assert policy().routes[0].rate_limits is None


def test_limits_by_key_come_after_authentication() -> None:
    limits = policy("key", "ip", "all").routes[0].rate_limits
    assert limits
    assert [each.name for each in limits.before] == ["ip", "all"]
    assert [each.name for each in limits.after] == ["key"]


@pytest.mark.parametrize(
    ("name", "ip", "tenant", "key"),
    [
        ("ip", "192.0.2.1", "", "192.0.2.1"),
        ("ip", "2001:db8:1:2:3::4", "", "20010db800010002"),
        ("ip", "2001:db8:1:2:ffff::", "", "20010db800010002"),
        ("ip", "", "", ""),
        ("tenant", "", "acme", "acme"),
        ("tenant", "192.0.2.1", "", ""),
        ("all", "192.0.2.1", "acme", "r"),
        ("key", "192.0.2.1", "acme", "a"),
    ],
)
def test_keys(name: str, ip: str, tenant: str, key: str) -> None:
    headers = {"x-tenant": tenant} if tenant else {}
    asking = request(headers=headers, ip=ip)
    assert limit(name).key(asking, "r", identity("a")) == key


def test_long_keys_stay_short_and_apart() -> None:
    tenants = ["x" * LONGEST_KEY, "x" * (LONGEST_KEY + 1), "x" * 9000, "x" * 8999 + "y", "\udcff"]
    keys = [limit("tenant").key(request(headers={"x-tenant": t}), "r", None) for t in tenants]
    names = [limit("tenant").object_name(key) for key in keys]
    assert len(set(keys)) == len(set(names)) == len(tenants)
    assert all(len(key) <= LONGEST_KEY for key in keys)
    assert all(len(name) < 100 for name in names)
    assert not any("xx" in name for name in names)  # no header's value in a name


def test_a_key_has_a_rate_of_its_own_and_the_same_limiter() -> None:
    stated = limit("key")
    own = stated.of(identity("a"))
    assert own.rate == (3, 1000, 3)
    assert stated.of(identity("b")) is stated
    assert stated.of(None) is stated
    assert own.object_name("a") == stated.object_name("a")
    assert own.id != stated.id


def test_headers() -> None:
    found = [LimitStatus(limit("ip"), 42, 17_100), LimitStatus(limit("tenant"), None, 0)]
    assert limit_headers(found) == {
        "ratelimit-policy": '"ip";q=100;w=60, "tenant";q=10;w=1',
        "ratelimit": '"ip";r=42;t=18',
    }
    assert limit_headers([]) == {}
    assert limit_headers(found[1:]) == {"ratelimit-policy": '"tenant";q=10;w=1'}


@pytest.mark.parametrize(
    ("retry_ms", "seconds"), [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (59_999.5, "60")]
)
def test_retry_after_is_never_too_early(retry_ms: float, seconds: str) -> None:
    for problem in (
        rate_limited(limit("all"), retry_ms),
        limiter_unavailable(limit("all"), retry_ms),
    ):
        assert problem.status == 429
        assert problem.headers == (("retry-after", seconds),)
        assert f"again in {seconds} s" in problem.detail
        assert "`all`" in json.loads(problem.body("x"))["detail"]


def explained(headers: dict[str, str]) -> dict:
    client = Client(ip="192.0.2.1")
    url = "https://example.com/"
    return explain(policy("ip", "key"), "GET", url, headers, client, Surroundings(0.0))


def test_explain_tells_the_limits_in_their_order() -> None:
    told = explained({"x-api-key": "secret"})
    assert [step["step"] for step in told["steps"]][1:5] == [
        "match",
        "limit",
        "authenticate",
        "limit",
    ]
    assert told["rate_limits"] == [
        {
            "name": "ip",
            "by": "ip",
            "key": "192.0.2.1",
            "mode": "leased",
            "limit": 100,
            "per_ms": 60_000,
            "burst": 100,
            "on_error": "allow",
        },
        {
            "name": "key",
            "by": "api_key",
            "key": "a",
            "mode": "leased",
            "limit": 3,
            "per_ms": 1_000,
            "burst": 3,
            "on_error": "deny",
        },
    ]


def test_the_text_of_a_limit() -> None:
    """Each has its own, also with a burst and an odd period of its own."""
    odd = {"limit": 5, "per": "90s", "burst": 2, "by": "route"}
    key = {"id": "a", "sha256": HASH, "rate_limits": {"key": {"limit": "3/1s"}}}
    route = {"name": "r", "auth": "required", "split": {"production": 1}}
    limits = {**LIMITS, "odd": odd}
    made = compiled(
        auth={"keys": [key]}, rate_limits=limits, routes=[{**route, "rate_limits": [*limits]}]
    )
    client = Client(ip="192.0.2.1")
    told = explain(made, "GET", "https://h/", {"x-api-key": "secret"}, client, Surroundings(0.0))
    assert [step["text"] for step in told["steps"] if step["step"] == "limit"] == [
        "ip by ip 192.0.2.1: 100 per minute, burst 100",
        "tenant by header x-tenant (none): 10 per second, burst 10",
        "all by route r: 5 per hour, burst 5",
        "odd by route r: 5 per 1m30s, burst 2",
        "key by api_key a: 3 per second, burst 3",
    ]


def test_explain_stops_where_the_request_does() -> None:
    assert [each["name"] for each in explained({})["rate_limits"]] == ["ip"]
