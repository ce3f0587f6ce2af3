"""Filters on the wire: headers, redirects, rewrites, filters of one backend."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.support.edge.router import Edge


def recorded(edge: Edge, host: str, method: str = "GET", **asked: Any) -> dict[str, Any]:
    """What the misbehaving variant got of a request to `host`."""
    name = uuid.uuid4().hex
    assert edge.send(method, f"/record/{name}", host=host, **asked).text == "recorded"
    (seen,) = edge.get(f"/seen/{name}", host="backend.test").json()
    found: dict[str, Any] = seen
    return found


def echoed(edge: Edge, path: str, host: str, **asked: Any) -> dict[str, Any]:
    answer = edge.get(path, host=host, **asked)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_request_headers_are_set_added_and_removed(edge: Edge) -> None:
    sent = {"X-Set": "client", "x-add": "first", "x-remove": "1", "x-kept": "1"}
    headers = recorded(edge, "headers.test", headers=sent)["headers"]
    assert headers["x-set"] == "router"
    assert headers["x-add"] == "first, second, third"
    assert headers["x-kept"] == "1"
    assert "x-remove" not in headers


def test_another_spelling_of_what_the_policy_says_goes(edge: Edge) -> None:  # 14.14
    sent = {"x_set": "client", "x_remove": "client", "x_kept": "1"}
    headers = recorded(edge, "headers.test", headers=sent)["headers"]
    assert headers["x-set"] == "router"
    assert headers["x_kept"] == "1"
    assert "client" not in headers.values()


def test_what_is_added_to_a_cookie_is_another_cookie(edge: Edge) -> None:
    """14.3"""
    sent = {"cookie": "session=abc", "user-agent": "client/1"}
    headers = recorded(edge, "headers.test", headers=sent)["headers"]
    assert headers["cookie"] == "session=abc; edge=1"
    assert headers["user-agent"] == "client/1 edge/1"
    assert recorded(edge, "headers.test")["headers"]["cookie"] == "edge=1"


def test_response_headers_are_set_added_and_removed(edge: Edge) -> None:
    asked = ["x-replaced:old", "x-more:a", "x-secret:1", "set-cookie:a=1", "set-cookie:b=2"]
    answer = edge.get("/fresh", host="headers.test", params=[("h", each) for each in asked])
    assert answer.headers["x-replaced"] == "new"
    assert answer.headers["x-made"] == "1"
    assert answer.headers["x-more"] == "a, b"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2", "c=3"]
    assert "x-secret" not in answer.headers


def test_a_variant_cannot_speak_for_the_router(edge: Edge) -> None:
    asked = ["x-router-variant:forged", "X-Router-Key-Id:forged", "x-request-id:forged-forged"]
    answer = edge.get("/fresh", host="backend.test", params=[("h", each) for each in asked])
    assert answer.headers["x-router-variant"] == "backend"
    assert "x-router-key-id" not in answer.headers
    assert answer.headers["x-request-id"] != "forged-forged"


def test_a_backends_filters_come_after_the_routes(edge: Edge) -> None:
    met = set()
    for number in range(40):
        user = f"user-{number}"
        answer = edge.get("/api/x?q=1", host="halves.test", headers={"x-user": user, "x-list": "c"})
        got, variant = answer.json(), answer.headers["x-router-variant"]
        assert got["headers"]["x-forwarded-host"] == "halves.test"
        assert got["query"] == "q=1"
        if variant == "one":
            assert (got["host"], got["path"]) == ("one.internal", "/first/x")
            assert got["headers"]["x-side"] == "route, one"
            assert got["headers"]["x-list"] == "c, route, one"
            assert answer.headers["x-answer"] == "route"
        else:
            assert (got["host"], got["path"]) == ("halves.test", "/second")
            assert got["headers"]["x-side"] == "canary"
            assert got["headers"]["x-list"] == "c, route"
            assert answer.headers["x-canary"] == "1"
            assert "x-answer" not in answer.headers
        met.add(variant)
    assert met == {"one", "canary"}


def test_a_fallback_has_its_own_filters(edge: Edge) -> None:
    assert echoed(edge, "/", "fallback.test")["headers"]["x-for"] == "one"


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/old", "/new"),
        ("/old/", "/new/"),
        ("/old/a/b?c=/d", "/new/a/b"),
        ("/%6Fld/%61", "/new/a"),
        ("/gone", "/"),
        ("/gone/", "/"),
        ("/gone/x", "/x"),
        ("/gone//evil.test", "//evil.test"),
    ],
)
def test_rewritten_paths(edge: Edge, path: str, seen: str) -> None:
    got = echoed(edge, path, "rewrite.test")
    assert got["path"] == seen
    assert got["query"] == path.partition("?")[2]
    assert got["headers"]["x-forwarded-host"] == "rewrite.test"
    assert got["host"] == ("new.internal" if seen.startswith("/new") else "rewrite.test")
    assert got["headers"]["host"] == got["host"]  # 14.2


def test_a_rewritten_request_keeps_method_and_body(edge: Edge) -> None:
    got = edge.send("POST", "/old/x", host="rewrite.test", content=b"12345").json()
    assert (got["method"], got["path"], got["body_bytes"]) == ("POST", "/new/x", 5)


REDIRECTS = [
    ("moved.test", "/foo/bar?a=%2F", 308, "http://www.moved.test/xyz/bar?a=%2F"),
    ("moved.test", "/foo/", 308, "http://www.moved.test/xyz/"),
    ("moved.test", "/foo", 308, "http://www.moved.test/xyz"),
    ("moved.test:8080", "/foo", 308, "http://www.moved.test:8080/xyz"),
    ("moved.test", "/food?x", 301, "https://safe.test/food?x"),
    ("moved.test:8080", "/x//evil.test", 301, "https://safe.test/x//evil.test"),
    ("home.test", "/elsewhere", 302, "http://home.test/home"),
]


@pytest.mark.parametrize(("host", "path", "status", "location"), REDIRECTS)
def test_redirects(edge: Edge, host: str, path: str, status: int, location: str) -> None:
    answer = edge.get(path, host=host)
    assert (answer.status_code, answer.headers["location"]) == (status, location)
    assert answer.content == b""
    assert answer.headers["x-request-id"]
    assert answer.headers["x-router-route"].startswith("x-")
    assert (answer.headers.get("cache-control") == "no-store") is (status == 308)


def test_a_redirect_does_not_take_what_is_there_already(edge: Edge) -> None:
    answer = edge.get("/home", host="home.test")
    assert (answer.status_code, answer.headers["x-router-route"]) == (200, "x-at-home")


@pytest.mark.parametrize(
    ("url", "route", "location"),
    [
        ("http://up.test:8080/a?b", "x-up", "https://up.test/a?b"),
        ("https://up.test/a?b", "x-served", None),
    ],
)
def test_to_https(edge: Edge, url: str, route: str, location: str | None) -> None:
    # Told, not asked: `wrangler dev` turns its own https addresses into http.
    told = edge.own("explain", params=[("url", url)]).json()
    answer = told["answer"] or {"headers": {}}
    assert (told["route"], answer["headers"].get("location")) == (route, location)


def test_explain_tells_filters(edge: Edge) -> None:
    params = [("url", "http://mirror.test/a"), ("header", "x-own: 1")]
    told = edge.own("explain", params=params).json()
    assert told["forwarded"]["headers"]["x-filtered"] == "1"
    assert told["mirrors"] == [
        {"pool": "backend", "variant": "backend", "percent": 100},
        {"pool": "canary", "variant": "canary", "percent": 0},
    ]
    params = [("url", "http://moved.test/foo/x")]
    told = edge.own("explain", params=params).json()
    assert (told["status"], told["answer"]["headers"]["location"]) == (
        308,
        "http://www.moved.test/xyz/x",
    )
    assert [step["step"] for step in told["steps"]] == ["normalise", "match", "redirect"]
    assert json.dumps(told)
