"""What holds of matching, whichever way a request comes in."""

from __future__ import annotations

import pytest

from tests.support.edge.router import Edge


@pytest.mark.parametrize(
    ("host", "route"),
    [
        ("a.host.test", "h-exact"),
        ("A.Host.Test:8080", "h-exact"),
        ("a.host.test.", "h-exact"),
        ("b.host.test", "h-wildcard"),
        ("c.b.host.test", "h-wildcard"),
    ],
)
def test_host(edge: Edge, host: str, route: str) -> None:
    assert edge.get("/", host=host).headers["x-router-route"] == route


@pytest.mark.parametrize("host", ["host.test", "nowhere.test", "xhost.test"])
def test_no_route(edge: Edge, host: str) -> None:
    answer = edge.get("/", host=host)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "no-route"
    assert problem["status"] == 404
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_no_route_for_the_method(edge: Edge) -> None:
    answer = edge.get("/", host="methods.test")
    assert answer.status_code == 404
    assert answer.json()["code"] == "no-route-for-method"
    assert "POST, PUT" in answer.json()["detail"]
    assert edge.send("PUT", "/", host="methods.test").status_code == 200


@pytest.mark.parametrize("path", ["/a%2Fb", "/a%5cb", "/a%00", "/a%zz", "/%"])
def test_refused_paths(edge: Edge, path: str) -> None:
    answer = edge.get(path, host="match.test")
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad-path"


def test_fixed_answers(edge: Edge) -> None:
    answer = edge.get("/", host="answer.test")
    assert (answer.status_code, answer.text) == (503, "down\n")
    assert answer.headers["retry-after"] == "60"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-router-route"] == "a-maintenance"
    empty = edge.get("/gone", host="answer.test")
    assert (empty.status_code, empty.content) == (204, b"")
    head = edge.send("HEAD", "/", host="answer.test")
    assert (head.status_code, head.content) == (503, b"")
    document = edge.get("/json", host="answer.test")
    assert document.headers["content-type"] == "application/json"
    assert document.json() == {}
