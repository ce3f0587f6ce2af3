"""Draining: who was there may finish, nobody new comes; read as a trajectory."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from policies.decisions.decide import Forward, choose_variants
from policies.decisions.policy import CompiledPolicy
from policies.decisions.standing import standing_without
from tests.policies.making import compiled, request

COOKIE = [{"cookie": "side", "set": True}]


def policy(drained: str = "", sticky: Any = COOKIE, alone: bool = False) -> CompiledPolicy:
    """Two variants of equal rank, or (`alone`) of different regions."""
    place = {"a": "eu", "b": "us"} if alone else {}
    variants = {
        name: {"binding": name.upper(), "pool": "production", "drain": name in drained}
        | ({"region": place[name]} if place else {})
        for name in "ab"
    }
    regions = {"eu": {"continents": ["EU"], "fallback": ["us"]}, "us": {"continents": ["NA"]}}
    route = {"name": "r", "split": {"production": 1}, "sticky": sticky}
    return compiled(variants=variants, routes=[route], **({"regions": regions} if alone else {}))


def choose(made: CompiledPolicy, chance: Random, out: str = "", **headers: str) -> Forward:
    asked = request(headers=headers, continent="EU")
    found = choose_variants(made, made.routes[0], asked, chance, standing_without(out))
    assert isinstance(found, Forward)
    return found


def first(choice: Forward) -> str:
    return choice.candidates[0].name


@pytest.mark.parametrize("alone", [False, True])
def test_a_drain_from_beginning_to_end(alone: bool) -> None:
    chance = Random(1)
    before = [choose(policy(alone=alone), chance) for _ in range(40)]
    there = [each.key for each in before if first(each) == "a"]
    assert there, "somebody is there"
    drained = policy("a", alone=alone)
    assert {first(choose(drained, chance, cookie=f"side={key}")) for key in there} == {"a"}
    new = [choose(drained, chance) for _ in range(40)]
    assert {first(each) for each in new} == {"b"}
    came = [each.key for each in new]
    assert {first(choose(drained, chance, cookie=f"side={key}")) for key in came} == {"b"}
    again = policy(alone=alone)
    assert "a" in {first(choose(again, chance, cookie=f"side={key}")) for key in came}


@pytest.mark.parametrize(
    ("sticky", "headers"),
    [
        ([], {}),
        (["header:x-user"], {"x-user": "u1"}),
        (["cookie:session"], {"cookie": "session=s1"}),
        (["ip"], {}),
    ],
)
def test_a_key_that_tells_nothing_of_the_past_does_not_stay(
    sticky: Any, headers: dict[str, str]
) -> None:
    made = policy("a", sticky)
    assert {first(choose(made, Random(n), **headers)) for n in range(20)} == {"b"}


def test_who_was_there_moves_on_when_it_fails() -> None:
    there = next(each.key for n in range(50) if first(each := choose(policy(), Random(n))) == "a")
    made = policy("a")
    assert first(choose(made, Random(1), cookie=f"side={there}")) == "a"
    assert first(choose(made, Random(1), out="a", cookie=f"side={there}")) == "b"


def test_a_drained_variant_that_is_well_comes_before_those_that_are_not() -> None:
    choice = choose(policy("a"), Random(1), out="b")
    assert choice.panic
    assert [each.name for each in choice.candidates] == ["a", "b"]
