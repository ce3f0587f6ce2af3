"""Waits for the callbacks and timers that code has left in asyncio's event loop.

- Due callbacks and timers are awaited: a run is over when all that it started is over.
- Then the loop accepts nothing more, so an endless task ends with its next step.
- A task that waits for an event that never comes is not awaited.

Pyodide's loop lets JavaScript run each callback, always through `call_later`. JavaScript's own
timers are not seen here; they end with the isolate (`guard.js`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

LONGEST_PAUSE_MS = 16


class Leftovers:
    def __init__(self) -> None:
        self._due: set[asyncio.Handle] = set()
        self._is_over = False

    def watch(self, loop_class: Any) -> None:
        """Watch every callback of these loops from now on."""
        call_later = loop_class.call_later

        def watched(
            loop: Any, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
        ) -> asyncio.Handle:
            if self._is_over:
                never = asyncio.Handle(callback, args, loop, context)
                never.cancel()
                return never

            def called(*given: Any) -> Any:
                self._due.discard(handle)
                return callback(*given)

            handle: asyncio.Handle = call_later(loop, delay, called, *args, context=context)
            if delay != math.inf:
                self._due.add(handle)
            return handle

        loop_class.call_later = watched

    def settle(self, pause: Callable[[int], object]) -> None:
        """Wait until nothing is due; `pause` lets the loop run for so many milliseconds."""
        ms = 1
        while any(not handle.cancelled() for handle in self._due):
            pause(ms)
            ms = min(2 * ms, LONGEST_PAUSE_MS)

    def end(self) -> None:
        self._is_over = True
