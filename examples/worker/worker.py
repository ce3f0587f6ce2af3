"""A worker for the agent's queue: it registers, polls for jobs, runs them, tells what came of them.

    python worker.py --url https://router.example.com --key KEY --handlers handlers.py

- While it lives it sends heartbeats and extends the leases of the jobs that it runs.
- Whoever gets no answer asks again with the same values: the agent does each thing once. A
  409 says that the job went to somebody else, so its result is thrown away.
- SIGTERM and Ctrl-C: no more polls, jobs that have begun are finished, then it ends with 0. A
  second signal ends it at once.
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
AGAIN = (429, 500, 502, 503, 504)  # answers that may be others next time
log = logging.getLogger("worker")


class Agent:
    """The agent's API. `post` repeats until there is an answer, or for `patience` seconds."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self.client = httpx.Client(base_url=url, headers=headers, timeout=40)

    def post(self, path: str, body: object, patience: float = 60) -> tuple[int, Any]:
        until, tried = time.monotonic() + patience, 0
        while True:
            tried, pause = tried + 1, min(2**tried, 15) * random.uniform(0.25, 0.5)
            try:
                answer = self.client.post(path, json=body)
                if answer.status_code not in AGAIN:
                    return answer.status_code, answer.json()
                problem = f"{answer.status_code} {answer.text[:200]}"
                pause = max(pause, float(answer.headers.get("retry-after") or 0))
            except (httpx.HTTPError, ValueError) as error:
                problem = str(error) or type(error).__name__
            if time.monotonic() + pause > until:
                return 0, {"error": problem}
            log.warning("%s: %s; again in %.1f s", path, problem, pause)
            time.sleep(pause)


class Worker:
    def __init__(
        self, agent: Agent, handlers: Mapping[str, Handler], given: argparse.Namespace
    ) -> None:
        self.agent, self.handlers, self.given = agent, handlers, given
        self.me: dict[str, Any] = {"worker_id": given.id, "capabilities": sorted(handlers)}
        if given.region:
            self.me["region"] = given.region
        self.free = BoundedSemaphore(given.at_once)
        self.held: dict[tuple[str, str], Job] = {}
        self.lock = Lock()
        self.draining, self.ended = Event(), Event()
        self.every = 15.0

    def run(self) -> None:
        """Until it is drained."""
        status, told = self.register()
        if status != 200:
            raise SystemExit(f"worker: cannot register: {told.get('error') or told}")
        beats = Thread(target=self.beat, daemon=True)
        beats.start()
        with ThreadPoolExecutor(self.given.at_once) as pool:
            while not self.draining.is_set():
                for job in self.poll():
                    pool.submit(self.work, job)
            log.info("draining: %d jobs to finish", len(self.held))
        self.ended.set()
        beats.join()

    def register(self) -> tuple[int, Any]:
        status, told = self.agent.post("/register", self.me)
        if status == 200:
            self.every = float(told["heartbeat_within"])
            log.info("registered as %s for %s", told["worker_id"], ", ".join(told["capabilities"]))
        return status, told

    def beat(self) -> None:
        """Heartbeats, and leases that hold longer, as long as there is anything to do."""
        while not self.ended.wait(self.every):
            status, told = self.agent.post("/heartbeat", self.me, patience=self.every)
            if status == 404:  # forgotten
                status, told = self.register()
            if status != 200:
                log.warning("heartbeat: %s", told)
            for key, job in list(self.held.items()):
                status, _ = self.tell(job, "extend", {"lease": self.given.lease}, patience=5)
                if status in (404, 409):
                    log.warning("%s is no longer ours", job["job_id"])
                    self.drop(key)

    def poll(self) -> list[Job]:
        """As many jobs as there are hands free; waits for the first."""
        if not self.free.acquire(timeout=0.5):
            return []
        hands = 1
        while hands < 25 and self.free.acquire(blocking=False):
            hands += 1
        asked = {"worker_id": self.me["worker_id"], "capabilities": self.me["capabilities"]}
        asked |= {"limit": hands, "lease": self.given.lease, "wait": self.given.wait}
        status, told = self.agent.post("/poll", asked, patience=0)
        jobs: list[Job] = told["jobs"] if status == 200 else []
        if status != 200:
            log.warning("poll: %s", told)
            self.draining.wait(random.uniform(1, 5))
        with self.lock:
            self.held |= {(job["tenant"], job["job_id"]): job for job in jobs}
        for _ in range(hands - len(jobs)):
            self.free.release()
        return jobs

    def work(self, job: Job) -> None:
        key = job["tenant"], job["job_id"]
        try:
            verb, said = self.outcome(job)
            status, told = self.tell(job, verb, said, patience=self.given.lease)
            if status in (400, 413):  # the result is not one that can be kept
                said = {"error": f"the result was refused: {told['error']}", "retry": False}
                status, told = self.tell(job, "fail", said, patience=self.given.lease)
            if status == 200:
                log.info("%s attempt %d: %s", job["job_id"], job["attempt"], told["status"])
            else:
                log.warning("%s attempt %d: thrown away: %s", job["job_id"], job["attempt"], told)
        finally:
            self.drop(key)
            self.free.release()

    def outcome(self, job: Job) -> tuple[str, dict[str, Any]]:
        try:
            result = self.handlers[job["capability"]](job["input"], job)
        except Exception as error:
            is_passing = bool(getattr(error, "retry", True))
            return "fail", {"error": f"{type(error).__name__}: {error}", "retry": is_passing}
        try:
            json.dumps(result, allow_nan=False)
        except (TypeError, ValueError) as error:
            return "fail", {"error": f"the result is no JSON: {error}", "retry": False}
        return "complete", {"result": result}

    def tell(self, job: Job, verb: str, said: dict[str, Any], patience: float) -> tuple[int, Any]:
        lease = {name: job[name] for name in ("worker_id", "attempt", "tenant")}
        return self.agent.post(f"/activations/{job['job_id']}/{verb}", lease | said, patience)

    def drop(self, key: tuple[str, str]) -> None:
        with self.lock:
            self.held.pop(key, None)


def main() -> int:
    usual = os.environ.get
    parser = argparse.ArgumentParser(description="A worker for the agent's queue.")
    parser.add_argument("--url", default=usual("AGENT_URL", "http://localhost:8787"))
    parser.add_argument("--key", default=usual("AGENT_KEY"), help="else AGENT_KEY")
    parser.add_argument("--id", default=f"{socket.gethostname()}-{os.urandom(4).hex()}")
    parser.add_argument(
        "--handlers", default=os.path.join(os.path.dirname(__file__), "handlers.py")
    )
    parser.add_argument("--at-once", type=int, default=4, help="jobs at once")
    parser.add_argument("--wait", type=int, default=20, help="seconds of a long poll, up to 25")
    parser.add_argument("--lease", type=int, default=60, help="seconds; 30 at least")
    parser.add_argument("--region", default=usual("REGION", ""))
    given = parser.parse_args()
    if not given.key:
        parser.error("give it a key: --key KEY, or AGENT_KEY in the environment")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    handlers = runpy.run_path(given.handlers)["HANDLERS"]
    worker = Worker(Agent(given.url, given.key), handlers, given)

    def drain(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        worker.draining.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, drain)
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
