"""The vectors at the edge: the same answers as on CPython, to the letter; and what is told of
a request is what becomes of it when it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.policies.making import compile_text
from tests.support.edge.router import PEPPER, POLICY, Edge
from tests.support.edge.sending import SENT, sent
from tests.support.edge.workerd import Running, running
from tests.support.vectors import VECTORS, check, explained, name

# These are behind the Worker that misbehaves: its answers are its own.
OF_BACKEND = {
    each.name for each in compile_text(POLICY.read_bytes()).variants if each.binding == "BACKEND"
}


@pytest.mark.parametrize("vector", VECTORS, ids=name)
def test_vector(edge: Edge, vector: dict[str, Any]) -> None:
    single = ("url", "method", "ip", "colo", "country", "continent")
    params = [(key, str(vector[key])) for key in single if key in vector]
    params += [("header", f"{key}: {value}") for key, value in vector.get("headers", {}).items()]
    params += [("down", variant) for variant in vector.get("down", [])]
    answer = edge.own("explain", params=params)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    check(vector, told)
    assert told == explained(vector)


@pytest.fixture(scope="module")
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """workerd by itself, where a request can come with any address, and any scheme."""
    folder = tmp_path_factory.mktemp("vectors")
    with running(folder, POLICY, {"ROUTER_KEY_PEPPER": PEPPER}) as started:
        yield started


# A key is made up for these, or chance alone chooses.
BY_CHANCE = {"s-random", "s-cookie"}
OTHERS = {"x-request-id", "traceparent", "set-cookie"}  # are another with each request


@pytest.mark.parametrize("vector", SENT, ids=name)
def test_what_is_explained_is_what_happens(sending: Running, vector: dict[str, Any]) -> None:
    told = explained(vector)
    answer = sent(sending, vector)
    by_chance = told["route"] in BY_CHANCE
    is_backends = told["variant"] and told["variant"] in OF_BACKEND
    if not is_backends:
        assert answer.status_code == told["status"]
    if told["answer"]:
        assert_same_answer(answer, told["answer"])
        return
    assert answer.headers["x-router-route"] == told["route"]
    if not by_chance:
        assert answer.headers["x-router-variant"] == told["variant"]
    changes = told["response_headers"]
    for header, value in changes["set"].items():
        if header not in OTHERS and not (by_chance and header == "x-router-variant"):
            assert answer.headers.get(header) == value, header
    if not is_backends:
        assert_same_forwarded(answer.json(), told, vector, by_chance=by_chance)


def assert_same_answer(answer: httpx.Response, told: dict[str, Any]) -> None:
    for header, value in told["headers"].items():
        if header not in OTHERS:
            assert answer.headers.get(header) == value, header
    if "code" in told:
        assert (answer.json()["code"], answer.json()["detail"]) == (told["code"], told["detail"])
    elif "body" in told:
        assert answer.text == (told["body"] or "")


def assert_same_forwarded(
    came: dict[str, Any], told: dict[str, Any], vector: dict[str, Any], *, by_chance: bool
) -> None:
    """What the echo Worker got: all that is told, but for what tells requests apart."""
    forwarded = told["forwarded"]
    for part in ("method", "host", "path", "query"):
        assert came[part] == forwarded[part], part
    for header, value in forwarded["headers"].items():
        if header not in OTHERS and not (by_chance and header == "x-router-variant"):
            assert came["headers"].get(header) == value, header
    gone = set(vector.get("headers", {})) - set(forwarded["headers"])
    assert not gone & set(came["headers"])


@pytest.mark.parametrize("vector", [v for v in VECTORS if "limits" in v], ids=name)
def test_the_limits_that_are_told_are_those_that_count(edge: Edge, vector: dict[str, Any]) -> None:
    """14.11: the same requests, sent."""
    url = urlsplit(vector["url"])
    body = b"x" * int(vector.get("headers", {}).get("content-length", "0"))
    answer = edge.send(
        vector.get("method", "GET"),
        url.path,
        host=url.hostname,
        headers=vector.get("headers"),
        content=body,
    )
    assert answer.status_code == vector.get("status", 200)
    told = answer.headers.get("ratelimit-policy", "")
    assert re.findall(r'"([^"]+)"', told) == vector["limits"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "url"),
        ({"url": "/relative"}, "url"),
        ({"url": "http://h/", "contry": "DE"}, "contry"),
        ({"url": "http://h/", "down": "nobody"}, "nobody"),
        ({"url": "http://h/", "header": "no colon"}, "header"),
    ],
)
def test_wrong_use_is_told(edge: Edge, params: dict[str, str], said: str) -> None:
    answer = edge.own("explain", params=params)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad-request"
    assert said in answer.json()["detail"]
