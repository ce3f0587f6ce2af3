"""Isolates that report to objects, as events in time.

1. A node reports to its parent as `router/edge/isolate/coordinating.py` does: every five seconds,
   a little more or less, and at once when there is news, but once a second at most. It has one
   report under way at a time, and gives up on it after two seconds.
2. An object answers one report after the other, and takes `SERVICE_MS` for each. It does not learn
   that a node has given up.
3. A root has *decided* when more than half of those that use the variant have ejected it
   (`policies/fleet/votes.py`). Every answer carries what the object knows at that time.
4. A leaf is both: an object for its isolates, and a node that reports their sum.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from typing import NamedTuple

from router.edge.isolate.coordinating import JITTER, PATIENCE_MS, WAITS
from router.edge.isolate.timing import DEFAULTS

SERVICE_MS = 1.0  # a Durable Object takes about 1,000 requests a second


class Rules(NamedTuple):
    """`gap_ms`: the least time between two reports of one node; None: all news is sent at once.
    `spread_ms`: the longest random delay of news. `leaf_is_urgent`: a leaf passes news on at
    once, as isolates do."""

    gap_ms: float | None = DEFAULTS.hurry_ms
    spread_ms: float = 0.0
    leaf_is_urgent: bool = True


class Node:
    """An isolate, a leaf or the root. `users`, `ejected`: those below it, or it itself."""

    __slots__ = (
        *("asked_ms", "due_ms", "ejected", "failures", "free_ms", "is_asking", "knows_ms"),
        *("is_leaf", "parent", "reported", "last_report", "trip_ms", "turn", "users", "waiting"),
    )

    def __init__(
        self,
        parent: Node | None,
        trip_ms: float = 0.0,
        users: int = 0,
        *,
        is_leaf: bool = False,
    ) -> None:
        self.parent = parent
        self.is_leaf = is_leaf
        self.trip_ms = trip_ms  # to the parent and back
        self.users = users
        self.ejected = 0
        self.reported = 0  # how much of `ejected` the parent knows
        self.last_report = 0  # how much of `ejected` the last report said
        self.knows_ms = inf
        self.asked_ms = -inf
        self.due_ms = inf
        self.is_asking = False
        self.failures = 0  # in a row
        self.turn = 0
        self.free_ms = 0.0  # of an object: when it has answered all reports received
        self.waiting = 0


class SentReport:
    """A report: when it was sent, to whom, and how long the answer took (inf: too long)."""

    __slots__ = ("at_ms", "ejected", "node", "took_ms", "turn")

    def __init__(self, at_ms: float, node: Node) -> None:
        self.at_ms = at_ms
        self.node = node
        self.turn = node.turn
        self.ejected = node.ejected
        self.took_ms = inf


class Simulation:
    """`is_away(now)`: whether the root is unavailable."""

    def __init__(
        self,
        nodes: list[Node],
        rules: Rules,
        rng: Random,
        is_away: Callable[[float], bool] = lambda now: False,
    ) -> None:
        self.rules, self.rng, self.is_away = rules, rng, is_away
        self.reports: list[SentReport] = []
        self.longest = 0  # queue
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._count = count()
        for node in nodes:
            if node.parent:
                self._schedule(node, rng.random() * DEFAULTS.report_ms)

    def at(self, when: float, what: Callable[..., None], *args: object) -> None:
        heappush(self._events, (when, next(self._count), what, args))

    def run(self, until_ms: float) -> None:
        events = self._events
        while events and events[0][0] <= until_ms:
            now, _, what, args = heappop(events)
            what(now, *args)

    def eject(self, now: float, node: Node) -> None:
        """An isolate ejects the variant by its own outlier detection."""
        node.knows_ms = min(node.knows_ms, now)
        node.ejected = 1
        if self.rules.gap_ms is None:
            self._send(now, node)
        else:
            self._hurry(now, node)

    def _hurry(self, now: float, node: Node) -> None:
        gap = DEFAULTS.hurry_ms if self.rules.gap_ms is None else self.rules.gap_ms
        if node.failures or node.is_asking:
            return
        when = max(now, node.asked_ms + gap) + self.rng.random() * self.rules.spread_ms
        if when < node.due_ms:
            self._schedule(node, when)

    def _schedule(self, node: Node, when: float) -> None:
        node.due_ms = when
        self.at(when, self._begin, node)

    def _begin(self, now: float, node: Node) -> None:
        if now != node.due_ms or node.is_asking:
            return  # the report was moved forward, or one is under way
        node.is_asking, node.asked_ms = True, now
        node.turn += 1
        wait = WAITS[min(node.failures, len(WAITS) - 1)] * DEFAULTS.report_ms
        self._schedule(node, now + wait * (1 + self.rng.uniform(-JITTER, JITTER)))
        self._send(now, node)
        self.at(now + PATIENCE_MS, self._give_up, node, node.turn)

    def _send(self, now: float, node: Node) -> None:
        node.last_report = node.ejected
        report = SentReport(now, node)
        self.reports.append(report)
        self.at(now + node.trip_ms / 2, self._arrive, report)

    def _arrive(self, now: float, report: SentReport) -> None:
        parent = report.node.parent
        if parent is None or (parent.parent is None and self.is_away(now)):
            return
        parent.free_ms = max(now, parent.free_ms) + SERVICE_MS
        parent.waiting += 1
        self.longest = max(self.longest, parent.waiting)
        self.at(parent.free_ms, self._serve, report, parent)

    def _serve(self, now: float, report: SentReport, parent: Node) -> None:
        node = report.node
        parent.waiting -= 1
        if report.ejected > node.reported:
            parent.ejected += report.ejected - node.reported
            node.reported = report.ejected
            if parent.parent and self.rules.leaf_is_urgent:
                self._hurry(now, parent)
        if parent.ejected > parent.users / 2 and (parent.parent is None or parent.failures):
            # A leaf without its root decides for its own isolates.
            parent.knows_ms = min(parent.knows_ms, now)
        self.at(now + node.trip_ms / 2, self._hear, report, parent.knows_ms <= now)

    def _hear(self, now: float, report: SentReport, knows: bool) -> None:
        node, took = report.node, now - report.at_ms
        if took > PATIENCE_MS:
            return
        report.took_ms = took
        if knows:
            node.knows_ms = min(node.knows_ms, now)
        if report.turn != node.turn:
            return
        node.is_asking, node.failures = False, 0
        if node.ejected > node.last_report and (self.rules.leaf_is_urgent or not node.is_leaf):
            self._hurry(now, node)

    def _give_up(self, now: float, node: Node, turn: int) -> None:
        if node.is_asking and turn == node.turn:
            node.is_asking = False
            node.failures += 1
            if now >= node.due_ms:
                self._schedule(node, now)


def spread(weights: list[float], total: int) -> list[int]:
    """`total` shared out by weight; everybody gets at least one."""
    if not weights:
        return []
    whole = sum(weights)
    shares = [max(1, round(total * weight / whole)) for weight in weights]
    shares[0] += total - sum(shares)
    return shares
