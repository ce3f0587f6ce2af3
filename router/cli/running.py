"""Runs a coroutine for a verb, so that Ctrl-C and SIGTERM let it clean up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from router.signals import SIGNALS, raise_interrupt


def run_async(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine. A signal cancels it, so that it can clean up, and is raised afterwards."""
    came: list[int] = []

    async def until_signal() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def cancel(number: int) -> None:
            came.append(number)
            if task:
                task.cancel()

        for number in handled:
            loop.add_signal_handler(number, cancel, number)
        await work

    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    try:
        asyncio.run(until_signal())
    except asyncio.CancelledError:
        if not came:
            raise
        raise_interrupt(came[0], None)
    finally:
        for number in handled:
            signal.signal(number, before[number])
