"""Kept results: who is answered with what, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.capabilities import cache, execution
from agent.core.capabilities.cache import KEEP_S, MAX_KEPT, CachedRun, key_of, run_or_recall
from agent.core.capabilities.execution import CapabilityCall
from agent.core.capabilities.results import Output, Stream
from agent.core.capabilities.tools import Capability
from agent.core.refused import Refused, Unavailable
from tests.support.examples import examples

NOW = 1_790_000_000_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


class FakeTools:
    def __init__(self, tenant: str = "ann", *scopes: str) -> None:
        self.tenant = tenant
        self.scopes = frozenset(scopes)


class Memory(dict[str, str]):
    """A store that never forgets, so that age is seen."""

    def put(self, key: str, text: str, keep_s: int) -> None:
        assert keep_s == KEEP_S
        self[key] = text


class World:
    """A capability `counted` that counts its runs, and a store."""

    def __init__(self) -> None:
        self.store: Memory | None = Memory()
        self.runs = 0
        self.result: Any = None

    def run(self, given: dict[str, Any], tools: Any) -> Any:
        self.runs += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.runs if self.result is None else self.result

    def ask(
        self,
        given: dict[str, Any],
        tools: FakeTools | None = None,
        id: str = "j",
        variant: str = "eu",
        now_ms: float = NOW,
        wish: str = "",
    ) -> CachedRun:
        headers: Mapping[str, str] = {"cache-control": wish} if wish else {}
        job, tools = CapabilityCall(id, "counted", given), tools or FakeTools()
        return run_or_recall(job, tools, lambda: self.store, variant, headers, now_ms)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    may = Capability(made.run, lambda given: given.get("keep", True), frozenset({"web"}))
    monkeypatch.setitem(execution.CAPABILITIES, "counted", may)  # type: ignore[arg-type]
    return made


def test_the_same_again_is_not_run(world: World) -> None:
    assert world.ask({"a": 1, "b": [1, "é"]}) == (Output(1, {}), "MISS", None)
    again = world.ask({"b": [1, "é"], "a": 1}, id="other", now_ms=NOW + 61_500)
    assert again == (Output(1, {}), "HIT", 61)
    assert again.headers == (("x-cache", "HIT"), ("age", "61"))
    assert again.outcome == {"result": 1, "age": 61}


def test_what_is_told_beside_a_result_is_kept_with_it(world: World) -> None:
    world.result = Output([1], {"stdout": "é"})
    assert world.ask({}).outcome == {"result": [1], "stdout": "é"}
    assert world.ask({}).outcome == {"result": [1], "stdout": "é", "age": 0}


@pytest.mark.parametrize(
    "other",
    [
        {"given": {"a": 2}},
        {"given": {"a": 1.0}},
        {"given": {"a": True}},
        {"given": {"a": "1"}},
        {"given": {"a": 1, "b": None}},
        {"tools": FakeTools("bob")},
        {"tools": FakeTools("ann", "web")},
        {"variant": "canary"},
    ],
)
def test_what_differs_is_run(world: World, other: dict[str, Any]) -> None:
    world.ask({"a": 1})
    assert world.ask(**{"given": {"a": 1}, **other}) == (Output(2, {}), "MISS", None)


def test_scopes_that_it_does_not_look_at_change_nothing(world: World) -> None:
    world.ask({}, FakeTools("ann", "web"))
    assert world.ask({}, FakeTools("ann", "web", "admin")).found == "HIT"


def test_another_version_of_the_agent_starts_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ask({})
    monkeypatch.setattr(cache, "__version__", "another")
    assert world.ask({}).found == "MISS"


@pytest.mark.parametrize(
    ("wish", "found", "after"),
    [
        ("no-cache", "BYPASS", 2),
        ("max-age=0", "BYPASS", 2),
        ("private, No-Store", "BYPASS", 1),
        ("no-cache, no-store", "BYPASS", 1),
        ("max-stale", "HIT", 1),
    ],
)
def test_wishes(world: World, wish: str, found: str, after: int) -> None:
    """After `no-cache` the newer result is kept, after `no-store` the one that was."""
    world.ask({})
    assert world.ask({}, wish=wish).found == found
    assert world.ask({})[:2] == (Output(after, {}), "HIT")


def test_it_is_kept_for_five_minutes_even_by_a_store_that_is_late(world: World) -> None:
    world.ask({})
    assert world.ask({}, now_ms=NOW + KEEP_S * 1000).found == "HIT"
    assert world.ask({}, now_ms=NOW + KEEP_S * 1000 + 1000).found == "MISS"
    assert world.ask({}, now_ms=NOW - 5_000)[1:] == ("HIT", 0)  # another machine's clock


@pytest.mark.parametrize("result", ["x" * MAX_KEPT, Stream("events")], ids=["large", "stream"])
def test_what_is_not_kept(world: World, result: Any) -> None:
    world.result = result
    assert [world.ask({}).found for _ in range(2)] == ["MISS", "MISS"]
    assert world.store == {}


@pytest.mark.parametrize("error", [Refused("no"), Unavailable("later")])
def test_failures_are_not_kept(world: World, error: Exception) -> None:
    world.result = error
    for _ in range(2):
        with pytest.raises(type(error)):
            world.ask({})
    assert (world.store, world.runs) == ({}, 2)


@pytest.mark.parametrize("is_bound", [True, False])
def test_without_a_store_or_if_the_input_says_so_nothing_is_told(
    world: World, is_bound: bool
) -> None:
    world.store = world.store if is_bound else None
    for number in (1, 2):
        assert world.ask({"keep": not is_bound}) == (Output(number, {}), "", None)
    assert world.ask({"keep": not is_bound}).headers == ()


@pytest.mark.parametrize(
    "text", ["", "1", "x\n1", f"{NOW}\n", f"{NOW}\n{{", f"{NOW}\n5", f"{NOW}\n[]"]
)
def test_a_store_that_has_rubbish_has_nothing(world: World, text: str) -> None:
    world.ask({})
    assert world.store
    world.store.update(dict.fromkeys(world.store, text))
    assert world.ask({}) == (Output(2, {}), "MISS", None)


@examples(30)
@given(st.dictionaries(st.text(max_size=3), JSON), st.dictionaries(st.text(max_size=3), JSON))
def test_the_key_is_that_of_the_input(one: dict[str, Any], other: dict[str, Any]) -> None:
    def key(given: dict[str, Any], id: str = "j") -> str:
        return key_of(CapabilityCall(id, "text-processing", given), FakeTools(), "eu")  # type: ignore[arg-type]

    assert key(one) == key(dict(reversed(list(one.items()))), "another id")
    if one != other:
        assert key(one) != key(other)
