"""CORS: origins against a slow reference; what is said to whom."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.choose import Fixed
from policies.http.cors import Cors, asked_method
from policies.proxy.decide import decide
from tests.policies.making import NOW, compiled, request


def cors(origins: list[str], **more: Any) -> Cors:
    filters = {"cors": {"allow_origins": origins, **more}}
    made = compiled(routes=[{"name": "r", "split": {"production": 1}, "filters": filters}])
    found = made.routes[0].cors
    assert found
    return found


@pytest.mark.parametrize(
    ("allowed", "origin", "expected"),
    [
        ("*", "https://a.test", True),
        ("*", "null", True),
        ("https://a.test", "https://a.test", True),
        ("https://a.test:443", "https://a.test", True),
        ("https://A.Test", "https://a.test", True),
        ("https://a.test", "http://a.test", False),
        ("https://a.test", "https://a.test:8443", False),
        ("https://a.test", "https://b.a.test", False),
        ("https://*.a.test", "https://b.a.test", True),
        ("https://*.a.test", "https://c.b.a.test", True),
        ("https://*.a.test", "https://a.test", False),
        ("https://*.a.test", "https://.a.test", False),
        ("https://*.a.test", "https://eva.test", False),
        ("https://*.a.test", "https://evil/.a.test", False),
        ("https://*.a.test", "https://evil:1.a.test", False),
        ("https://*.a.test", "https://b.a.test:8443", False),
        ("https://*.a.test:8443", "https://b.a.test:8443", True),
        ("https://*", "https://anything.test", True),
        ("https://*", "https://anything.test:1", False),
        ("https://*", "http://anything.test", False),
        ("https://*.a.test", "null", False),
    ],
)
def test_origins(allowed: str, origin: str, expected: bool) -> None:
    assert cors([allowed]).allows(origin) is expected


LABELS = st.lists(st.sampled_from(["a", "b", "xn--c", "a-b"]), min_size=1, max_size=3).map(".".join)
ORIGINS = st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https"]),
    LABELS | LABELS.map("*.".__add__),
    st.sampled_from(["", ":81", ":8443"]),
)


def slow(allowed: str, origin: str) -> bool:
    host = r"[a-z0-9_-]+(\.[a-z0-9_-]+)*"
    return re.fullmatch(re.escape(allowed).replace(r"\*", host), origin) is not None


@given(st.lists(ORIGINS, min_size=1, max_size=4), ORIGINS, st.sampled_from(["", "/", ".a", "x"]))
def test_origins_agree_with_a_slow_reference(allowed: list[str], origin: str, more: str) -> None:
    asked = origin.replace("*", "w") + more
    assert cors(allowed).allows(asked) == any(slow(each, asked) for each in allowed)


@pytest.mark.parametrize(
    ("method", "headers", "asked"),
    [
        ("OPTIONS", {"origin": "x", "access-control-request-method": "PUT"}, "PUT"),
        ("OPTIONS", {"origin": "x"}, ""),
        ("OPTIONS", {"access-control-request-method": "PUT"}, ""),
        ("GET", {"origin": "x", "access-control-request-method": "PUT"}, ""),
    ],
)
def test_what_a_preflight_is(method: str, headers: dict[str, str], asked: str) -> None:
    assert asked_method(method, headers) == asked


@given(ORIGINS.map(lambda each: each.replace("*", "w")), st.booleans(), st.booleans())
def test_credentials_never_go_with_a_wildcard(origin: str, everybody: bool, allowed: bool) -> None:
    origins = ["*"] if everybody else [origin if allowed else "https://other.test"]
    made = cors(origins, allow_methods=["*"], allow_headers=["*"], allow_credentials=True)
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": "x-a"}
    preflight = dict(made.preflight({"origin": origin, **asked}).headers)
    answer = made.changes({"origin": origin})
    for said in (preflight, answer.set):
        assert "*" not in said.values()
        shown = said.get("access-control-allow-origin")
        assert shown == (origin if everybody or allowed else None)
        assert ("access-control-allow-credentials" in said) is (shown is not None)
    assert "Origin" in preflight["vary"]
    assert answer.added == [("vary", "Origin")]


def test_what_variants_say_is_gone() -> None:
    forged = [("access-control-allow-origin", "*"), ("access-control-max-age", "9"), ("x", "1")]
    made = cors(["https://a.test"]).changes({"origin": "https://b.test"})
    assert made.on(forged) == [("x", "1"), ("vary", "Origin")]


@pytest.mark.parametrize("headers", [{}, {"origin": "https://a.test"}, {"origin": "null"}])
def test_everybody_without_credentials_gets_one_answer(headers: dict[str, str]) -> None:
    """14.5: also who says no origin, as a cache may give the answer to somebody who does."""
    made = cors(["*"], expose_headers=["x-a"]).changes(headers)
    assert made.added == []
    expected = {"access-control-allow-origin": "*", "access-control-expose-headers": "x-a"}
    assert made.set == expected


ORIGIN = {"origin": "https://a.test"}


@given(st.lists(ORIGINS | st.just("*"), min_size=1, max_size=3), st.booleans(), ORIGINS)
def test_answers_that_differ_by_origin_say_so(
    allowed: list[str], credentials: bool, origin: str
) -> None:
    made = cors(allowed, allow_credentials=credentials)
    with_one = made.changes({"origin": origin.replace("*", "w")})
    without = made.changes({})
    assert with_one.added == without.added
    if with_one != without:
        assert without.added == [("vary", "Origin")]


# 14.6: `*` of `allow_headers`, by whether there are credentials, whether the route asks for
# a key, and what is asked for
ASKED_HEADERS = [
    (False, True, "authorization", "authorization"),
    (False, True, "x-api-key, content-type", "x-api-key, content-type"),
    (False, False, "Authorization, x-a", "Authorization, x-a"),
    (False, False, "x-a", "*"),
    (False, False, "", "*"),
    (False, False, "x-authorization", "*"),
    (True, False, "x-a", "x-a"),
]


@pytest.mark.parametrize(("credentials", "keyed", "asked", "expected"), ASKED_HEADERS)
def test_a_star_that_browsers_would_not_take_at_its_word(
    credentials: bool, keyed: bool, asked: str, expected: str
) -> None:
    made = cors(["*"], allow_methods=["*"], allow_headers=["*"], allow_credentials=credentials)
    method = {"access-control-request-method": "PUT"}
    names = {"access-control-request-headers": asked} if asked else {}
    said = dict(made.preflight({**ORIGIN, **method, **names}, keyed=keyed).headers)
    assert said["access-control-allow-headers"] == expected
    assert said["access-control-allow-methods"] == ("PUT" if credentials or keyed else "*")
    varies = said.get("vary", "").lower().split(", ")
    assert ("access-control-request-headers" in varies) is (expected != "*")
    assert ("access-control-request-method" in varies) is (credentials or keyed)


def test_a_route_that_asks_for_a_key_can_be_sent_one() -> None:
    """14.6, through the whole decision."""
    filters = {"cors": {"allow_origins": ["*"], "allow_headers": ["*"]}}
    made = compiled(
        auth={"keys": [{"id": "a", "sha256": "0" * 64}]},
        routes=[{"name": "r", "auth": "required", "split": {"production": 1}, "filters": filters}],
    )
    asks = {
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }
    outcome = decide(made, request(method="OPTIONS", headers=ORIGIN | asks), Random(1), NOW).outcome
    assert isinstance(outcome, Fixed)
    assert ("access-control-allow-headers", "authorization") in outcome.answer.headers
