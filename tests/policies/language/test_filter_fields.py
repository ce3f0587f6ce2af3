"""Filters and limits as they are read: what is taken, and every finding."""

from __future__ import annotations

from typing import Any

import pytest

from policies.language.load import load
from policies.language.model.policy import Policy
from tests.policies.making import policy_text

HEADER = {"name": "X-A", "value": "1"}
CORS = {"allow_origins": ["*"]}


def policy(**fields: Any) -> bytes:
    """A policy whose one route has `fields`; it forwards unless they say otherwise."""
    forwards = {} if "split" in fields or "respond" in fields else {"split": {"production": 1}}
    if "redirect" in fields.get("filters", {}) and "split" not in fields:
        forwards = {}
    return policy_text(routes=[{"name": "r", **forwards, **fields}])


def filters(**each: Any) -> bytes:
    return policy(filters=each)


def taken(text: bytes) -> Policy:
    loaded = load(text)
    assert loaded.policy, loaded.findings
    return loaded.policy


def told(text: bytes) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in load(text).findings]


R, F = "routes[0]", "routes[0].filters"
S = f"{F}.request_headers"
FINDINGS: list[tuple[bytes, str, str]] = [
    (filters(), "empty", F),
    (filters(request_headers={}), "empty", S),
    (
        filters(request_headers={"set": [{"name": "a b", "value": ""}]}),
        "bad-name",
        f"{S}.set[0].name",
    ),
    (filters(request_headers={"set": [{"name": "a"}]}), "missing-field", f"{S}.set[0].value"),
    (
        filters(request_headers={"add": [{"name": "a", "value": "\n"}]}),
        "bad-header",
        f"{S}.add[0].value",
    ),
    (filters(request_headers={"remove": ["Host"]}), "bad-header", f"{S}.remove[0]"),
    (filters(request_headers={"set": [HEADER, HEADER]}), "unused-field", f"{S}.set[1].name"),
    (
        filters(request_headers={"set": [HEADER], "remove": ["x-a"]}),
        "unused-field",
        f"{S}.remove[0]",
    ),
    (filters(request_headers={"remove": ["x-a", "X-A"]}), "unused-field", f"{S}.remove[1]"),
    *(
        (
            filters(request_headers={"set": [{"name": name, "value": "1"}]}),
            "bad-header",
            f"{S}.set[0].name",
        )
        for name in (
            *("host", "Content-Length", "Transfer-Encoding", "TE", "upgrade", "connection"),
            *("x-request-id", "traceparent", "X-Forwarded-For", "forwarded", "x-router-key-id"),
            "Cloudflare-Workers-Version-Key",
        )
    ),
    *(
        (
            filters(response_headers={"remove": [name]}),
            "bad-header",
            f"{F}.response_headers.remove[0]",
        )
        for name in ("content-length", "Trailer", "x-request-id", "X-Router-Route")
    ),
    (
        filters(cors=CORS, response_headers={"remove": ["Access-Control-Allow-Origin"]}),
        "unused-field",
        f"{F}.response_headers.remove[0]",
    ),
    (filters(redirect={}), "empty", f"{F}.redirect"),
    (filters(redirect={"status": 301}), "empty", f"{F}.redirect"),
    (filters(redirect={"scheme": "ftp"}), "unknown-value", f"{F}.redirect.scheme"),
    (filters(redirect={"port": 0}), "out-of-range", f"{F}.redirect.port"),
    (filters(redirect={"port": 65_536}), "out-of-range", f"{F}.redirect.port"),
    (filters(redirect={"port": 1, "status": 304}), "unknown-value", f"{F}.redirect.status"),
    (filters(redirect={"hostname": "*.a.b"}), "bad-hostname", f"{F}.redirect.hostname"),
    (filters(redirect={"hostname": "a.b:80"}), "bad-hostname", f"{F}.redirect.hostname"),
    (filters(redirect={"path": {}}), "one-of", f"{F}.redirect.path"),
    (filters(redirect={"path": {"full": "/a", "prefix": "/b"}}), "one-of", f"{F}.redirect.path"),
    (filters(redirect={"path": {"full": "a"}}), "bad-path", f"{F}.redirect.path.full"),
    (filters(redirect={"path": {"full": "/a?b"}}), "bad-path", f"{F}.redirect.path.full"),
    (filters(redirect={"path": {"prefix": "a"}}), "bad-path", f"{F}.redirect.path.prefix"),
    *(
        (policy(filters={"redirect": {"port": 1}}, **{name: value}), "unused-field", f"{R}.{name}")
        for name, value in (
            ("split", {"production": 1}),
            ("sticky", ["ip"]),
            ("seed", "s"),
            ("timeouts", {"request": "1s"}),
            ("respond", {"status": 200}),
            ("auth", "required"),
        )
    ),
    *(
        (policy(**answer, filters={**more, name: value}), "unused-field", f"{F}.{name}")
        for answer, more in (({}, {"redirect": {"port": 1}}), ({"respond": {}}, {}))
        for name, value in (
            ("request_headers", {"set": [HEADER]}),
            ("rewrite", {"path": {"full": "/"}}),
            ("mirrors", [{"pool": "canary"}]),
            ("cache", {"ttl": "1s"}),
        )
    ),
    (filters(rewrite={}), "empty", f"{F}.rewrite"),
    (filters(rewrite={"port": 1}), "unknown-field", f"{F}.rewrite.port"),
    (
        policy(
            matches=[{"path": {"prefix": "/a"}}, {"path": {"regex": "/b.*"}}],
            filters={"rewrite": {"path": {"prefix": "/c"}}},
        ),
        "no-prefix",
        f"{F}.rewrite.path.prefix",
    ),
    (filters(mirrors=[{"pool": "nobody"}]), "unknown-pool", f"{F}.mirrors[0].pool"),
    (
        filters(mirrors=[{"pool": "canary", "percent": 101}]),
        "out-of-range",
        f"{F}.mirrors[0].percent",
    ),
    (
        filters(mirrors=[{"pool": "canary", "percent": "5%"}]),
        "wrong-type",
        f"{F}.mirrors[0].percent",
    ),
    (
        filters(mirrors=[{"pool": "canary", "percent": 1, "fraction": {"numerator": 1}}]),
        "one-of",
        f"{F}.mirrors[0]",
    ),
    (
        filters(mirrors=[{"pool": "canary", "fraction": {"numerator": 2, "denominator": 1}}]),
        "out-of-range",
        f"{F}.mirrors[0].fraction",
    ),
    (
        filters(mirrors=[{"pool": "canary", "fraction": {"numerator": 0, "denominator": 0}}]),
        "out-of-range",
        f"{F}.mirrors[0].fraction.denominator",
    ),
    (filters(mirrors=[{"pool": "canary"}] * 9), "out-of-range", f"{F}.mirrors"),
    (
        policy(matches=[{"methods": ["POST"]}], filters={"mirrors": [{"pool": "canary"}]}),
        "unused-field",
        f"{F}.mirrors[0]",
    ),
    (filters(cors={}), "missing-field", f"{F}.cors.allow_origins"),
    *(
        (filters(cors={"allow_origins": [origin]}), "bad-origin", f"{F}.cors.allow_origins[0]")
        for origin in (
            *("a.b", "https://", "https://a.b/", "https://a.b/x", "https://a.b:0", "null"),
            *("https://a.b:70000", "https://a*.b", "https://a.*.b", "*.b", "https://u@a.b"),
        )
    ),
    (filters(cors={**CORS, "allow_methods": ["get"]}), "bad-method", f"{F}.cors.allow_methods[0]"),
    (filters(cors={**CORS, "allow_headers": ["a b"]}), "bad-name", f"{F}.cors.allow_headers[0]"),
    (
        filters(cors={**CORS, "allow_credentials": True, "expose_headers": ["*"]}),
        "unused-field",
        f"{F}.cors",
    ),
    (filters(cors={**CORS, "max_age": 5}), "bad-duration", f"{F}.cors.max_age"),
    (filters(cache={}), "missing-field", f"{F}.cache.ttl"),
    (filters(cache={"ttl": "0s"}), "bad-duration", f"{F}.cache"),
    (filters(cache={"ttl": "1s", "vary": ["a b"]}), "bad-name", f"{F}.cache.vary[0]"),
    (
        policy(matches=[{"methods": ["POST", "PUT"]}], filters={"cache": {"ttl": "1s"}}),
        "unused-field",
        f"{F}.cache",
    ),
    (
        policy(auth="required", filters={"cache": {"ttl": "1s", "vary": ["accept"]}}),
        "unused-field",
        f"{F}.cache",
    ),
    (
        policy(split={"production": {"filters": {"cors": CORS}}}),
        "unknown-field",
        f"{R}.split.production.filters.cors",
    ),
    (policy(split={"production": {"filters": {}}}), "empty", f"{R}.split.production.filters"),
    (policy(split={"production": {"weight": 0}}), "split-without-weight", f"{R}.split"),
    (policy(split={"production": {"weight": -1}}), "bad-weight", f"{R}.split.production.weight"),
    (policy(split={"production": [1]}), "bad-weight", f"{R}.split.production"),
    (
        policy(split={"production": {"filters": {"mirrors": [{"pool": "nobody"}]}}}),
        "unknown-pool",
        f"{R}.split.production.filters.mirrors[0].pool",
    ),
    (policy(limits={}), "empty", f"{R}.limits"),
    (policy(limits={"header_count": 1}), "unknown-field", f"{R}.limits.header_count"),
    (policy(limits={"body": "1MB"}), "bad-size", f"{R}.limits.body"),
    (policy(limits={"body": "2000GiB"}), "bad-size", f"{R}.limits.body"),
]


@pytest.mark.parametrize(("text", "code", "path"), FINDINGS, ids=lambda each: str(each)[-60:])
def test_finding(text: bytes, code: str, path: str) -> None:
    assert told(text) == [(code, path)], load(text).findings


@pytest.mark.parametrize(
    ("header", "vary", "findings"),
    [("X-Own", "x-own", 0), (["a", "b"], "B", 0), ("x-own", "authorization", 1)],
)
def test_what_a_key_comes_in_is_kept_if_it_is_named(
    header: object, vary: str, findings: int
) -> None:
    route = {"name": "r", "auth": "required", "split": {"production": 1}}
    cache = {"filters": {"cache": {"ttl": "1s", "vary": [vary]}}}
    codes = [code for code, _ in told(policy_text(auth={"header": header}, routes=[route | cache]))]
    assert codes.count("unused-field") == findings


def test_a_redirect_shadows_nobody() -> None:
    moved = {"name": "a", "filters": {"redirect": {"scheme": "https"}}}
    served = {"name": "b", "split": {"production": 1}}
    taken(policy_text(routes=[moved, served]))
    assert load(policy_text(routes=[moved, served])).findings == ()
    third = {**served, "name": "c"}
    assert [each.path for each in load(policy_text(routes=[moved, served, third])).findings] == [
        "routes[2].name"
    ]


def test_what_is_set_may_be_added_to() -> None:
    taken(filters(response_headers={"set": [HEADER], "add": [HEADER, HEADER]}))


def test_a_redirect_needs_no_split_and_answers_may_have_cors() -> None:
    also = {"cors": CORS, "response_headers": {"set": [HEADER]}}
    taken(filters(redirect={"scheme": "https"}, **also))
    taken(policy(respond={}, filters=also))


def test_a_route_without_matches_matches_a_prefix() -> None:
    taken(filters(redirect={"path": {"prefix": ""}}))
    taken(policy(matches=[{}], filters={"rewrite": {"path": {"prefix": "/x/"}}}))


def test_the_short_form_of_a_share() -> None:
    split = taken(
        policy(split={"production": 9, "canary": {"filters": {"rewrite": {"hostname": "A.b"}}}})
    )
    shares = split.routes[0].split
    assert shares
    assert [(name, share.weight) for name, share in shares.items()] == [
        ("production", 9),
        ("canary", 1),
    ]
    only = shares["canary"].filters
    assert only
    assert only.rewrite
    assert only.rewrite.hostname == "a.b"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("*", "*"),
        ("HTTPS://App.Example.com", "https://app.example.com"),
        ("https://a.b:443", "https://a.b"),
        ("http://a.b:443", "http://a.b:443"),
        ("http://localhost:03000", "http://localhost:3000"),
        ("https://*.example.com:8443", "https://*.example.com:8443"),
        ("https://*", "https://*"),
        ("app://tauri", "app://tauri"),
    ],
)
def test_origins(written: str, read: str) -> None:
    made = taken(filters(cors={"allow_origins": [written]})).routes[0].filters
    assert made
    assert made.cors
    assert made.cors.allow_origins == [read]


@pytest.mark.parametrize(
    ("written", "read"),
    [("0B", 0), ("500B", 500), ("16KiB", 16_384), ("10MiB", 10_485_760), ("1GiB", 1_073_741_824)],
)
def test_sizes(written: str, read: int) -> None:
    made = taken(policy(limits={"body": written})).routes[0].limits
    assert made
    assert made.body == read


def test_limits_have_defaults() -> None:
    limits = taken(policy()).limits
    assert (limits.url, limits.header_count, limits.header_size, limits.body) == (
        *(16_384, 128, 65_536),
        None,
    )
