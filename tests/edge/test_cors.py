"""CORS on the wire, as a browser would ask."""

from __future__ import annotations

import httpx
import pytest

from tests.support.edge.router import Edge

APP = "https://app.test"
ANY = "any.cors.test"


def preflight(
    edge: Edge, host: str, origin: str, method: str = "PUT", **more: str
) -> httpx.Response:
    headers = {"origin": origin, "access-control-request-method": method}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return edge.send("OPTIONS", "/fresh", host=host, headers=headers)


def said(answer: httpx.Response) -> dict[str, str]:
    prefix = "access-control-"
    headers = answer.headers.items()
    return {name.removeprefix(prefix): v for name, v in headers if name.startswith(prefix)}


def test_a_preflight_is_answered_at_the_edge(edge: Edge) -> None:
    answer = preflight(edge, "cors.test", APP, access_control_request_headers="x-own")
    assert answer.status_code == 204
    assert said(answer) == {
        "allow-origin": APP,
        "allow-credentials": "true",
        "allow-methods": "GET, PUT",
        "allow-headers": "x-own, content-type",
        "expose-headers": "x-backend",  # 14.30
        "max-age": "600",
    }
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["x-router-route"] == "x-cors"
    assert "x-router-variant" not in answer.headers
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://app.test", True),
        ("https://a.app.test:8443", True),
        ("https://a.b.app.test:8443", True),
        ("https://a.app.test", False),
        ("https://app.test:8443", False),
        ("http://app.test", False),
        ("https://evilapp.test:8443", False),
        ("https://app.test.evil.test", False),
        ("https://evil.test/.app.test:8443", False),
        ("null", False),
    ],
)
def test_origins(edge: Edge, origin: str, allowed: bool) -> None:
    for answer in (
        preflight(edge, "cors.test", origin),
        edge.get("/fresh", host="cors.test", headers={"origin": origin}),
    ):
        assert answer.status_code in (200, 204)
        assert said(answer).get("allow-origin") == (origin if allowed else None)
        assert bool(said(answer)) is allowed
        assert "Origin" in answer.headers["vary"]


def test_the_real_answer_has_the_routers_word_once(edge: Edge) -> None:
    forged = [
        *("access-control-allow-origin:*", "access-control-allow-methods:DELETE"),
        *("access-control-max-age:9", "vary:accept", "x-backend:1"),
    ]
    asked = [("h", each) for each in forged]
    answer = edge.get("/fresh", host="cors.test", headers={"origin": APP}, params=asked)
    assert answer.headers.get_list("access-control-allow-origin") == [APP]
    assert said(answer) == {
        "allow-origin": APP,
        "allow-credentials": "true",
        "expose-headers": "x-backend",
    }
    assert answer.headers["vary"] == "accept, Origin"
    assert (answer.headers["x-router-variant"], answer.headers["x-backend"]) == ("backend", "1")
    foreign = edge.get(
        "/fresh", host="cors.test", headers={"origin": "https://x.test"}, params=asked
    )
    assert (foreign.status_code, said(foreign)) == (200, {})


def test_everybody_without_credentials_is_one_answer_for_all(edge: Edge) -> None:
    answer = preflight(edge, ANY, "https://x.test", access_control_request_headers="a, b")
    assert said(answer) == {
        "allow-origin": "*",
        "allow-methods": "*",
        "allow-headers": "*",
        "max-age": "5",
    }
    assert "vary" not in answer.headers
    assert said(edge.get("/fresh", host=ANY, headers={"origin": "null"})) == {"allow-origin": "*"}
    # 14.5: the same without an origin
    assert said(edge.get("/fresh", host=ANY)) == {"allow-origin": "*"}


def test_a_page_can_send_the_key_that_a_route_asks_for(edge: Edge) -> None:
    """14.6: `*` in `allow_headers` does not stand for `Authorization`."""
    names = "authorization, x-a"
    answer = preflight(edge, "early.test", APP, "GET", access_control_request_headers=names)
    assert said(answer)["allow-headers"] == names
    assert "access-control-request-headers" in answer.headers["vary"]
    answer = preflight(edge, ANY, APP, access_control_request_headers=names)
    assert said(answer)["allow-headers"] == names


def test_with_credentials_everything_is_named(edge: Edge) -> None:
    answer = preflight(edge, "key.cors.test", APP, "PATCH", access_control_request_headers="a, b")
    assert said(answer) == {
        "allow-origin": APP,
        "allow-credentials": "true",
        "allow-methods": "PATCH",
        "allow-headers": "a, b",
        "max-age": "5",
    }
    varies = "Origin, access-control-request-method, access-control-request-headers"
    assert answer.headers["vary"] == varies


def test_a_preflight_comes_before_authentication_and_pages_can_read_refusals(edge: Edge) -> None:
    assert preflight(edge, "key.cors.test", APP).status_code == 204
    refused = edge.get("/", host="key.cors.test", headers={"origin": APP})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert said(refused) == {"allow-origin": APP, "allow-credentials": "true"}


def test_failures_of_variants_can_be_read(edge: Edge) -> None:
    failed = edge.get("/throw", host=ANY, headers={"origin": APP})
    assert (failed.status_code, said(failed)) == (502, {"allow-origin": "*"})


def test_a_preflight_belongs_to_the_route_of_what_it_asks_for(edge: Edge) -> None:
    # OPTIONS and DELETE have a route of their own, without CORS.
    assert preflight(edge, "cors.test", APP, "DELETE").json()["method"] == "OPTIONS"
    assert preflight(edge, "cors.test", APP, "POST").status_code == 204


@pytest.mark.parametrize("headers", [{}, {"origin": APP}, {"access-control-request-method": "PUT"}])
def test_other_options_go_to_the_variant(edge: Edge, headers: dict[str, str]) -> None:
    answer = edge.send("OPTIONS", "/fresh", host=ANY, headers=headers)
    assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "backend")


def test_fixed_answers_and_redirects_have_cors_and_filters(edge: Edge) -> None:
    fixed = edge.get("/fixed", host=ANY, headers={"origin": APP})
    assert (fixed.text, fixed.headers["x-also"], said(fixed)) == (
        "fixed",
        "1",
        {"allow-origin": "*"},
    )
    moved = edge.get("/moved", host=ANY, headers={"origin": APP})
    assert (moved.status_code, said(moved)) == (302, {"allow-origin": "*"})


def test_explain_tells_a_preflight(edge: Edge) -> None:
    params = [
        *(("url", "http://cors.test/"), ("method", "OPTIONS"), ("header", f"Origin: {APP}")),
        ("header", "Access-Control-Request-Method: PUT"),
    ]
    told = edge.own("explain", params=params).json()
    assert (told["status"], told["route"]) == (204, "x-cors")
    assert told["answer"]["headers"]["access-control-allow-methods"] == "GET, PUT"
