"""Warnings about routes that others go before: 14.31."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.language.load import load
from policies.routing.match import Miss
from tests.policies.making import compiled, policy_text, request
from tests.support.examples import examples

TO = {"split": {"production": 1}}
HTTPS = {"filters": {"redirect": {"scheme": "https"}}}
KEYS = {"auth": {"keys": [{"id": "a", "sha256": "a" * 64}]}}
REDIRECT, HOST = "redirect-does-not-cover", "shadowed-by-host"


def found(*routes: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    made = [{"name": f"r{at}", **route} for at, route in enumerate(routes)]
    loaded = load(policy_text(routes=made, **KEYS))
    assert loaded.policy, loaded.findings
    assert all(each.severity == "warning" for each in loaded.findings)
    return [
        (each.code, each.path, each.message, each.hint)
        for each in loaded.findings
        if each.code in (REDIRECT, HOST)
    ]


def path(kind: str, text: str, **more: Any) -> dict[str, Any]:
    return {"matches": [{"path": {kind: text}, **more}], **TO}


def test_the_finding_names_the_routes_and_the_way_out() -> None:
    ((code, where, message, hint),) = found(HTTPS, path("prefix", "/api"), path("exact", "/x"), TO)
    assert (code, where) == (REDIRECT, "routes[0].filters.redirect")
    assert message == "`r1`, `r2` take precedence over this redirect and can be reached by http"
    assert "`first: true`" in hint


UNCOVERED: list[tuple[str, list[dict[str, Any]], int]] = [
    ("a longer path", [HTTPS, path("prefix", "/api")], 1),
    ("the same path by one method", [HTTPS, {"matches": [{"methods": ["GET"]}], **TO}], 1),
    ("the same path", [HTTPS, path("prefix", "/")], 0),
    ("an expression", [HTTPS, path("regex", "/api/[0-9]+")], 1),
    ("a hostname", [HTTPS, {"hostnames": ["a.b"], **TO}], 1),
    ("a name below a wildcard", [{"hostnames": ["*.b"], **HTTPS}, {"hostnames": ["a.b"], **TO}], 1),
    ("another hostname", [{"hostnames": ["*.b"], **HTTPS}, {"hostnames": ["b"], **TO}], 0),
    ("a wider route", [{"hostnames": ["a.b"], **HTTPS}, path("prefix", "/api")], 0),
    ("it is first", [HTTPS | {"first": True}, path("prefix", "/api")], 0),
    ("it is meant so", [HTTPS | {"first": False}, path("prefix", "/api")], 0),
    ("by https only", [HTTPS, path("prefix", "/api", scheme="https")], 0),
    ("by http, and says so", [HTTPS, path("prefix", "/api", scheme="http")], 0),
    ("an answer of the router's own", [HTTPS, path("prefix", "/a") | {"respond": {}}], 0),
    (
        "a redirect that moves",
        [{"filters": {"redirect": {"scheme": "https", "hostname": "new.b"}}}, path("exact", "/a")],
        0,
    ),
    (
        "other methods",
        [{"matches": [{"methods": ["GET"]}], **HTTPS}, path("prefix", "/a", methods=["PUT"])],
        0,
    ),
    ("a path beside it", [path("prefix", "/b") | HTTPS, path("prefix", "/a/b")], 0),
]


@pytest.mark.parametrize(
    ("routes", "number"), [pytest.param(*case[1:], id=case[0]) for case in UNCOVERED]
)
def test_redirects(routes: list[dict[str, Any]], number: int) -> None:
    made = [
        {k: v for k, v in route.items() if k != "split" or not _answers(route)} for route in routes
    ]
    assert [each[0] for each in found(*made)] == [REDIRECT] * number


def _answers(route: dict[str, Any]) -> bool:
    return "respond" in route or "redirect" in route.get("filters", {})


DOWN: dict[str, Any] = {"respond": {"status": 503}}
GONE: dict[str, Any] = {"respond": {"status": 404}}
NAMED = {"hostnames": ["a.b"], **TO}
AT: dict[str, Any] = {"matches": [{"path": {"prefix": "/x"}}]}
SHADOWED: list[tuple[str, list[dict[str, Any]], int]] = [
    ("maintenance that stands first", [DOWN, NAMED], 1),
    ("maintenance that stands last", [NAMED, DOWN], 1),
    ("a default for other hosts", [NAMED, GONE], 0),
    ("an answer that stands first", [GONE, NAMED], 1),
    ("an answer for a path", [NAMED, AT | GONE], 1),
    ("a redirect of a path", [NAMED, AT | {"filters": {"redirect": {"hostname": "c.d"}}}], 1),
    ("another path", [path("prefix", "/y") | {"hostnames": ["a.b"]}, AT | GONE], 0),
    ("a default for a path", [NAMED | AT, AT | GONE], 0),
    ("an answer for a path that stands first", [AT | GONE, NAMED | AT], 1),
    ("it is first", [DOWN | {"first": True}, NAMED], 0),
    ("it is meant so", [DOWN | {"first": False}, NAMED], 0),
    ("it names the host, too", [DOWN | {"hostnames": ["a.b"]}, NAMED], 0),
    ("a wildcard", [DOWN | {"hostnames": ["*.b"]}, NAMED], 1),
    ("another wildcard", [DOWN | {"hostnames": ["*.c"]}, NAMED], 0),
    ("two answers", [DOWN, {"hostnames": ["a.b"], **GONE}], 0),
    ("forwarding that asks for a key", [AT | TO | {"auth": "required"}, NAMED], 1),
    ("both ask for one", [AT | TO | {"auth": "required"}, NAMED | {"auth": "required"}], 0),
    ("a default that asks for a key", [TO | {"auth": "required"}, NAMED], 0),
    ("forwarding", [AT | TO, NAMED], 0),
]


@pytest.mark.parametrize(
    ("routes", "number"), [pytest.param(*case[1:], id=case[0]) for case in SHADOWED]
)
def test_hosts(routes: list[dict[str, Any]], number: int) -> None:
    assert [each[0] for each in found(*routes)] == [HOST] * number


def test_the_finding_names_the_hosts() -> None:
    ((code, where, message, hint),) = found(DOWN, {"hostnames": ["a.b", "*.c"], **TO})
    assert (code, where) == (HOST, "routes[0].name")
    assert message.startswith("`r1` takes all requests of this route for `a.b`, `*.c`")
    assert hint == 'add `first: true`, or name the hosts: `hostnames: [a.b, "*.c"]`'
    assert not found({**DOWN, "first": True}, {"hostnames": ["a.b", "*.c"], **TO})
    assert not found({**DOWN, "hostnames": ["a.b", "*.c"]}, {"hostnames": ["a.b", "*.c"], **TO})


def test_many_routes_cost_no_more_than_so_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    from policies.language.check.reach import precedence as check_precedence

    compared = []
    meets = check_precedence.Reach.meets
    monkeypatch.setattr(
        check_precedence.Reach, "meets", lambda *two: compared.append(1) or meets(*two)
    )
    routes = [HTTPS | {"hostnames": [f"*.h{at}.b"]} for at in range(300)] + [
        {"hostnames": [f"a.h{at}.b"], **path("prefix", f"/{at}")} for at in range(300)
    ]
    assert len(found(HTTPS, *routes)) > 5
    assert len(compared) < 2_000


MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "path": st.sampled_from(
            [{"prefix": "/"}, {"prefix": "/a"}, {"exact": "/a"}, {"prefix": "/a/b"}]
        ),
        "methods": st.sampled_from([["GET"], ["PUT"], ["GET", "PUT"]]),
        "headers": st.sampled_from([[{"name": "x", "value": v}] for v in "12"]),
        "scheme": st.sampled_from(["http", "https"]),
    },
)
ROUTES = st.lists(
    st.fixed_dictionaries(
        {
            "matches": st.lists(MATCHES, min_size=1, max_size=2),
            "does": st.sampled_from([TO, TO, TO, HTTPS, {"respond": {"status": 404}}]),
        },
        optional={
            "hostnames": st.sampled_from([["a.b"], ["*.b"], ["c.d"]]),
            "first": st.sampled_from([True]),
        },
    ),
    min_size=2,
    max_size=4,
)
REQUESTS = [
    request(f"http://{host}{path}", method, headers)
    for host in ("a.b", "x.b", "c.d", "e.f")
    for path in ("/", "/a", "/a/b", "/b")
    for method in ("GET", "PUT", "POST")
    for headers in ({}, {"x": "1"}, {"x": "2"})
]


@examples(200)
@given(ROUTES)
def test_a_redirect_is_called_uncovered_exactly_if_a_request_shows_it(
    given_routes: list[dict[str, Any]],
) -> None:
    """Next to a forwarding route, it loses a request by http that it would take alone."""
    made = [
        {"name": f"r{at}", **{k: v for k, v in route.items() if k != "does"}, **route["does"]}
        for at, route in enumerate(given_routes)
    ]
    loaded = load(policy_text(routes=made))
    assert loaded.policy
    told = {each.path for each in loaded.findings if each.code == REDIRECT}
    forwarding = [route for route in made if "split" in route and not route.get("first")]
    assert told == {
        f"routes[{at}].filters.redirect"
        for at, route in enumerate(made)
        if "filters" in route and not route.get("first")
        if any(_overtakes(other, route) for other in forwarding)
    }


def _overtakes(other: dict[str, Any], route: dict[str, Any]) -> bool:
    """By precedence, not by the order in the file, and not because it names the scheme."""
    both, alone = compiled(routes=[route, other]).matcher, compiled(routes=[route]).matcher
    for each in REQUESTS:
        rule = both.find(each)
        if isinstance(rule, Miss) or rule.route == 0 or "scheme" in rule.text:
            continue
        if not isinstance(alone.find(each), Miss):
            return True
    return False
