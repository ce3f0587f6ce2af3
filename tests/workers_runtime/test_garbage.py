"""Cycles are collected when there are many, and only by `tidy`."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from workers_runtime import garbage


class Node:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    garbage.stays()
    gc.collect()
    garbage.take_over()
    yield
    gc.enable()
    gc.collect()


def cycles(number: int) -> list[weakref.ref[Node]]:
    return [weakref.ref(Node()) for _ in range(number)]


def test_nothing_is_collected_by_itself() -> None:
    assert all(reference() for reference in cycles(2 * garbage.YOUNG))


def test_few_are_left_alone_and_many_are_collected() -> None:
    few = cycles(10)
    garbage.tidy()
    assert all(reference() for reference in few)
    many = cycles(garbage.YOUNG)
    garbage.tidy()
    assert not any(reference() for reference in few + many)


@pytest.mark.slow
def test_what_has_grown_old_is_collected_in_the_end() -> None:
    node = Node()
    old = weakref.ref(node)
    for _ in range(3):  # into the oldest generation
        gc.collect()
    del node
    for _ in range(garbage.ALL_AFTER):
        assert all(reference() for reference in cycles(garbage.YOUNG))
        garbage.tidy()
    assert old() is None


def test_while_a_policy_is_read_nobody_looks_at_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """14.18: that takes as long as there is much."""
    looks: list[int] = []
    monkeypatch.setattr(gc, "collect", looks.append)
    monkeypatch.setattr(gc, "get_count", lambda: (garbage.YOUNG, 0, 0))
    garbage.reading()
    for _ in range(3 * garbage.ALL_AFTER):
        garbage.tidy()
    assert set(looks) == {0}
    garbage.stays()
    for _ in range(garbage.ALL_AFTER):
        garbage.tidy()
    assert 2 in looks


def test_what_replaced_policies_leave_is_collected_in_the_end() -> None:
    left = cycles(10)
    gc.freeze()
    for _ in range(garbage.ALL_AFTER_POLICIES):
        garbage.stays()
    assert not any(reference() for reference in left)
