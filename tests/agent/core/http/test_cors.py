"""Which pages may ask the agent, and what browsers are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.http.cors import MAX_NAMES, Cors, read_origins
from agent.core.http.responses import Response

PAGE = "https://app.example.com"
CORS = read_origins(f" {PAGE}/, http://localhost:3000")
ASK = {"access-control-request-method": "POST", "access-control-request-headers": "Content-Type"}
METHODS = ["GET", "HEAD"]


def headers_of(answer: Response | None) -> dict[str, str]:
    assert answer is not None
    return dict(answer.headers)


def preflight(
    cors: Cors, origin: str, methods: list[str] = METHODS, **more: str
) -> Response | None:
    headers = {"origin": origin, **ASK, **{n.replace("_", "-"): v for n, v in more.items()}}
    return cors.preflight("OPTIONS", headers, methods, 0)


def test_a_preflight_is_told_the_methods_of_the_endpoint() -> None:
    answer = preflight(CORS, PAGE)
    assert answer
    assert (answer.status, answer.body) == (204, "")
    told = headers_of(answer)
    assert told["access-control-allow-methods"] == "GET, HEAD"
    assert told["access-control-allow-headers"] == "content-type"
    assert told["access-control-max-age"] == "7200"
    assert headers_of(CORS.applied({"origin": PAGE}, answer))["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    ("cors", "origin", "allowed", "vary"),
    [
        (CORS, PAGE, PAGE, "origin"),
        (CORS, PAGE.upper(), PAGE.upper(), "origin"),
        (CORS, "http://localhost:3000", "http://localhost:3000", "origin"),
        (CORS, "http://localhost:30000", None, "origin"),
        (CORS, "https://app.example.com.evil.org", None, "origin"),
        (CORS, "http://app.example.com", None, "origin"),
        (CORS, "null", None, "origin"),
        (CORS, "", None, "origin"),
        (read_origins("*"), "https://any.org", "*", None),
        (read_origins(f"{PAGE} *"), "null", "*", None),
        (read_origins(""), PAGE, None, None),
        (read_origins(" , "), PAGE, None, None),
    ],
)
def test_who_may_read_answers(cors: Cors, origin: str, allowed: str | None, vary: str) -> None:
    told = headers_of(cors.applied({"origin": origin}, Response(200, "{}")))
    assert told.get("access-control-allow-origin") == allowed
    assert told.get("vary") == vary
    assert ("access-control-expose-headers" in told) is bool(allowed)
    assert "access-control-allow-credentials" not in told


def test_a_preflight_from_elsewhere_is_refused() -> None:
    answer = preflight(CORS, "https://evil.org")
    assert answer
    assert answer.status == 403
    assert "`https://evil.org` is none of CORS_ORIGINS" in answer.body


@pytest.mark.parametrize(
    ("cors", "method", "headers", "methods"),
    [
        (Cors(), "OPTIONS", {"origin": PAGE, **ASK}, METHODS),
        (CORS, "OPTIONS", {"origin": PAGE}, METHODS),
        (CORS, "GET", {"origin": PAGE, **ASK}, METHODS),
        (CORS, "OPTIONS", {"origin": PAGE, **ASK}, []),
    ],
    ids=["no origins", "plain OPTIONS", "GET", "no endpoint"],
)
def test_what_is_no_preflight(
    cors: Cors, method: str, headers: dict[str, str], methods: list[str]
) -> None:
    assert cors.preflight(method, headers, methods, 0) is None


@given(st.text("aA-_,: \n\r\0é*", max_size=200) | st.just("x-router-key-id, X-Router-Key-Scopes"))
def test_headers_that_are_asked_for_are_bounded(asked: str) -> None:
    told = headers_of(preflight(CORS, PAGE, access_control_request_headers=asked))
    allowed = told.get("access-control-allow-headers", "")
    assert allowed.isascii()
    assert allowed.isprintable()
    assert "x-router-" not in allowed
    assert len(allowed) < 66 * MAX_NAMES


def test_of_very_many_headers_the_first_are_allowed() -> None:
    asked = ",".join(f"h{number}" for number in range(10_000))
    told = headers_of(preflight(CORS, PAGE, access_control_request_headers=asked))
    assert told["access-control-allow-headers"].count(",") == MAX_NAMES - 1
