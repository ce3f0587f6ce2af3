"""What is wrong with an answer, for answers that are made up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.load.right import Got, wrong
from tests.load.site import Arrival

BAD, GOOD, BODY = "many-a", "many-b", "all is well"
HEADERS = {
    "x-request-id": "1",
    "x-load-request-id": "1",
    "x-load-id": "g",
    "x-load-variant": GOOD,
    "x-router-variant": GOOD,
}
RIGHT = Got("g", "GET", 200, HEADERS, BODY)
PROBLEM = {"code": "variant-failed", "request_id": "1"}
FAILED = Got("g", "GET", 502, {"x-request-id": "1"}, json.dumps(PROBLEM))


def whys(got: Got, *variants: str) -> list[str]:
    came = [Arrival(0.0, variant, "/work", got.method, got.id) for variant in variants]
    return [why for why, _ in wrong([got], came, BAD, BODY)]


def with_header(name: str, value: str) -> Got:
    return RIGHT._replace(headers={**HEADERS, name: value})


@pytest.mark.parametrize(
    ("got", "variants"),
    [
        (RIGHT, [GOOD]),
        (RIGHT, [BAD, GOOD]),
        (FAILED, [BAD]),
        (FAILED._replace(method="POST"), [BAD]),
        (
            FAILED._replace(status=504, body=json.dumps({**PROBLEM, "code": "variant-timeout"})),
            [BAD],
        ),
    ],
)
def test_what_is_right(got: Got, variants: list[str]) -> None:
    assert whys(got, *variants) == []


@pytest.mark.parametrize(
    ("got", "variants", "why"),
    [
        (Got("g", "GET", None), [GOOD], "no answer"),
        (RIGHT._replace(body="all is"), [GOOD], "another body"),
        (with_header("x-load-id", "h"), [GOOD], "the answer to h"),
        (with_header("x-request-id", "2"), [GOOD], "another id than the variant was told"),
        (with_header("x-router-variant", BAD), [GOOD], "another variant than it names"),
        (RIGHT, [BAD], "a variant that has not got it"),
        (RIGHT._replace(method="POST"), [BAD, GOOD], f"it came to {[BAD, GOOD]}"),
        (RIGHT, [GOOD, GOOD], f"it came to {[GOOD, GOOD]}"),
        (FAILED, [GOOD], "failed, and the bad variant has not got it"),
        (FAILED._replace(status=500), [BAD], "500 variant-failed"),
        (FAILED._replace(body="?"), [BAD], "no problem document"),
        (FAILED._replace(headers={"x-request-id": "2"}), [BAD], "the problem of another request"),
    ],
)
def test_what_is_wrong(got: Got, variants: list[Any], why: str) -> None:
    assert whys(got, *variants) == [why]


def test_no_two_requests_have_the_same_id() -> None:
    found = wrong([FAILED, FAILED], [Arrival(0.0, BAD, "/work", "GET", "g")], BAD, BODY)
    assert [why for why, _ in found] == ["another request has the same id"] * 2
