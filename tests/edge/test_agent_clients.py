"""FiberWise's published clients against the agent, behind the router with the shipped policy.

They run as they are, in an environment of their own; `make .clients/.done` makes it.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.edge.agents import CORE, WORKER, Agents

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".clients" / "bin" / "python"
SYNC = "def run_agent(input_data):\n    return {'sum': input_data['a'] + input_data['b']}"
ASYNC = """
import asyncio

async def run_agent(input_data, fiber, llm=None):
    await asyncio.sleep(0.01)
    print("running")
    context, metadata = input_data["_context"], input_data["_metadata"]
    return {"sum": input_data["a"] + context["b"] + metadata["c"], "fiber": fiber, "llm": llm}
"""


@pytest.fixture(scope="session", autouse=True)
def clients() -> None:
    made = subprocess.run(
        ["make", "--silent", ".clients/.done"], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr


def client(name: str, asked: dict[str, Any]) -> Any:
    """What a program of `tests/edge/clients` writes."""
    program = ROOT / "tests" / "edge" / "clients" / name
    ran = subprocess.run(
        [str(PYTHON), str(program)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def submitted(agents: Agents, *rows: dict[str, Any], **more: Any) -> dict[str, bool]:
    """What Core's worker says of each row, by its id."""
    asked = {"url": f"{agents.server.url}/activations", "key": CORE, "rows": rows, **more}
    told = client("core_worker.py", asked)
    assert told["status"]["healthy"]
    found: dict[str, bool] = told["submitted"]
    return found


def row(agent: str, given: dict[str, Any], **more: Any) -> dict[str, Any]:
    objects = {name: json.dumps(value) for name, value in more.items() if isinstance(value, dict)}
    id = str(uuid4())
    return {"activation_id": id, "agent_id": agent, "input_data": json.dumps(given), **more} | (
        objects
    )


def put(agents: Agents, id: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = agents.ask("PUT", f"/agents/{id}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(agents: Agents, id: str, within: float = 60) -> dict[str, Any]:
    until = time.monotonic() + within
    while True:
        told: dict[str, Any] = agents.get(f"/activations/{id}").json()
        if told["core_status"] not in ("queued", "running"):
            return told
        assert time.monotonic() < until, told
        time.sleep(0.1)


def test_core_submits_an_activation_of_the_type_llm(agents: Agents) -> None:
    sent = row(
        *("assistant", {"prompt": "What is a router?"}),
        agent_type_id="llm",
        context={"system_prompt": "Answer briefly"},
        metadata={"temperature": 0, "max_tokens": 50, "model_id": None},
    )
    id = sent["activation_id"]
    assert submitted(agents, sent) == {id: True}
    told = ended(agents, id)
    assert (told["status"], told["core_status"]) == ("completed", "completed"), told
    assert told["output_data"]["text"]
    assert told["output_data"] == told["result"]
    assert told["started_at"] <= told["completed_at"]
    assert told["duration_ms"] >= 0


@pytest.mark.parametrize(
    ("code", "more", "output"),
    [
        (SYNC, {}, {"sum": 5}),
        (ASYNC, {"context": {"b": 20}, "metadata": {"c": 100}},
         {"sum": 122, "fiber": None, "llm": None}),
    ],
    ids=["sync", "async"],
)  # fmt: skip
def test_core_submits_an_activation_of_a_python_agent(
    agents: Agents, code: str, more: dict[str, Any], output: dict[str, Any]
) -> None:
    agent = f"sum-{uuid4().hex[:8]}"
    put(agents, agent, {"code": code})
    sent = row(agent, {"a": 2, "b": 3}, **more)
    id = sent["activation_id"]
    assert submitted(agents, sent) == {id: True}
    told = ended(agents, id)
    assert (told["core_status"], told["output_data"]) == ("completed", output), told
    assert (told["agent_id"], told["agent_version"]) == (agent, 1)


def test_core_submits_what_nobody_can_run(agents: Agents) -> None:
    """Its worker says no, and why is in the agent's log."""
    nobody, done = row("nobody", {"a": 1}), row("x", {}, agent_type_id="llm", status="completed")
    silent = row("x", {"text": "no prompt"}, agent_type_id="llm")
    all_three = (nobody, done, silent)
    assert submitted(agents, *all_three) == {each["activation_id"]: False for each in all_three}
    whys = {each["activation_id"]: refusals(agents, each["activation_id"]) for each in all_three}
    assert (
        "the agent `nobody` was not found, nor its type `custom`" in whys[nobody["activation_id"]]
    )
    assert "`status` is `completed`" in whys[done["activation_id"]]
    assert "has no `prompt`" in whys[silent["activation_id"]]
    assert agents.get(f"/activations/{nobody['activation_id']}").status_code == 404


def refusals(agents: Agents, id: str) -> str:
    """What the agent's log says of an activation."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for line in agents.server.output().splitlines():
            if "activation-refused" in line and id in line:
                return line
        time.sleep(0.2)
    raise AssertionError(f"the log says nothing of {id}")


def test_core_submits_the_same_again(agents: Agents) -> None:
    """Although its row and the agent have changed meanwhile."""
    agent = f"sum-{uuid4().hex[:8]}"
    put(agents, agent, {"code": SYNC})
    sent = row(agent, {"a": 2, "b": 3})
    id = sent["activation_id"]
    assert submitted(agents, sent) == {id: True}
    ended(agents, id)
    assert put(agents, agent, {"capability": "text-processing"})["version"] == 2
    later = {**sent, "status": "running", "updated_at": "2026-11-28T11:00:00"}
    assert submitted(agents, later) == {id: True}
    assert agents.get(f"/activations/{id}").json()["output_data"] == {"sum": 5}
    other = {**sent, "input_data": '{"a": 3, "b": 3}'}
    assert submitted(agents, other) == {id: False}


def test_cores_own_callback_waits_to_be_fetched(agents: Agents) -> None:
    sent = row("x", {"message": "Hello"}, agent_type_id="llm")
    id = sent["activation_id"]
    assert submitted(agents, sent, priority=-7) == {id: True}
    told = ended(agents, id)
    assert told["callback"]["status"] == "none"
    assert "the agent's own address" in told["callback"]["reason"]
    assert told["priority"] == 0
    fetched = agents.get(told["callback"]["fetch"]).json()
    assert fetched["output_data"] == told["output_data"]


def test_the_sdk_activates_an_agent(agents: Agents) -> None:
    agent = f"sum-{uuid4().hex[:8]}"
    put(agents, agent, {"code": ASYNC})
    told = client(
        "sdk.py",
        {
            "url": agents.server.url,
            "key": CORE,
            "app": "app-1",
            "agent": agent,
            "input": {"a": 1},
            "context": {"b": 2},
            "metadata": {"c": 3},
        },
    )
    accepted, done = told["accepted"], told["ended"]
    assert (accepted["agent_id"], accepted["status"]) == (agent, "queued")
    assert accepted["input_data"] == {"a": 1}
    assert accepted["metadata"] == {"c": 3, "app_id": "app-1"}
    assert (done["status"], done["error"]) == ("completed", None)
    assert done["output_data"] == {"sum": 6, "fiber": None, "llm": None}
    assert done["started_at"] <= done["completed_at"]
    assert done["duration_ms"] >= 0
    assert told["status"]["status"] == "healthy"
    assert told["unknown"][0] == "AgentNotFoundError"
    assert told["wrong"][0] == "FiberWiseError"
    assert "`input_data` has no `prompt`" in told["wrong"][1]
    assert "there is no activation nobody" in told["missing"][1]


def test_an_agent_is_put_shown_and_deleted(agents: Agents) -> None:
    id = f"chat-{uuid4().hex[:8]}"
    body = {"capability": "ai-completion", "settings": {"system_prompt": "Be kind"}}
    assert put(agents, id, body)["is_new_version"]
    assert not put(agents, id, body)["is_new_version"]
    shown = agents.get(f"/agents/{id}")
    assert (shown.json()["settings"], shown.headers["etag"]) == (body["settings"], '"1"')
    for path in ("/agents", "/agents?limit=1"):
        assert agents.get(path).json()["agents"]
    stale = agents.ask("PUT", f"/agents/{id}", json={"code": SYNC}, headers={"if-match": '"9"'})
    assert stale.status_code == 412
    assert agents.ask("DELETE", f"/agents/{id}").json()["version"] == 2
    assert agents.get(f"/agents/{id}").status_code == 404
    assert agents.get(f"/agents/{id}?version=1").json()["settings"] == body["settings"]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("x = 1\ndef run_agent(data):\n    return (", 3),
        ("x = 1\ndef run(data): pass", 2),
        (f"def run_agent(data): return {'-' * 100_000}1", 1),
        (f"def run_agent(data): return {'[' * 100_000}{']' * 100_000}", 1),
        (f"def run_agent(data): return data{'.x' * 60_000}", None),
    ],
    ids=["syntax", "no function", "deep operators", "deep brackets", "a long chain"],
)
def test_code_that_is_no_agent(agents: Agents, code: str, line: int | None) -> None:
    """Whatever Python's parser makes of it, the agent goes on."""
    id = f"bad-{uuid4().hex[:8]}"
    answer = agents.ask("PUT", f"/agents/{id}", json={"code": code})
    assert answer.status_code == 400, answer.text
    if line is not None:
        assert answer.json().get("line") in (line, None)
    assert agents.get(f"/agents/{id}").status_code == 404
    assert agents.get("/register").status_code == 200


def test_agents_are_changed_with_a_scope_only(agents: Agents) -> None:
    answer = agents.ask("PUT", "/agents/a", key=WORKER, json={"code": SYNC})
    assert (answer.status_code, "`agents:write`" in answer.json()["error"]) == (403, True)
