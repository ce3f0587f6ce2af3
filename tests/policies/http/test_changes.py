"""Header filters: what the Gateway API says of set, add and remove; against a slow reference."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.choose import Forward
from policies.http.changes import SEPARATORS, Changes
from policies.proxy.decide import decide
from policies.proxy.explain.question import read_question
from policies.proxy.phases.headers import trace_of
from policies.proxy.phases.outgoing import answer_changes, outgoing
from tests.policies.making import NOW, compiled, request

Lists = dict[str, list[str]]
NAMES = ["x-a", "x-b", "X-A", "x-c"]
VALUES = st.sampled_from(["1", "2", "", "a, b"])


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any] | None:
    """Set, add and remove as a policy may have them; None for none."""
    kinds: dict[str, str] = {}
    made: dict[str, list[Any]] = {"set": [], "add": [], "remove": []}
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=4)):
        allowed = {None: ["set", "add", "remove"], "remove": []}.get(
            kinds.get(name.lower()), ["add"]
        )
        if not allowed:
            continue
        kind = draw(st.sampled_from(allowed))
        kinds.setdefault(name.lower(), kind)
        made[kind].append(name if kind == "remove" else {"name": name, "value": draw(VALUES)})
    made = {kind: each for kind, each in made.items() if each}
    return made or None


def apply(headers: Lists, changes: dict[str, Any] | None) -> Lists:
    """Slow and plain: one after the other."""
    found = {name: list(values) for name, values in headers.items()}
    for each in (changes or {}).get("set", []):
        found[each["name"].lower()] = [each["value"]]
    for each in (changes or {}).get("add", []):
        found.setdefault(each["name"].lower(), []).append(each["value"])
    for name in (changes or {}).get("remove", []):
        found.pop(name.lower(), None)
    return found


GIVEN = st.dictionaries(
    st.sampled_from(["x-a", "x-b", "x-d"]), st.lists(VALUES, min_size=1, max_size=2)
)


@given(GIVEN, filters(), filters())
def test_headers_go_through_the_routes_filters_and_then_the_backends(
    headers: Lists, route: dict[str, Any] | None, backend: dict[str, Any] | None
) -> None:
    sides = ("request_headers", "response_headers")
    made: dict[str, Any] = {"name": "r", "split": {"production": {"weight": 1}}}
    if route:
        made["filters"] = dict.fromkeys(sides, route)
    if backend:
        made["split"]["production"]["filters"] = dict.fromkeys(sides, backend)
    policy = compiled(routes=[made])
    joined = {name: ", ".join(values) for name, values in headers.items()}
    asked = request(headers=joined)
    decision = decide(policy, asked, Random(1), NOW)
    outcome = decision.outcome
    assert isinstance(outcome, Forward)
    assert decision.rule
    trace, variant = trace_of({}, Random(1)), outcome.candidates[0]
    sent = outgoing(asked, decision.rule, outcome.route, variant, trace, 1, None)
    expected = apply(apply(headers, route), backend)

    got = sent.changes.on_mapping(joined)
    own = {name: value for name, value in got.items() if name.startswith("x-") and len(name) == 3}
    assert own == {name: ", ".join(values) for name, values in expected.items()}

    answer = answer_changes(trace, outcome.route, variant, identify=False)
    pairs = [(name, value) for name, values in headers.items() for value in values]
    lists: Lists = {}
    for name, value in answer.on(pairs):
        if len(name) == 3:
            lists.setdefault(name, []).append(value)
    assert lists == expected


@pytest.mark.parametrize(
    ("name", "before", "added", "expected"),
    [
        ("cookie", "session=abc", ["edge=1"], "session=abc; edge=1"),
        ("cookie", "session=abc; b=2", ["edge=1", "c=3"], "session=abc; b=2; edge=1; c=3"),
        ("cookie", None, ["edge=1"], "edge=1"),
        ("cookie", "", ["edge=1"], "edge=1"),
        ("user-agent", "curl/8", ["edge/1"], "curl/8 edge/1"),
        ("accept", "text/html", ["text/plain"], "text/html, text/plain"),
        ("x-a", "", ["1"], ", 1"),
    ],
)
def test_headers_are_joined_with_their_own_separator(
    name: str, before: str | None, added: list[str], expected: str
) -> None:
    """14.3: RFC 6265, section 4.2.1; RFC 9110, section 10.1.5."""
    changes = Changes([], {}, [(name, value) for value in added])
    headers = {} if before is None else {name: before}
    assert changes.on_mapping(headers)[name] == changes.value(name, headers) == expected


def test_the_edge_joins_with_the_same_separators() -> None:
    """14.3: `append` joins with commas, and gives `Set-Cookie` a line of its own."""
    text = (Path(__file__).parents[3] / "router" / "edge" / "runtime" / "headers.js").read_text()
    [table] = re.findall(r"const SEPARATORS = \{(.*?)\};", text)
    at_edge = dict(re.findall(r'"?([a-z-]+)"?: "([^"]*)"', table))
    assert at_edge == {name: text for name, text in SEPARATORS.items() if name != "set-cookie"}


@given(GIVEN, st.lists(st.sampled_from(["x-a", "x-b"])), st.dictionaries(st.just("x-b"), VALUES))
def test_one_value_is_the_one_of_all(
    headers: Lists, removed: list[str], replaced: dict[str, str]
) -> None:
    changes = Changes(removed, replaced, [("x-a", "added"), ("x-c", "added")])
    joined = {name: ", ".join(values) for name, values in headers.items()}
    got = changes.on_mapping(joined)
    assert {name: changes.value(name, joined) for name in ("x-a", "x-b", "x-c", "x-d")} == {
        name: got.get(name) for name in ("x-a", "x-b", "x-c", "x-d")
    }


def test_repeated_headers_of_a_question_are_joined_as_they_are_sent() -> None:
    policy = compiled(routes=[{"name": "r", "split": {"production": 1}}])
    lines = ["Cookie: a=1", "cookie: b=2", "Accept: x", "accept: y"]
    found = read_question(policy, "https://h/", lines, [])
    assert found == {"cookie": "a=1; b=2", "accept": "x, y"}


def test_changes_do_not_change_each_other() -> None:
    first = Changes(["a"], {"b": "1"}, [("c", "1")])
    later = Changes(["d"], {"b": "2"}, [("c", "2")])
    assert first.then(later) == Changes(["a", "d"], {"b": "2"}, [("c", "1"), ("c", "2")])
    assert first == Changes(["a"], {"b": "1"}, [("c", "1")])
