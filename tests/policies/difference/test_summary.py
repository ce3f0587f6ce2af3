"""The last line of a difference names every field that changes what the router does."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policies.compiled.tables import form_text
from policies.difference.difference import Side, difference
from policies.difference.views.summary import aspects
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.language.yaml.document import read_document
from tests.policies.difference.making import routes, side
from tests.support.examples import examples

GOLDEN = Path(__file__).parents[1] / "compiled" / "golden" / "policy.yaml"
ONE, TWO = {"name": "a", "hostnames": ["a.test"]}, {"name": "b", "hostnames": ["b.test"]}
MANY = [{"name": f"r{at}", "hostnames": [f"h{at}.test"]} for at in range(5)]
TO = {"split": {"production": 1}}
CORS = {"filters": {"cors": {"allow_origins": ["https://x.test"]}}}


def given_routes(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return routes(*({**each, **TO, **more} for each in fields))


CASES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({}, {"limits": {"body": "1KiB"}}, ["limits.body"]),
    (routes(), routes(**CORS), ["cors of route r"]),
    (given_routes(ONE, TWO), given_routes(ONE, TWO, **CORS), ["cors of routes a, b"]),
    (given_routes(*MANY), given_routes(*MANY, **CORS), ["cors of 5 routes"]),
    (given_routes(ONE), given_routes(ONE, TWO), ["new route b"]),
    (given_routes(ONE, TWO), given_routes(ONE), ["route b gone"]),
    (given_routes(ONE), given_routes(ONE, *MANY), ["5 new routes"]),
    ({}, {"health": {"panic_threshold": "10%"}}, ["health.panic_threshold"]),
    ({}, {"merge_slashes": True}, ["merge_slashes"]),
    ({}, {"auth": {"keys": [{"id": "k", "sha256": "a" * 64}]}}, ["new key k"]),
    (
        {"auth": {"keys": [{"id": "k", "sha256": "a" * 64}]}},
        {"auth": {"keys": [{"id": "k", "sha256": "b" * 64, "scopes": ["x"]}]}},
        ["hash of key k", "scopes of key k"],
    ),
    (
        routes(),
        routes(timeouts={"request": "5s"}, failover={"attempts": 1}, **CORS),
        ["timeouts of route r", "failover of route r", "cors of route r"],
    ),
]


@pytest.mark.parametrize(("before", "after", "texts"), CASES, ids=lambda value: str(value)[:50])
def test_the_line(before: dict[str, Any], after: dict[str, Any], texts: list[str]) -> None:
    found = aspects(difference(side(**(routes() | before)), side(**(routes() | after))).changes)
    assert sorted(aspect.text() for aspect in found) == sorted(texts)


def test_no_change_has_no_line() -> None:
    assert aspects(difference(side(**routes()), side(**routes())).changes) == []


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values that hold no others."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inner in items:
            yield from places(inner, (*path, name))
    else:
        yield path


def other(value: Any, number: int) -> Any:
    """A value that the language may take in place of this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + number
    digits = re.match(r"\d+", str(value))
    if digits:
        return f"{int(digits[0]) + number}{value[digits.end() :]}"
    return ("prefer", "leased", "allow", "open", "PUT", "all-green", f"{value}x")[number % 7]


WHOLE = read_document(GOLDEN.read_bytes()).value
PLACES = [path for path in places(WHOLE) if path != ("version",)]
# Of a pool's weight only the share counts, and the other pools of that split have none.
WITHOUT_EFFECT = [("routes", 0, "split", "blue", "weight")]


def compiled(value: Any) -> Side | None:
    loaded = load(json.dumps(value).encode())
    return Side(loaded.policy, compile_policy(loaded.policy, "0" * 64)) if loaded.policy else None


BEFORE = compiled(WHOLE)


@examples(300)
@given(st.sampled_from(PLACES), st.integers(1, 20))
def test_another_compiled_form_is_never_without_a_name(path: tuple[Any, ...], number: int) -> None:
    """One value of a policy that uses every field is another one: if the router is told anything
    else, the line names the field, or the part that has it."""
    assume(path not in WITHOUT_EFFECT)
    changed = copy.deepcopy(WHOLE)
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = other(holder[path[-1]], number)
    after = compiled(changed)
    assume(after is not None)
    assert BEFORE is not None
    assert after is not None
    if form_text(after.tables) == form_text(BEFORE.tables):
        return
    found = aspects(difference(BEFORE, after).changes)
    words = " ".join(aspect.text() for aspect in found)
    assert re.search(wanted(path), words), (words, path)


def wanted(path: tuple[Any, ...]) -> str:
    """A pattern for the name of a field in the line."""
    if path[0] != "routes":
        sections = {"auth": "key|auth", "merge_slashes": "merge_slashes"}
        return sections.get(path[0], path[0].removesuffix("s").replace("_", "[_ ]"))
    field = path[3] if path[2] == "filters" else path[2]
    return {"name": "route", "split": "split|backends"}.get(field, str(field))
