"""Decisions that are repeated: the same key means the same decision.

`Memory` does what `router/edge/proxy/memory.js` does, over the same `Looked` and `Remembered`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any, cast

from hypothesis import event, given
from hypothesis import strategies as st

from policies.compiled.policy import CompiledPolicy
from policies.http.request import Client
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.proxy.decide import FREE, GivenState, Surroundings
from policies.proxy.memory.likeness import likeness_of
from policies.proxy.memory.memory import (
    PLAIN,
    TRACED,
    Draws,
    Looked,
    Remembered,
    looked_at,
    remembered,
)
from policies.proxy.phases.context import Arrived, RequestContext
from policies.proxy.phases.effects import Charge, Send
from policies.proxy.phases.headers import Trace
from policies.proxy.sequence import proxy
from policies.rollouts.overrides import NOTHING, OverridesByRoute, overrides_of
from tests.policies.making import NOW, compiled, policy_text
from tests.support.examples import examples

KEY = "an-api-key-for-tests"
KEY_HASH = "81b27a564ef118ab4159c30bf6da978ec51247545c20f376e48d19bf54a226d1"


def decided(
    policy: CompiledPolicy,
    arrived: Arrived,
    first: float,
    rollout_overrides: OverridesByRoute = NOTHING,
) -> tuple[Any, RequestContext, Draws, list[str]]:
    """The first effect that is not about limits, as the edge gets it; and which limiters count
    the request."""
    draws, limiters = Draws(Random(), first), []
    around = Surroundings(arrived.now_ms, rollout_overrides=rollout_overrides)
    context = RequestContext(GivenState(around), policy, arrived, cast(Random, draws))
    context.trace = Trace("i" * 32, f"00-{'i' * 32}-{'s' * 16}-00", continued=False)
    way = proxy(context)
    effect = next(way)
    while isinstance(effect, Charge):
        for stated in effect.limits:
            limit = stated.of(effect.identity)
            assert context.route
            key = limit.key(context.request, context.route.name, effect.identity)
            limiters.append(f"{limit.id} {limit.object_name(key)}")
        effect = way.send(FREE)
    return effect, context, draws, limiters


class Memory:
    """`memory.js`, in Python."""

    def __init__(self, looked: Looked) -> None:
        self.looked = looked
        self.scopes: dict[str, set[str]] = {}
        self.entries: dict[str, tuple[tuple[float, ...], dict[int, str]]] = {}

    def parts(self, arrived: Arrived) -> tuple[str, str, str] | None:
        looked, headers = self.looked, arrived.headers
        found = re.fullmatch(r"(\w+://[^/?]*)([^?]*)(\??.*)", arrived.url)
        assert found
        origin, path, query = found.groups()
        if not PLAIN.fullmatch(path) or len(arrived.url) > looked.max_url:
            return None
        values = [(name, value) for name, value in headers.items() if name in looked.headers]
        place = arrived.client[1:]
        more = query if looked.query else ""
        address = arrived.client.ip if looked.address else ""
        rest = (arrived.method, arrived.has_body, place, list(headers), values, address, more)
        return origin, path, repr(rest)

    def key(self, parts: tuple[str, str, str]) -> str:
        origin, path, rest = parts
        scope = path
        while scope not in self.scopes.get(origin, ()):
            if not scope:
                return f"{origin}{path}\n{rest}"
            scope = scope.rpartition("/")[0]
        return f"{origin}{scope}/*\n{rest}"

    def remember(self, parts: tuple[str, str, str], found: Remembered, likeness: str) -> None:
        origin, _, rest = parts
        path, is_prefix = found.scope
        if is_prefix:
            self.scopes.setdefault(origin, set()).add(path)
        key = f"{origin}{path}{'/*' if is_prefix else ''}\n{rest}"
        _, choices = self.entries.setdefault(key, (found.weights, {}))
        choices[found.choice] = likeness

    def recall(self, parts: tuple[str, str, str], first: float) -> str | None:
        weights, choices = self.entries.get(self.key(parts), ((1,), {}))
        point = first * sum(weights)
        for at, weight in enumerate(weights):
            point -= weight
            if point < 0:
                return choices.get(at)
        return choices.get(0)


HOSTS = ("a.test", "b.test", "www.a.test")
PATHS = (
    "/",
    "/api",
    "/api/",
    "/api/v1",
    "/api/v1/x",
    "/api/v2",
    "/other",
    "/other/deep/er",
    "/a.b",
)
QUERIES = ("", "?debug=1", "?x=2")
HEADERS = {
    "x-user": ("1", "2", "3", "4", "5"),
    "x-beta": ("yes", "no"),
    "cookie": ("client=7", "client=8; theme=dark", "client=9", "client=a"),
    "origin": ("https://a.test", "https://evil.test"),
    "authorization": (f"Bearer {KEY}", "Bearer wrong"),
    "content-length": ("0", "10", "99999"),
    "idempotency-key": ("k",),
    "connection": ("close", "x-user"),
    "x-forwarded-host": ("evil.test",),
    "x-request-id": ("client-made-id",),
    "traceparent": ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",),
    "upgrade": ("websocket",),
    "x_channel": ("claimed",),
    "x-limited": ("1", "2"),
    "x-cohort": ("testers", "others"),
    "cf-ipcountry": ("DE", "US"),
}
UNTRACED = [name for name in HEADERS if name not in TRACED]

MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "path": st.sampled_from(
            [
                *({"prefix": path} for path in ("/", "/api", "/api/v1", "/other")),
                *({"exact": path} for path in ("/api", "/api/v1/x", "/other")),
                {"regex": "/api/v[0-9]+/.*"},
            ]
        ),
        "methods": st.sampled_from([["GET"], ["POST", "GET"]]),
        "headers": st.sampled_from(
            [[{"name": "x-beta", "value": "yes"}], [{"name": "x-user", "regex": "[12]"}]]
        ),
        "query_params": st.just([{"name": "debug", "value": "1"}]),
        "scheme": st.just("https"),
    },
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "request_headers": st.sampled_from(
            [{"set": [{"name": "x-channel", "value": "edge"}]}, {"remove": ["x-beta"]}]
        ),
        "response_headers": st.just({"set": [{"name": "x-from", "value": "edge"}]}),
        "rewrite": st.sampled_from([{"hostname": "inner.test"}, {"path": {"prefix": "/new"}}]),
        "cors": st.just({"allow_origins": ["https://a.test"]}),
        "cache": st.just({"ttl": "60s"}),
        "mirrors": st.sampled_from(
            [[{"pool": "beta", "percent": 50}], [{"pool": "beta", "percent": 100}]]
        ),
    },
)
LIMITS = {
    "by-ip": {"limit": "9/1m", "by": "ip"},
    "by-user": {"limit": "9/1m", "by": "header:x-limited"},
    "by-key": {"limit": "9/1m", "by": "api_key"},
    "of-route": {"limit": "9/1m", "by": "route"},
}
ROUTES = st.fixed_dictionaries(
    {
        "split": st.sampled_from(
            [
                {"production": 1},
                {"production": 1, "canary": 1},
                {"production": 1, "beta": 1, "canary": 0},
            ]
        )
    },
    optional={
        "hostnames": st.sampled_from([["a.test"], ["*.a.test"], ["a.test", "b.test"]]),
        "matches": st.lists(MATCHES, min_size=1, max_size=2),
        "sticky": st.sampled_from([["header:x-user"], ["cookie:client"], ["ip"], ["api_key"]]),
        "auth": st.just("required"),
        "rate_limits": st.sampled_from([["by-ip"], ["by-user", "of-route"], ["by-key"]]),
        "filters": FILTERS,
        "timeouts": st.just({"request": "5s"}),
        "failover": st.just({"attempts": 1}),
    },
)
POLICIES = st.fixed_dictionaries(
    {"routes": st.lists(ROUTES, min_size=1, max_size=4)},
    optional={
        "regions": st.just({"eu": {"continents": ["EU"]}, "us": {"countries": ["US"]}}),
        "merge_slashes": st.booleans(),
        "variants": st.just(
            {
                "production": {"url": "https://old.example.com/base", "pool": "production"},
                "canary": {"binding": "CANARY", "pool": "canary"},
                "beta": {"url": "https://beta.example.com", "pool": "beta"},
            }
        ),
    },
)
REQUESTS = st.builds(
    lambda scheme, host, path, query, method, headers, country: Arrived(
        NOW.now_ms,
        method,
        f"{scheme}://{host}{path}{query}",
        {"host": host, **headers},
        Client("192.0.2.1", "AMS", country, "EU" if country != "US" else "NA"),
        has_body=method == "POST",
    ),
    st.sampled_from(["https", "https", "http"]),
    st.sampled_from(HOSTS),
    st.sampled_from(PATHS),
    st.sampled_from(QUERIES),
    st.sampled_from(["GET", "POST", "OPTIONS"]),
    st.builds(
        dict[str, str],
        st.fixed_dictionaries({}, optional={n: st.sampled_from(HEADERS[n]) for n in UNTRACED}),
    ),
    st.sampled_from(["US", "DE"]),
)


WEIGHTS = (None, 0.0, 30.0)  # of the rollout of the first route; None: there is none


def told(sections: dict[str, Any]) -> dict[str, Any]:
    """What a policy may say: nothing empty, no cache for requests with keys, and limits by key
    only where there are some."""
    routes = []
    for at, route in enumerate(sections["routes"]):
        filters = dict(route.get("filters", {}))
        if "auth" in route:
            filters.pop("cache", None)
        elif route.get("rate_limits") == ["by-key"]:
            route = {**route, "rate_limits": []}
        matches = [match or {"path": {"prefix": "/"}} for match in route.get("matches", [])]
        named = {"name": f"r{at}", **route, "filters": filters, "matches": matches}
        routes.append({name: value for name, value in named.items() if value})
    return {**sections, "routes": routes}


def policy_of(sections: dict[str, Any]) -> CompiledPolicy | None:
    keys = {"keys": [{"id": "k", "sha256": KEY_HASH}]}
    sections = told(sections)
    named = {name for route in sections["routes"] for name in route.get("rate_limits", ())}
    if named:
        sections["rate_limits"] = {name: LIMITS[name] for name in sorted(named)}
    loaded = load(policy_text(**sections, auth=keys))
    if loaded.policy is None:
        return None
    return CompiledPolicy(compile_policy(loaded.policy, loaded.digest))


def overrides_in(policy: CompiledPolicy, weight: float | None) -> OverridesByRoute:
    """A rollout of the first route, with a cohort that a header tells."""
    rollout = {"name": "r", "run": "run-1", "from": "production", "to": "canary", "mirror": 0.0}
    rollout |= {"cohorts": [["header", ["x-cohort", "testers", None, None]]], "counts": True}
    return (
        NOTHING if weight is None else overrides_of(policy, [rollout | {"weights": {"r0": weight}}])
    )


def near(base: Arrived) -> Iterator[Arrived]:
    """`base`, and what differs from it in one value."""
    yield base
    begin, _, rest = base.url.partition("://")
    host, path, query = re.fullmatch(r"([^/?]*)([^?]*)(.*)", rest).groups()  # type: ignore[union-attr]
    for other in PATHS:
        yield base._replace(url=f"{begin}://{host}{other}{query}")
    for other in QUERIES:
        yield base._replace(url=f"{begin}://{host}{path}{other}")
    yield base._replace(url=f"{'http' if begin == 'https' else 'https'}://{rest}")
    yield base._replace(client=base.client._replace(ip="192.0.2.99"))
    yield base._replace(client=Client("192.0.2.1", "", "US", "NA"))
    for name in base.headers:
        for value in HEADERS.get(name, ()):
            yield base._replace(headers={**base.headers, name: value})


def test_many_names_that_the_client_chose_are_not_kept() -> None:
    policy = policy_of({"routes": [{"split": {"production": 1}}]})
    assert policy
    for number, is_kept in ((10, True), (100, False)):
        headers = {"host": "a.test", **{f"x-router-{at:03}": "" for at in range(number)}}
        arrived = Arrived(NOW.now_ms, "GET", "https://a.test/", headers, Client())
        effect, context, draws, _ = decided(policy, arrived, 0.5)
        assert (remembered(context, effect, draws) is not None) == is_kept


def test_ids_of_clients_are_never_repeated() -> None:
    policy = policy_of({"routes": [{"split": {"production": 1}}]})
    assert policy
    for name in TRACED:
        headers = {"host": "a.test", name: HEADERS[name][0]}
        arrived = Arrived(NOW.now_ms, "GET", "https://a.test/", headers, Client())
        effect, context, draws, _ = decided(policy, arrived, 0.5)
        assert remembered(context, effect, draws) is None


def test_who_may_not_pick_yet_is_not_remembered() -> None:
    """The key may begin to hold at any time, without anything being forgotten."""
    later = {"id": "later", "sha256": KEY_HASH, "scopes": ["router:override"]}
    later |= {"not_before": "2100-01-01T00:00:00Z"}
    route = {"name": "r", "split": {"production": 1, "canary": 0}, "override": "x-pick"}
    policy = compiled(auth={"keys": [later]}, routes=[route])
    headers = {"host": "a.test", "authorization": f"Bearer {KEY}"}
    for picked, is_kept in (({}, True), ({"x-pick": "canary"}, False)):
        arrived = Arrived(NOW.now_ms, "GET", "https://a.test/", headers | picked, Client())
        effect, context, draws, _ = decided(policy, arrived, 0.5)
        assert isinstance(effect, Send)
        assert effect.variant == "production"
        assert (remembered(context, effect, draws) is not None) == is_kept


def test_a_cohort_has_no_share_that_chance_has_chosen() -> None:
    """What has been drawn there is whether a mirror gets a copy."""
    split = {
        "production": 1,
        "canary": {"weight": 1, "filters": {"mirrors": [{"pool": "beta", "percent": 50}]}},
    }
    policy = policy_of({"routes": [{"split": split}]})
    assert policy
    headers = {"host": "a.test", "x-cohort": "testers"}
    arrived = Arrived(NOW.now_ms, "GET", "https://a.test/", headers, Client())
    for weight in (0.0, 50.0):
        effect, context, draws, _ = decided(policy, arrived, 0.9, overrides_in(policy, weight))
        assert isinstance(effect, Send)
        assert effect.variant == "canary"
        assert remembered(context, effect, draws) is None


@examples(600)
@given(
    sections=POLICIES,
    bases=st.lists(REQUESTS, min_size=1, max_size=3),
    weight=st.sampled_from(WEIGHTS),
    seed=st.integers(0),
)
def test_the_same_key_means_the_same_decision(
    sections: dict[str, Any], bases: list[Arrived], weight: float | None, seed: int
) -> None:
    rng = Random(seed)
    policy = policy_of(sections)
    if policy is None:
        event("no policy")
        return
    rollout_overrides = overrides_in(policy, weight)
    memory = Memory(looked_at(policy, rollout_overrides))
    for arrived in [each for base in bases for each in near(base)]:
        parts, first = memory.parts(arrived), rng.random()
        effect, context, draws, limiters = decided(policy, arrived, first, rollout_overrides)
        known = memory.recall(parts, first) if parts else None
        if known is not None:
            event("repeated")
            assert isinstance(effect, Send), (arrived, effect)
            assert f"{limiters} {likeness_of(context, effect)}" == known, arrived
        elif parts and isinstance(effect, Send):
            found = remembered(context, effect, draws, is_leased=True)
            if found:
                memory.remember(parts, found, f"{limiters} {likeness_of(context, effect)}")


def test_of_a_url_decisions_are_remembered_for_all_paths() -> None:
    variants = {"production": {"url": "https://old.example.com/base", "pool": "production"}}
    policy = compiled(variants=variants, routes=[{"name": "r", "split": {"production": 1}}])
    arrived = Arrived(NOW.now_ms, "GET", "https://a.test/x/y", {"host": "a.test"}, Client())
    effect, context, draws, _ = decided(policy, arrived, 0.5)
    assert isinstance(effect, Send)
    found = remembered(context, effect, draws)
    assert found
    assert found.scope == ("", True)
