"""What is due in a loop is waited for; then the loop takes nothing more."""

from __future__ import annotations

import asyncio
from typing import Any

from agent.sandbox.leftovers import LONGEST_PAUSE_MS, Leftovers


def loop_class() -> Any:
    """A loop like Pyodide's, whose time `go` moves: a class of its own for each test."""

    class Loop:
        def __init__(self) -> None:
            self.now, self.timers = 0.0, list[tuple[float, asyncio.Handle]]()

        def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
            handle = asyncio.Handle(callback, args, self, context)  # type: ignore[arg-type]
            self.timers.append((self.now + delay, handle))
            return handle

        def get_debug(self) -> bool:
            return False

        def go(self, ms: int) -> None:
            assert 1 <= ms <= LONGEST_PAUSE_MS
            self.now += ms / 1000
            due = [each for each in self.timers if each[0] <= self.now]
            self.timers = [each for each in self.timers if each not in due]
            for _, handle in due:
                if not handle.cancelled():
                    handle._run()

    return Loop


def test_what_is_due_is_waited_for() -> None:
    leftovers, called = Leftovers(), list[int]()
    leftovers.watch(made := loop_class())
    loop = made()
    loop.call_later(0.5, called.append, 1)
    loop.call_later(0.1, lambda: loop.call_later(0.6, called.append, 2))
    loop.call_later(1000, called.append, 3).cancel()
    leftovers.settle(loop.go)
    assert called == [1, 2]
    assert 0.7 <= loop.now < 0.8


def test_nothing_due_takes_no_time() -> None:
    leftovers = Leftovers()
    leftovers.watch(made := loop_class())
    made().call_later(float("inf"), print)
    leftovers.settle(lambda ms: 1 / 0)


def test_after_the_end_nothing_is_taken() -> None:
    leftovers, called = Leftovers(), list[int]()
    leftovers.watch(made := loop_class())
    loop = made()

    def forever() -> None:
        called.append(1)
        loop.call_later(0, forever)

    forever()
    leftovers.end()
    loop.go(1)
    loop.go(1)
    assert called == [1, 1]
    assert loop.timers == []
    assert loop.call_later(0, forever).cancelled()
