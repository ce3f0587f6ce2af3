"""Tenants beside each other, and jobs that depend on each other, through the router on workerd."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Lock
from typing import Any
from uuid import uuid4

import httpx

from tests.support.edge.agents import CORE, WORKER, Agents

FLOOD = 1_000
START_WITHIN = 2.0  # seconds, which another tenant's job is to have started in
PYTHON = {"capability": "python-execution"}
# This computes for a second; `time.time` would go ahead of the clock, since it is asked so often.
BUSY = """
from time import perf_counter as now
until = now() + 1
while now() < until:
    pass
result = 1
"""


def submit(agents: Agents, data: dict[str, Any], key: str = CORE, **more: Any) -> Any:
    sent = {"activation_id": f"t-{uuid4().hex}", "activation_data": data, **more}
    answer = agents.post("/activations", key=key, json=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(agents: Agents, id: str, key: str = CORE) -> Any:
    return agents.get(f"/activations/{id}", key=key).json()


def until_it_has(agents: Agents, id: str, state: str, key: str = CORE) -> Any:
    deadline = time.monotonic() + 120
    while shown(agents, id, key)["status"] != state:
        assert time.monotonic() < deadline, shown(agents, id, key)
        time.sleep(0.1)
    return shown(agents, id, key)


def started_after(told: dict[str, Any]) -> float:
    """Seconds from its submission to its first lease."""
    steps = {step["status"]: step["at"] for step in reversed(told["log"])}
    times = [datetime.fromisoformat(steps[state]) for state in ("waiting", "leased")]
    return (times[1] - times[0]).total_seconds()


def test_a_tenant_with_a_thousand_jobs_leaves_the_workers_of_all_to_others(agents: Agents) -> None:
    """They wait for workers of a capability that the test has alone."""
    skill = f"skill-{uuid4().hex[:8]}"
    data = {"capability": skill, "dispatch": "poll"}

    def client(number: int) -> None:
        for _ in range(FLOOD // 4):
            submit(agents, data, priority=5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(client, range(4)))
    late = submit(agents, data, WORKER, priority=5)["activation_id"]
    asked = {"worker_id": "w", "capabilities": [skill], "limit": 1}
    polled = [agents.post("/poll", key=WORKER, json=asked).json()["jobs"][0] for _ in range(4)]
    assert Counter(job["tenant"] for job in polled)["core"] == 3
    assert late in [job["job_id"] for job in polled]
    assert started_after(shown(agents, late, WORKER)) < 10  # which polls came in that time


def test_a_flood_of_the_highest_priority_leaves_room_for_a_low_one(agents: Agents) -> None:
    """One tenant's 25 activations compute for a second each; another one's are there then."""
    busy = {**PYTHON, "input": {"code": BUSY}}
    text = {"capability": "text-processing", "input": {"text": "One two."}}

    def flood(_: int) -> str:
        return str(submit(agents, busy, priority=9)["activation_id"])

    with ThreadPoolExecutor(25) as pool:
        ids = list(pool.map(flood, range(25)))
    starts = []
    for _ in range(3):
        id = submit(agents, text, WORKER, priority=1)["activation_id"]
        starts.append(started_after(until_it_has(agents, id, "completed", WORKER)))
    states = Counter(shown(agents, id)["status"] for id in ids)
    assert states["waiting"] > 0, states
    assert min(starts) < START_WITHIN, starts
    for id in ids:
        agents.post(f"/activations/{id}/cancel")


class Workers:
    """Three that poll, each of another capability; one of them is killed with a job in hand."""

    def __init__(self, agents: Agents, skills: list[str], number: int) -> None:
        self.agents, self.skills, self.number = agents, skills, number
        self.done: list[str] = []
        self.inputs: dict[str, Any] = {}
        self.sent: dict[str, float] = {}  # when its completion was sent: answers may come late
        self.lock = Lock()
        self.deadline = time.monotonic() + 120

    def work(self, name: str, skills: list[str], dies_after: int = 10**9) -> None:
        held = 0
        asked = {"worker_id": name, "capabilities": skills, "limit": 3, "lease": 3, "wait": 1}
        while len(self.done) < self.number and time.monotonic() < self.deadline:
            answer = self.agents.post("/poll", json=asked)
            if answer.status_code != 200:
                continue
            for job in answer.json()["jobs"]:
                held += 1
                if held > dies_after:
                    return
                self.complete(name, job)

    def complete(self, name: str, job: dict[str, Any]) -> None:
        lease = {"worker_id": name, "attempt": job["attempt"], "result": job["job_id"]}
        sent = time.monotonic()
        answer = self.agents.post(f"/activations/{job['job_id']}/complete", json=lease)
        if answer.status_code == 200:
            with self.lock:
                self.done.append(job["job_id"])
                self.inputs[job["job_id"]] = job.get("inputs")
                self.sent[job["job_id"]] = sent


def test_chains_over_three_workers_of_which_one_is_killed(agents: Agents) -> None:
    run = uuid4().hex[:6]
    skills = [f"{name}-{run}" for name in ("fetch", "think", "write")]
    chains = [[f"{run}-{chain}-{place}" for place in range(5)] for chain in range(20)]

    def submit_chain(ids: list[str]) -> None:
        for place, id in enumerate(ids):
            data = {"capability": skills[place % 3], "dispatch": "poll", "max_attempts": 5}
            needs = ids[place - 1 : place] if place else []
            submit(agents, data, activation_id=id, depends_on=needs)

    workers = Workers(agents, skills, 100)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(submit_chain, chains))
        every = [
            pool.submit(workers.work, "first", skills[:1]),
            pool.submit(workers.work, "killed", skills[1:2], 7),
            pool.submit(workers.work, "second", skills[1:2]),
            pool.submit(workers.work, "third", skills[2:]),
        ]
        for each in every:
            each.result()
    assert Counter(workers.done) == Counter({id: 1 for ids in chains for id in ids})
    for ids in chains:
        assert sorted(ids, key=workers.sent.__getitem__) == ids
        for before, id in itertools.pairwise(ids):
            assert workers.inputs[id] == {before: before}


def test_python_gets_the_results_of_others_and_a_cancelled_one_ends_all(agents: Agents) -> None:
    one = {**PYTHON, "input": {"code": "result = 40"}}
    first = submit(agents, one)["activation_id"]
    code = f"result = context['inputs']['{first}'] + 2"
    second = submit(agents, {**PYTHON, "input": {"code": code}}, depends_on=[first])
    assert until_it_has(agents, second["activation_id"], "completed")["result"] == 42
    root = submit(agents, {**PYTHON, "dispatch": "poll"})["activation_id"]
    chain = [root]
    for _ in range(3):
        told = submit(agents, one, depends_on=chain[-1:])
        assert (told["status"], told["depends_on"]) == ("waiting", chain[-1:])
        chain.append(told["activation_id"])
    assert shown(agents, chain[-1])["waits_for"] == chain[-2:-1]
    agents.ask("DELETE", f"/activations/{root}")
    for id in chain[1:]:
        told = shown(agents, id)
        assert (told["status"], root in told["error"]) == ("cancelled", True)


def test_a_job_that_no_worker_takes_fails_in_time(agents: Agents) -> None:
    data = {"capability": f"odd-{uuid4().hex[:6]}", "dispatch": "poll", "start_within": 1}
    id = submit(agents, data)["activation_id"]
    deadline = time.monotonic() + 60
    while shown(agents, id)["status"] == "waiting":
        assert time.monotonic() < deadline
        agents.post("/poll", json={"worker_id": "w", "capabilities": ["other"]})
        time.sleep(0.5)
    assert "took it within 1 s" in shown(agents, id)["error"]


def test_another_result_is_refused(agents: Agents) -> None:
    id = submit(agents, {"capability": f"two-{uuid4().hex[:6]}", "dispatch": "poll"})
    asked = {"worker_id": "w", "capabilities": [id["capability"]]}
    assert len(agents.post("/poll", json=asked).json()["jobs"]) == 1

    def complete(result: Any) -> httpx.Response:
        sent = {"worker_id": "w", "attempt": 1, "result": result}
        return agents.post(f"/activations/{id['activation_id']}/complete", json=sent)

    assert [complete(result).status_code for result in (4, 4, 5, "4")] == [200, 200, 409, 409]


def test_python_of_one_tenant_leaves_isolates_to_others(agents: Agents) -> None:
    ended: list[str] = []

    def client(key: str, code: str) -> None:
        sent = {"code": code, "context": {}, "timeout_ms": 30_000}
        assert agents.post("/execute", key=key, json=sent).json()["status"] == "success"
        ended.append(key)

    with ThreadPoolExecutor(9) as pool:
        asleep = "import asyncio\nawait asyncio.sleep(12)\n1"
        work = [pool.submit(client, CORE, asleep) for _ in range(8)]
        time.sleep(3)  # by now each of them has an isolate, or waits for one
        work.append(pool.submit(client, WORKER, "1"))
        for each in work:
            each.result()
    assert ended[0] == WORKER
