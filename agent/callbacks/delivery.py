"""Sends due callbacks in batches, until none is left or time is up.

The result of an attempt is stored after sending. If an isolate ends in between, the callback stays
leased, and is sent again with the same id when the lease expires.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from agent.callbacks.callback import Due, Verdict
from agent.callbacks.callbacks import Callbacks
from agent.callbacks.message import CallbackRequest, request
from agent.callbacks.signing import Signer
from agent.callbacks.verdict import Reply, verdict
from agent.core.web.egress import Egress
from workers_runtime.urls import BadUrl

# A Worker has six connections that wait for an answer; with its results a message may have
# more than a megabyte, and is held several times while it is made and sent.
AT_ONCE = 5
SEND_WITHIN_MS = 10_000
LEASE_MS = 60_000  # of which sending takes ten seconds, and the database ten at worst
MAX_BATCHES = 20  # each costs seven requests, and an invocation may have a thousand


class Transport(Protocol):
    """Sends requests; also its clock and its random numbers."""

    async def send(self, requests: Sequence[CallbackRequest]) -> Sequence[Reply]:
        """Send all at once, within `SEND_WITHIN_MS`. Returns a reply for each. Never raises."""

    def now_ms(self) -> int: ...

    def rng(self) -> float:
        """From 0 to 1."""

    def ticket(self) -> str:
        """A unique random text."""


class DeliveryCounts(NamedTuple):
    """How many were delivered, will be sent again, or are dead. `is_more`: others may be due."""

    delivered: int
    again: int
    failed: int
    is_more: bool


async def deliver_due(
    callbacks: Callbacks, transport: Transport, egress: Egress, signer: Signer, until_ms: int
) -> DeliveryCounts:
    """Send due callbacks; no batch begins after `until_ms`. Raises what the database raises."""
    counts: Counter[str] = Counter()
    is_more = True
    for _ in range(MAX_BATCHES):
        if transport.now_ms() >= until_ms:
            break
        found = await callbacks.take(AT_ONCE, transport.now_ms(), LEASE_MS, transport.ticket())
        verdicts = await _attempt(found, transport, egress, signer)
        await callbacks.settle(verdicts, transport.now_ms())
        counts.update(outcome.state for _, outcome in verdicts)
        if len(found) < AT_ONCE:
            is_more = False
            break
    return DeliveryCounts(counts["delivered"], counts["due"], counts["failed"], is_more)


async def _attempt(
    found: Iterable[Due], transport: Transport, egress: Egress, signer: Signer
) -> list[tuple[Due, Verdict]]:
    """The results. Allowed hosts are checked again: they may have changed since the submission."""
    refused: list[tuple[Due, Verdict]] = []
    to_send: list[tuple[Due, CallbackRequest]] = []
    for due in found:
        try:
            to_send.append(
                (due, request(due, egress.check(due.url).text, signer, transport.now_ms()))
            )
        except BadUrl as why:
            refused.append((due, Verdict("failed", error=str(why))))
    answers = await transport.send([request for _, request in to_send]) if to_send else []
    now_ms = transport.now_ms()
    pairs = zip(to_send, answers, strict=True)
    tried = [
        (due, verdict(answer, due.attempt, now_ms, transport.rng())) for (due, _), answer in pairs
    ]
    return refused + tried
