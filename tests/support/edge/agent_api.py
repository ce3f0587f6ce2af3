"""All operations of the agent, each with a request that it takes and one that it does not; and
every answer held to the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import jsonschema

from agent.core.http.responses import JSON
from agent.schemas.components.values import either, ref
from agent.schemas.document import document
from agent.schemas.operations import OPERATIONS, Operation
from agent.schemas.refusals import REFUSALS
from tests.support.edge.agents import WORKER, Agents

LEASE = {"worker_id": "walker", "attempt": 1}
TEXT = {"capability": "text-processing", "input": {"text": "One two. Three!"}}
# What makes results here; the Internet is elsewhere.
JOBS: tuple[dict[str, Any], ...] = (
    TEXT,
    {**TEXT, "input": {"text": "One two.", "operation": "chunk", "size": 4}},
    {**TEXT, "input": {"text": "a@b.example", "operation": "extract", "kinds": ["emails"]}},
    {"capability": "python-execution", "input": {"code": "print(1)\nresult = [context]"}},
    {
        "capability": "python-execution",
        "input": {
            "code": "async def run_agent(input_data, top=1): return [input_data, top]",
            "function": "run_agent",
            "arguments": {"input_data": {"a": 1}, "top": 2},
        },
    },
    {"capability": "ai-completion", "input": {"prompt": "Hello", "seed": 1, "stop": "."}},
    {"capability": "ai-completion", "input": {"messages": [{"role": "user", "content": "Hi"}]}},
    {"capability": "ai-completion", "input": {"prompt": "Hello", "stream": True}},
    {"capability": "ai-embeddings", "input": {"text": ["a", "b"], "pooling": "cls"}},
    {"capability": "database", "input": {"sql": "SELECT ? AS a", "params": [2]}},
    {"capability": "database", "input": {"query": "SELECT ? AS a", "params": [2]}},
    {"job_id": "walk-code", "code": "result = 4", "context": {}},
    {"code": "result = context", "context": {"a": 1}},
    {"query": "SELECT ? AS a", "params": [2], "max_rows": 1},
    {"prompt": "Hello", "model": "@cf/meta/llama-2-7b-chat-fp16", "seed": 1},
    {"text": ["a", "b"], "pooling": "cls"},
    {"text": "a", "model": "@cf/baai/bge-base-en-v1.5", "job_id": "walk-text"},
    {"activation_id": "walk-run", "job_data": {"code": "result = 4"}},
)
REFUSED: tuple[dict[str, Any], ...] = (
    {**TEXT, "input": {"text": "a", "operation": "sing"}},
    {"capability": "python-execution", "input": {"code": "result = x"}},
    {"capability": "python-execution", "input": {"code": "1", "arguments": {}}},
    {"capability": "ai-completion", "input": {"prompt": ""}},
    {"capability": "ai-completion", "input": {"prompt": "a", "model": "@cf/local/no-such-model"}},
    {"capability": "ai-embeddings", "input": {"text": []}},
    {"capability": "database", "input": {"sql": "PRAGMA foreign_keys"}},
    {"capability": "web-scraping", "input": {"url": "http://127.0.0.1/"}},
    {"capability": "api-calls", "input": {"url": "http://127.0.0.1/", "method": "TRACE"}},
    {"code": "result = x"},
    {"query": "PRAGMA foreign_keys"},
    {"prompt": "a", "model": "@cf/local/no-such-model"},
    {"activation_id": "walk-failed", "job_data": {"code": "result = x"}},
)


class Walker:
    """Asks, and holds what comes to the document. `seen`: operation and status."""

    def __init__(self, agents: Agents) -> None:
        self.agents = agents
        self.document = document()
        self.seen: set[tuple[str, int]] = set()

    def ask(
        self,
        operation: str,
        status: int,
        id: str = "",
        body: Any = None,
        query: str = "",
        **how: Any,
    ) -> Any:
        """The JSON of the answer, or its text."""
        asked = next(each for each in OPERATIONS if each.id == operation)
        how |= {} if body is None else {"json": body}
        answer = self.agents.ask(asked.method, path_of(asked, id) + query, **how)
        assert answer.status_code == status, (operation, body, answer.text)
        self.seen.add((operation, status))
        told = self.document["paths"][asked.path][asked.method.lower()]["responses"]
        if asked.takes and status == 200 and body is not None:
            self.holds(body, {"$ref": f"#/components/schemas/{asked.takes}"})
        return self.held(answer, told[str(status)])

    def patch(self, asked: Operation) -> None:
        """No path takes this method."""
        answer = self.agents.ask("PATCH", path_of(asked, "a"), json={})
        assert answer.status_code == 405
        assert asked.method in answer.headers["allow"].split(", ")
        self.seen.add((asked.id, 405))
        told = self.document["paths"][asked.path][asked.method.lower()]["responses"]
        self.held(answer, told["405"])

    def held(self, answer: httpx.Response, told: Mapping[str, Any]) -> Any:
        if "$ref" in told:
            told = self.document["components"]["responses"][told["$ref"].rpartition("/")[2]]
        for name, header in told["headers"].items():
            if header.get("required") or "$ref" in header:
                assert name in answer.headers, (name, answer.text)
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in told["content"], (kind, list(told["content"]))
        if not kind.endswith("json"):
            return answer.text
        value = answer.json()
        self.holds(value, told["content"][kind]["schema"])
        if answer.status_code >= 400 and kind == JSON:
            own = REFUSALS[answer.status_code].of_agent
            self.holds(value, either(*map(ref, own)))
        return value

    def holds(self, value: object, schema: dict[str, Any]) -> None:
        whole = {**schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator(whole).validate(value)


def path_of(asked: Operation, id: str) -> str:
    return asked.path.replace("{id}", id).replace("{app}", "app-1")


def walk(agents: Agents) -> set[tuple[str, int]]:
    walker = Walker(agents)
    _isolate(walker)
    _jobs(walker)
    _activations(walker)
    _leases(walker)
    _agents(walker)
    _rows(walker)
    for asked in OPERATIONS:
        walker.patch(asked)
    return walker.seen


def _isolate(walker: Walker) -> None:
    for operation in ("front", "health", "openapi"):
        walker.ask(operation, 200, key=None)
    for operation in (
        "metrics",
        "status",
        "register",
        "registerByPost",
        "heartbeat",
        "heartbeatByPost",
    ):
        walker.ask(operation, 200)
        walker.ask(operation, 401, key=None)
    walker.ask("analytics", 200, query="?by=endpoint,hour")
    walker.ask("analytics", 400, query="?by=day")
    walker.ask("analytics", 401, key=None)
    walker.ask("analytics", 403, query="?tenant=worker")
    worker = {"worker_id": "walker", "capabilities": ["text-processing"], "metadata": {"a": [1]}}
    for operation in ("registerByPost", "heartbeatByPost"):
        assert walker.ask(operation, 200, body=worker)["worker_id"] == "walker"
        walker.ask(operation, 200, body={})
        walker.ask(operation, 400, body={"worker_id": ""})
        walker.ask(operation, 413, body={**worker, "metadata": {"a": "x" * 4_096}})
    walker.ask("heartbeatByPost", 404, body={"worker_id": "nobody"})
    listed = walker.ask("workers", 200, query="?limit=1&state=alive&capability=text-processing")
    assert listed["workers"][0]["worker_id"] == "walker"
    walker.ask("workers", 400, query="?limit=0")
    walker.ask("scale", 200)
    walker.ask("scale", 200, query="?capability=text-processing,none")
    walker.ask("scale", 400, query="?capability=A")
    walker.ask("scale", 403, query="?tenant=worker")
    for operation in ("workers", "scale"):
        walker.ask(operation, 401, key=None)
    assert "agent_requests_total" in walker.ask("metrics", 200, headers={"accept": "text/plain"})


def _jobs(walker: Walker) -> None:
    for job in JOBS:
        walker.ask("execute", 200, body=job)
    for job in REFUSED:
        walker.ask("execute", 422, body=job)
    walker.ask("execute", 400, body={"capability": "no-such"})
    walker.ask("execute", 400, body={"code": "1", "query": "SELECT 1"})
    walker.ask("execute", 503, body={"prompt": "a", "model": "@cf/local/no-capacity"})
    walker.ask("execute", 404, body={"job_id": "none", **LEASE})
    walker.ask("execute", 413, body={**TEXT, "input": {"text": "x" * 1024 * 1024}})


def _activations(walker: Walker) -> None:
    submitted = {"activation_id": "walk-1", "activation_data": {**TEXT, "dispatch": "poll"}}
    walker.ask("submit", 200, body=submitted)
    walker.ask("submit", 200, body={**submitted, "priority": 2})
    walker.ask("submit", 200, body={**submitted, "priority": -10})
    walker.ask("submit", 400, body={**submitted, "priority": "high"})
    walker.ask("submit", 409, body={**submitted, "activation_data": {"capability": "other"}})
    needing = {**submitted, "activation_id": "walk-4", "depends_on": ["walk-1"]}
    assert walker.ask("submit", 200, body=needing)["depends_on"] == ["walk-1"]
    assert walker.ask("show", 200, "walk-4")["waits_for"] == ["walk-1"]
    walker.ask("submit", 422, body={**needing, "activation_id": "walk-5", "depends_on": ["none"]})
    soon = {**TEXT, "dispatch": "poll", "start_within": 60}
    told = walker.ask("submit", 200, body={"activation_id": "walk-6", "activation_data": soon})
    assert told["start_within"] == 60
    late = {**soon, "start_within": 0}
    walker.ask("submit", 400, body={"activation_id": "walk-7", "activation_data": late})
    walker.ask("cancel", 200, "walk-6")
    large = {"capability": "x", "input": {"text": "x" * 600_000}}
    walker.ask("submit", 413, body={"activation_id": "walk-2", "activation_data": large})
    walker.ask("show", 200, "walk-1")
    walker.ask("show", 404, "none")
    walker.ask("retry", 200, "walk-1", body={"max_attempts": 2})
    walker.ask("retry", 400, "walk-1", body={"max_attempts": 0})
    listed = walker.ask("list", 200, query="?state=waiting&limit=1")
    walker.ask("list", 200, query=f"?state=waiting&before={listed['next_before']}")
    walker.ask("list", 400, query="?state=dead")
    walker.ask("cancel", 200, "walk-1")
    walker.ask("cancelByDelete", 200, "walk-1")
    assert walker.ask("show", 200, "walk-4")["status"] == "cancelled"
    walker.ask("retry", 409, "walk-1", body={"max_attempts": 2})
    walker.ask("cancel", 404, "none")
    walker.ask("cancelByDelete", 404, "none")
    other = {"capability": "walk-other", "dispatch": "poll"}
    walker.ask("submit", 200, body={"activation_id": "walk-3", "activation_data": other})
    polled = {"worker_id": "walker", "capabilities": ["walk-other"]}
    assert len(walker.ask("poll", 200, body=polled)["jobs"]) == 1
    walker.ask("fail", 200, "walk-3", {**LEASE, "error": "broken", "retry": False})
    walker.ask("cancel", 409, "walk-3")
    walker.ask("retry", 200, "walk-3", body={"max_attempts": 1})
    walker.ask("cancel", 200, "walk-3")


def _leases(walker: Walker) -> None:
    for number in range(4):
        id, data = f"walk-lease-{number}", {**TEXT, "dispatch": "poll"}
        walker.ask("submit", 200, body={"activation_id": id, "activation_data": data})
    asked = {"worker_id": "walker", "limit": 3, "capabilities": ["text-processing"]}
    polled = walker.ask("poll", 200, body=asked)["jobs"]
    polled += walker.ask("pollByGet", 200, query="?worker_id=walker&limit=1&lease=30s")["jobs"]
    first, second, third, fourth = (each["job_id"] for each in polled)
    walker.ask("poll", 400, body={"limit": 0})
    walker.ask("pollByGet", 400, query="?wait=26")
    walker.ask("execute", 200, body={"job_id": first, **LEASE})
    walker.ask("execute", 409, body={"job_id": first, **LEASE})
    walker.ask("extend", 200, second, {**LEASE, "lease": 90})
    walker.ask("extend", 400, second, {**LEASE, "lease": 0})
    walker.ask("complete", 200, second, {**LEASE, "result": None, "stdout": "a"})
    walker.ask("complete", 409, second, {**LEASE, "attempt": 2, "result": 1})
    walker.ask("complete", 409, second, {**LEASE, "result": "another"})
    walker.ask("complete", 413, third, {**LEASE, "result": "x" * 1_000_001})
    walker.ask("fail", 200, third, {**LEASE, "error": "broken", "retry": False})
    walker.ask("fail", 403, third, {**LEASE, "error": "", "tenant": "worker"})
    walker.ask("fail", 404, "none", {**LEASE, "error": ""})
    walker.ask("complete", 200, fourth, {**LEASE, "tenant": "core", "result": 1}, key=WORKER)
    for id in (first, second, third, fourth):
        walker.ask("show", 200, id)


def _agents(walker: Walker) -> None:
    chat = {"capability": "ai-completion", "settings": {"temperature": 0, "max_tokens": 20}}
    code = {"code": "def run_agent(input_data):\n    return input_data"}
    for body in (chat, {"capability": "text-processing"}, code, code):
        walker.ask("putAgent", 200, "walk", body=body)
    walker.ask("putAgent", 400, "walk", body={"code": "def run_agnet(input_data): pass"})
    walker.ask("putAgent", 400, "walk", body={**chat, "settings": {"modle": "x"}})
    walker.ask("putAgent", 403, "walk", body=chat, key=WORKER)
    walker.ask("putAgent", 404, ".walk", body=chat)
    walker.ask("putAgent", 412, "walk", body=chat, headers={"if-match": '"9"'})
    walker.ask("putAgent", 413, "walk", body={"code": "x" * 300_000})
    walker.ask("showAgent", 200, "walk")
    walker.ask("showAgent", 200, "walk", query="?version=1")
    walker.ask("showAgent", 404, "none")
    walker.ask("showAgent", 400, "walk", query="?version=0")
    walker.ask("putAgent", 200, "walk-2", body=chat)
    listed = walker.ask("listAgents", 200, query="?limit=1")
    walker.ask("listAgents", 200, query=f"?after={listed['next_after']}")
    walker.ask("listAgents", 400, query="?limit=0")
    walker.ask("deleteAgent", 412, "walk-2", headers={"if-match": '"9"'})
    walker.ask("deleteAgent", 403, "walk-2", key=WORKER)
    walker.ask("deleteAgent", 200, "walk-2")
    walker.ask("deleteAgent", 404, "walk-2")


def _rows(walker: Walker) -> None:
    """Activations of agents, as FiberWise Core and its SDK send them."""
    row = {"agent_id": "walk", "input_data": '{"a": 1}', "status": "queued", "notes": None}
    sent = {"activation_id": "walk-row-1", "activation_data": row, "priority": -3}
    sent["callback_url"] = "http://127.0.0.1:9/"
    assert walker.ask("submit", 200, body=sent)["callback"]["status"] == "none"
    walker.ask("show", 200, "walk-row-1")
    walker.ask("submit", 409, body={**sent, "activation_data": {**row, "agent_id": "other"}})
    done = {
        **sent,
        "activation_id": "walk-row-2",
        "activation_data": {**row, "status": "completed"},
    }
    walker.ask("submit", 409, body=done)
    nobody = {"activation_id": "walk-row-3", "activation_data": {"agent_id": "nobody"}}
    walker.ask("submit", 404, body=nobody)
    asked = {"input": {"prompt": "Hello"}, "metadata": {"a": 1}}
    made = walker.ask("activate", 200, "llm", body=asked)
    walker.ask("showActivation", 200, made["activation_id"])
    walker.ask("showActivation", 404, "none")
    walker.ask("activate", 422, "nobody", body=asked)
    walker.ask("activate", 400, "llm", body={"inputs": {}})
