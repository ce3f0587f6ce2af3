"""Activations that depend on others, wait for workers, meet limits, and end once."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

import pytest

from agent.core.identity import time_text
from agent.core.jobs.activation import MAX_START_WITHIN, START_WITHIN
from agent.core.serving.background import Slots, run
from agent.queue.jobs import Jobs
from agent.queue.limits import MAX_DEPENDENCIES, MAX_INPUTS, Limits
from agent.sandbox.execute import Outcome, PythonJob
from tests.agent.core.making import START, World

PYTHON = {"capability": "python-execution", "input": {"code": "4"}}
POLL = {**PYTHON, "dispatch": "poll"}


def send(world: World, id: str, data: dict[str, Any] = POLL, **more: Any) -> tuple[int, Any]:
    sent = {"activation_id": id, "activation_data": data, **more}
    return world.ask("POST", "/activations", sent)[:2]


def shown(world: World, id: str) -> Any:
    return world.ask("GET", f"/activations/{id}")[1]


def polled(world: World, **more: Any) -> list[Any]:
    found: list[Any] = world.ask("POST", "/poll", {"worker_id": "w", **more})[1]["jobs"]
    return found


def end(world: World, id: str, verb: str = "complete", attempt: int = 1, **more: Any) -> Any:
    sent = {"worker_id": "w", "attempt": attempt, **more}
    return world.ask("POST", f"/activations/{id}/{verb}", sent)[:2]


def run_all(world: World) -> None:
    run(world.agent, Slots(4, 60_000))


class Seeing(World):
    """Python that gives its context."""

    def run(self, tenant: str, job: PythonJob) -> Outcome:
        return Outcome(job.context, None, "", 1.0, True)


def test_python_finds_the_results_in_its_context() -> None:
    world = Seeing()
    send(world, "a", PYTHON)
    send(world, "b", {**PYTHON, "input": {"code": "4", "context": {"n": 1}}}, depends_on=["a"])
    send(world, "c", {**PYTHON, "input": {"code": "4", "context": {"n": 2}}}, depends_on=["a", "b"])
    assert shown(world, "c")["waits_for"] == ["a", "b"]
    run_all(world)
    assert shown(world, "a")["result"] == {}
    assert shown(world, "b")["result"] == {"n": 1, "inputs": {"a": {}}}
    told = shown(world, "c")
    assert told["result"] == {"n": 2, "inputs": {"a": {}, "b": {"n": 1, "inputs": {"a": {}}}}}
    assert told["depends_on"] == ["a", "b"]
    assert "waits_for" not in told


class Calling(World):
    """Python that gives the arguments of its function."""

    def run(self, tenant: str, job: PythonJob) -> Outcome:
        if job.function is None:
            return super().run(tenant, job)
        return Outcome(job.arguments.get("inputs", "none"), None, "", 1.0, True)


def test_a_function_gets_the_results_as_an_argument() -> None:
    world = Calling()
    code = "def run_agent(input_data, inputs): return inputs"
    assert world.ask("PUT", "/agents/join", {"code": code}, scopes="agents:write")[0] == 200
    send(world, "a", PYTHON)
    called = {"code": code, "function": "run_agent", "arguments": {"inputs": "own"}}
    send(world, "b", {"capability": "python-execution", "input": called}, depends_on=["a"])
    send(world, "c", {"agent_id": "join", "input_data": {}}, depends_on=["a"])
    send(world, "d", {"capability": "python-execution", "input": called})
    run_all(world)
    assert [shown(world, id)["result"] for id in "bcd"] == [{"a": 4}, {"a": 4}, "own"]


def test_a_worker_is_told_the_results_beside_the_input() -> None:
    world = World()
    send(world, "a")
    send(world, "b", {**POLL, "capability": "fold-proteins"}, depends_on=["a"])
    assert [job.get("inputs", "none") for job in polled(world, limit=5)] == ["none"]
    end(world, "a", result={"x": [1]}, stdout="noise")
    (job,) = polled(world, capabilities=["fold-proteins"])
    assert (job["job_id"], job["input"], job["inputs"]) == ("b", {"code": "4"}, {"a": {"x": [1]}})


def test_a_report_on_a_job_of_another_tenant_says_whose_it_was_looked_for() -> None:
    world = World()
    send(world, "a")
    polled(world)
    told = world.ask(
        "POST", "/activations/a/complete", {"worker_id": "w", "attempt": 1, "result": 1}, "other"
    )
    assert (told[0], "tenant other has no job a: send `tenant`" in told[1]["error"]) == (404, True)


def test_the_agent_runs_what_a_worker_has_freed() -> None:
    world = World()
    send(world, "a")
    send(world, "b", PYTHON, depends_on=["a"])
    world.tasks.clear()
    polled(world)
    end(world, "a", result=1)
    assert world.tasks == ["run", "deliver"]
    run_all(world)
    assert world.state("b") == "completed"


def test_a_job_with_inputs_may_be_sent_back_whole() -> None:
    world = Seeing()
    send(world, "a")
    send(world, "b", depends_on=["a"])
    polled(world)
    end(world, "a", result=7)
    (job,) = polled(world)
    wrong = world.ask("POST", "/execute", {**job, "inputs": {"a": 8}})
    assert (wrong[0], "`inputs` is not that of the job b" in wrong[1]["error"]) == (400, True)
    status, told, _ = world.ask("POST", "/execute", job)
    assert (status, told["result"]) == (200, {"inputs": {"a": 7}})


def test_an_activation_that_is_run_at_once_waits_for_others() -> None:
    world = Seeing()
    send(world, "a", PYTHON)
    world.while_waiting = lambda: run_all(world) if world.state("a") == "waiting" else None
    asked = {"activation_id": "b", "job_data": {"code": "4"}, "depends_on": ["a"]}
    status, told, _ = world.ask("POST", "/execute", asked)
    assert (status, told["result"]["result"]) == (200, {"inputs": {"a": {}}})


def test_a_row_of_core_may_depend_on_others() -> None:
    world = Seeing()
    send(world, "a")
    row = {"agent_type_id": "llm", "input_data": {"prompt": "Hello"}}
    status, told = send(world, "b", row, depends_on=["a"])
    assert (status, told["depends_on"], told["core_status"]) == (200, ["a"], "queued")


def test_a_job_that_the_agent_ran_frees_others_for_the_agent() -> None:
    world = World()
    send(world, "a")
    send(world, "b", PYTHON, depends_on=["a"])
    polled(world)
    world.tasks.clear()
    assert world.ask("POST", "/execute", {"job_id": "a", "worker_id": "w", "attempt": 1})[0] == 200
    assert world.tasks == ["run", "deliver"]


@pytest.mark.parametrize(
    ("depends_on", "refused", "said"),
    [
        (["a", "none", "no"], 422, "`depends_on` has none, no, which are not there: submit"),
        (["b"], 422, "`depends_on` has b, the activation itself"),
        (None, 400, '`depends_on` is a list of ids of activations, such as ["a-1"]'),
        ("a", 400, '`depends_on` is a list of ids of activations, such as ["a-1"]'),
        ([1], 400, "`depends_on` is a list of ids"),
        ([".."], 400, "`depends_on` is a list of ids"),
        (["a"] * (MAX_DEPENDENCIES + 1), 400, "`depends_on` has 33 ids, and 32 are allowed"),
    ],
)
def test_what_cannot_be_depended_on(depends_on: Any, refused: int, said: str) -> None:
    world = World()
    send(world, "a")
    status, told = send(world, "b", depends_on=depends_on)
    assert (status, said in told["error"]) == (refused, True), told
    assert world.ask("GET", "/activations/b")[0] == 404


def test_nothing_to_depend_on_is_nothing() -> None:
    told = send(World(), "a", depends_on=[])[1]
    assert (told["status"], "depends_on" in told) == ("waiting", False)


def test_lists_have_those_that_are_blocked() -> None:
    world = World()
    send(world, "a")
    send(world, "b", depends_on=["a"])
    listed = world.ask("GET", "/activations?state=waiting")[1]["activations"]
    assert [(each["activation_id"], "available_at" in each) for each in listed] == [
        ("b", False),
        ("a", True),
    ]


def test_one_named_twice_is_one() -> None:
    world = World()
    send(world, "a")
    assert send(world, "b", depends_on=["a", "a"])[1]["depends_on"] == ["a"]


def test_a_failure_is_told_to_all_that_depend_on_it_and_they_are_tried_again_in_order() -> None:
    world = World()
    send(world, "a", callback_url="https://hooks.example.com/")
    send(world, "b", depends_on=["a"], callback_url="https://hooks.example.com/")
    polled(world)
    end(world, "a", "fail", error="no luck", retry=False)
    told = shown(world, "b")
    assert (told["status"], told["callback"]["status"]) == ("failed", "due")
    assert told["error"] == "dependency-failed: a, which it depends on, failed"
    assert told["log"][-1]["error"] == told["error"]
    status, refused, _ = world.ask("POST", "/activations/b/retry")
    said = "it depends on a, which has failed: try that again first"
    assert (status, refused["error"], refused["state"]) == (409, said, "failed")
    assert world.ask("POST", "/activations/a/retry")[1]["status"] == "waiting"
    again = world.ask("POST", "/activations/b/retry")[1]
    assert (again["status"], again["waits_for"]) == ("waiting", ["a"])
    assert "available_at" not in again


def test_who_depends_on_what_is_cancelled_or_forgotten_is_not_tried_again() -> None:
    world = World()
    send(world, "a")
    world.ask("DELETE", "/activations/a")
    assert send(world, "b", depends_on=["a"])[1]["status"] == "failed"
    told = world.ask("POST", "/activations/b/retry")[1]
    assert told["error"] == "it depends on a, which was cancelled: submit it anew, with another id"
    world.agent.wait(world.db.run("DELETE FROM jobs WHERE id = 'a'"))
    said = "it depends on a, which is there no more: submit it anew, with another id"
    assert world.ask("POST", "/activations/b/retry")[1]["error"] == said


def test_inputs_that_are_too_large_fail_the_job_whoever_runs_it() -> None:
    world = World()
    large = "x" * (MAX_INPUTS // 2)
    for id in ("a", "b"):
        send(world, id)
    assert {end(world, job["job_id"], result=large)[0] for job in polled(world, limit=2)} == {200}
    send(world, "edge", PYTHON, depends_on=["a", "b"])
    send(world, "poll", depends_on=["a", "b"])
    send(world, "small", depends_on=["a"])
    assert [job["job_id"] for job in polled(world, limit=5)] == ["small"]
    run_all(world)
    for id in ("edge", "poll"):
        told = shown(world, id)
        assert (told["status"], told["attempt"]) == ("failed", 1)
        assert "bytes, at most 1,000,000 may be" in told["error"]


def test_any_capability_waits_for_a_worker_for_so_long() -> None:
    world = World()
    data = {"capability": "fold-proteins", "dispatch": "poll", "start_within": 90.5}
    told = send(world, "a", data)[1]
    assert (told["status"], told["start_within"]) == ("waiting", 90.5)
    assert told["start_by"] == time_text(START + 90_500)
    usual = send(world, "b")[1]
    assert (usual["start_within"], usual["start_by"]) == (
        START_WITHIN,
        time_text(START + 1000 * START_WITHIN),
    )
    world.now += 90_500
    assert polled(world, capabilities=["fold-proteins"]) == []
    told = shown(world, "a")
    assert told["status"] == "failed"
    assert told["error"].startswith("expired: no worker took it within 90 s")


@pytest.mark.parametrize("within", [0, MAX_START_WITHIN + 1, "5", True])
def test_times_that_nobody_can_wait(within: Any) -> None:
    status, told = send(World(), "a", {**POLL, "start_within": within})
    assert (status, "`start_within` is a number of seconds" in told["error"]) == (400, True)


def test_what_the_agent_has_not_begun_in_time_fails() -> None:
    world = World()
    assert send(world, "a", {**PYTHON, "start_within": 5})[1]["start_within"] == 5
    assert "start_within" not in send(world, "b", PYTHON)[1]
    world.now += 5_000
    polled(world)
    assert shown(world, "a")["error"] == "expired: the agent did not begin it within 5 s"
    assert shown(world, "b")["status"] == "waiting"


def test_limits_of_a_tenant() -> None:
    world = World()
    jobs = Jobs(world.db, Limits(waiting=1))
    object.__setattr__(world.agent, "jobs", lambda: jobs)
    first = send(world, "a")
    sent = {"activation_id": "b", "activation_data": POLL, "callback_url": None}
    status, told, headers = world.ask("POST", "/activations", sent)
    assert (status, headers["retry-after"]) == (429, "10")
    assert (told["limit"], told["count"], told["most"]) == ("TENANT_WAITING", 1, 1)
    assert "core has 1 activations waiting, and may have 1 (TENANT_WAITING)" in told["error"]
    assert send(world, "a") == first
    assert world.ask("POST", "/activations", sent, key="other")[0] == 200


def test_an_end_that_was_told_stands() -> None:
    world = World()
    send(world, "a")
    polled(world)
    assert end(world, "a", result={"x": 1, "y": 2})[0] == 200
    assert end(world, "a", result={"y": 2, "x": 1})[0] == 200
    status, told = end(world, "a", result={"x": 2})
    assert (status, told["state"]) == (409, "completed")
    assert "has told another end of attempt 1 before, and that stands" in told["error"]
    assert end(world, "a", result={"x": 1, "y": 2}, stdout="more")[0] == 409
    assert shown(world, "a")["result"] == {"x": 1, "y": 2}

    send(world, "b")
    polled(world)
    assert end(world, "b", "fail", error="no luck")[0] == 200
    assert end(world, "b", "fail", error="no luck")[0] == 200
    status, told = end(world, "b", "fail", error="another")
    assert (status, told["state"]) == (409, "waiting")


def test_json_of_dependencies_is_what_the_queue_keeps() -> None:
    """Ids have no character that JSON writes otherwise, so texts can be compared."""
    world = World()
    send(world, "a:~@-._")
    told = send(world, "b", depends_on=["a:~@-._"])[1]
    assert json.dumps(told["depends_on"]) == '["a:~@-._"]'
    assert send(world, "b", depends_on=["a:~@-._"])[0] == 200
    assert send(world, "b")[0] == 409


@pytest.mark.parametrize(("environment", "rests"), [("development", 1_000), ("production", 0)])
def test_on_one_thread_a_job_that_computed_is_followed_by_a_rest(
    environment: str, rests: int
) -> None:
    world = World()
    settings = world.agent.settings._replace(environment=environment)
    object.__setattr__(world.agent, "settings", settings)
    seen: list[str] = []
    world.while_waiting = lambda: seen.append(world.state("a"))
    world.clock = count(0, 5_000)
    send(world, "a", PYTHON)
    run_all(world)
    assert (world.now - START, world.state("a")) == (rests, "completed")
    assert seen == ["leased"] * (rests > 0)  # so its tenant has no next one meanwhile


def test_an_activation_that_was_refused_has_no_callback() -> None:
    world = World()
    data = {"capability": "python-execution", "input": {"code": "4"}}
    sent = {"activation_id": "a", "activation_data": data, "depends_on": ["nobody"]}
    sent |= {"callback_url": "https://hooks.example.com/a"}
    assert world.ask("POST", "/activations", sent)[0] == 422
    found = asyncio.run(world.db.run("SELECT count(*) AS number FROM callbacks"))
    assert found.rows == [{"number": 0}]
