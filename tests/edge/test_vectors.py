"""The vectors at the edge: the same answers as on CPython, to the letter."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.edge.conftest import Edge
from tests.vectors import VECTORS, check, explained, name


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
