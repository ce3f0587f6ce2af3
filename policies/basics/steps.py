"""Work in steps, so that whoever does it can do something else in between.

An isolate has one thread: while it reads a policy, requests wait. So what takes long is a
generator. Each step is some milliseconds of work, and says how many units it was: about
as many as STEP_VALUES values of a document cost. The work is counted, never timed: at the
edge clocks stand still while a Worker computes, and a verdict must not depend on them.
"""

from __future__ import annotations

from collections.abc import Generator, Sized
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Steps: TypeAlias = Generator[int, None, T]

STEP_VALUES = 200  # of a document
STEP_TEXT = 8 * 1024  # characters of it
STEP_ENTRIES = 20  # routes, or keys, or drills: each of them some ten values
STEP_RULES = 100  # of routes


class TooMuchWork(Exception):
    """More units than are allowed."""


def finished(steps: Steps[T]) -> T:
    """What comes of it, at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def within(steps: Steps[T], most: int) -> Steps[T]:
    """The same steps. Raises `TooMuchWork` when they have more than `most` units."""
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
    """A step after each `every` of something, of which this was the one of that number."""
    if number % every == every - 1:
        yield 1


def units_of(things: Sized, size: int) -> int:
    """The units of work on all of `things` in one step."""
    return 1 + len(things) // size
