"""Overlays: what merges, what replaces, what removes, and what holds for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.language.findings.findings import path_text
from policies.language.meant import bare
from policies.language.model.part import Part
from policies.language.model.policy import Policy
from policies.language.yaml.composer import OVERLAY
from policies.language.yaml.document import Document, read_document
from policies.overlays.merge import NAMED, Merged, merged
from tests.policies.overlays.making import BASE, CASES, VALUES


def document(value: object) -> Document:
    found = read_document(json.dumps(value).encode(), OVERLAY)
    assert isinstance(found, Document)
    return found


def laid(base: object, *overlays: object) -> Merged:
    assert overlays
    for overlay in overlays:
        both = merged(document(base), document(overlay), ("base", "overlay"))
        base = both.value
    return both


@pytest.mark.parametrize(("overlay", "expected"), CASES.values(), ids=CASES.keys())
def test_cases(overlay: Any, expected: Any) -> None:
    both = laid(BASE, overlay)
    assert (both.value, both.mistakes) == (expected, ())


NAMES = "core", "worker"
MISTAKES: dict[str, tuple[Any, str, str]] = {
    "a removed variant that is not there": (
        {"variants": {"aa": None}},
        "overlay-removes-nothing",
        "variants.aa",
    ),
    "a removed route that is not there": (
        {"routes": {"apis": None}},
        "overlay-removes-nothing",
        "routes.apis",
    ),
    "a removed field of what is new": (
        {"variants": {"c": {"binding": "C", "region": None}}},
        "overlay-removes-nothing",
        "variants.c.region",
    ),
    "a changed route that is not there": (
        {"routes": {"apis": {"first": True}}},
        "overlay-leads-nowhere",
        "routes.apis",
    ),
    "a changed rollout where there are none": (
        {"rollouts": {"one": {"to": "q"}}},
        "overlay-leads-nowhere",
        "rollouts.one",
    ),
    "an entry with another name": (
        {"routes": {"api": {"name": "apis"}}},
        "overlay-name",
        "routes.api",
    ),
    "an entry twice": (
        {"auth": {"keys": [{"id": "core"}, {"id": "core", "scopes": []}]}},
        "overlay-name",
        "auth.keys[0]",
    ),
}


@pytest.mark.parametrize(("overlay", "code", "path"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(overlay: Any, code: str, path: str) -> None:
    [mistake] = laid(BASE, overlay).mistakes
    assert (mistake.code, path_text(mistake.path)) == (code, path)
    assert mistake.at.origin.file == "overlay"


# Everything has one kind wherever it stands, as in a policy: a, b are numbers, c and d mappings.
LEAVES = st.integers(0, 3)
SPLITS = st.dictionaries(st.sampled_from("ab"), LEAVES)
ROUTES = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("rst")},
        optional={"a": LEAVES, "split": SPLITS, "list": st.lists(LEAVES)},
    ),
    unique_by=lambda route: route["name"],
    max_size=3,
)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "a": LEAVES,
        "c": SPLITS,
        "d": st.dictionaries(st.sampled_from("xy"), SPLITS),
        "routes": ROUTES,
    },
)


def without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_none(each) for key, each in value.items() if each is not None}
    return [without_none(each) for each in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(max_size=3), VALUES))
def test_an_empty_overlay_changes_nothing(base: Any) -> None:
    both = laid(base, {})
    assert (both.value, both.mistakes) == (base, ())


@given(POLICIES)
def test_a_policy_over_itself_is_the_same(policy: Any) -> None:
    both = laid(policy, policy)
    assert (both.value, both.mistakes) == (policy, ())


@given(POLICIES)
def test_an_overlay_over_nothing_is_a_policy(policy: Any) -> None:
    assert laid({}, policy).value == policy


@given(POLICIES, POLICIES)
def test_an_overlay_twice_is_the_overlay_once(base: Any, overlay: Any) -> None:
    assert laid(base, overlay, overlay).value == laid(base, overlay).value


@given(POLICIES, POLICIES, POLICIES)
def test_overlays_without_removals_can_be_joined(base: Any, first: Any, second: Any) -> None:
    joined = laid(first, second).value
    assert laid(base, first, second).value == laid(base, joined).value


def overlay_from(before: Any, after: Any) -> Any:
    """The overlay that makes one policy of another, written otherwise than the merge."""
    made: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name not in before:
            made[name] = value
        elif name == "routes":
            made[name] = routes_from(before[name], value)
        elif isinstance(value, dict):
            made[name] = overlay_from(before[name], value)
        elif value != before[name]:
            made[name] = value
    return made


def routes_from(before: Any, after: Any) -> Any:
    old = {route["name"]: route for route in before}
    return {
        name: overlay_from(old[name], {"name": name, **route})
        for route in after
        if (name := route["name"]) in old
    } | {name: None for name in old if name not in {route["name"] for route in after}}


@given(POLICIES, POLICIES)
def test_any_policy_can_be_made_from_another(before: Any, after: Any) -> None:
    """In two overlays: one removes and changes, the other adds routes."""
    both = laid(before, overlay_from(before, after))
    assert both.mistakes == ()
    known = {route["name"] for route in before.get("routes", ())}
    more = [route for route in after.get("routes", ()) if route["name"] not in known]
    value = laid(both.value, {"routes": more} if more else {}).value
    for policy in (value, after):
        if "routes" in policy:
            policy["routes"] = sorted(policy["routes"], key=lambda route: route["name"])
    assert value == after


@given(st.dictionaries(st.text(max_size=3), VALUES), st.dictionaries(st.text(max_size=3), VALUES))
def test_anything_can_be_merged(base: Any, overlay: Any) -> None:
    """The result is as deep as its files, and every mistake is one of removal."""
    both = laid(base, overlay)
    assert {mistake.code for mistake in both.mistakes} <= {"overlay-removes-nothing"}
    assert set(both.value) == {*(base.keys() - {k for k, v in overlay.items() if v is None})} | {
        key for key, value in overlay.items() if value is not None
    }


@given(POLICIES, POLICIES)
def test_every_value_knows_its_file(base: Any, overlay: Any) -> None:
    both = laid(base, overlay)
    for name in both.value:
        only = overlay if name not in base else base if name not in overlay else None
        if only is not None:
            expected = "overlay" if only is overlay else "base"
            assert both.file((name,), at_key=False) == both.file((name,), at_key=True) == expected


def test_named_lists_are_those_of_the_model() -> None:
    """A list of things with names merges by them, except these, whose names may repeat."""
    assert set(NAMED) == set(named_lists())


# Lists of headers and parameters: a name may come twice, and the order counts.
WHOLE = {"headers", "query_params", "set", "add"}


def named_lists(part: type[Part] = Policy, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of lists whose entries have a name."""
    for name, each in part.model_fields.items():
        here = (*path, each.alias or name)
        kind = bare(each.annotation)
        is_list = get_origin(kind) is list
        inner = bare((get_args(kind) or (kind,))[-1])
        if not (isinstance(inner, type) and issubclass(inner, Part)):
            continue
        names = {field.alias or name for name, field in inner.model_fields.items()}
        if is_list and names & {"name", "id"} and here[-1] not in WHOLE:
            yield here
        yield from named_lists(inner, (*here, "*") if get_origin(kind) else here)
