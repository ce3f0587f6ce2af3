"""Work in steps, so that the caller can do something else in between.

An isolate has one thread: while it reads a policy, requests wait. So long work is a generator. Each
step is some milliseconds of work, and yields its number of units; a unit costs about as much as
STEP_VALUES values of a document. Work is counted, never timed: at the edge clocks stand still while
a Worker computes, and a verdict must not depend on them.
"""

from __future__ import annotations

from collections.abc import Generator, Sized
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Steps: TypeAlias = Generator[int, None, T]

STEP_VALUES = 200  # values of a document
STEP_TEXT = 8 * 1024  # characters of a document
STEP_ENTRIES = 20  # routes, keys or drills, each of about ten values
STEP_RULES = 100  # rules of routes


class TooMuchWork(Exception):
    """The work has more units than allowed."""


def finished(steps: Steps[T]) -> T:
    """Do all steps, and return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def within(steps: Steps[T], most: int) -> Steps[T]:
    """Yield the same steps. Raises `TooMuchWork` when they have more than `most` units."""
    total = 0
    while True:
        try:
            units = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        total += units
        if total > most:
            steps.close()
            raise TooMuchWork
        yield units


def pause_after(number: int, every: int) -> Generator[int]:
    """Yield a step after each `every` items; `number` is that of this item, from 0."""
    if number % every == every - 1:
        yield 1


def units_of(things: Sized, size: int) -> int:
    """Return the units of work on all of `things`, of which one unit has `size`."""
    return 1 + len(things) // size
