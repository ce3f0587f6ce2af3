"""Requests that say themselves where they go, over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.support.edge.mirrored import seen, settled
from tests.support.edge.router import Edge

OPERATOR = {"x-api-key": "k-operator"}


def ask(edge: Edge, name: str | None, path: str = "/", **more: Any) -> httpx.Response:
    headers = OPERATOR | more.pop("headers", {})
    headers |= {"X-Router-Override": name} if name is not None else {}
    return edge.send(more.pop("method", "GET"), path, host="picked.test", headers=headers, **more)


def path_of_its_own() -> str:
    return f"/record/{uuid.uuid4().hex}"


@pytest.mark.parametrize(
    ("name", "variant"),
    [("drained", "drained"), ("draining", "kept"), ("kept-only", "resting"), ("one", "one")],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_one_that_is_named_answers(edge: Edge, name: str, variant: str, method: str) -> None:
    answer = ask(edge, name, path_of_its_own(), method=method, content=b"x" * (method == "POST"))
    assert (answer.status_code, answer.headers["x-router-variant"]) == (200, variant)
    assert "set-cookie" not in answer.headers
    assert "x-cache" not in answer.headers
    forwarded = answer.json()["headers"]
    assert not forwarded.keys() & {"x-router-override", "x-api-key"}
    assert forwarded["x-router-key-id"] == "operator"
    assert answer.json()["body_bytes"] == (method == "POST")


@pytest.mark.parametrize("key", ["k-plain", "k-past", "k-off", "k-nobody", None])
@pytest.mark.parametrize("name", ["drained", "nobody", ""])
def test_without_the_scope_the_header_is_as_if_it_were_not_there(
    edge: Edge, name: str, key: str | None
) -> None:
    keyed = {"x-api-key": key} if key else {}
    given, path = {"x-router-override": name} | keyed, path_of_its_own()
    answer = edge.get(path, host="picked.test", headers=given)
    usual = edge.get(path_of_its_own(), host="picked.test", headers=keyed)
    assert answer.headers.keys() == usual.headers.keys()
    assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "kept")
    ours, others = answer.json()["headers"], usual.json()["headers"]
    assert ours.keys() == others.keys()
    assert ours.get("x-api-key") == key
    assert "x-router-key-id" not in ours


@pytest.mark.parametrize("name", ["canary", "", "drained, kept"])
def test_an_unknown_name_is_told(edge: Edge, name: str) -> None:
    answer = ask(edge, name)
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown-override")
    assert "Pools: draining, failing, kept-only." in answer.json()["detail"]


@pytest.mark.parametrize(("path", "status"), [("/status/503", 503), ("/throw", 502)])
def test_who_fails_has_no_substitute(edge: Edge, path: str, status: int) -> None:
    """The route's own requests would go on to the fallback of the pool."""
    answer = ask(edge, "failing", path)
    assert (answer.status_code, answer.headers["x-router-variant"]) == (status, "failing")


def test_nothing_comes_from_the_cache_or_goes_into_it(edge: Edge) -> None:
    path = f"/fresh/{uuid.uuid4().hex}"
    bodies = {ask(edge, "failing", path).text for _ in range(3)}
    assert len(bodies) == 3
    usual = edge.get(path, host="picked.test")
    assert usual.headers["x-cache"] == "MISS"


def test_nothing_is_copied(edge: Edge) -> None:
    name = uuid.uuid4().hex
    assert ask(edge, "drained", f"/record/{name}", method="POST", content=b"x").status_code == 200
    assert settled(edge, name) == []
    edge.send("POST", f"/record/{name}", host="picked.test", content=b"x")
    assert len(seen(edge, name, 1)) == 1


def test_the_routes_own_auth_still_applies(edge: Edge) -> None:
    answer = edge.get("/", host="keyed.picked.test", headers=OPERATOR | {"x-try": "one"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    headers = {"x-api-key": "k-scoped", "x-try": "nobody"}
    answer = edge.get("/", host="keyed.picked.test", headers=headers)
    assert answer.status_code == 200
    assert "x-try" not in answer.json()["headers"]
