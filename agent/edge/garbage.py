"""When cycles of objects are collected: here, and never by itself.

CPython 3.14 collects a little at a time, and looks at the frames of the running call for that.
With Pyodide a call that waits has its stack put away, and the frames of others still lead
there: the collector then reads what has become something else, and the isolate ends.
Collecting the young objects, or all of them, looks at no frames.
"""

from __future__ import annotations

import gc

YOUNG = 5_000  # objects more than at the last look: a millisecond or two to collect
ALL_AFTER = 10  # collections of the young, then one of everything

_collections = 0


def take_over() -> None:
    """From now on only `tidy` collects."""
    gc.disable()


def tidy() -> None:
    """Collect if there may be something; called with every request."""
    global _collections
    if gc.get_count()[0] < YOUNG:
        return
    _collections += 1
    gc.collect(0 if _collections % ALL_AFTER else 2)
