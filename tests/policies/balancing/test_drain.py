"""Draining: who was there may finish, nobody new comes; read as a trajectory."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from policies.access.given import Sealing, cookie_secret
from policies.balancing.availability import availability_without
from policies.balancing.choose import Forward, choose_variants
from policies.compiled.policy import CompiledPolicy
from tests.policies.making import NOW, compiled, request

COOKIE = [{"cookie": "side", "set": True}]
SEALING = Sealing(cookie_secret(b"a secret"), NOW.now_ms)


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


def choose(made: CompiledPolicy, rng: Random, out: str = "", **headers: str) -> Forward:
    asked = request(headers=headers, continent="EU")
    route, availability = made.routes[0], availability_without(out)
    found = choose_variants(made, route, asked, rng, availability, sealing=SEALING)
    assert isinstance(found, Forward)
    return found


def given(choice: Forward) -> str:
    """The cookie that a client gets, as it sends it."""
    assert choice.new_cookie
    return f"side={SEALING.sealed(choice.new_cookie, choice.key)}"


def first(choice: Forward) -> str:
    return choice.candidates[0].name


@pytest.mark.parametrize("alone", [False, True])
def test_a_drain_from_beginning_to_end(alone: bool) -> None:
    rng = Random(1)
    before = [choose(policy(alone=alone), rng) for _ in range(40)]
    there = [given(each) for each in before if first(each) == "a"]
    assert there, "somebody is there"
    drained = policy("a", alone=alone)
    assert {first(choose(drained, rng, cookie=each)) for each in there} == {"a"}
    new = [choose(drained, rng) for _ in range(40)]
    assert {first(each) for each in new} == {"b"}
    came = [given(each) for each in new]
    assert {first(choose(drained, rng, cookie=each)) for each in came} == {"b"}
    again = policy(alone=alone)
    assert "a" in {first(choose(again, rng, cookie=each)) for each in came}


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


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("made_up", ["{}", "{:032x}", "{:032x}~6b49d200.0123456789abcdef", "a~{}"])
def test_a_cookie_that_a_client_made_up_does_not_stay(made_up: str, alone: bool) -> None:
    """14.12"""
    made = policy("a", alone=alone)
    for n in range(40):
        choice = choose(made, Random(n), cookie=f"side={made_up.format(n)}")
        assert first(choice) == "b"
        assert choice.new_cookie is None, "it decides the split all the same"


def test_a_cookie_whose_time_is_over_does_not_stay() -> None:
    made, later = policy("a"), SEALING._replace(now_ms=NOW.now_ms + 31 * 24 * 3_600_000)
    there = next(given(c) for n in range(50) if first(c := choose(policy(), Random(n))) == "a")
    asked = request(headers={"cookie": there})
    for sealing, name in ((SEALING, "a"), (later, "b")):
        found = choose_variants(made, made.routes[0], asked, Random(1), sealing=sealing)
        assert isinstance(found, Forward)
        assert first(found) == name


def test_who_was_there_moves_on_when_it_fails() -> None:
    there = next(given(c) for n in range(50) if first(c := choose(policy(), Random(n))) == "a")
    made = policy("a")
    assert first(choose(made, Random(1), cookie=there)) == "a"
    assert first(choose(made, Random(1), out="a", cookie=there)) == "b"


def test_a_drained_variant_that_is_well_comes_before_those_that_are_not() -> None:
    choice = choose(policy("a"), Random(1), out="b")
    assert choice.panic
    assert [each.name for each in choice.candidates] == ["a", "b"]
