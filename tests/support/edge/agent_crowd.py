"""Clients who submit activations, and workers who poll for them and run them, all at once, and as
real ones do: whoever gets no answer, or an error that may pass, asks again."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any

import httpx

from tests.support.edge.agents import CORE, WORKER, Agents

GERMANY = {"country": "DE", "continent": "EU"}
PASSING = (429, 500, 502, 503, 504)
GIVE_UP_AFTER = 120.0
TEXT = "One two three."


@dataclass
class Crowd:
    """`done`: how often a worker was told that it had completed a job; `variants`: who answered
    what."""

    agents: Agents
    name: str
    callback_url: str
    submitted: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    variants: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def work(self, jobs: int, clients: int, workers: int, on_third: Any) -> None:
        """Run the crowd from its first job to the last; `on_third` is called with each third."""
        deadline, numbers = time.monotonic() + GIVE_UP_AFTER, count(len(self.submitted))

        def client(_: int) -> None:
            while (number := next(numbers)) < jobs:
                if number in (jobs // 3, 2 * jobs // 3):
                    on_third(number // (jobs // 3))
                self._submit(f"{self.name}-{number}")

        def worker(number: int) -> None:
            while len(self.done) < jobs and time.monotonic() < deadline:
                for job in self._polled(f"{self.name}-w{number}"):
                    self._execute(job)

        with ThreadPoolExecutor(clients + workers) as pool:
            every = [pool.submit(client, n) for n in range(clients)]
            every += [pool.submit(worker, n) for n in range(workers)]
            for each in every:
                each.result()

    def _submit(self, id: str) -> None:
        data = {"capability": "text-processing", "input": {"text": TEXT}, "dispatch": "poll"}
        sent = {"activation_id": id, "activation_data": data, "callback_url": self.callback_url}
        answer = self._asked("/activations", CORE, sent)
        if answer.status_code != 200:
            self.errors.append(answer.text)
        with self._lock:
            self.submitted.append(id)

    def lose(self, worker: str, number: int, lease_s: int) -> list[str]:
        """Submit the first jobs, and lease them to a worker that never runs them. Nobody else
        polls yet."""
        for n in range(number):
            self._submit(f"{self.name}-{n}")
        deadline, held = time.monotonic() + GIVE_UP_AFTER, list[str]()
        while len(held) < number:
            assert time.monotonic() < deadline, f"{worker} has {len(held)} jobs of {number}"
            polled = self._polled(worker, number - len(held), lease_s)
            held += [job["job_id"] for job in polled]
        return held

    def _polled(self, worker: str, limit: int = 5, lease_s: int = 10) -> list[dict[str, Any]]:
        sent = {"worker_id": worker, "limit": limit, "wait": 1, "lease": lease_s}
        sent["capabilities"] = ["text-processing"]
        answer = self._asked("/poll", WORKER, sent)
        if answer.status_code != 200:
            self.errors.append(answer.text)
            return []
        jobs: list[dict[str, Any]] = answer.json()["jobs"]
        return [job for job in jobs if job["job_id"].startswith(self.name)]

    def _execute(self, job: dict[str, Any]) -> None:
        lease = {name: job[name] for name in ("job_id", "worker_id", "attempt", "tenant")}
        answer = self._asked("/execute", WORKER, lease)
        told = answer.json()
        if answer.status_code == 200 and told["result"]["words"] == 3:
            with self._lock:
                self.done[job["job_id"]] += 1
        elif answer.status_code == 409 and told["state"] == "completed":
            with self._lock:  # by this very worker, who did not hear of it, or by another
                self.done.setdefault(job["job_id"], 1)
        elif answer.status_code != 409:
            self.errors.append(answer.text)

    def _asked(self, path: str, key: str, sent: dict[str, Any]) -> httpx.Response:
        """Asked again while nobody could answer."""
        deadline = time.monotonic() + GIVE_UP_AFTER
        while True:
            answer = self.agents.post(path, key=key, cf=GERMANY, json=sent)
            variant = answer.headers.get("x-router-variant", "")
            with self._lock:
                self.variants[path, variant] += 1
            if answer.status_code not in PASSING or time.monotonic() > deadline:
                return answer
            time.sleep(0.05)
