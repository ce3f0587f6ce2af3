"""What a case expects is held to what the policy does."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.policy_tests.load import load_cases
from policies.policy_tests.run import CaseFailure, CaseOutcome, Subject
from tests.policies.making import NOW, policy_text

KEYS = [
    {"id": "agent", "sha256": "a" * 64, "scopes": ["s"], "not_after": "2020-01-01T00:00:00Z"},
    {"id": "agent", "hmac_sha256": "b" * 64, "scopes": ["s"]},
    {"id": "off", "sha256": "c" * 64, "scopes": ["s"], "disabled": True},
    {"id": "operator", "sha256": "e" * 64, "scopes": ["s", "router:override"]},
    {"id": "small", "sha256": "d" * 64},
    {"id": "real", "sha256": sha256(b"a-real-key").hexdigest(), "scopes": ["s"]},
]
ROUTES = [
    {
        "name": "api",
        "matches": [{"path": {"prefix": "/api"}}],
        "auth": {"scopes": ["s"]},
        "split": {"production": 95, "canary": 5},
        "override": "x-router-override",
        "sticky": ["api_key"],
        "filters": {
            "request_headers": {"set": [{"name": "X-Side", "value": "in"}], "remove": ["x-debug"]},
            "response_headers": {"add": [{"name": "x-served", "value": "a"}], "remove": ["server"]},
            "rewrite": {"path": {"prefix": "/v2"}},
            "mirrors": [{"pool": "beta", "percent": 10}],
        },
    },
    {"name": "halves", "hostnames": ["half.test"], "split": {"production": 1, "canary": 1}},
    {"name": "closed", "matches": [{"path": {"exact": "/closed"}}], "respond": {"body": "Closed."}},
    {"name": "rest", "split": {"production": 1}},
]


def subject() -> Subject:
    loaded = load(policy_text(routes=ROUTES, auth={"keys": KEYS}))
    assert loaded.policy, loaded.findings
    return Subject(compile_policy(loaded.policy, loaded.digest), NOW.now_ms)


def run(request: dict[str, Any], expect: dict[str, Any]) -> CaseOutcome:
    case = {"name": "c", "request": {"url": "https://h.test/api/x", **request}, "expect": expect}
    loaded = load_cases(json.dumps({"version": 1, "cases": [case]}).encode())
    assert loaded.cases, loaded.findings
    return subject().run(loaded.cases.cases[0])


AGENT = {"key": "agent"}
OPERATOR = {"key": "operator"}
TO_CANARY = {"headers": {"X-Router-Override": "canary"}}
TO_NOBODY = {"headers": {"X-Router-Override": "nobody"}}
CLOSED = {"url": "https://h.test/closed"}
PASSING: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (AGENT, {"status": 200, "route": "api", "key": "agent", "mirrors": ["beta"]}),
    (AGENT, {"forwarded": {"method": "GET", "host": "h.test", "path": "/v2/x", "query": ""}}),
    (AGENT | {"headers": {"X-Debug": "1"}}, {"forwarded": {"headers": {"X-Debug": None}}}),
    (AGENT, {"forwarded": {"headers": {"x-side": "in", "authorization": None}}}),
    (AGENT, {"response_headers": {"X-Served": "a", "server": None, "x-router-route": "api"}}),
    (AGENT, {"shares": {"production": "95%", "canary": "5%"}}),
    (AGENT | {"down": ["production", "canary"]}, {"variant": "production", "status": 200}),
    (OPERATOR | TO_CANARY, {"candidates": ["canary"], "key": "operator", "mirrors": []}),
    (OPERATOR | TO_CANARY | {"down": ["canary"]}, {"candidates": ["canary"]}),
    (OPERATOR | TO_NOBODY, {"status": 400, "code": "unknown-override"}),
    (AGENT | TO_NOBODY, {"status": 200, "mirrors": ["beta"]}),
    ({}, {"status": 401, "code": "unauthorized", "route": "api"}),
    ({"key": "off"}, {"status": 401}),
    ({"key": "small"}, {"status": 403, "code": "forbidden"}),
    ({"headers": {"x-api-key": "no such key"}}, {"code": "unauthorized"}),
    ({"headers": {"x-api-key": "a-real-key"}}, {"key": "real", "forwarded": {"path": "/v2/x"}}),
    (
        {"url": "https://half.test/"},
        {"shares": {"production": "50%", "beta": "0%"}, "within": "0%"},
    ),
    (CLOSED, {"answer": {"status": 503, "body": "Closed.", "headers": {"x-none": None}}}),
    ({"url": "https://h.test/"}, {"candidates": ["production"], "mirrors": []}),
]


@pytest.mark.parametrize(
    ("request_", "expect"), PASSING, ids=[json.dumps(case) for case in PASSING]
)
def test_passing(request_: dict[str, Any], expect: dict[str, Any]) -> None:
    assert run(request_, expect).failures == []


HERE = ("expect",)
FAILING: list[tuple[dict[str, Any], dict[str, Any], list[CaseFailure]]] = [
    (AGENT, {"route": "rest"}, [CaseFailure((*HERE, "route"), "`rest`", "`api`")]),
    (
        AGENT,
        {"status": 404, "pool": "beta"},
        [
            CaseFailure((*HERE, "status"), "404", "200"),
            CaseFailure((*HERE, "pool"), "`beta`", "`production`"),
        ],
    ),
    (CLOSED, {"variant": "canary"}, [CaseFailure((*HERE, "variant"), "`canary`", "nothing")]),
    (AGENT, {"mirrors": []}, [CaseFailure((*HERE, "mirrors"), "none", "`beta`")]),
    (AGENT, {"code": "forbidden"}, [CaseFailure((*HERE, "code"), "`forbidden`", "nothing")]),
    (
        CLOSED,
        {"forwarded": {"path": "/"}},
        [CaseFailure((*HERE, "forwarded"), "to be there", "nothing: the router answers itself")],
    ),
    (
        AGENT,
        {"answer": {"status": 200}},
        [CaseFailure((*HERE, "answer"), "to be there", "nothing: it is forwarded")],
    ),
    (
        AGENT,
        {"forwarded": {"path": "/api/x", "headers": {"x-side": None, "x-no": "1"}}},
        [
            CaseFailure((*HERE, "forwarded", "headers", "x-side"), "nothing", "`in`"),
            CaseFailure((*HERE, "forwarded", "headers", "x-no"), "`1`", "nothing"),
            CaseFailure((*HERE, "forwarded", "path"), "`/api/x`", "`/v2/x`"),
        ],
    ),
    (
        AGENT,
        {"response_headers": {"x-served": "b"}},
        [CaseFailure((*HERE, "response_headers", "x-served"), "`b`", "`a`")],
    ),
    (
        {"url": "https://half.test/"},
        {"shares": {"canary": "40%"}},
        [CaseFailure((*HERE, "shares", "canary"), "40% within 1%", "50%")],
    ),
    (
        CLOSED,
        {"shares": {"canary": "40%"}},
        [CaseFailure((*HERE, "shares"), "a split", "status 503, and no pool")],
    ),
    (
        {"url": "https://half.test/"},
        {"shares": {"canry": "0%"}},
        [
            CaseFailure(
                (*HERE, "shares", "canry"), "pool `canry`", "only `production`, `canary`, `beta`"
            )
        ],
    ),
    (
        {"key": "nobody", "down": ["production", "nothing"]},
        {"status": 200},
        [
            CaseFailure(
                ("request", "down", 1), "variant `nothing`", "only `production`, `canary`, `beta`"
            ),
            CaseFailure(
                ("request", "key"),
                "key `nobody`",
                "only `agent`, `off`, `operator`, `small`, `real`",
            ),
        ],
    ),
]


@pytest.mark.parametrize(
    ("request_", "expect", "failures"), FAILING, ids=[json.dumps(case[:2]) for case in FAILING]
)
def test_failing(
    request_: dict[str, Any], expect: dict[str, Any], failures: list[CaseFailure]
) -> None:
    assert run(request_, expect).failures == failures


def test_a_failure_can_be_explained() -> None:
    told = run(AGENT, {"route": "rest"}).explanation
    assert told
    assert [step["step"] for step in told["steps"]][:3] == ["normalise", "match", "authenticate"]
    assert run({"key": "nobody"}, {"status": 200}).explanation is None
