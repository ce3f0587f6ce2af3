"""Matching against the Gateway API's precedence: cases, and a slow, obvious reference."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.routing.match import HOSTS_REMEMBERED, Miss, Rule
from tests.policies.making import compiled, request
from tests.support.examples import examples

SPLIT = {"production": 1}


def routes(*matchers: dict[str, Any]) -> list[dict[str, Any]]:
    made = [{"name": f"r{i}", "split": SPLIT, **each} for i, each in enumerate(matchers)]
    return [{name: each for name, each in route.items() if each is not None} for route in made]


def path(**kind: str) -> dict[str, Any]:
    return {"matches": [{"path": kind}]}


def found(policy_routes: list[dict[str, Any]], **asked: Any) -> str | None:
    policy = compiled(routes=policy_routes)
    rule = policy.matcher.find(request(**asked))
    return None if isinstance(rule, Miss) else policy.routes[rule.route].name


CASES: list[tuple[str, list[dict[str, Any]], dict[str, Any], str | None]] = [
    ("prefix takes itself", [path(prefix="/v2")], {"url": "http://h/v2"}, "r0"),
    ("prefix takes a slash", [path(prefix="/v2")], {"url": "http://h/v2/"}, "r0"),
    ("prefix takes segments", [path(prefix="/v2")], {"url": "http://h/v2/x/y"}, "r0"),
    ("prefix is whole segments", [path(prefix="/v2")], {"url": "http://h/v2x"}, None),
    ("a prefix's slash is ignored", [path(prefix="/v2/")], {"url": "http://h/v2"}, "r0"),
    ("exact is exact about the slash", [path(exact="/a")], {"url": "http://h/a/"}, None),
    ("exact is exact about case", [path(exact="/a")], {"url": "http://h/A"}, None),
    ("exact before prefix", [path(prefix="/a"), path(exact="/a")], {"url": "http://h/a"}, "r1"),
    ("longest prefix", [path(prefix="/a"), path(prefix="/a/b")], {"url": "http://h/a/b/c"}, "r1"),
    ("no match is any path", [{}], {"url": "http://h/any/thing?x"}, "r0"),
    ("regex takes the whole", [path(regex="/u/[0-9]+")], {"url": "http://h/u/12"}, "r0"),
    ("regex is not a part", [path(regex="/u/[0-9]+")], {"url": "http://h/u/12/x"}, None),
    (
        "regex before the prefix of its literal length",
        [path(prefix="/u"), path(regex="/u/[0-9]+")],
        {"url": "http://h/u/12"},
        "r1",
    ),
    (
        "a longer prefix before a regex",
        [path(regex="/u/.*"), path(prefix="/u/12")],
        {"url": "http://h/u/12"},
        "r1",
    ),
    ("host without port", [{"hostnames": ["a.b"]}], {"url": "http://A.B:99/"}, "r0"),
    ("host's trailing dot", [{"hostnames": ["a.b"]}], {"url": "http://a.b./"}, "r0"),
    ("wildcard takes labels", [{"hostnames": ["*.b.c"]}], {"url": "http://x.a.b.c/"}, "r0"),
    ("wildcard does not take its own", [{"hostnames": ["*.b.c"]}], {"url": "http://b.c/"}, None),
    (
        "exact host before wildcard before all",
        [{}, {"hostnames": ["*.c"]}, {"hostnames": ["b.c"]}],
        {"url": "http://b.c/"},
        "r2",
    ),
    (
        "the longer wildcard",
        [{"hostnames": ["*.c"]}, {"hostnames": ["*.b.c"]}],
        {"url": "http://a.b.c/"},
        "r1",
    ),
    (
        "host goes before path",
        [{"hostnames": ["a.b"]}, path(exact="/x")],
        {"url": "http://a.b/x"},
        "r0",
    ),
    (
        "what the exact host does not take, the wildcard may",
        [{"hostnames": ["a.b"], **path(exact="/x")}, {"hostnames": ["*.b"]}],
        {"url": "http://a.b/y"},
        "r1",
    ),
    (
        "method goes before headers",
        [
            {"matches": [{"headers": [{"name": "x", "value": "1"}]}]},
            {"matches": [{"methods": ["GET"]}]},
        ],
        {"headers": {"x": "1"}},
        "r1",
    ),
    (
        "more headers go first",
        [
            {"matches": [{"headers": [{"name": "x", "value": "1"}]}]},
            {"matches": [{"headers": [{"name": "X", "value": "1"}, {"name": "y", "regex": ".+"}]}]},
        ],
        {"headers": {"x": "1", "y": "2"}},
        "r1",
    ),
    (
        "headers go before query parameters",
        [
            {"matches": [{"query_params": [{"name": n, "value": "1"} for n in "qr"]}]},
            {"matches": [{"headers": [{"name": "x", "value": "1"}]}]},
        ],
        {"url": "http://h/?q=1&r=1", "headers": {"x": "1"}},
        "r1",
    ),
    ("ties go to the first", [{}, {}], {}, "r0"),
    # 14.31
    ("a scheme", [{"matches": [{"scheme": "http"}]}], {"url": "http://h/"}, "r0"),
    ("another scheme", [{"matches": [{"scheme": "http"}]}], {"url": "https://h/"}, None),
    (
        "a scheme goes before a method",
        [{"matches": [{"methods": ["GET"]}]}, {"matches": [{"scheme": "https"}]}],
        {"url": "https://h/"},
        "r1",
    ),
    (
        "a longer path goes before a scheme",
        [{"matches": [{"scheme": "http"}]}, path(prefix="/a")],
        {"url": "http://h/a"},
        "r1",
    ),
    (
        "a path whose scheme fails falls to a shorter prefix",
        [{"matches": [{"path": {"exact": "/a"}, "scheme": "https"}]}, {}],
        {"url": "http://h/a"},
        "r1",
    ),
    (
        "first goes before a longer path and a hostname",
        [{"hostnames": ["h"], **path(exact="/a")}, {"first": True}],
        {"url": "http://h/a"},
        "r1",
    ),
    (
        "among the first, the precedence is the same",
        [{"first": True}, {"first": True, **path(prefix="/a")}, path(exact="/a/b")],
        {"url": "http://h/a/b"},
        "r1",
    ),
    (
        "what the first do not take, the others may",
        [{"first": True, "matches": [{"scheme": "http"}]}, {}],
        {"url": "https://h/"},
        "r1",
    ),
    (
        "a redirect to https that is first passes over https",
        [
            {"first": True, "split": None, "filters": {"redirect": {"scheme": "https"}}},
            path(prefix="/a"),
        ],
        {"url": "https://h/a"},
        "r1",
    ),
    (
        "of repeated query parameters the first counts",
        [{"matches": [{"query_params": [{"name": "q", "value": "1"}]}]}],
        {"url": "http://h/?q=2&q=1"},
        None,
    ),
    (
        "query parameters are decoded",
        [{"matches": [{"query_params": [{"name": "a b", "value": "ü+"}]}]}],
        {"url": "http://h/?a%20b=%C3%BC%2B"},
        "r0",
    ),
    (
        "a path whose method fails falls to a shorter prefix",
        [{"matches": [{"path": {"prefix": "/a"}, "methods": ["PUT"]}]}, {}],
        {"url": "http://h/a"},
        "r1",
    ),
    (
        "alternatives",
        [{"matches": [{"path": {"exact": "/a"}}, {"path": {"exact": "/b"}}]}],
        {"url": "http://h/b"},
        "r0",
    ),
]


@pytest.mark.parametrize(
    ("policy_routes", "asked", "expected"),
    [pytest.param(*case[1:], id=case[0]) for case in CASES],
)
def test_precedence(
    policy_routes: list[dict[str, Any]], asked: dict[str, Any], expected: str | None
) -> None:
    assert found(routes(*policy_routes), **asked) == expected


def test_a_miss_tells_the_methods_that_would_match() -> None:
    policy = compiled(routes=routes({"matches": [{"path": {"exact": "/a"}, "methods": ["PUT"]}]}))
    assert policy.matcher.find(request("http://h/a")) == Miss(frozenset({"PUT"}))
    assert policy.matcher.find(request("http://h/b")) == Miss(frozenset())


def test_a_miss_tells_methods_of_its_scheme_and_of_first_routes() -> None:  # 14.31
    kinds = [
        {"matches": [{"methods": ["PUT"], "scheme": "http"}]},
        {"matches": [{"methods": ["POST"], "scheme": "https"}]},
        {"matches": [{"methods": ["DELETE"]}], "first": True},
        {"matches": [{"methods": ["PATCH"]}]},
    ]
    policy = compiled(routes=routes(*kinds))
    missed = policy.matcher.find(request("https://h/"))
    assert missed == Miss(frozenset({"POST", "DELETE", "PATCH"}))


# A slow, obvious reference: try every alternative of every route, rank those that match.


def _host_rank(pattern: str, host: str) -> tuple[int, int] | None:
    if not pattern:
        return (0, 0)
    if pattern.startswith("*."):
        return (1, len(pattern)) if host.endswith(pattern[1:]) and host != pattern[2:] else None
    return (2, len(pattern)) if pattern == host else None


def _segments(text: str) -> list[str]:
    return text.removesuffix("/").split("/")[1:]


def _path_rank(match: dict[str, str], asked: str) -> tuple[int, int, int, int] | None:
    if "exact" in match:
        return (1, 0, 0, 0) if match["exact"] == asked else None
    if "regex" in match:
        literal = re.match(r"[a-z/]*", match["regex"])
        assert literal
        depth = max(0, literal[0].count("/") - 1)
        matches = re.fullmatch(match["regex"], asked)
        return (0, depth, 1, len(match["regex"])) if matches else None
    wanted = _segments(match.get("prefix", "/"))
    return (0, len(wanted), 0, 0) if asked.split("/")[1:][: len(wanted)] == wanted else None


def _holds(conditions: list[dict[str, str]], given_values: dict[str, str]) -> bool:
    return all(given_values.get(each["name"]) == each["value"] for each in conditions)


def reference(policy_routes: list[dict[str, Any]], asked: dict[str, Any]) -> str | None:
    best: tuple[Any, str | None] = ((), None)
    for position, route in enumerate(policy_routes):
        for match in route.get("matches") or [{}]:
            for hostname in route.get("hostnames") or [""]:
                host = _host_rank(hostname, asked["host"])
                where = _path_rank(match.get("path", {}), asked["path"])
                methods = match.get("methods")
                if host is None or where is None or (methods and asked["method"] not in methods):
                    continue
                headers, params = match.get("headers", []), match.get("query_params", [])
                if not _holds(headers, asked["headers"]) or not _holds(params, asked["params"]):
                    continue
                scheme = match.get("scheme")
                if scheme not in (None, asked["scheme"]):
                    continue
                conditions = bool(scheme), bool(methods), len(headers), len(params)
                rank = (route.get("first", False), host, where, *conditions, -position)
                best = max(best, (rank, route["name"]))
    return best[1]


SEGMENTS = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=4)
PATHS = SEGMENTS.map(lambda segments: "/" + "/".join(segments))
HOSTS = st.sampled_from(["a.x", "b.x", "a.b.x", "x", "y", "c.a.b.x"])
REGEXES = st.sampled_from(["/a.*", "/a/.*", "/a/b/[ab]", ".*", "/[abc]", "/a/b/c", ".*/b", "/b/.+"])
PATH_MATCHES = st.one_of(
    st.builds(lambda p: {"exact": p}, PATHS),
    st.builds(lambda p: {"prefix": p}, PATHS),
    st.builds(lambda p: {"regex": p}, REGEXES),
)
CONDITIONS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("xyz"), "value": st.sampled_from("12")}),
    max_size=2,
    unique_by=lambda condition: condition["name"],
)
METHODS = st.sampled_from(["GET", "PUT", "POST"])
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "path": PATH_MATCHES,
        "scheme": st.sampled_from(["http", "https"]),
        "methods": st.lists(METHODS, min_size=1, max_size=2),
        "headers": CONDITIONS,
        "query_params": CONDITIONS,
    },
)
ROUTES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "hostnames": st.lists(
                st.one_of(HOSTS, st.sampled_from(["*.x", "*.b.x", "*.a.b.x"])), max_size=2
            ),
            "matches": st.lists(MATCHES, max_size=3),
            "first": st.booleans(),
        },
    ),
    min_size=1,
    max_size=8,
)
VALUES = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"))
ASKED = st.fixed_dictionaries(
    {
        "host": HOSTS,
        "path": PATHS,
        "method": METHODS,
        "headers": VALUES,
        "params": VALUES,
        "scheme": st.sampled_from(["http", "https"]),
    }
)


# Many rules of one path, so that they are looked up by their conditions.
CROWDS = st.lists(
    st.fixed_dictionaries(
        {
            "matches": st.lists(
                MATCHES.map(lambda match: {**match, "path": {"prefix": "/a"}}), max_size=3
            )
        }
    ),
    min_size=10,
    max_size=30,
)


@examples(100)
@given(CROWDS, st.lists(ASKED.map(lambda asked: {**asked, "path": "/a"}), min_size=1, max_size=10))
def test_many_rules_of_one_path_agree_with_the_reference(
    matchers: list[dict[str, Any]], requests: list[dict[str, Any]]
) -> None:
    agree(matchers, requests)


def test_rules_of_one_path_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Rule] = []
    holds = Rule.holds
    monkeypatch.setattr(Rule, "holds", lambda *asked: tried.append(asked[0]) or holds(*asked))
    kinds: list[dict[str, Any]] = [
        {"headers": [{"name": "x-all", "value": "1"}, {"name": "x-tenant", "value": f"{n}"}]}
        for n in range(100)
    ]
    kinds += [{"query_params": [{"name": "tenant", "value": f"{n}"}]} for n in range(100)]
    kinds += [{"headers": [{"name": f"x-{n}", "value": "1"}]} for n in range(100)]
    kinds += [{**kind, "methods": ["PUT"]} for kind in kinds] + [{}]
    policy = compiled(routes=routes(*({"matches": [kind]} for kind in kinds)))
    for url, headers, expected in (
        ("http://h/", {"x-tenant": "77", "x-all": "1"}, 77),
        ("http://h/?tenant=78", {}, 178),
        ("http://h/", {"x-79": "1", "x-80": "1"}, 279),
        ("http://h/", {"x-tenant": "77"}, 600),
    ):
        rule = policy.matcher.find(request(url, headers=headers))
        assert isinstance(rule, Rule)
        assert rule.route == expected
    assert len(tried) < 10


@examples(400)
@given(ROUTES, st.lists(ASKED, min_size=1, max_size=10))
def test_the_matcher_agrees_with_the_reference(
    matchers: list[dict[str, Any]], requests: list[dict[str, Any]]
) -> None:
    agree(matchers, requests)


def agree(matchers: list[dict[str, Any]], requests: list[dict[str, Any]]) -> None:
    policy_routes = routes(*matchers)
    policy = compiled(routes=policy_routes)
    for asked in requests:
        query = "&".join(f"{name}={value}" for name, value in asked["params"].items())
        url = f"{asked['scheme']}://{asked['host']}{asked['path']}?{query}"
        rule = policy.matcher.find(request(url, asked["method"], asked["headers"]))
        name = None if isinstance(rule, Miss) else policy.routes[rule.route].name
        assert name == reference(policy_routes, asked), asked


def test_hosts_that_clients_choose_are_remembered_within_bounds() -> None:
    matcher = compiled(
        routes=[
            {"name": "r", "hostnames": ["*.a.test"], "split": {"production": 1}},
            {"name": "all", "split": {"production": 1}},
        ]
    ).matcher
    for number in range(HOSTS_REMEMBERED + 10):
        of_wildcard = matcher.find(request(f"https://h{number}.a.test/"))
        of_all = matcher.find(request(f"https://h{number}.test/"))
        assert isinstance(of_wildcard, Rule)
        assert isinstance(of_all, Rule)
        assert (of_wildcard.route, of_all.route) == (0, 1)
    assert len(matcher._groups[0]._known) <= HOSTS_REMEMBERED
