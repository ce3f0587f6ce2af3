"""Every kind of match, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.edge.matching import (  # noqa: F401
    test_fixed_answers,
    test_host,
    test_no_route,
    test_no_route_for_the_method,
    test_refused_paths,
)
from tests.support.edge.router import Edge

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("/exact", {}, "m-exact"),
    ("/exact/", {}, "m-any"),
    ("/EXACT", {}, "m-any"),
    ("/v2", {}, "m-prefix"),
    ("/v2/", {}, "m-prefix"),
    ("/v2/x", {}, "m-prefix"),
    ("/v2x", {}, "m-any"),
    ("/v2/deep/er", {}, "m-longer"),
    ("/users/12", {}, "m-regex"),
    ("/users/12/x", {}, "m-any"),
    ("/caf%C3%A9", {}, "m-encoded"),
    ("/caf%c3%a9", {}, "m-encoded"),
    ("/%65xact", {}, "m-exact"),
    ("/a/../exact", {}, "m-exact"),
    ("/a/%2e%2e/exact", {}, "m-exact"),
    ("/things/1", {"method": "PUT"}, "m-method"),
    ("/things/1", {"method": "DELETE"}, "m-method"),
    ("/things/1", {"method": "GET"}, "m-any"),
    ("/x", {"headers": {"x-beta": "1"}}, "m-header"),
    ("/x", {"headers": {"X-BETA": "1"}}, "m-header"),
    ("/x", {"headers": {"x-beta": "2"}}, "m-any"),
    ("/x", {"headers": {"user-agent": "curl/8"}}, "m-header-regex"),
    ("/x?beta=1", {}, "m-query"),
    ("/x?beta=2&beta=1", {}, "m-any"),
    ("/x?page=12", {}, "m-query-regex"),
    ("/x?page=1x", {}, "m-any"),
    ("/alt-1", {}, "m-alternatives"),
    ("/alt-2", {}, "m-alternatives"),
    ("/", {}, "m-any"),
]


@pytest.mark.parametrize(("path", "asked", "route"), CASES)
def test_match(edge: Edge, path: str, asked: dict[str, Any], route: str) -> None:
    asked = {"method": "GET", **asked}
    answer = edge.send(path=path, host="match.test", **asked)
    assert answer.status_code == 200
    assert answer.headers["x-router-route"] == route
    assert answer.json()["headers"]["x-router-route"] == route


@pytest.mark.parametrize(
    ("host", "path", "forwarded_proto", "status", "route"),
    [
        ("scheme.test", "/a", "http", 403, "y-clear"),
        ("scheme.test", "/a", "https", 403, "y-clear"),  # what a client says is no scheme
        ("a.first.test", "/a/b", "http", 302, "y-first"),
        ("a.first.test", "/a/b", "https", 302, "y-first"),
        ("a.first.test", "/closed/x", "http", 503, "y-closed"),
    ],
)
def test_the_scheme_and_what_goes_first(  # 14.31
    edge: Edge, host: str, path: str, forwarded_proto: str, status: int, route: str
) -> None:
    headers = {"x-forwarded-proto": forwarded_proto}
    answer = edge.send("GET", path, host=host, headers=headers, follow_redirects=False)
    assert (answer.status_code, answer.headers["x-router-route"]) == (status, route)
