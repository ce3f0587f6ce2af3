"""Header filters: what the Gateway API says of set, add and remove; against a slow reference."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policies.decisions.changes import Changes
from policies.decisions.decide import Forward, decide
from policies.decisions.headers import trace_of
from policies.decisions.outgoing import answer_changes, outgoing
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


def test_changes_do_not_change_each_other() -> None:
    first = Changes(["a"], {"b": "1"}, [("c", "1")])
    later = Changes(["d"], {"b": "2"}, [("c", "2")])
    assert first.then(later) == Changes(["a", "d"], {"b": "2"}, [("c", "1"), ("c", "2")])
    assert first == Changes(["a"], {"b": "1"}, [("c", "1")])
