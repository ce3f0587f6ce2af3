"""What came of attempts, counted for the rollout that their route is part of.

An attempt counts for the pool of the variant that it went to, whoever answered in the end:
failover hides failures from clients, not from those who judge. What the client broke off,
and what a drill did, says nothing of a pool.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from router.edge.bridge import Sending, now_ms
from router.edge.errand import Errand
from router.edge.forward import Failure
from router.edge.isolate import Isolate
from router.edge.judging import Done

if TYPE_CHECKING:
    from router.edge.turn import Turn  # which counts its attempts here

Copied = tuple[str, int, float]  # run, status (0: no answer) and milliseconds of a copy


def tally(errand: Errand, done: Done, what: Sending) -> None:
    """Count an attempt that is over."""
    steered = errand.choice.steered
    if steered is None or not steered.counts or what.drill is not None:
        return
    side = steered.side(done.variant.pool)
    is_clients_fault = isinstance(done.answer, Failure) and done.status < 500
    if side is None or is_clients_fault:
        return
    tallies = errand.exchange.isolate.coordinating.tallies
    tallies.note(steered.run, side, done.status >= 500, now_ms() - done.began_ms)


def tally_overtaken(errand: Errand, turn: Turn, what: Sending) -> None:
    """An attempt was given up because another one was faster: it was no failure, but took
    longer than until now."""
    steered = errand.choice.steered
    side = steered.side(turn.variant.pool) if steered and steered.counts else None
    if steered is None or side is None or what.drill is not None:
        return
    tallies = errand.exchange.isolate.coordinating.tallies
    tallies.note(steered.run, side, False, now_ms() - turn.began_ms)


def tally_copies(isolate: Isolate, copies: Iterable[Copied]) -> None:
    """Count mirrored requests, whose answers nobody else sees."""
    for run, status, took in copies:
        if run in isolate.coordinating.steering.counted:
            isolate.coordinating.tallies.note(run, "to", not 0 < status < 500, took)
