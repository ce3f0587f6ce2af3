"""A worker for the agent's queue: it registers, polls for jobs, runs them, and reports the outcome.

    python worker.py --url https://router.example.com --key KEY --handlers handlers.py

- It sends heartbeats, and extends the leases of the jobs that it runs.
- A request without an answer is repeated unchanged: it takes effect once. 409 means that another
  worker has the job now, so the result is dropped.
- After SIGTERM or Ctrl-C it polls no more, finishes its jobs, and exits with 0. A second signal
  ends it at once.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import runpy
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import Any

import httpx

Job = dict[str, Any]
Handler = Callable[[dict[str, Any], Job], Any]  # an exception with `retry = False` fails for good
RETRIABLE = (429, 500, 502, 503, 504)
log = logging.getLogger("worker")


class Agent:
    """The agent's API. `post` retries until it has an answer, for `patience` seconds at most."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self.client = httpx.Client(base_url=url, headers=headers, timeout=40)

    def post(self, path: str, body: object, patience: float = 60) -> tuple[int, Any]:
        deadline, attempt = time.monotonic() + patience, 0
        while True:
            attempt, pause = attempt + 1, min(2**attempt, 15) * random.uniform(0.25, 0.5)
            try:
                answer = self.client.post(path, json=body)
                if answer.status_code not in RETRIABLE:
                    return answer.status_code, answer.json()
                problem = f"{answer.status_code} {answer.text[:200]}"
                pause = max(pause, float(answer.headers.get("retry-after") or 0))
            except (httpx.HTTPError, ValueError) as error:
                problem = str(error) or type(error).__name__
            if time.monotonic() + pause > deadline:
                return 0, {"error": problem}
            log.warning("%s: %s; again in %.1f s", path, problem, pause)
            time.sleep(pause)


class Worker:
    def __init__(
        self, agent: Agent, handlers: Mapping[str, Handler], options: argparse.Namespace
    ) -> None:
        self.agent, self.handlers, self.options = agent, handlers, options
        capabilities = sorted(handlers)
        self.description: dict[str, Any] = {"worker_id": options.id, "capabilities": capabilities}
        if options.region:
            self.description["region"] = options.region
        self.slots = BoundedSemaphore(options.at_once)
        self.leased: dict[tuple[str, str], Job] = {}
        self.lock = Lock()
        self.draining, self.ended = Event(), Event()
        self.interval = 15.0

    def run(self) -> None:
        """Run jobs until a signal drains the worker."""
        status, answer = self.register()
        if status != 200:
            raise SystemExit(f"worker: cannot register: {answer.get('error') or answer}")
        heartbeats = Thread(target=self.send_heartbeats, daemon=True)
        heartbeats.start()
        with ThreadPoolExecutor(self.options.at_once) as pool:
            while not self.draining.is_set():
                for job in self.poll():
                    pool.submit(self.work, job)
            log.info("draining: %d jobs to finish", len(self.leased))
        self.ended.set()
        heartbeats.join()

    def register(self) -> tuple[int, Any]:
        status, answer = self.agent.post("/register", self.description)
        if status == 200:
            self.interval = float(answer["heartbeat_within"])
            log.info(
                "registered as %s for %s", answer["worker_id"], ", ".join(answer["capabilities"])
            )
        return status, answer

    def send_heartbeats(self) -> None:
        """Send heartbeats and extend leases, until the last job is done."""
        while not self.ended.wait(self.interval):
            status, answer = self.agent.post("/heartbeat", self.description, patience=self.interval)
            if status == 404:  # the agent has deleted this worker
                status, answer = self.register()
            if status != 200:
                log.warning("heartbeat: %s", answer)
            for key, job in list(self.leased.items()):
                status, _ = self.report(job, "extend", {"lease": self.options.lease}, patience=5)
                if status in (404, 409):
                    log.warning("%s belongs to another worker now", job["job_id"])
                    self.drop(key)

    def poll(self) -> list[Job]:
        """Poll for as many jobs as there are free slots; wait for the first one."""
        if not self.slots.acquire(timeout=0.5):
            return []
        limit = 1
        while limit < 25 and self.slots.acquire(blocking=False):
            limit += 1
        request = {
            "worker_id": self.description["worker_id"],
            "capabilities": self.description["capabilities"],
        }
        request |= {"limit": limit, "lease": self.options.lease, "wait": self.options.wait}
        status, answer = self.agent.post("/poll", request, patience=0)
        jobs: list[Job] = answer["jobs"] if status == 200 else []
        if status != 200:
            log.warning("poll: %s", answer)
            self.draining.wait(random.uniform(1, 5))
        with self.lock:
            self.leased |= {(job["tenant"], job["job_id"]): job for job in jobs}
        for _ in range(limit - len(jobs)):
            self.slots.release()
        return jobs

    def work(self, job: Job) -> None:
        key = job["tenant"], job["job_id"]
        try:
            verb, body = self.outcome(job)
            status, answer = self.report(job, verb, body, patience=self.options.lease)
            if status in (400, 413):  # the agent cannot store the result
                body = {"error": f"the result was refused: {answer['error']}", "retry": False}
                status, answer = self.report(job, "fail", body, patience=self.options.lease)
            if status == 200:
                log.info("%s attempt %d: %s", job["job_id"], job["attempt"], answer["status"])
            else:
                log.warning("%s attempt %d: dropped: %s", job["job_id"], job["attempt"], answer)
        finally:
            self.drop(key)
            self.slots.release()

    def outcome(self, job: Job) -> tuple[str, dict[str, Any]]:
        try:
            result = self.handlers[job["capability"]](job["input"], job)
        except Exception as error:
            is_temporary = bool(getattr(error, "retry", True))
            return "fail", {"error": f"{type(error).__name__}: {error}", "retry": is_temporary}
        try:
            json.dumps(result, allow_nan=False)
        except (TypeError, ValueError) as error:
            return "fail", {"error": f"the result is not JSON: {error}", "retry": False}
        return "complete", {"result": result}

    def report(self, job: Job, verb: str, body: dict[str, Any], patience: float) -> tuple[int, Any]:
        lease = {name: job[name] for name in ("worker_id", "attempt", "tenant")}
        return self.agent.post(f"/activations/{job['job_id']}/{verb}", lease | body, patience)

    def drop(self, key: tuple[str, str]) -> None:
        with self.lock:
            self.leased.pop(key, None)


def main() -> int:
    parser = argparse.ArgumentParser(description="A worker for the agent's queue.")
    parser.add_argument("--url", default=os.environ.get("AGENT_URL", "http://localhost:8787"))
    parser.add_argument(
        "--key", default=os.environ.get("AGENT_KEY"), help="default: AGENT_KEY of the environment"
    )
    parser.add_argument("--id", default=f"{socket.gethostname()}-{os.urandom(4).hex()}")
    parser.add_argument(
        "--handlers", default=os.path.join(os.path.dirname(__file__), "handlers.py")
    )
    parser.add_argument("--at-once", type=int, default=4, help="jobs that run at once")
    parser.add_argument("--wait", type=int, default=20, help="seconds of a long poll, up to 25")
    parser.add_argument("--lease", type=int, default=60, help="seconds, 30 at least")
    parser.add_argument("--region", default=os.environ.get("REGION", ""))
    options = parser.parse_args()
    if not options.key:
        parser.error("give it a key: --key KEY, or AGENT_KEY in the environment")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    handlers = runpy.run_path(options.handlers)["HANDLERS"]
    worker = Worker(Agent(options.url, options.key), handlers, options)

    def drain(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        worker.draining.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, drain)
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
