"""When cycles of objects are collected: here, and never by itself.

CPython 3.14 collects a little at a time, and looks at the frames of the running call for
that. With Pyodide a call that waits has its stack put away, and the frames of others still
lead there: the collector then reads what has become something else, and the isolate ends
(seen with Pyodide 314.0.6, under load, when requests failed; `tests/load`). Collecting the
young objects, or all of them, looks at no frames. There is little to collect: a request
leaves no cycles behind.

A look at everything takes as long as there is much. So there is none while a policy is read,
of which much stays; and what is there when it serves is not looked at again (`gc.freeze`), until
some more policies have been read. Of a policy that is replaced nearly all is freed at once, by
the count of its references; only its regular expressions have cycles.
"""

from __future__ import annotations

import gc

YOUNG = 5_000  # objects more than at the last look: a millisecond or two to collect
ALL_AFTER_POLICIES = 10  # have been read, then one of everything, what they left included
ALL_AFTER = 10  # collections of the young, then one of everything

_collections = 0
_is_reading = False
_policies = 0


def take_over() -> None:
    """From now on only `tidy` collects."""
    gc.disable()


def tidy() -> None:
    """Collect if there may be something; called with every decision."""
    global _collections
    if gc.get_count()[0] < YOUNG:
        return
    _collections += 1
    gc.collect(2 if _collections % ALL_AFTER == 0 and not _is_reading else 0)


def reading() -> None:
    """A policy is being read."""
    global _is_reading
    _is_reading = True


def stays() -> None:
    """The policy serves, or is refused."""
    global _is_reading, _policies
    _is_reading = False
    _policies += 1
    if _policies % ALL_AFTER_POLICIES == 0:
        gc.unfreeze()
        gc.collect(2)
    gc.freeze()
