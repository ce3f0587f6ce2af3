"""What the FiberWise SDK asks."""

from __future__ import annotations

from uuid import UUID

import pytest

from agent.core.jobs.core_format import core_fields
from agent.core.serving.background import Slots, run
from agent.queue.job import Job, JobKey
from agent.records.records import Step
from tests.agent.core.making import World
from tests.agent.core.rows import put

PROMPT = {"input": {"prompt": "Hello"}}
SPAN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
URL = "/apps/app-1/agents/llm/activate"


def test_an_agent_is_activated() -> None:
    world = World()
    put(world, "sum", {"capability": "python-execution"})
    body = {"input": {"code": "[4]"}, "context": {"c": 1}, "metadata": {"m": 2}}
    status, told, _ = world.ask("POST", "/apps/app-1/agents/sum/activate", body)
    assert (status, told["status"], told["agent_id"], told["agent_version"]) == (
        *(200, "queued", "sum"),
        1,
    )
    assert (told["input_data"], told["context"]) == ({"code": "[4]"}, {"c": 1})
    assert told["metadata"] == {"m": 2, "app_id": "app-1"}
    id = str(UUID(told["activation_id"]))
    run(world.agent, Slots(4, 60_000))
    shown = world.ask("GET", f"/apps/app-1/agents/activations/{id}")[1]
    assert (shown["status"], shown["output_data"]) == ("completed", {"result": [4]})
    assert shown["duration_ms"] >= 0
    assert world.ask("GET", f"/activations/{id}")[1]["result"] == [4]


def test_a_request_that_the_router_repeats_is_one_activation() -> None:
    world = World()
    found = {world.ask("POST", URL, PROMPT, traceparent=SPAN)[1]["activation_id"] for _ in "ab"}
    assert len(found) == 1
    assert world.ask("POST", URL, PROMPT)[1]["activation_id"] not in found


def test_an_activation_of_ours_is_told_to_the_sdk() -> None:
    world = World()
    world.submit("a", "raise x")
    run(world.agent, Slots(4, 60_000))
    told = world.ask("GET", "/apps/app-1/agents/activations/a")[1]
    assert (told["agent_id"], told["status"]) == ("python-execution", "failed")
    assert (told["error"], told["output_data"]) == ("code-error: x (line 1)", None)


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/apps/a/agents/x/activate", PROMPT, 422, "the agent `x` was not found"),
        (URL, {}, 400, "`input` is missing"),
        (URL, {"input": 5}, 400, "`input` is an object"),
        (URL, {**PROMPT, "context": "{}"}, 400, "`context` is an object"),
        (URL, {**PROMPT, "inputs": {}}, 400, "did you mean `input`?"),
        (URL, {"input": {}}, 422, "`input_data` has no `prompt`"),
        (f"/apps/{'a' * 129}/agents/llm/activate", PROMPT, 400, "the app in the path"),
        ("/apps//agents/llm/activate", PROMPT, 404, "there is no endpoint"),
    ],
)
def test_refusals_say_it_where_the_sdk_looks(
    path: str, body: object, status: int, said: str
) -> None:
    world = World()
    found, told, _ = world.ask("POST", path, body)
    assert (found, said in told["error"]) == (status, True), told
    if "//" not in path:
        assert told["message"] == told["error"]


def test_the_activation_of_somebody_else_is_none() -> None:
    world = World()
    world.submit("a")
    assert world.ask("GET", "/apps/a/agents/activations/a", key="other")[0] == 404
    assert world.ask("GET", f"/apps/{'a' * 129}/agents/activations/a")[0] == 400


def test_the_status_is_that_of_its_health() -> None:
    world = World()
    assert world.ask("GET", "/status", key=None) == world.ask("GET", "/health", key=None)


def test_a_run_begins_with_its_last_attempt() -> None:
    times = {"submitted_ms": 0, "available_ms": 0, "lease_until_ms": None, "ended_ms": 9_000}
    terms = {"dispatch": "edge", "priority": 1, "max_attempts": 3, "state": "completed"}
    end = {"attempt": 2, "worker": "w", "error": None, "payload": "{}", "result": '{"result":1}'}
    job = Job(JobKey("core", "a"), "database", **times, **terms, **end)  # type: ignore[arg-type]
    log = ((1_000, "leased"), (4_000, "waiting"), (7_000, "leased"), (9_000, "completed"))
    steps = [Step(at_ms, state, 1, None, None) for at_ms, state in log]
    assert core_fields(job, steps)["duration_ms"] == 2_000
