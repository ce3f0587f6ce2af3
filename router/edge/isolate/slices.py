"""Long work in slices, between which requests go on: an isolate has one thread."""

from __future__ import annotations

from asyncio import sleep
from typing import TypeVar

from policies.basics.steps import Steps

T = TypeVar("T")
SLICE_UNITS = 2  # of work (`basics/steps.py`): some 20 ms at the edge
PAUSE_S = 0.005


async def slowly(steps: Steps[T]) -> T:
    """The result of `steps`, worked on in slices."""
    while True:
        units = SLICE_UNITS
        try:
            while units > 0:
                units -= next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        await sleep(PAUSE_S)
