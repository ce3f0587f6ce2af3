"""The times when a rollout may take a step: for a while after each run of a schedule, in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from policies.basics.schedule import last_run_ms, next_run_ms

Windows = Sequence[tuple[str, int]]


class Window(NamedTuple):
    """Whether a window is open, until when (None: closed, or always open), and when the next one
    opens (None: never, or one is open)."""

    is_open: bool
    until_ms: int | None = None
    next_ms: int | None = None


def window_at(windows: Windows, now_ms: float) -> Window:
    if not windows:
        return Window(True)
    begun = [(last_run_ms(start, now_ms), for_ms) for start, for_ms in windows]
    ends = [run + for_ms for run, for_ms in begun if run is not None and run + for_ms > now_ms]
    if ends:
        return Window(True, max(ends))
    runs = [next_run_ms(start, now_ms) for start, _ in windows]
    return Window(False, None, min((run for run in runs if run is not None), default=None))
