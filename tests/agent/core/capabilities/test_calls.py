"""One request for somebody, and what came of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.core.capabilities.calls import call
from agent.core.refused import Refused, Unavailable
from agent.core.web.request import MAX_ANSWER
from tests.agent.core.wires import FakeTools, FakeWire, Site, web_on

URL = "https://a.example/x"
JSON = "application/json"


def called(site: Site, **given: Any) -> dict[str, Any]:
    return call({"url": URL, **given}, FakeTools(web_on(FakeWire(lambda _: site))))


def sent(**given: Any) -> Any:
    wire = FakeWire(lambda _: Site())
    call({"url": URL, **given}, FakeTools(web_on(wire)))
    return wire.sent[0]


@pytest.mark.parametrize(
    ("given", "method", "url", "headers", "body"),
    [
        ({}, "GET", URL, {}, None),
        ({"method": "delete"}, "DELETE", URL, {}, None),
        (
            {"method": "POST", "json": {"ä": 1}},
            *("POST", URL, {"content-type": JSON}, '{"\\u00e4": 1}'),
        ),
        ({"method": "POST", "json": None}, "POST", URL, {"content-type": JSON}, "null"),
        (
            {"method": "PUT", "json": 1, "headers": {"Content-Type": "application/x+json"}},
            *("PUT", URL, {"content-type": "application/x+json"}, "1"),
        ),
        (
            {"method": "PATCH", "body": "x"},
            *("PATCH", URL, {"content-type": "text/plain; charset=utf-8"}, "x"),
        ),
        (
            {"query": {"a": "b&c", "n": 1.5, "t": True, "l": ["x", "ä"]}},
            *("GET", URL + "?a=b%26c&n=1.5&t=true&l=x&l=%C3%A4", {}, None),
        ),
        (
            {"url": URL + "?z=%20#part", "query": {"a": 1}},
            *("GET", URL + "?z=%20&a=1", {}, None),
        ),
    ],
)
def test_what_is_sent(
    given: dict[str, Any], method: str, url: str, headers: dict[str, str], body: str | None
) -> None:
    request = sent(**given)
    assert (request.method, request.url, request.body) == (method, url, body)
    assert request.headers == headers


@pytest.mark.parametrize(
    ("site", "told"),
    [
        (Site(b'{"a": [1]}', JSON), {"json": {"a": [1]}}),
        (Site(b"null", "application/problem+json; charset=utf-8"), {"json": None}),
        (Site(b"{", JSON), {"text": "{"}),
        (Site(b"[NaN]", JSON), {"text": "[NaN]"}),
        (Site(b"1e999", JSON), {"text": "1e999"}),
        (Site(b"[" * 5_000, JSON), {"text": "[" * 5_000}),
        (Site("ü".encode("latin-1"), "text/plain; charset=iso-8859-1"), {"text": "ü"}),
        (Site(b"ok", ""), {"text": "ok"}),
        (Site(b"\0\1", "application/octet-stream"), {"base64": "AAE="}),
        (Site(b"\0\1", "text/plain"), {"base64": "AAE="}),
        (Site(b"x", headers=(("content-encoding", "zstd"),)), {"base64": "eA=="}),
        (Site(b"x", headers=(("content-encoding", "gzip"),)), {"text": "x"}),
    ],
)
def test_bodies(site: Site, told: dict[str, Any]) -> None:
    result = called(site)
    assert {each: result[each] for each in ("json", "text", "base64") if each in result} == told
    assert result["cut"] is False


def test_a_body_that_is_too_large_is_cut_and_no_json() -> None:
    result = called(Site(b'"' + b"x" * MAX_ANSWER + b'"', JSON))
    assert result["cut"] is True
    assert len(result["text"]) == MAX_ANSWER
    assert "json" not in result
    few = called(Site(b"xyz", "text/plain"), max_bytes=2)
    assert (few["text"], few["cut"]) == ("xy", True)


def test_headers_that_are_there_twice() -> None:
    pairs = (("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x", "1"), ("x", "2"))
    told = called(Site(headers=pairs))["headers"]
    assert told == {"content-type": "text/html", "set-cookie": ["a=1", "b=2"], "x": "1, 2"}


@pytest.mark.parametrize(
    ("status", "expect", "method", "error"),
    [
        (500, None, "GET", None),
        (404, None, "GET", None),
        (204, "2xx", "GET", None),
        (404, [200, 404], "GET", None),
        (404, ["2xx", "4xx"], "GET", None),
        (404, 200, "GET", Refused),
        (200, 404, "GET", Refused),
        (503, "2xx", "GET", Unavailable),
        (429, "2xx", "DELETE", Unavailable),
        (503, "2xx", "POST", Refused),
    ],
)
def test_expectations(status: int, expect: Any, method: str, error: Any) -> None:
    site = Site(b'{"why": "x"}', JSON, status)
    if error is None:
        assert called(site, expect=expect, method=method)["status"] == status
        return
    with pytest.raises(error) as raised:
        called(site, expect=expect, method=method)
    assert type(raised.value) is error
    assert raised.value.more["status_code"] == status
    assert json.loads(raised.value.more["body"]) == {"why": "x"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "CONNECT"}, "`method`"),
        ({"method": 1}, "`method`"),
        ({"method": "GET", "json": {}}, "no body"),
        ({"method": "POST", "json": 1, "body": "x"}, "both"),
        ({"method": "POST", "json": [float("inf")]}, "does not have"),
        ({"method": "POST", "body": {"a": 1}}, "`json`"),
        ({"headers": {"host": "x"}}, "`host`"),
        ({"headers": None}, "`headers`"),
        ({"query": "a=b"}, "`query`"),
        ({"query": {"a": None}}, "`query`"),
        ({"query": {"a": [[1]]}}, "`query`"),
        ({"query": {"a": "x"}, "url": "nonsense"}, "no whole URL"),
        ({"query": {"a": "x" * 9_000}}, "more than"),
        ({"expect": "ok"}, "`expect`"),
        ({"expect": [99]}, "`expect`"),
        ({"expect": True}, "`expect`"),
        ({"timeout_ms": 0}, "`timeout_ms`"),
        ({"max_bytes": 2**20 + 1}, "`max_bytes`"),
        ({"header": {}}, "did you mean `headers`"),
        ({"url": "http://[::1]/"}, "no public host"),
    ],
)
def test_input_that_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        called(Site(), **given)
