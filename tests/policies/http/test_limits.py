"""Size limits: to the character."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.http.limits import SizeLimits, content_length, head_problem
from policies.http.problems import Problem
from policies.proxy.decide import decide
from tests.policies.making import NOW, compiled, request

URL = "https://h/"


@given(
    st.dictionaries(st.text("ab-", min_size=1, max_size=3), st.text("ab", max_size=5), max_size=6),
    st.integers(0, 60),
    st.integers(0, 7),
    st.integers(0, 20),
)
def test_heads_against_a_plain_count(
    headers: dict[str, str], size: int, count: int, url: int
) -> None:
    total = sum(len(name) + len(value) for name, value in headers.items())
    codes = {
        "url-too-long": len(URL) > url,
        "headers-too-large": len(headers) > count or total > size,
    }
    expected = next((code for code, holds in codes.items() if holds), None)
    for at_most in (None, total, total + 30):
        found = head_problem(SizeLimits(url, count, size), URL, headers, at_most)
        assert (found and found.code) == expected


def code(route: dict[str, Any], url: str = URL, **headers: str) -> str | None:
    made = compiled(
        limits={"url": "30B", "body": "10B"},
        routes=[
            {"name": "wide", "matches": [{"path": {"prefix": "/wide"}}], "split": {"beta": 1}}
            | {"limits": {"url": "40B"}},
            {"name": "r", "split": {"production": 1}, **route},
        ],
    )
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = request(url, headers=given_headers)
    problem = (
        head_problem(made.limits, url, given_headers) or decide(made, asked, Random(1), NOW).outcome
    )
    return problem.code if isinstance(problem, Problem) else None


@pytest.mark.parametrize(
    ("route", "url", "length", "expected"),
    [
        ({}, "", "10", None),
        ({}, "", "11", "body-too-large"),
        ({}, "", "0", None),
        ({"limits": {"body": "20B"}}, "", "20", None),
        ({"limits": {"body": "20B"}}, "", "21", "body-too-large"),
        ({"limits": {"body": "0B"}}, "", "1", "body-too-large"),
        ({"limits": {"url": "15B"}}, "", "11", "body-too-large"),
        ({}, "x" * 20, "0", None),
        ({}, "x" * 21, "0", "url-too-long"),
        ({}, "wide/" + "x" * 25, "0", None),
        ({}, "wide/" + "x" * 26, "0", "url-too-long"),
        ({"limits": {"url": "15B"}}, "x" * 5, "0", None),
        ({"limits": {"url": "15B"}}, "x" * 6, "0", "url-too-long"),
    ],
)
def test_a_routes_own_limits(
    route: dict[str, Any], url: str, length: str, expected: str | None
) -> None:
    assert code(route, URL + url, content_length=length) == expected


@pytest.mark.parametrize(
    ("text", "length"), [("5", 5), ("0", 0), ("", None), ("-1", None), ("٣", None), ("5, 5", None)]
)
def test_content_length(text: str, length: int | None) -> None:
    assert content_length({"content-length": text}) == length
