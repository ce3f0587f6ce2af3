"""Requests made from what a route matches are requests that it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.basics.regex import Matcher
from policies.basics.regex_compiler import compile_pattern
from policies.compiled.policy import CompiledPolicy
from policies.difference.intersection import example_of, have_common_text
from policies.difference.traffic.shapes import MAX_SHAPES, shapes_of
from policies.http.request import Client, Request
from policies.http.url import RequestTarget, parse_target
from policies.language.load import load
from policies.routing.match import Miss
from tests.policies.difference.making import routes, side
from tests.policies.making import policy_text

TO = {"split": {"production": 1}}
ROUTES: list[dict[str, Any]] = [
    {},
    {"hostnames": ["a.test", "*.b.test"]},
    {"matches": [{"path": {"exact": "/a"}}, {"path": {"prefix": "/b/"}, "methods": ["PUT"]}]},
    {"matches": [{"path": {"regex": "/users/[0-9]{3}(/[a-z]+)?"}}]},
    {"matches": [{"path": {"regex": ".*\\.(png|jpe?g)"}}]},
    {"matches": [{"headers": [{"name": "X-A", "regex": "v[12]+"}, {"name": "b", "value": "1"}]}]},
    {
        "matches": [
            {"query_params": [{"name": "a b", "value": "ü&="}, {"name": "c", "regex": "x?"}]}
        ]
    },
    {"matches": [{"scheme": "http"}, {"scheme": "https", "path": {"prefix": "/a"}}]},  # 14.31
    {"filters": {"redirect": {"scheme": "https"}}, "split": None},
]


@pytest.mark.parametrize("fields", ROUTES, ids=[json.dumps(each)[:60] for each in ROUTES])
def test_the_route_takes_them(fields: dict[str, Any]) -> None:
    value = {k: v for k, v in {"name": "r", **TO, **fields}.items() if v}
    made = side(**routes(value))
    policy = CompiledPolicy(made.tables)
    shapes = shapes_of(made.policy.routes[0])
    taken = []
    for shape in shapes:
        target = parse_target(shape.url, merge_slashes=False)
        assert isinstance(target, RequestTarget)
        found = policy.matcher.find(Request(shape.method, target, dict(shape.headers), Client()))
        taken.append(not isinstance(found, Miss))
    # A redirect passes over what is where it leads already.
    assert any(taken) if "filters" in fields else all(taken)
    assert len(shapes) == len(set(shapes)) > 0


def test_all_values_come_up_and_not_all_combinations() -> None:
    hosts = [f"h{at}.test" for at in range(20)]
    matches = [{"methods": ["GET", "PUT", "POST"], "path": {"prefix": "/a"}}]
    loaded = load(
        policy_text(**routes({"name": "r", "hostnames": hosts, "matches": matches, **TO}))
    )
    assert loaded.policy
    shapes = shapes_of(loaded.policy.routes[0])
    assert len(shapes) <= MAX_SHAPES
    assert {shape.url.split("/")[2] for shape in shapes} == set(hosts)
    assert {shape.method for shape in shapes} == {"GET", "PUT", "POST"}
    assert {shape.url.partition(".test")[2] for shape in shapes} == {"/a", "/a/sample"}


ATOMS = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", "a+", "b*", "(a|bc)?", "a{2,3}", "/"])
PATTERNS = st.lists(ATOMS, min_size=1, max_size=5).map("".join)


@given(PATTERNS)
def test_an_example_matches(pattern: str) -> None:
    program = compile_pattern(pattern)
    text = example_of(program)
    assert text is not None
    assert Matcher(program).matches(text)


@given(PATTERNS, PATTERNS, st.text("abc/", max_size=6))
def test_a_common_text_is_found(one: str, two: str, text: str) -> None:
    first, second = compile_pattern(one), compile_pattern(two)
    if Matcher(first).matches(text) and Matcher(second).matches(text):
        assert have_common_text(first, second)


@pytest.mark.parametrize(
    ("one", "two", "common"),
    [
        ("a+", "b+", False),
        ("a+b", ".*b", True),
        ("[0-9]{2}", "[0-9]{3}", False),
        ("a|", "b|", True),
    ],
)
def test_no_common_text(one: str, two: str, common: bool) -> None:
    assert have_common_text(compile_pattern(one), compile_pattern(two)) is common


def test_no_example_begins_so() -> None:
    assert example_of(compile_pattern("/a"), "x") is None
    assert example_of(compile_pattern(".*"), "/") == "/"
