"""Where requests lead instead: the Gateway API's tables, and what holds for all paths."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.choose import Fixed, Forward
from policies.http.redirect import NewPath
from policies.proxy.decide import decide
from tests.policies.making import NOW, compiled, request

# The table of the Gateway API's HTTPPathModifier: path, prefix, new prefix, new path.
PREFIXES = [
    ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
    ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
    ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
    ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
    ("/foo", "/foo", "/xyz", "/xyz"),
    ("/foo/", "/foo", "/xyz", "/xyz/"),
    ("/foo/bar", "/foo", "", "/bar"),
    ("/foo/", "/foo", "", "/"),
    ("/foo", "/foo", "", "/"),
    ("/foo/", "/foo", "/", "/"),
    ("/foo", "/foo", "/", "/"),
    ("/foo/bar", "/", "/xyz", "/xyz/foo/bar"),
    ("/", "/", "/xyz", "/xyz/"),
    ("/foo//bar", "/foo", "", "//bar"),
]


def outcome(redirect: dict[str, Any], url: str, method: str = "GET", **route: Any) -> Any:
    policy = compiled(
        routes=[
            {"name": "r", "filters": {"redirect": redirect}, **route},
            {"name": "rest", "split": {"production": 1}},
        ]
    )
    return decide(policy, request(url, method), Random(1), NOW).outcome


def location(redirect: dict[str, Any], url: str, **route: Any) -> str:
    made = outcome(redirect, url, **route)
    assert isinstance(made, Fixed), made
    return dict(made.answer.headers)["location"]


@pytest.mark.parametrize(("path", "prefix", "new", "expected"), PREFIXES)
def test_prefixes_are_replaced(path: str, prefix: str, new: str, expected: str) -> None:
    matches = [{"path": {"prefix": prefix}}]
    moved = {"hostname": "b.test", "path": {"prefix": new}}
    assert (
        location(moved, f"https://a.test{path}?q", matches=matches) == f"https://b.test{expected}?q"
    )


def test_the_prefix_is_that_of_the_match_that_took_the_request() -> None:
    matches = [{"path": {"prefix": "/a"}}, {"path": {"prefix": "/a/b"}, "methods": ["GET"]}]
    assert (
        location({"path": {"prefix": "/n"}}, "https://h/a/b/c", matches=matches) == "https://h/n/c"
    )
    assert location({"path": {"prefix": "/n"}}, "https://h/a/c", matches=matches) == "https://h/n/c"


# scheme, port of the redirect; scheme and port of the request; the location's beginning
PORTS = [
    ({"hostname": "b"}, "http://a/", "http://b/"),
    ({"hostname": "b"}, "http://a:80/", "http://b/"),
    ({"hostname": "b"}, "http://a:8080/", "http://b:8080/"),
    ({"hostname": "b"}, "https://a:443/", "https://b/"),
    ({"hostname": "b"}, "https://a:80/", "https://b:80/"),
    ({"scheme": "https"}, "http://a:8080/", "https://a/"),
    ({"scheme": "http"}, "https://a:8443/", "http://a/"),
    ({"scheme": "https", "port": 443}, "http://a/", "https://a/"),
    ({"scheme": "https", "port": 8443}, "http://a/", "https://a:8443/"),
    ({"scheme": "http", "port": 80}, "https://a/", "http://a/"),
    ({"scheme": "http", "port": 443}, "https://a/", "http://a:443/"),
    ({"port": 80}, "http://a:8080/", "http://a/"),
    ({"port": 443}, "https://a:8443/", "https://a/"),
    ({"port": 8080}, "http://a/", "http://a:8080/"),
    ({"path": {"full": "/x"}}, "https://A.Test.:8443/y?q=1", "https://a.test:8443/x?q=1"),
]


@pytest.mark.parametrize(("redirect", "url", "expected"), PORTS)
def test_schemes_and_ports(redirect: dict[str, Any], url: str, expected: str) -> None:
    assert location(redirect, url) == expected


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_status(status: int) -> None:
    assert outcome({"hostname": "b", "status": status}, "http://a/").answer.status == status
    assert outcome({"hostname": "b"}, "http://a/").answer.status == 302


@pytest.mark.parametrize(
    ("redirect", "url"),
    [
        ({"scheme": "https"}, "https://a.test/x?y"),
        ({"scheme": "https"}, "https://a.test:443/x"),
        ({"hostname": "a.test"}, "http://A.test/x"),
        ({"hostname": "a.test", "port": 80}, "http://a.test/"),
        ({"path": {"full": "/x"}}, "http://a.test/x?y"),
        ({"path": {"prefix": "/"}}, "http://a.test/x"),
    ],
)
def test_what_is_there_already_is_the_next_routes(redirect: dict[str, Any], url: str) -> None:
    made = outcome(redirect, url)
    assert isinstance(made, Forward)
    assert made.route.name == "rest"


# 14.16: redirect, method, URL, whether it is answered; else the next route takes it
HERE: list[tuple[dict[str, Any], str, str, bool]] = [
    ({"status": 303}, "POST", "http://a.test/x", True),
    ({"status": 303}, "DELETE", "https://a.test/x?q", True),
    ({"status": 303}, "GET", "http://a.test/x", False),
    ({"status": 303}, "HEAD", "http://a.test/x", False),
    ({"status": 307}, "POST", "http://a.test/x", True),
    ({"status": 308}, "POST", "http://a.test/x", True),
    ({"status": 307}, "GET", "http://a.test/x", True),
    ({"status": 303, "path": {"full": "/x"}}, "POST", "http://a.test/x", True),
    ({"status": 303, "path": {"full": "/x"}}, "GET", "http://a.test/x", False),
    ({"status": 302, "path": {"full": "/x"}}, "POST", "http://a.test/x", False),
    ({"status": 307, "path": {"full": "/x"}}, "POST", "http://a.test/x", False),
    ({"status": 303, "scheme": "https"}, "POST", "https://a.test/x", False),
    ({"status": 303, "scheme": "https"}, "POST", "http://a.test/x", True),
    ({"hostname": "a.test", "scheme": "https"}, "GET", "http://a.test/x", True),
    ({"hostname": "a.test", "scheme": "https"}, "GET", "https://a.test:8443/x", True),
    ({"hostname": "a.test", "scheme": "http"}, "GET", "http://a.test:8080/x", True),
    ({"hostname": "a.test", "port": 8443}, "GET", "https://a.test/x", True),
    ({"hostname": "a.test", "port": 443}, "GET", "http://a.test/x", True),
    ({"hostname": "a.test", "port": 443}, "GET", "https://a.test/x", False),
]


@pytest.mark.parametrize(("redirect", "method", "url", "answered"), HERE)
def test_the_guard_against_loops_knows_method_status_scheme_and_port(
    redirect: dict[str, Any], method: str, url: str, answered: bool
) -> None:
    made = outcome(redirect, url, method)
    assert isinstance(made, Fixed if answered else Forward)
    if isinstance(made, Fixed):
        assert made.answer.status == redirect.get("status", 302)
        # Followed once, it leads no further, but where the policy says so for ever.
        again = "GET" if made.answer.status == 303 and method != "HEAD" else method
        there = outcome(redirect, dict(made.answer.headers)["location"], again)
        is_endless = set(redirect) == {"status"} and redirect["status"] != 303
        assert isinstance(there, Fixed) is is_endless


SEGMENTS = st.lists(st.text("abc~-", max_size=3), max_size=4).map("/".join)


@given(SEGMENTS, SEGMENTS, SEGMENTS)
def test_a_new_prefix_keeps_the_rest(old: str, new: str, rest: str) -> None:
    prefix = f"/{old}".rstrip("/")
    path = f"{prefix}/{rest}"
    text = f"/{new}".rstrip("/")
    made = NewPath("prefix", text).of(path, len(prefix))
    assert made == f"{text}/{rest}"
    # Taking the new prefix away again gives the old path back.
    assert NewPath("prefix", prefix).of(made, len(text)) == path


@given(SEGMENTS, SEGMENTS)
def test_replacing_the_whole_path_is_idempotent(path: str, new: str) -> None:
    full = NewPath("full", f"/{new}")
    once = full.of(f"/{path}", 0)
    assert once == full.of(once, 0) == f"/{new}"


@given(SEGMENTS, st.sampled_from(["http", "https"]), st.sampled_from(["", ":80", ":443", ":81"]))
def test_a_redirect_is_followed_once(path: str, scheme: str, port: str) -> None:
    """Wherever it leads, it does not lead on from there."""
    redirect = {"scheme": "https", "hostname": "b.test", "path": {"full": "/home"}}
    first = outcome(redirect, f"{scheme}://a.test{port}/{path}")
    assert isinstance(first, Fixed)
    assert isinstance(outcome(redirect, dict(first.answer.headers)["location"]), Forward)
