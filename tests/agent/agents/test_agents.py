"""The table of agents, on SQLite as the migrations make it."""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import count
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.agents import agents as table
from agent.agents.agents import KEPT_VERSIONS, AgentKey, Agents, Changed, Version
from agent.queue.database import Database, DatabaseUnavailable
from tests.agent.queue.sqlite import MIGRATIONS, failing, memory
from tests.support.examples import examples
from tests.support.running import run

T = TypeVar("T")


class Table:
    """The table, with a clock that goes on with each change."""

    def __init__(self, db: Database | None = None) -> None:
        self.agents = Agents(db or memory())
        self.ticks = count(1)

    def put(self, id: str, text: str, change: str = "", expected: int | None = None) -> Changed:
        now = next(self.ticks)
        asked = (key(id), "text-processing", text, change or f"c-{now}", now, expected)
        return do(self.agents.put(*asked))

    def delete(self, id: str, change: str = "", expected: int | None = None) -> Changed:
        now = next(self.ticks)
        return do(self.agents.delete(key(id), change or f"c-{now}", now, expected))

    def get(self, id: str, version: int | None = None) -> Version | None:
        return do(self.agents.get(key(id), version))

    def texts(self, id: str) -> list[str | None]:
        """All versions that are kept."""
        found = (self.get(id, number) for number in range(1, 300))
        return [each.definition for each in found if each]

    def ids(self, limit: int = 100, after: str = "") -> list[str]:
        return [each.id for each in do(self.agents.listed("t", limit, after))]


def key(id: str) -> AgentKey:
    return AgentKey("t", id)


def do(work: Coroutine[Any, Any, T]) -> T:
    return run(work)


def test_every_change_is_a_version() -> None:
    table = Table()
    made = table.put("a", "1")
    assert made == Changed(True, True, Version("a", 1, 1, "text-processing", "1"))
    assert table.put("a", "1") == Changed(True, False, made.version)
    assert table.put("a", "2").version == Version("a", 2, 3, "text-processing", "2")
    assert table.get("a") == table.get("a", 2)
    assert table.get("a", 1) == made.version
    assert table.get("a", 3) is None
    deleted = table.delete("a")
    assert deleted == Changed(True, True, Version("a", 3, 4, "text-processing", None))
    assert table.delete("a") == Changed(False, False, deleted.version)
    again = table.put("a", "2").version
    assert again is not None
    assert again.version == 4
    assert table.texts("a") == ["1", "2", None, "2"]


def test_a_request_that_is_repeated_changes_nothing_more() -> None:
    """Whatever others have done meanwhile."""
    table = Table()
    first = table.put("a", "1", "mine")
    second = table.put("a", "2")
    assert table.put("a", "1", "mine") == first
    assert table.get("a") == second.version
    gone = table.delete("a", "gone")
    table.put("a", "3")
    assert table.delete("a", "gone") == gone
    assert table.texts("a") == ["1", "2", None, "3"]


def test_a_version_that_is_expected() -> None:
    table = Table()
    assert table.put("a", "1", expected=1) == Changed(False, False, None)
    current = table.put("a", "1").version
    assert table.put("a", "2", expected=2) == Changed(False, False, current)
    assert table.put("a", "1", expected=2).is_done  # it is so already
    assert table.put("a", "2", expected=1).is_new
    assert not table.delete("a", expected=1).is_done
    assert table.delete("a", expected=2).is_done
    assert not table.put("a", "2", expected=3).is_done  # there is none


def test_tenants_have_agents_of_their_own() -> None:
    table = Table()
    table.put("a", "1")
    other = AgentKey("u", "a")
    assert do(table.agents.get(other)) is None
    assert do(table.agents.find("u", "a", "")) == {}
    assert not do(table.agents.delete(other, "c", 1)).is_done
    assert do(table.agents.put(other, "x", "2", "c", 1)).version == Version("a", 1, 1, "x", "2")
    assert table.texts("a") == ["1"]


def test_found_and_listed_are_those_that_there_are() -> None:
    table = Table()
    for id in ("c", "a", "b", "d"):
        table.put(id, id)
    table.delete("b")
    assert table.ids() == ["a", "c", "d"]
    assert (table.ids(2), table.ids(2, "c")) == (["a", "c"], ["d"])
    found = do(table.agents.find("t", "a", "b"))
    assert {id: each.definition for id, each in found.items()} == {"a": "a"}


def test_a_tenant_has_so_many_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_AGENTS", 2)
    own = Table()
    for id in "ab":
        assert own.put(id, "1").is_done
    assert own.put("c", "1") == Changed(False, False, None)
    assert own.put("a", "2").is_done
    own.delete("b")
    assert own.put("c", "1").is_done
    assert not own.put("b", "1").is_done


def test_the_last_versions_are_kept() -> None:
    table = Table()
    for number in range(KEPT_VERSIONS + 3):
        table.put("a", str(number))
    assert table.texts("a") == [str(number) for number in range(3, KEPT_VERSIONS + 3)]
    assert f"- {KEPT_VERSIONS};" in (MIGRATIONS / "0006_agents.sql").read_text()


def test_what_was_deleted_is_forgotten() -> None:
    table = Table()
    table.put("a", "1")
    table.put("b", "1")
    table.delete("a")  # at 3
    assert do(table.agents.forget(3)) == 0
    assert do(table.agents.forget(4)) == 1
    assert (table.texts("a"), table.texts("b")) == ([], ["1"])
    version = table.put("a", "2").version
    assert version is not None
    assert version.version == 1


@examples(100)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2", None]))), st.integers())
def test_a_database_that_fails_makes_no_version_twice(
    changes: list[tuple[str, str | None]], seed: int
) -> None:
    """Against a list of what each agent was."""
    random = Random(seed)
    own = Table(failing(memory(), random.random, 0.3))
    expected: dict[str, list[str | None]] = {"a": [], "b": []}
    for number, (id, text) in enumerate(changes):
        while True:
            try:
                _ = (
                    own.delete(id, f"d-{number}")
                    if text is None
                    else own.put(id, text, f"d-{number}")
                )
            except DatabaseUnavailable:
                continue
            break
        now = expected[id][-1] if expected[id] else None
        if text != now:
            expected[id].append(text)
    while True:
        try:
            assert {
                id: own_texts(own, id, len(texts)) for id, texts in expected.items()
            } == expected
        except DatabaseUnavailable:
            continue
        break


def own_texts(table: Table, id: str, number: int) -> list[str | None]:
    found = [table.get(id, each) for each in range(1, number + 2)]
    return [each.definition for each in found if each]
