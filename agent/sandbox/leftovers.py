"""Waits for what code has left in asyncio's event loop when it has ended.

- Callbacks and timers that are due are waited for: a run is over when all that it began is.
- Then the loop takes nothing more, so what would go on for ever ends with its next step.
- A task that waits for something that never happens is not waited for.

Pyodide's loop has each callback done by JavaScript, and all its ways lead through `call_later`.
Timers of JavaScript's own are not seen here; they end with the isolate, which `guard.js` sees to.
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
        """See every callback of these loops from now on."""
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
        """Wait until nothing is due; `pause` lets the loop go on for so many milliseconds."""
        ms = 1
        while any(not handle.cancelled() for handle in self._due):
            pause(ms)
            ms = min(2 * ms, LONGEST_PAUSE_MS)

    def end(self) -> None:
        self._is_over = True
