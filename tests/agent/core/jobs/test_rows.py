"""Activations as FiberWise Core sends them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.agents.definition import Definition
from agent.core.jobs.payload import read_payload
from agent.core.jobs.resolving import input_of
from agent.core.jobs.row import CoreRow
from agent.core.serving.background import Slots, run
from agent.queue.job import JobKey
from agent.sandbox.execute import Outcome
from tests.agent.core.making import World
from tests.agent.core.rows import ID, ROW, llm, put, sent, submit
from tests.support.examples import examples

SUM = "def run_agent(input_data):\n    return input_data['a'] + input_data['b']"
PROMPT = {"prompt": "Hello"}


def asked(world: World, id: str = ID) -> Any:
    """What the capability of the job is given."""
    job = asyncio.run(world.agent.jobs().get(JobKey("core", id)))
    assert job
    return read_payload(job.payload).input


def test_a_row_becomes_a_job_of_its_agent() -> None:
    world = World()
    assert put(world, "sum", {"code": SUM})[0] == 200
    status, told = submit(world, sent())
    assert (status, told["status"], told["core_status"]) == (200, "waiting", "queued")
    assert (told["capability"], told["agent_id"]) == ("python-execution", "sum")
    assert (told["agent_version"], told["input_data"]) == (1, {"a": 2, "b": 3})
    assert told["callback"]["fetch"] == f"/activations/{ID}"
    context, metadata = {}, {"model_id": None}
    data = {"a": 2, "b": 3, "_context": context, "_metadata": metadata}
    arguments = {"input_data": data, "context": context, "metadata": metadata}
    assert asked(world) == {"code": SUM, "function": "run_agent", "arguments": arguments}
    assert world.tasks == ["run"]


@pytest.mark.parametrize(
    ("about", "row", "expected"),
    [
        ("a prompt", {}, PROMPT),
        ("objects", {"input_data": {"prompt": "Hello"}, "context": {}, "metadata": {}}, PROMPT),
        ("nothing", {"context": None, "metadata": ""}, PROMPT),
        ("null as text", {"context": "null"}, PROMPT),
        ("a message", {"input_data": {"message": "Hello"}}, PROMPT),
        ("unknown fields", {"input_data": {"prompt": "Hello", "user": "u", "chat": 1}}, PROMPT),
        ("messages", {"input_data": {"messages": [1]}}, {"messages": [1]}),
        ("a system prompt", {"context": {"system_prompt": "Be kind"}},
         {**PROMPT, "system": "Be kind"}),
        ("in the input", {"input_data": {"prompt": "Hello", "system_prompt": "a"},
                          "context": {"system_prompt": "b"}}, {**PROMPT, "system": "a"}),
        ("metadata", {"metadata": {"model_id": "@cf/a/b", "temperature": 0.7, "max_tokens": 9,
                                   "provider_id": None, "additional_params": {}}},
         {**PROMPT, "model": "@cf/a/b", "temperature": 0.7, "max_tokens": 9}),
        ("both", {"input_data": {"prompt": "Hello", "temperature": 0}, "metadata":
                  {"temperature": 1}}, {**PROMPT, "temperature": 0}),
        ("two models", {"input_data": {"prompt": "Hello", "model": "@cf/a/b"}, "metadata":
                        {"model_id": "@cf/c/d"}}, {**PROMPT, "model": "@cf/a/b"}),
        ("the id is the type", {"agent_id": "llm", "agent_type_id": None}, PROMPT),
        ("no id", {"agent_id": None}, PROMPT),
        ("another status", {"status": "running"}, PROMPT),
        ("one that failed", {"status": "failed"}, PROMPT),
    ],
)  # fmt: skip
def test_the_type_llm_needs_no_entry(about: str, row: dict[str, Any], expected: object) -> None:
    world = World()
    status, told = submit(world, llm(**row))
    assert (status, told.get("capability")) == (200, "ai-completion"), told
    assert told["agent_version"] is None
    assert asked(world) == expected


@pytest.mark.parametrize(
    ("about", "row", "status", "said"),
    [
        ("nobody", {"agent_type_id": "robot"}, 404,
         "the agent `x` was not found, nor its type `robot`, so nobody here can run it"),
        ("no type", {"agent_type_id": ""}, 404, "the agent `x` was not found, so nobody"),
        ("no agent", {"agent_id": "", "agent_type_id": None}, 400, "names no agent"),
        ("no id of ours", {"agent_id": "\ud800\0", "agent_type_id": ""}, 404, "was not found, so"),
        ("no text", {"agent_id": 5}, 400, "`agent_id` is text"),
        ("no JSON", {"input_data": "Hello"}, 400, "`input_data` is text, but not a JSON object"),
        ("no object", {"input_data": "[1]"}, 400, "`input_data` is an object"),
        ("a number", {"context": 5}, 400, "`context` is an object"),
        ("no prompt", {"input_data": {"text": "a"}}, 400, "no `prompt` and no `message`"),
        ("no text", {"input_data": {"prompt": 5}}, 400, "`input_data.prompt` is text"),
        ("a model of others", {"metadata": {"model_id": "gpt-4"}}, 400,
         "`metadata.model_id` is the name of a model"),
        ("hot", {"metadata": {"temperature": 9}}, 400, "`metadata.temperature` is a number"),
        ("long", {"input_data": {"prompt": "a", "max_tokens": 0}}, 400,
         "`input_data.max_tokens` is a whole number"),
        ("done", {"status": "completed"}, 409, "`status` is `completed`: nothing was run"),
        ("given up", {"status": "cancelled"}, 409, "`status` is `cancelled`: nothing was run"),
        ("a bad id", {"activation_id": "a b"}, 400, "`activation_id` is text"),
    ],
)  # fmt: skip
def test_what_nobody_can_run_is_refused_and_logged(
    about: str, row: dict[str, Any], status: int, said: str
) -> None:
    world = World()
    body = llm(**row)
    found, told = submit(world, body)
    assert (found, said in told["error"]) == (status, True), told
    event = {"event": "activation-refused", "tenant": "core", "activation": body["activation_id"]}
    assert world.logged == [{**event, "error": told["error"]}]
    assert world.ask("GET", f"/activations/{ID}")[0] == 404


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"agent": "sum"}, "did you mean `activation_data.agent_id`?"),
        ({"agentId": "sum", "input_data": {}}, "did you mean `activation_data.agent_id`?"),
        ({"agent_type": "llm"}, "did you mean `activation_data.agent_type_id`?"),
        ({"agent": "sum", "code": "1"}, "there is no field `activation_data.agent` in Python code"),
        ({"robot": "sum"}, "there is no field `activation_data.robot` in "),
    ],
)
def test_a_misspelled_agent_is_told(data: dict[str, Any], said: str) -> None:
    status, told, _ = World().ask(
        "POST", "/activations", {"activation_id": ID, "activation_data": data}
    )
    assert (status, said in told["error"]) == (400, True), told


def test_a_row_that_is_too_large_is_logged_as_well() -> None:
    world = World()
    assert submit(world, llm(input_data={"prompt": "x" * 600_000}))[0] == 413
    assert [each["event"] for each in world.logged] == ["activation-refused"]


def test_an_agent_goes_before_its_type() -> None:
    world = World()
    one, other = ({"capability": "text-processing"}, {"capability": "ai-embeddings"})
    put(world, "custom", one)
    assert submit(world, sent(activation_id="a"))[1]["capability"] == "text-processing"
    put(world, "sum", other)
    assert submit(world, sent(activation_id="b"))[1]["capability"] == "ai-embeddings"
    assert asked(world, "b") == {"a": 2, "b": 3}
    world.ask("DELETE", "/agents/sum", scopes="agents:write")
    assert submit(world, sent(activation_id="c"))[1]["capability"] == "text-processing"
    assert submit(world, llm(activation_id="d"))[1]["capability"] == "ai-completion"
    put(world, "llm", one)
    assert submit(world, llm(activation_id="e"))[1]["capability"] == "text-processing"


def test_agents_of_other_tenants_run_nothing() -> None:
    world = World()
    world.ask("PUT", "/agents/sum", {"code": SUM}, key="other", scopes="agents:write")
    assert submit(world, sent())[0] == 404


def test_what_is_submitted_again_is_the_same_although_all_else_has_changed() -> None:
    world = World()
    put(world, "sum", {"code": SUM})
    first = submit(world, sent())[1]
    put(world, "sum", {"code": SUM.replace("+", "-")})
    later = {
        "status": "completed",
        "updated_at": "later",
        "output_data": "{}",
        "input_data": {"b": 3, "a": 2},
    }
    assert submit(world, sent(priority=7, **later)) == (200, first)
    world.ask("DELETE", "/agents/sum", scopes="agents:write")
    assert submit(world, sent()) == (200, first)
    for other in ({"input_data": {"a": 1}}, {"context": {"a": 1}}, {"agent_id": "b"}):
        status, told = submit(world, sent(**other))
        assert (status, told["state"]) == (409, "waiting"), other
    assert submit(world, {**sent(), "callback_url": None})[0] == 409
    assert asked(world)["code"] == SUM


def test_a_job_of_ours_is_none_of_cores() -> None:
    world = World()
    world.submit(ID)
    assert submit(world, sent())[0] == 409


def test_an_agent_that_changes_while_a_row_is_submitted() -> None:
    """Somebody else has submitted it meanwhile, and the agent was another one."""
    world = World()
    put(world, "sum", {"code": SUM})
    submit(world, sent())
    put(world, "sum", {"capability": "text-processing"})
    jobs = world.agent.jobs()
    get, misses = jobs.get, [None]

    async def late(key: JobKey) -> Any:
        return misses.pop() if misses else await get(key)

    jobs.get = late  # type: ignore[method-assign]
    status, told = submit(world, sent())
    assert (status, told["capability"]) == (200, "python-execution")
    misses.append(None)
    assert submit(world, sent(input_data={"a": 1}))[0] == 409


@pytest.mark.parametrize(("given", "row", "is_to_be"), [(-5, 3, 0), (99, 3, 9), (None, 3, 3)])
def test_priorities(given: int | None, row: int, is_to_be: int) -> None:
    body = llm()
    body["activation_data"]["priority"] = row
    body["priority"] = given
    if given is None:
        del body["priority"]
    assert submit(World(), body)[1]["priority"] == is_to_be


def test_a_run_is_told_in_cores_words() -> None:
    world = World()
    world.play = lambda code: Outcome({"sum": 5}, None, "", 1.0, True)
    put(world, "text", {"capability": "python-execution"})
    submit(world, sent(agent_id="text", input_data={"code": "5"}))
    world.now += 1_000
    run(world.agent, Slots(4, 60_000))
    told = world.ask("GET", f"/activations/{ID}")[1]
    assert (told["status"], told["core_status"]) == ("completed", "completed")
    assert told["output_data"] == told["result"] == {"sum": 5}
    assert told["completed_at"] == told["ended_at"]
    assert told["duration_ms"] >= 0
    leased = [step for step in told["log"] if step["status"] == "leased"]
    assert told["started_at"] == leased[-1]["at"]
    listed = world.ask("GET", "/activations?state=completed")[1]["activations"]
    assert [each["core_status"] for each in listed] == ["completed"]


def test_a_row_is_run_at_once() -> None:
    """`{activation_id, job_data}`, as the source document's integration test sends it."""
    world = World()
    world.play = lambda code: Outcome({"sum": 5}, None, "", 1.0, True)
    put(world, "text", {"capability": "python-execution"})
    row = {**ROW, "agent_id": "text", "input_data": {"code": "5"}}
    body = {"activation_id": ID, "job_data": row}
    for _ in range(2):
        status, told, _ = world.ask("POST", "/execute", body)
        assert (status, told["status"], told["result"]) == (200, "completed", {"sum": 5})
    assert world.ran == ["5"]
    assert world.ask("GET", f"/activations/{ID}")[1]["core_status"] == "completed"
    body = {"activation_id": "other", "job_data": {**ROW, "agent_id": "nobody"}}
    status, told, _ = world.ask("POST", "/execute", body)
    assert (status, "`job_data" in told["error"] or "nobody" in told["error"]) == (404, True)


def test_a_result_that_is_no_object_is_one_in_cores_words() -> None:
    world = World()
    world.submit("a", "[1]")
    run(world.agent, Slots(4, 60_000))
    told = world.ask("GET", "/activations/a")[1]
    assert (told["result"], told["output_data"]) == ([1], {"result": [1]})
    world.submit("b", "raise x")
    run(world.agent, Slots(4, 60_000))
    told = world.ask("GET", "/activations/b")[1]
    assert (told["core_status"], "output_data" in told) == ("failed", False)


def test_the_agents_settings_and_the_rows() -> None:
    """The agent's prompt goes first, of the rest the row's."""
    world = World()
    settings = {"system_prompt": "Agent", "model": "@cf/a/b", "temperature": 1, "max_tokens": 5}
    put(world, "x", {"capability": "ai-completion", "settings": settings})
    row = {"context": {"system_prompt": "Row"}, "metadata": {"temperature": 0}}
    submit(world, llm(**row))
    expected = {**PROMPT, "model": "@cf/a/b", "system": "Agent", "temperature": 0, "max_tokens": 5}
    assert asked(world) == expected


def test_a_function_gets_none_for_what_core_would_inject() -> None:
    definition = Definition("python-execution", {}, "…", ("fiber", "context"))
    row = CoreRow("a", "", {"x": 1}, {"c": 2}, {"m": 3})
    arguments = input_of(definition, row)["arguments"]
    assert arguments == {
        "fiber": None,
        "context": {"c": 2},
        "metadata": {"m": 3},
        "input_data": {"x": 1, "_context": {"c": 2}, "_metadata": {"m": 3}},
    }


def test_scopes_are_those_of_the_key_when_it_was_submitted() -> None:
    world = World()
    put(world, "table", {"capability": "database"})
    body = sent(agent_id="table", input_data={"sql": "SELECT 1"})
    world.ask("POST", "/activations", body, scopes="database:read agents")
    job = asyncio.run(world.agent.jobs().get(JobKey("core", ID)))
    assert job
    assert read_payload(job.payload).scopes == {"database:read"}


@examples(100)
@given(
    st.dictionaries(
        st.sampled_from([*ROW, "extra"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["{}", "[", "null"])
        | st.dictionaries(st.sampled_from(["prompt", "model", "temperature"]), st.text()),
    )
)  # fmt: skip
def test_no_row_is_a_mistake_of_ours(changes: dict[str, Any]) -> None:
    world = World()
    body = {**llm(), "activation_data": {**ROW, **changes}}
    status, told = submit(world, json.loads(json.dumps(body)))
    assert status in (200, 400, 404, 409), told
