"""Workers of one's own, through the router with the shipped policy: what they are told, and the
reference worker as real processes."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import gjson
import yaml

from tests.support.edge.agents import CORE, WORKER, Agents
from tests.support.edge.worker_processes import (
    ROOT,
    Process,
    eventually,
    handled,
    losing_answers,
    started,
)

SKILL = "text-processing"
GERMANY = {"country": "DE", "continent": "EU"}
ENDED = ("completed", "failed", "cancelled")


def submit(agents: Agents, skill: str = SKILL, input: object = None, **more: Any) -> str:
    id = f"a-{uuid4().hex}"
    data = {"capability": skill, "input": input or {}, "dispatch": "poll", **more}
    answer = agents.post("/activations", json={"activation_id": id, "activation_data": data})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "waiting"
    return id


def told(agents: Agents, id: str) -> dict[str, Any]:
    found: dict[str, Any] = agents.get(f"/activations/{id}").json()
    return found


def ended(agents: Agents, id: str, within: float = 60) -> dict[str, Any]:
    eventually(lambda: told(agents, id)["status"] in ENDED, within)
    return told(agents, id)


def listed(agents: Agents, id: str, **how: Any) -> dict[str, Any] | None:
    """The worker of that id in the list."""
    every = agents.get("/workers", **how).json()["workers"]
    return next((worker for worker in every if worker["worker_id"] == id), None)


def test_a_worker_registers_beats_polls_and_is_listed(agents: Agents) -> None:
    said = {"worker_id": "w-1", "capabilities": [SKILL], "region": "rack-7", "metadata": {"a": [1]}}
    registered = agents.post("/register", json=said, cf=GERMANY).json()
    assert (registered["status"], registered["worker_id"]) == ("success", "w-1")
    assert (registered["capabilities"], registered["region"]) == ([SKILL], "rack-7")
    alive = agents.post("/heartbeat", json={"worker_id": "w-1"}).json()
    assert (alive["status"], alive["heartbeat_within"]) == ("alive", 15)
    assert 0 <= alive["uptime_ms"] < 60_000
    id = submit(agents)
    (job,) = agents.post("/poll", json={"worker_id": "w-1"}).json()["jobs"]
    assert job["job_id"] == id
    worker = listed(agents, "w-1")
    assert worker
    assert (worker["status"], worker["metadata"]) == ("alive", {"a": [1]})
    assert [each["job_id"] for each in worker["jobs"]] == [id]
    assert listed(agents, "w-1", key=WORKER)  # whose scope shows all
    agents.post("/register", json={"worker_id": "w-2"}, key=WORKER)
    assert listed(agents, "w-2") is None
    lease = {"worker_id": "w-1", "attempt": 1, "result": 4}
    assert agents.post(f"/activations/{id}/complete", json=lease).status_code == 200
    assert agents.post("/heartbeat", json={"worker_id": "nobody"}).status_code == 404


def test_keda_finds_its_number(agents: Agents) -> None:
    """As its metrics-api scaler reads an answer: a number at `valueLocation`, a GJSON path."""
    folder = ROOT / "examples" / "keda"
    text = (folder / "scaled-object.yaml").read_text("utf-8")
    secret, scaled = yaml.safe_load_all(text)
    (trigger,) = scaled["spec"]["triggers"]
    metadata = trigger["metadata"]
    assert (scaled["apiVersion"], scaled["kind"]) == ("keda.sh/v1alpha1", "ScaledObject")
    assert (secret["kind"], trigger["type"]) == ("TriggerAuthentication", "metrics-api")
    assert scaled["spec"]["scaleTargetRef"]["name"]
    assert {"url", "valueLocation", "targetValue"} <= metadata.keys()
    assert all(isinstance(value, str) for value in metadata.values())
    assert trigger["authenticationRef"]["name"] == secret["metadata"]["name"]
    (token,) = secret["spec"]["secretTargetRef"]
    assert (metadata["authMode"], token["parameter"]) == ("bearer", "token")
    path = metadata["url"].removeprefix("https://router.example.com")
    assert path.startswith("/workers/scale?capability=")
    assert keda_value(agents, path, metadata["valueLocation"]) == 0
    here = f"/workers/scale?capability={SKILL}"
    before = keda_value(agents, here, metadata["valueLocation"])
    ids = [submit(agents) for _ in range(11)]
    assert keda_value(agents, here, metadata["valueLocation"]) == before + 11
    pods = -(-(before + 11) // float(metadata["targetValue"]))
    assert keda_value(agents, here, f"capabilities.{SKILL}.desired_workers") == pods
    for id in ids:
        agents.post(f"/activations/{id}/cancel")


def keda_value(agents: Agents, path: str, location: str) -> float:
    answer = agents.get(path)
    assert answer.status_code == 200, answer.text
    value = gjson.get(answer.json(), location)
    assert isinstance(value, int | float)
    assert not isinstance(value, bool)
    return float(value)


def test_the_reference_worker_runs_jobs_and_drains(agents: Agents, tmp_path: Path) -> None:
    with started(agents.server.url, WORKER, tmp_path, {"ref-1": [SKILL]}) as workers:
        good = submit(agents, input={"text": "é"})
        again = submit(agents, input={"text": "b", "failures": 1})
        refused = submit(agents, input={"refuse": "not this"})
        bad = [submit(agents, input={"bad": kind}) for kind in ("nan", "large")]
        assert ended(agents, good)["result"] == "é"
        assert (ended(agents, again)["result"], told(agents, again)["attempt"]) == ("b", 2)
        assert ended(agents, refused)["error"] == "Refused: not this"
        errors = [ended(agents, id)["error"] for id in bad]
        assert errors[0].startswith("the result is not JSON: ")
        assert errors[1].startswith("the result was refused: `result` has 1,000,0")
        slow = submit(agents, input={"text": "late", "seconds": 3})
        eventually(lambda: told(agents, slow)["status"] == "leased")
        assert workers["ref-1"].stop(signal.SIGTERM) == 0
        assert (told(agents, slow)["status"], told(agents, slow)["result"]) == ("completed", "late")
        rest = submit(agents)  # nobody polls any more
        assert told(agents, rest)["status"] == "waiting"
        agents.post(f"/activations/{rest}/cancel")
        assert "Traceback" not in workers["ref-1"].said()


def test_the_reference_worker_survives_lost_answers_and_jobs(
    agents: Agents, tmp_path: Path
) -> None:
    with (
        losing_answers(agents.server.url, 5) as url,
        started(url, WORKER, tmp_path, {"ref-2": [SKILL]}) as workers,
    ):
        gone = submit(agents, input={"seconds": 2})
        eventually(lambda: [each for each in handled(tmp_path) if each["job_id"] == gone], 120)
        agents.post(f"/activations/{gone}/cancel")
        # A poll whose answer is lost costs its jobs the time of a lease, and an attempt.
        texts = [{"text": str(number)} for number in range(12)]
        ids = [submit(agents, input=text, max_attempts=10) for text in texts]
        results = [ended(agents, id, 150)["result"] for id in ids]
        assert results == [str(number) for number in range(12)]
        eventually(lambda: "dropped" in workers["ref-2"].said())
        assert told(agents, gone)["status"] == "cancelled"
        assert workers["ref-2"].stop(signal.SIGINT) == 0
        assert "Traceback" not in workers["ref-2"].said()


def test_a_key_that_is_not_taken_is_said_at_once(agents: Agents, tmp_path: Path) -> None:
    process = Process(agents.server.url, "wrong", "ref-3", tmp_path, [SKILL])
    assert process.process.wait(30) == 1
    assert process.said().startswith("worker: cannot register: ")


def test_the_jobs_of_a_worker_that_is_killed_go_to_others(agents: Agents, tmp_path: Path) -> None:
    """Before its leases end: it is silent."""
    with started(agents.server.url, CORE, tmp_path, {"ref-4": [SKILL]}) as first:
        ids = [submit(agents, input={"seconds": 600}, max_attempts=2) for _ in range(3)]
        eventually(lambda: len(handled(tmp_path)) == 3)
        worker = listed(agents, "ref-4")
        assert worker
        assert sorted(each["job_id"] for each in worker["jobs"]) == sorted(ids)
        first["ref-4"].process.kill()
    # Its leases are made long, so that only its silence can have them lost.
    lease = {"worker_id": "ref-4", "attempt": 1}
    for id in ids:
        longer = {**lease, "lease": 3_600}
        assert agents.post(f"/activations/{id}/extend", json=longer).status_code == 200
    killed = time.monotonic()
    polled: list[dict[str, Any]] = []
    while len(polled) < 3:
        assert time.monotonic() < killed + 90
        asked = {"worker_id": "ref-5", "limit": 3, "wait": 5, "capabilities": [SKILL]}
        polled += agents.post("/poll", json=asked).json()["jobs"]
    assert time.monotonic() - killed > 30  # not at once: two heartbeats may be missed
    assert Counter(job["attempt"] for job in polled) == {2: 3}
    lost = listed(agents, "ref-4")
    assert lost
    assert (lost["status"], lost["leased"]) == ("lost", 0)
    late = agents.post(f"/activations/{ids[0]}/complete", json={**lease, "result": 1})
    assert late.status_code == 409
    assert "gave no sign of life in attempt 1" in told(agents, ids[0])["error"]
    for id in ids:
        agents.post(f"/activations/{id}/cancel")


CHAINS, LINKS = 20, 5
# Each capability is had by two, so that one worker may go.
CREW = {"one": ["cut", "paint"], "two": ["paint", "pack"], "three": ["pack", "cut"]}
STEPS = ("cut", "paint", "pack", "cut", "pack")


def test_chains_over_three_workers_of_which_one_is_killed(agents: Agents, tmp_path: Path) -> None:
    """Each activation is done once, after the one that it depends on, with that one's result."""
    name = uuid4().hex[:8]
    chains = [[f"{name}-{chain}-{link}" for link in range(LINKS)] for chain in range(CHAINS)]
    every = [id for chain in chains for id in chain]
    for link in range(LINKS):
        for chain in chains:
            submit_link(agents, chain, link)
    with started(agents.server.url, WORKER, tmp_path, CREW) as workers:
        eventually(lambda: len(handled(tmp_path)) >= len(every) // 3, 120)
        held = eventually(lambda: held_when_killed(agents, workers["one"]))
        assert len({each["job_id"] for each in handled(tmp_path)}) < len(every)
        done = {id: ended(agents, id, 240) for id in every}
        assert {each["status"] for each in done.values()} == {"completed"}
        for id in ("two", "three"):
            assert workers[id].stop() == 0
            assert "Traceback" not in workers[id].said()
    for chain in chains:
        for link, id in enumerate(chain):
            assert done[id]["result"] == f"result of {id}"
            steps = [step["status"] for step in done[id]["log"]]
            assert steps.count("completed") == 1
            if link:
                assert began(done[id]) >= finished(done[chain[link - 1]])
    calls = handled(tmp_path)
    attempts = Counter((each["job_id"], each["attempt"]) for each in calls)
    assert set(attempts.values()) == {1}  # no attempt was run twice
    again = {id for id, attempt in attempts if attempt > 1}
    assert again == held  # what was with the killed worker, and nothing else
    for each in calls:
        chain, link = next((c, c.index(each["job_id"])) for c in chains if each["job_id"] in c)
        before = chain[link - 1]
        assert each["inputs"] == ({before: f"result of {before}"} if link else None)
        assert each["capability"] in CREW[each["worker_id"]]


def held_when_killed(agents: Agents, worker: Process) -> set[str]:
    """The jobs that it held when it was killed; it goes on if there were none."""
    worker.process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)  # for what it has asked before
    told = listed(agents, worker.id, key=WORKER)
    assert told
    held = {each["job_id"] for each in told["jobs"]}
    worker.process.send_signal(signal.SIGKILL if held else signal.SIGCONT)
    return held


def submit_link(agents: Agents, chain: list[str], link: int) -> None:
    id, given = chain[link], {"text": f"result of {chain[link]}", "seconds": 1}
    data = {"capability": STEPS[link], "input": given, "dispatch": "poll"}
    sent: dict[str, Any] = {"activation_id": id, "activation_data": data}
    if link:
        sent["depends_on"] = [chain[link - 1]]
    answer = agents.post("/activations", json=sent)
    assert answer.status_code == 200, answer.text


def began(activation: dict[str, Any]) -> str:
    """When it was first leased, by the clock of the database."""
    found: str = next(s["at"] for s in activation["log"] if s["status"] == "leased")
    return found


def finished(activation: dict[str, Any]) -> str:
    found: str = next(s["at"] for s in activation["log"] if s["status"] == "completed")
    return found
