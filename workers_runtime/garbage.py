"""Garbage collection: cycles are collected here, and never automatically.

CPython 3.14 collects incrementally, and scans the frames of the running call for that. With Pyodide
a waiting call has its stack put away, and frames of other calls still point there: the collector
then reads other data, and the isolate ends (seen with Pyodide 314.0.6, under load, when requests
failed; `tests/load`). Collecting the young objects, or all of them, scans no frames. There is
little to collect: a request leaves no cycles.

A full collection takes as long as there are objects. So there is none while a policy is read, most
of which stays; and objects that exist when it serves are not scanned again (`gc.freeze`) until some
more policies have been read. A replaced policy is freed at once by reference counts, except for its
regular expressions, which have cycles.
"""

from __future__ import annotations

import gc

YOUNG = 5_000  # new objects since the last collection; they take a millisecond or two
ALL_AFTER_POLICIES = 10  # policies read, then everything is unfrozen and collected
ALL_AFTER = 10  # collections of young objects, then a full one

_collections = 0
_is_reading = False
_policies = 0


def take_over() -> None:
    """Turn automatic collection off. From now on only `tidy` collects."""
    gc.disable()


def tidy() -> None:
    """Collect if enough objects are new. Called with every decision."""
    global _collections
    if gc.get_count()[0] < YOUNG:
        return
    _collections += 1
    gc.collect(2 if _collections % ALL_AFTER == 0 and not _is_reading else 0)


def reading() -> None:
    """Note that a policy is being read."""
    global _is_reading
    _is_reading = True


def stays() -> None:
    """Note that the policy serves, or is refused."""
    global _is_reading, _policies
    _is_reading = False
    _policies += 1
    if _policies % ALL_AFTER_POLICIES == 0:
        gc.unfreeze()
        gc.collect(2)
    gc.freeze()
