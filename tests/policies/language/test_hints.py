"""Hints show the value to write (14.32, 14.33), and the first finding is the cause."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from policies.language.findings.findings import Finding
from policies.language.load import load
from policies.language.values.patterns import meant_path
from policies.language.values.written import flow
from policies.language.yaml.document import Document, read_document
from policies.routing.match import Miss
from tests.policies.making import compiled, request
from tests.support.examples import examples

HASH = "a1" * 32
BASE = {
    "version": 1,
    "variants": {
        "p": {"binding": "P", "pool": "production"},
        "c": {"binding": "C", "pool": "canary"},
    },
}
TO = {"split": {"production": 1}}


def policy(**route: Any) -> dict[str, Any]:
    return {**BASE, "routes": [{"name": "r", **TO, **route}]}


def findings(value: dict[str, Any]) -> tuple[Finding, ...]:
    return load(json_text(value).encode()).findings


def json_text(value: object) -> str:
    """JSON is YAML 1.2, which PyYAML does not write: it leaves the text `1e-05` without quotes."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def matching(kind: str, path: str) -> dict[str, Any]:
    return policy(matches=[{"path": {kind: path}}])


# 14.32: what other routers take, and what takes the same here.
PATTERNS: list[tuple[str, str, dict[str, str]]] = [
    ("prefix", "/api/*", {"prefix": "/api"}),
    ("exact", "/api/*", {"prefix": "/api"}),
    ("prefix", "/api*", {"prefix": "/api"}),
    ("prefix", "/*", {"prefix": "/"}),
    ("exact", "/**", {"prefix": "/"}),
    ("exact", "/api/{id}", {"regex": "/api/[^/]+"}),
    ("prefix", "/api/{id}", {"regex": "/api/[^/]+(/.*)?"}),
    ("exact", "/users/:id/posts", {"regex": "/users/[^/]+/posts"}),
    ("exact", "/u/<int:id>", {"regex": "/u/[0-9]+"}),
    ("exact", "/u/{id:[0-9]{3}}/x", {"regex": "/u/([0-9]{3})/x"}),
    ("exact", "/f/{name}.json", {"regex": r"/f/[^/]+\.json"}),
    ("exact", "/f/*.pdf", {"regex": r"/f/[^/]*\.pdf"}),
    ("prefix", "/f/*.pdf", {"regex": r"/f/[^/]*\.pdf"}),
    ("prefix", "/img/a-*", {"regex": "/img/a-[^/]*"}),
    ("exact", "/b/[slug]", {"regex": "/b/[^/]+"}),
    ("exact", "/b/[...slug]", {"prefix": "/b"}),
    ("exact", "/f/<path:name>", {"prefix": "/f"}),
    ("exact", "/f/{rest...}", {"prefix": "/f"}),
    ("exact", "/f/*rest", {"prefix": "/f"}),
    ("exact", "/a/*/b", {"regex": "/a/[^/]+/b"}),
    ("prefix", "/api/.*", {"prefix": "/api"}),
    ("prefix", "/x/(.*)", {"prefix": "/x"}),
    ("exact", "/api/[0-9]+", {"regex": "/api/[0-9]+"}),
    ("exact", "/api$", {"exact": "/api"}),
]


@pytest.mark.parametrize(("kind", "path", "meant"), PATTERNS)
def test_a_pattern_for_a_path(kind: str, path: str, meant: dict[str, str]) -> None:
    (found,) = findings(matching(kind, path))
    assert (found.code, found.severity) == ("literal-pattern", "warning")
    assert found.path == f"routes[0].matches[0].path.{kind}"
    assert yaml.safe_load(written(found)) == {"path": meant}
    assert not findings(policy(matches=[{"path": meant}]))


@pytest.mark.parametrize(
    ("pattern", "taken", "not_taken"),
    [
        (("exact", "/users/{id}"), ["/users/7"], ["/users/7/x", "/users", "/users/"]),
        (("prefix", "/users/{id}"), ["/users/7", "/users/7/x"], ["/users"]),
        (("exact", "/files/*.pdf"), ["/files/a.pdf"], ["/files/apdf", "/files/a/b.pdf"]),
        (("prefix", "/api/*"), ["/api", "/api/x/y"], ["/apix"]),
    ],
)
def test_what_is_meant_takes_it(
    pattern: tuple[str, str], taken: list[str], not_taken: list[str]
) -> None:
    meant = meant_path(*pattern)
    assert meant
    matcher = compiled(
        routes=policy(matches=[{"path": {meant.kind: meant.text}}])["routes"]
    ).matcher
    for path in taken + not_taken:
        assert isinstance(matcher.find(request(f"https://h{path}")), Miss) == (path in not_taken)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *(
            ("exact", path)
            for path in ("/", "/a/", "/users(1)", "/v1/users:batchGet", "/$metadata")
        ),
        *(("prefix", path) for path in ("/c++", "/@user", "/~x/;v=1", "/a.b", "/%7B", "/a+b")),
    ],
)
def test_no_pattern(kind: str, path: str) -> None:
    assert not findings(matching(kind, path))


def test_a_regex_means_the_text_itself() -> None:
    assert not findings(policy(matches=[{"path": {"regex": r"/api/\*"}}]))
    assert not findings(policy(matches=[{"path": {"regex": "/api/%7Bid%7D"}}]))


@pytest.mark.parametrize(
    ("kind", "condition", "meant"),
    [
        ("headers", {"name": "x", "value": "*"}, ".*"),
        ("headers", {"name": "x", "value": "v1*"}, "v1.*"),
        ("query_params", {"name": "x", "value": "^v[0-9]+$"}, "v[0-9]+"),
        ("headers", {"name": "x", "value": "v[0-9]+"}, "v[0-9]+"),
        ("headers", {"name": "accept", "value": "*/*"}, None),
        ("headers", {"name": "if-match", "value": "*"}, None),
        ("headers", {"name": "x", "value": "text/*"}, None),
        ("headers", {"name": "x", "value": "5$"}, None),
    ],
)
def test_a_pattern_for_a_value(kind: str, condition: dict[str, str], meant: str | None) -> None:
    found = findings(policy(matches=[{kind: [condition]}]))
    assert [each.code for each in found] == ["literal-pattern"] * (meant is not None)
    if meant:
        assert yaml.safe_load(written(found[0])) == {"name": "x", "regex": meant}


@pytest.mark.parametrize(
    ("filters", "path"),
    [
        ({"rewrite": {"path": {"prefix": "/v2/*"}}}, "rewrite.path.prefix"),
        ({"rewrite": {"path": {"full": "/v2/$1"}}}, "rewrite.path.full"),
        ({"rewrite": {"path": {"full": "/v2/{id}"}}}, "rewrite.path.full"),
        ({"request_headers": {"remove": ["x-*"]}}, "request_headers.remove[0]"),
        ({"cache": {"ttl": "1m", "vary": ["*"]}}, "cache.vary[0]"),
    ],
)
def test_a_pattern_in_a_filter(filters: dict[str, Any], path: str) -> None:
    (found,) = findings(policy(filters=filters, matches=[{"path": {"prefix": "/a"}}]))
    assert (found.code, found.path) == ("literal-pattern", f"routes[0].filters.{path}")


def written(finding: Finding) -> str:
    """The value that the hint shows."""
    shown = re.search(r"`((?:[^`])+)`", finding.hint)
    assert shown, finding.hint
    return shown[1]


def read(text: str) -> Any:
    """As the language reads it: `on` is text."""
    document = read_document(f"x: {text}\n".encode())
    if isinstance(document, Document):
        return document.value["x"]
    document = read_document(text.encode())
    assert isinstance(document, Document), text
    return document.value


def at(value: Any, path: str) -> tuple[Any, Any]:
    """The parent and the last step of a path."""
    steps = [int(a) if a else b for a, b in re.findall(r"\[([0-9]+)\]|([^.\[\]]+)", path)]
    for step in steps[:-1]:
        value = value[step]
    return value, steps[-1]


# 14.33: the place, what somebody wrote, what the hint says to write
SPELLINGS: list[tuple[str, Any, Any]] = [
    ("routes[0].matches", "/api*", [{"path": {"prefix": "/api"}}]),
    ("routes[0].matches", {"path": {"exact": "/a"}}, [{"path": {"exact": "/a"}}]),
    ("routes[0].matches[0]", "/api", {"path": {"prefix": "/api"}}),
    ("routes[0].matches[0]", "GET", {"methods": ["GET"]}),
    ("routes[0].matches[0].path", "/api*", {"prefix": "/api"}),
    ("routes[0].matches[0].path", "^/api$", {"exact": "/api"}),
    ("routes[0].matches[0].path", "/u/{id}", {"regex": "/u/[^/]+(/.*)?"}),
    ("routes[0].matches[0].methods", "get, POST", ["GET", "POST"]),
    ("routes[0].matches[0].methods[0]", "get", "GET"),
    ("routes[0].matches[0].scheme", "HTTPS", "https"),
    ("routes[0].matches[0].headers", {"x-a": "1"}, [{"name": "x-a", "value": "1"}]),
    ("routes[0].matches[0].headers", "x-a: v1", [{"name": "x-a", "value": "v1"}]),
    ("routes[0].matches[0].headers[0]", "x-a", {"name": "x-a", "regex": ".*"}),
    ("routes[0].matches[0].query_params", {"a": 1}, [{"name": "a", "value": "1"}]),
    ("routes[0].hostnames", "a.example.com", ["a.example.com"]),
    ("routes[0].hostnames[0]", "https://a.example.com:8443/x", "a.example.com"),
    ("routes[0].hostnames[0]", ".example.com", "*.example.com"),
    ("routes[0].sticky", "ip", ["ip"]),
    ("routes[0].sticky", "cookie:client", ["cookie:client"]),
    ("routes[0].sticky[0]", "cookie=client", "cookie:client"),
    ("routes[0].sticky[0]", "api-key", "api_key"),
    ("routes[0].auth", True, "required"),
    ("routes[0].auth", ["read"], {"scopes": ["read"]}),
    ("routes[0].auth.scopes", "read", ["read"]),
    ("routes[0].rate_limits", "l", ["l"]),
    ("routes[0].split", "production", {"production": 1}),
    ("routes[0].split", ["production", "canary"], {"production": 1, "canary": 1}),
    ("routes[0].split", [{"pool": "production", "weight": 9}], {"production": 9}),
    ("routes[0].split.production", "90%", 90),
    ("routes[0].split.production", "5", 5),
    ("routes[0].timeouts", "30s", {"request": "30s"}),
    ("routes[0].timeouts", 30, {"request": "30s"}),
    ("routes[0].timeouts.request", 30, "30s"),
    ("routes[0].timeouts.request", "30 sec", "30s"),
    ("routes[0].timeouts.request", "1.5s", "1s500ms"),
    ("routes[0].timeouts.request", "2 minutes", "2m"),
    ("routes[0].timeouts.request", "PT1M30S", "1m30s"),
    ("routes[0].timeouts.request", "30", "30s"),
    ("routes[0].limits", "10MiB", {"body": "10MiB"}),
    ("routes[0].limits.body", "10 MB", "10MiB"),
    ("routes[0].limits.body", "16k", "16KiB"),
    ("routes[0].limits.body", "1.5MiB", "1536KiB"),
    ("routes[0].respond", 503, {"status": 503}),
    ("routes[0].respond", "closed", {"body": "closed"}),
    ("routes[0].respond.status", "503", 503),
    ("routes[0].respond.body", 5, "5"),
    ("routes[0].respond.headers", {"retry-after": 5}, [{"name": "retry-after", "value": "5"}]),
    ("routes[0].respond.headers[0].value", 5, "5"),
    ("routes[0].filters.redirect", "https", {"scheme": "https"}),
    (
        "routes[0].filters.redirect",
        "https://b.c/d",
        {"scheme": "https", "hostname": "b.c", "path": {"full": "/d"}},
    ),
    ("routes[0].filters.rewrite", "/v2", {"path": {"full": "/v2"}}),
    ("routes[0].filters.rewrite", "b.c", {"hostname": "b.c"}),
    ("routes[0].filters.cache", "60s", {"ttl": "60s"}),
    ("routes[0].filters.cors", "*", {"allow_origins": ["*"]}),
    ("routes[0].filters.cors.allow_origins", "*", ["*"]),
    ("routes[0].filters.cors.allow_origins", "app.b.c", ["https://app.b.c"]),
    ("routes[0].filters.cors.allow_origins[0]", "https://app.b.c/", "https://app.b.c"),
    ("routes[0].filters.cors.allow_credentials", "yes", True),
    ("routes[0].filters.mirrors", "canary", [{"pool": "canary"}]),
    ("routes[0].filters.request_headers.set", {"x-a": "1"}, [{"name": "x-a", "value": "1"}]),
    ("routes[0].filters.request_headers.remove", "x-a", ["x-a"]),
    ("routes[0].failover", 3, {"attempts": 3}),
    ("routes[0].failover.on", "connect", ["connect"]),
    ("routes[0].failover.on[0]", "503", 503),
    ("routes[0].failover.budget", 0.2, "20%"),
    ("routes[0].failover.budget", 20, "20%"),
    ("routes[0].failover.budget", "20 %", "20%"),
    ("routes[0].failover.hedge", "200", "200s"),
    ("routes[0].first", "yes", True),
    ("routes[0].name", "my route", "my-route"),
    ("routes[0].name", 1e-05, "1e-05"),
    ("variants.p", "PRODUCTION", {"binding": "PRODUCTION", "pool": "production"}),
    ("variants.p", "https://a.b", {"url": "https://a.b", "pool": "production"}),
    ("variants.p.binding", "my-worker", "MY_WORKER"),
    ("variants.p.drain", "on", True),
    ("pools.canary", "strict", {"affinity": "strict"}),
    ("pools.canary.affinity", "Strict", "strict"),
    ("pools.canary.fallback", "production", ["production"]),
    ("regions.eu", "EU", {"continents": ["EU"]}),
    ("regions.eu.continents", "EU", ["EU"]),
    ("regions.eu.countries", "de", ["DE"]),
    ("regions.eu.countries[0]", "de", "DE"),
    ("rate_limits.l", "120/min", {"limit": "120/1m", "by": "ip"}),
    ("rate_limits.l.limit", "120/min", "120/1m"),
    ("rate_limits.l.limit", "100 per minute", "100/1m"),
    ("rate_limits.l.limit", "5r/s", "5/1s"),
    ("rate_limits.l.limit", "60rpm", "60/1m"),
    ("rate_limits.l.by", "api-key", "api_key"),
    ("rate_limits.l.by", "header=x-user", "header:x-user"),
    ("health", "/healthz", {"active": {"path": "/healthz"}}),
    ("health.active", "/healthz", {"path": "/healthz"}),
    ("health.active.expect", "2xx", "200-299"),
    ("health.active.path", "healthz", "/healthz"),
    ("auth.keys[0].not_after", "2027-01-31", "2027-01-31T00:00:00Z"),
    ("drills[0].mode", "errors:0.3", "errors:30%"),
    ("drills[0].mode", "latency:2", "latency:2s"),
]


@pytest.mark.parametrize(("path", "wrong", "right"), SPELLINGS)
def test_the_hint_shows_the_value_to_write(path: str, wrong: Any, right: Any) -> None:
    value = _whole(path)
    parent, last = at(value, path)
    parent[last] = wrong
    told = [each for each in findings(value) if each.path == path]
    assert told, findings(value)
    meant = read(written(told[0]))
    if isinstance(meant, dict) and list(meant) == [last]:
        meant = meant[last]
    assert meant == right, told[0].hint
    parent[last] = meant
    assert not [each for each in findings(value) if each.path.startswith(path)]


SCALARS = st.one_of(
    st.sampled_from(
        ["yes", "/a/*", "a, b", "1", "x: y", "http", "5%", "1/1m", "*", "10 MB", "EU", "^/"]
    ),
    st.booleans(),
    st.integers(-5, 700),
    st.floats(0, 100),
    st.text(max_size=6).filter(lambda text: "`" not in text),  # what hints put values into
)
WRONG = st.one_of(
    SCALARS,
    st.lists(SCALARS, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(["a", "name", "pool", "weight", "path"]), SCALARS, min_size=1),
)


@examples(600)
@example("routes[0].name", 1e-05)
@given(st.sampled_from([path for path, *_ in SPELLINGS]), WRONG)
def test_what_a_hint_says_to_write_is_accepted(path: str, wrong: Any) -> None:
    """Of a value of the wrong type; it may then be wrong together with other values."""
    value = _whole(path)
    parent, last = at(value, path)
    parent[last] = wrong
    for told in findings(value):
        if told.path != path or told.code != "wrong-type" or "`" not in told.hint:
            continue
        meant = read(written(told))
        if isinstance(meant, dict) and list(meant) == [last]:
            meant = meant[last]
        parent[last] = meant
        codes = {each.code for each in findings(value) if each.path == path}
        assert not codes & {"wrong-type", "bad-value", "missing-field", "unknown-field"}, told


def _whole(path: str) -> dict[str, Any]:
    """A policy in which the path can be set."""
    route: dict[str, Any] = {
        "name": "r",
        "first": False,
        "hostnames": ["a.b"],
        "matches": [
            {"path": {"prefix": "/a"}, "methods": ["GET"], "headers": [{"name": "x", "value": "1"}]}
        ],
        "auth": {"scopes": ["read"]},
        "rate_limits": ["l"],
        "limits": {},
        "filters": {
            "cors": {"allow_origins": ["*"]},
            "request_headers": {"remove": ["y"]},
        },
        "split": {"production": 1, "canary": 1},
        "sticky": ["ip"],
        "timeouts": {},
        "failover": {"on": ["connect"]},
    }
    if ".respond" in path:
        route = {"name": "r", "respond": {"headers": [{"name": "a", "value": "1"}]}}
    if path.endswith("cache"):
        del route["auth"]
    if path.endswith("redirect"):
        route = {"name": "r", "filters": {}}
    return {
        "version": 1,
        "variants": {name: {**each, "region": "eu"} for name, each in BASE["variants"].items()},
        "pools": {"canary": {}},
        "regions": {"eu": {"countries": ["DE"]}},
        "default_region": "eu",
        "routes": [route],
        "rate_limits": {"l": {"limit": "1/1m", "by": "ip"}},
        "health": {"active": {"path": "/"}},
        "auth": {"keys": [{"id": "a", "sha256": HASH, "scopes": ["read"]}]},
        "drills": [
            {"name": "d", "pool": "canary", "mode": "down", "for": "1m", "schedule": "0 9 * * *"}
        ],
    }


# 14.33: what is told, in this order; the last is a part of the first one's hint
CAUSES: list[tuple[str, dict[str, Any], list[str], str]] = [
    (
        "a weight without its split",
        {**BASE, "routes": [{"name": "r", "api": "90%"}]},
        ["unknown-field", "route-without-action"],
        "`split: { api: 90 }`",
    ),
    (
        "a misspelt split",
        {**BASE, "routes": [{"name": "r", "splt": {"production": 1}}]},
        ["unknown-field", "route-without-action"],
        "`split`",
    ),
    (
        "a filter that stands in the route",
        {**BASE, "routes": [{"name": "r", "redirect": {"scheme": "https"}}]},
        ["unknown-field", "route-without-action"],
        "`filters: { redirect: … }`",
    ),
    (
        "a condition that stands in the route",
        {**BASE, "routes": [{"name": "r", **TO, "path": {"prefix": "/a"}}]},
        ["unknown-field"],
        "`matches: [{ path: … }]`",
    ),
    (
        "a duplicate route name, before a rollout of it",
        {
            "rollouts": [
                {
                    "name": "v2",
                    "routes": ["r"],
                    "from": "production",
                    "to": "canary",
                    "steps": [{"weight": 10, "hold": "1m"}],
                }
            ],
            **BASE,
            "routes": [{"name": "r", "split": {"production": 1, "canary": 0}}, {"name": "r", **TO}],
        },
        ["duplicate-route"],
        "another name",
    ),
    (
        "a misspelt name of a route that a rollout names",
        {
            "rollouts": [
                {
                    "name": "v2",
                    "routes": ["r"],
                    "from": "production",
                    "to": "canary",
                    "steps": [{"weight": 10, "hold": "1m"}],
                }
            ],
            **BASE,
            "routes": [{"nme": "r", "split": {"production": 1, "canary": 0}}],
        },
        ["missing-field", "unknown-field"],
        "`name`",
    ),
    (
        "a variant whose pool is misspelt, after the routes",
        {
            "version": 1,
            "routes": [{"name": "r", **TO}],
            "variants": {"p": {"binding": "P", "pol": "production"}},
        },
        ["missing-field", "unknown-field"],
        "`pool`",
    ),
    (
        "a misspelt prefix that is replaced",
        policy(
            filters={"rewrite": {"path": {"prefix": "/b"}}}, matches=[{"path": {"prefx": "/a"}}]
        ),
        ["unknown-field"],
        "`prefix`",
    ),
]


@pytest.mark.parametrize(
    ("value", "codes", "hint"), [pytest.param(*case[1:], id=case[0]) for case in CAUSES]
)
def test_the_cause_is_told_and_not_what_follows(
    value: dict[str, Any], codes: list[str], hint: str
) -> None:
    found = findings(value)
    assert [each.code for each in found] == codes
    assert any(hint in each.hint for each in found)


def test_a_scope_that_is_compared_to_the_letter() -> None:
    value = policy(auth={"scopes": ["agents:read"]})
    value["auth"] = {"keys": [{"id": "a", "sha256": HASH, "scopes": ["agents:*"]}]}
    (found,) = findings(value)
    assert (found.code, found.severity) == ("no-key-for-route", "error")
    assert "`agents:*` is compared literally" in found.hint
    value["auth"]["keys"][0]["scopes"].append("agents:read")
    assert not findings(value)


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "*",
        "true",
        "1",
        "1e3",
        "1e-05",
        "10s",
        "120/1m",
        "a b",
        "a: b",
        "#",
        "https://*.a.b:1",
        "[x",
        "",
        "~",
        "é",
        "-",
        "5%",
        True,
        3,
        0.5,
        ["a", "*"],
        {"a": ["b", {"c": "1"}]},
    ],
)
def test_what_is_written_is_read(value: Any) -> None:
    assert read(flow([value])) == yaml.safe_load(flow([value])) == [value]
