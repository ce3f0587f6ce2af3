"""The counters of an isolate, as JSON or as Prometheus's text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

from agent.callbacks.callback import OutboxDepth
from agent.core.identity import Identity, time_text, uptime_ms
from agent.queue.job import QueueDepth
from workers_runtime.prometheus import family

JOBS_EACH = 10
COUNT_EVERY_MS = 10_000
LOST = "Rows about requests that were never written."


class Backlog(NamedTuple):
    """The numbers of jobs in the queue, and of callbacks in the outbox."""

    queue: Sequence[QueueDepth]
    callbacks: OutboxDepth


class Metrics:
    """`requests`: by endpoint and status; `jobs`: by capability and outcome. `records_lost`:
    rows of requests that were never written."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.jobs: Counter[tuple[str, str]] = Counter()
        self.records_lost = 0

    def document(
        self, who: Identity, capabilities: list[str], backlog: Backlog | None, now_ms: float
    ) -> dict[str, object]:
        """`backlog`: None if the database did not answer."""
        requests = [{"endpoint": e, "status": s, "count": n} for (e, s), n in self.requests.items()]
        jobs = [{"capability": c, "outcome": o, "count": n} for (c, o), n in self.jobs.items()]
        document = {
            "worker": who.id,
            "worker_id": who.id,
            "variant": who.variant,
            "region": who.region,
            "capabilities": capabilities,
            "metrics": self.sums(uptime_ms(who, now_ms)),
            "timestamp": time_text(now_ms),
            "requests": requests,
            "jobs": jobs,
            "records_lost": self.records_lost,
        }
        if backlog is None:
            return document | {"queue": None, "callbacks": None, "desired_workers": None}
        return document | {
            "queue": [depth._asdict() for depth in backlog.queue],
            "callbacks": backlog.callbacks._asdict(),
            "desired_workers": desired_workers(_to_do(backlog.queue)),
        }

    def sums(self, uptime_ms: int) -> dict[str, int]:
        """Totals; an error is a response of status 400 or more."""
        ended = Counter[str]()
        for (_, outcome), number in self.jobs.items():
            ended[outcome] += number
        return {
            "uptime_ms": uptime_ms,
            "requests": self.requests.total(),
            "errors": sum(n for (_, status), n in self.requests.items() if status >= 400),
            "jobs_completed": ended["completed"],
            "jobs_failed": ended["failed"],
        }

    def text(self, who: Identity, backlog: Backlog | None) -> str:
        own = {"worker": who.id, "variant": who.variant, "region": who.region}
        requests = [({"endpoint": e, "status": s, **own}, n) for (e, s), n in self.requests.items()]
        jobs = [({"capability": c, "outcome": o, **own}, n) for (c, o), n in self.jobs.items()]
        parts = [
            family("agent_requests_total", "counter", "Requests answered.", requests),
            family("agent_jobs_total", "counter", "Jobs that were run.", jobs),
            family("agent_records_lost_total", "counter", LOST, [(own, self.records_lost)]),
        ]
        if backlog is not None:
            parts += [*_queue_families(backlog.queue), *_callback_families(backlog.callbacks)]
        return "".join(parts)


def desired_workers(jobs: int) -> int:
    """How many workers would have `JOBS_EACH` jobs each: a hint for autoscalers."""
    return -(-jobs // JOBS_EACH)


def _to_do(queue: Sequence[QueueDepth]) -> int:
    return sum(depth.waiting + depth.leased for depth in queue)


class BacklogCache:
    """Caches the backlog for a moment, since counting reads a row for each job."""

    def __init__(self) -> None:
        self._at_ms = -inf
        self._backlog: Backlog | None = None

    def of(self, count: Callable[[], Backlog | None], now_ms: float) -> Backlog | None:
        if now_ms - self._at_ms >= COUNT_EVERY_MS:
            self._backlog, self._at_ms = count(), now_ms
        return self._backlog


def prefers_text(accept: str) -> bool:
    """Whether an `Accept` header asks for Prometheus's text rather than JSON."""
    wanted = [kind.split(";")[0].strip().lower() for kind in accept.split(",")]
    texts = [kind for kind in wanted if kind in ("text/plain", "application/openmetrics-text")]
    return bool(texts) and "application/json" not in wanted


def _queue_families(queue: Sequence[QueueDepth]) -> list[str]:
    states = ("waiting", "delayed", "blocked", "leased", "failed")
    jobs = [
        ({"capability": depth.capability, "state": state}, getattr(depth, state))
        for depth in queue
        for state in states
    ]
    oldest = [({"capability": depth.capability}, depth.oldest_ms / 1000) for depth in queue]
    wait = "How long the first job that may be leased has waited."
    wanted = desired_workers(_to_do(queue))
    return [
        family("agent_queue_jobs", "gauge", "Jobs that have not ended well.", jobs),
        family("agent_queue_oldest_seconds", "gauge", wait, oldest),
        family("agent_desired_workers", "gauge", "A hint for scaling.", [({}, wanted)]),
    ]


def _callback_families(callbacks: OutboxDepth) -> list[str]:
    states = ("due", "delayed", "leased", "failed")
    samples = [({"state": state}, getattr(callbacks, state)) for state in states]
    oldest = [(dict[str, object](), callbacks.oldest_ms / 1000)]
    wait = "How long the first callback that is due has waited."
    return [
        family("agent_callbacks", "gauge", "Callbacks that were not delivered.", samples),
        family("agent_callbacks_oldest_seconds", "gauge", wait, oldest),
    ]
