"""The requests of the document that the agent comes from, each with the answer that it shows.

The first four tests are the document's own, under their names, translated to HTTP. The others
are one for each request in it, and hold every field of the answer that stands there.
"""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from agent import __version__
from tests.support.edge.agents import CORE, WORKER, Agents

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"
WORKER_ID = r"cf-[a-z]+-[0-9a-f]{8}"
LLAMA, BGE = "@cf/meta/llama-2-7b-chat-fp16", "@cf/baai/bge-base-en-v1.5"


def executed(agents: Agents, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = agents.post("/execute", json=body)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


def an_id() -> str:
    return f"d-{uuid4().hex}"


def is_time(text: Any) -> bool:
    return bool(re.fullmatch(TIME, text))


def test_should_return_health_status(agents: Agents) -> None:
    response = agents.get("/health", key=None)
    result = response.json()
    assert response.status_code == 200
    assert result["status"] == "healthy"


def test_should_handle_worker_registration(agents: Agents) -> None:
    response = agents.get("/register")
    result = response.json()
    assert response.status_code == 200
    assert result["status"] == "success"
    assert result["worker_id"]


def test_should_execute_python_code(agents: Agents) -> None:
    sent = {"job_id": "test-123", "code": "result = 2 + 2", "context": {}}
    response = agents.post("/execute", json=sent)
    result = response.json()
    assert result["status"] == "completed"
    assert result["result"]["result"] == 4


def test_should_integrate_with_fiberwise_core(agents: Agents) -> None:
    """Its body is sent without a content type, as `fetch` does with a string."""
    activation = {"id": an_id(), "data": {"code": "result = 2 + 2", "context": {}}}
    sent = httpx.Request(
        *("POST", "http://agent/execute"),
        json={"activation_id": activation["id"], "job_data": activation["data"]},
    )
    response = agents.post("/execute", content=sent.content)
    assert response.status_code == 200, response.text
    result = agents.get(f"/activations/{activation['id']}").json()
    assert result["status"] == "completed"
    assert result["result"] == 4


def test_any_other_path_of_the_document_is_the_front_page(agents: Agents) -> None:
    answer = agents.get("/", key=None)
    assert (answer.status_code, answer.text) == (200, f"FiberWise Edge Worker v{__version__}")
    assert answer.headers["content-type"].startswith("text/plain")


def test_register(agents: Agents) -> None:
    told = agents.get("/register").json()
    assert told["status"] == "success"
    assert re.fullmatch(WORKER_ID, told["worker_id"])
    assert {"python-execution", "web-scraping", "api-calls", "text-processing"} <= set(
        told["capabilities"]
    )
    assert told["region"] in ("us", "eu", "ap", "global")
    assert is_time(told["registered_at"])


def test_poll(agents: Agents) -> None:
    told = agents.get("/poll?worker_id=nobody&capabilities=nothing").json()
    assert (told["status"], told["jobs"]) == ("success", [])
    assert is_time(told["poll_timestamp"])


def test_heartbeat(agents: Agents) -> None:
    told = agents.get("/heartbeat").json()
    assert told["status"] == "alive"
    assert re.fullmatch(WORKER_ID, told["worker_id"])
    assert is_time(told["heartbeat_at"])
    assert told["uptime_ms"] >= 0


def test_health(agents: Agents) -> None:
    told = agents.get("/health", key=None).json()
    assert told["status"] == "healthy"
    assert told["service"] == "fiberwise-edge-worker"
    assert told["version"] == __version__
    assert is_time(told["timestamp"])
    assert told["region"] in ("us", "eu", "ap", "global")


def test_metrics(agents: Agents) -> None:
    executed(agents, {"capability": "text-processing", "input": {"text": "a"}})
    told = agents.get("/metrics").json()
    assert re.fullmatch(WORKER_ID, told["worker_id"])
    assert told["region"] in ("us", "eu", "ap", "global")
    assert "python-execution" in told["capabilities"]
    assert is_time(told["timestamp"])
    sums = told["metrics"]
    assert sums["requests"] == sum(each["count"] for each in told["requests"])
    assert sums["uptime_ms"] >= 0
    assert {"errors", "jobs_completed", "jobs_failed"} <= set(sums)


def test_execute(agents: Agents) -> None:
    code = 'result = {"sum": context["a"] + context["b"]}'
    told = executed(agents, {"job_id": "job-1", "code": code, "context": {"a": 1, "b": 2}})
    assert (told["status"], told["job_id"]) == ("completed", "job-1")
    assert (told["result"]["result"], told["result"]["type"]) == ({"sum": 3}, "object")
    assert told["result"]["execution_time_ms"] == told["execution_time_ms"] > 0
    assert is_time(told["completed_at"])
    failed = executed(agents, {"job_id": "job-2", "code": "1 / 0", "context": {}}, 422)
    assert (failed["status"], failed["job_id"]) == ("failed", "job-2")
    assert "ZeroDivisionError" in failed["error"]
    assert is_time(failed["timestamp"])


@pytest.mark.parametrize(
    ("value", "type_of"),
    [("2.5", "number"), ("'a'", "string"), ("True", "boolean"), ("[1]", "object")],
)
def test_types_are_those_of_javascript(agents: Agents, value: str, type_of: str) -> None:
    told = executed(agents, {"job_id": "job-3", "code": f"result = {value}"})
    assert told["result"]["type"] == type_of


def test_python_execution(agents: Agents) -> None:
    told = executed(agents, {"code": "result = context['a'] * 2", "context": {"a": 21}})
    assert (told["status"], told["result"]) == ("success", 42)
    assert told["execution_time_ms"] > 0
    failed = executed(agents, {"code": "result = 1 / 0", "context": {}}, 422)
    assert (failed["status"], failed["kind"]) == ("error", "code-error")
    assert failed["error"] == "ZeroDivisionError: division by zero"
    assert failed["execution_time_ms"] > 0


def test_ai_completion(agents: Agents) -> None:
    told = executed(agents, {"prompt": "Hello", "model": LLAMA})
    assert (told["status"], told["model"], told["provider"]) == ("success", LLAMA, "cloudflare-ai")
    assert f"{LLAMA} was asked: Hello" in told["text"]
    assert executed(agents, {"prompt": "Hello"})["status"] == "success"
    sent = {"capability": "ai-completion", "input": {"prompt": "Hello", "model": LLAMA}}
    assert executed(agents, sent)["result"]["provider"] == "cloudflare-ai"


def test_embeddings(agents: Agents) -> None:
    told = executed(agents, {"text": "Hello", "model": BGE})
    assert (told["status"], told["dimensions"]) == ("success", 768)
    assert len(told["embeddings"]) == 768
    assert all(isinstance(number, int | float) for number in told["embeddings"])
    several = executed(agents, {"text": ["a", "b"], "model": BGE})
    assert several["embeddings"] == several["data"]
    sent = {"capability": "ai-embeddings", "input": {"text": "Hello", "model": BGE}}
    assert executed(agents, sent)["result"]["embeddings"] == told["embeddings"]


@pytest.mark.parametrize(
    "model", ["@cf/nobody-known/some_model-7b.v2", "@hf/thebloke/zephyr-7b-beta-awq"]
)
def test_any_model_of_the_form_answers(agents: Agents, model: str) -> None:
    assert model in executed(agents, {"prompt": "Hello", "model": model})["text"]
    assert executed(agents, {"text": "Hello", "model": model})["dimensions"] == 768
    refused = executed(agents, {"prompt": "Hello", "model": "llama"}, 422)
    assert (refused["status"], "`model` is the name" in refused["error"]) == ("error", True)


def test_database_operation(agents: Agents) -> None:
    table = f"t_{uuid4().hex}"
    made = executed(agents, {"query": f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name)"})
    assert (made["status"], made["data"]) == ("success", [])
    query = f"INSERT INTO {table} (name) VALUES (?), (?) RETURNING id"
    added = executed(agents, {"query": query, "params": ["Ann", "Bob"]})
    assert added["data"] == [{"id": 1}, {"id": 2}]
    assert (added["meta"]["changes"], added["meta"]["last_row_id"]) == (2, 2)
    assert added["meta"]["changed_db"] is True
    query = f"SELECT id, name, id FROM {table} WHERE name = ?"
    found = executed(agents, {"query": query, "params": ["Bob"]})
    assert found["data"] == [{"id": 2, "name": "Bob", "id:1": 2}]
    assert (found["rows"], found["columns"]) == ([[2, "Bob", 2]], ["id", "name", "id:1"])
    assert (found["meta"]["changes"], found["meta"]["changed_db"]) == (0, False)
    assert found["meta"]["duration"] >= 0
    query = f"INSERT INTO {table} (name) VALUES ('Cy') RETURNING id, id"
    assert executed(agents, {"query": query})["data"] == [{"id": 3}]
    failed = executed(agents, {"query": "SELECT * FROM nobody", "params": []}, 422)
    assert (failed["status"], "no such table" in failed["error"]) == ("error", True)
    sent = {"capability": "database", "input": {"query": f"SELECT name FROM {table}"}}
    result = executed(agents, sent)["result"]
    assert result["data"] == [{"name": "Ann"}, {"name": "Bob"}, {"name": "Cy"}]
    assert result["rows"] == [["Ann"], ["Bob"], ["Cy"]]
    plain = {"capability": "database", "input": {"sql": f"SELECT name FROM {table}"}}
    assert "data" not in executed(agents, plain)["result"]


DATA: list[tuple[dict[str, Any], Any]] = [
    ({"capability": "text-processing", "input": {"text": "One two."}}, lambda r: r["words"] == 2),
    ({"code": "result = context", "context": {"a": 1}}, lambda r: r == {"a": 1}),
    ({"query": "SELECT ? AS a", "params": [2]}, lambda r: r["data"] == [{"a": 2}]),
    ({"prompt": "Hello", "model": LLAMA}, lambda r: r["provider"] == "cloudflare-ai"),
    ({"text": "Hello", "model": BGE}, lambda r: len(r["embeddings"]) == 768),
]


@pytest.mark.parametrize(("data", "is_right"), DATA)
def test_an_activation_is_run_and_found(agents: Agents, data: Any, is_right: Any) -> None:
    sent = {"activation_id": an_id(), "job_data": data}
    told = executed(agents, sent)
    assert (told["status"], told["job_id"]) == ("completed", sent["activation_id"])
    assert told["execution_time_ms"] >= 0
    assert is_time(told["completed_at"])
    result = told["result"]["result"] if "code" in data else told["result"]
    assert is_right(result)
    found = agents.get(f"/activations/{sent['activation_id']}").json()
    assert (found["status"], found["attempt"]) == ("completed", 1)
    assert is_right(found["result"])
    again = executed(agents, sent)
    assert again["result"].keys() == told["result"].keys()
    assert agents.get(f"/activations/{sent['activation_id']}").json()["attempt"] == 1


@pytest.mark.parametrize(("data", "is_right"), DATA)
def test_the_same_shapes_are_data_of_activations(agents: Agents, data: Any, is_right: Any) -> None:
    id = an_id()
    sent = {"activation_id": id, "activation_data": {**data, "dispatch": "edge"}}
    assert agents.post("/activations", json=sent).status_code == 200
    until = time.monotonic() + 60
    while (told := agents.get(f"/activations/{id}").json())["status"] in ("waiting", "leased"):
        assert time.monotonic() < until, told
        time.sleep(0.1)
    assert (told["status"], is_right(told["result"])) == ("completed", True)


def test_a_job_as_poll_handed_it_out_is_run(agents: Agents) -> None:
    id = an_id()
    data = {"code": "result = context['n'] + 1", "context": {"n": 41}, "dispatch": "poll"}
    sent = {"activation_id": id, "activation_data": data, "priority": 9}
    assert agents.post("/activations", json=sent).status_code == 200
    polled = agents.post("/poll", key=WORKER, json={"worker_id": "whole", "wait": 5}).json()
    (job,) = polled["jobs"]
    assert job["job_id"] == id
    answer = agents.post("/execute", key=WORKER, json=job)
    told = answer.json()
    assert (answer.status_code, told["status"], told["job_id"]) == (200, "completed", id)
    assert told["result"] == 42
    assert agents.get(f"/activations/{id}").json()["result"] == 42


def test_mixed_and_unknown_fields_are_refused(agents: Agents) -> None:
    for body, said in (
        ({"code": "1", "query": "SELECT 1"}, "send one of the two"),
        ({"cod": "1"}, "did you mean `code`?"),
        ({"job_id": "a"}, "`capability` is missing"),
    ):
        told = executed(agents, body, 400)
        assert said in told["error"]
        assert "send one such as {" in told["error"]


def test_keys_are_asked_for(agents: Agents) -> None:
    sent = {"code": "result = 1"}
    assert agents.post("/execute", key=None, json=sent).status_code == 401
    bearer = {"authorization": f"Bearer {CORE}"}
    assert agents.post("/execute", key=None, headers=bearer, json=sent).status_code == 200


def test_results_are_kept_for_a_while(agents: Agents) -> None:
    sent = {"text": uuid4().hex, "model": BGE}
    first = agents.post("/execute", json=sent)
    assert first.headers["x-cache"] == "MISS"
    until = time.monotonic() + 30
    while (again := agents.post("/execute", json=sent)).headers["x-cache"] != "HIT":
        assert time.monotonic() < until
        time.sleep(0.2)
    assert again.json()["embeddings"] == first.json()["embeddings"]
