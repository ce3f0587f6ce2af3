"""The agent on the real runtime, through the router with the shipped policy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agent import SERVICE, __version__
from tests.edge.agents import router_with_agents
from tests.edge.test_coordinator import Router, eventually

GERMANY = {"MF-CF-Blob": json.dumps({"country": "DE", "continent": "EU"})}
JAPAN = {"MF-CF-Blob": json.dumps({"country": "JP", "continent": "AS"})}
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with router_with_agents(tmp_path_factory.mktemp("agents")) as router:
        eventually(lambda: router.own("status"))
        yield router


def ask(agents: Router, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    return agents.client.request(method, path, **more)


def execute(agents: Router, **job: Any) -> httpx.Response:
    return ask(agents, "/execute", "POST", json=job)


def test_the_front_page(agents: Router) -> None:
    answer = ask(agents, "/")
    assert (answer.status_code, answer.text) == (200, f"{SERVICE} {__version__}\n")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(("place", "region"), [(GERMANY, "eu"), (JAPAN, "ap"), ({}, "us")])
def test_health_is_that_of_the_clients_region(
    agents: Router, place: dict[str, str], region: str
) -> None:
    answer = ask(agents, "/health", headers=place)
    told = answer.json()
    assert (told["status"], told["service"], told["version"]) == ("healthy", SERVICE, __version__)
    assert told["region"] == region
    assert answer.headers["x-router-variant"] == f"production-{region}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", told["timestamp"])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_register_and_heartbeat(agents: Router, method: str) -> None:
    headers = {"x-worker-id": "a", **GERMANY}
    registered = ask(agents, "/register", method, headers=headers).json()
    assert registered["status"] == "success"
    assert "text-processing" in registered["capabilities"]
    assert re.fullmatch(r"cf-(eu|global)-[0-9a-f]{8}", registered["worker_id"])
    assert registered["registered_at"]
    alive = ask(agents, "/heartbeat", method, headers=headers).json()
    assert (alive["status"], alive["worker_id"]) == ("alive", registered["worker_id"])
    assert alive["uptime_ms"] >= 0


def test_workers_differ(agents: Router) -> None:
    """Although all of them start from one memory image."""
    ids = {ask(agents, "/heartbeat", headers=p).json()["worker_id"] for p in (GERMANY, JAPAN, {})}
    assert len({worker.rpartition("-")[2] for worker in ids}) == 3


def test_execute(agents: Router) -> None:
    told = execute(
        agents, job_id="j-1", capability="text-processing", input={"text": "One two. Three!"}
    ).json()
    assert (told["status"], told["job_id"]) == ("completed", "j-1")
    assert told["result"]["words"] == 3
    assert told["result"]["sentences"] == 2
    assert told["execution_time_ms"] >= 0
    assert told["completed_at"]
    made_up = execute(agents, capability="text-processing", input={"text": ""}).json()
    assert re.fullmatch("[0-9a-f]{16}", made_up["job_id"])


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "no JSON object"),
        (b"[1]", 400, "no JSON object"),
        (b"[" * 100_000, 400, "no JSON object"),
        (b'{"capability": "text-procesing"}', 400, "did you mean `text-processing`?"),
        (b'{"capabilty": "text-processing"}', 400, "known: capability, input, job_id"),
        (b'{"capability": "text-processing", "job_id": 5}', 400, "`job_id` is text"),
        (b'{"capability": "text-processing", "input": 5}', 400, "`input` is an object"),
        (b'{"capability": "text-processing"}', 422, "`text` is missing"),
        (b" " * (MIB + 1), 413, "1,048,576 bytes"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_cannot_be_executed(agents: Router, body: bytes, status: int, said: str) -> None:
    answer = ask(agents, "/execute", "POST", content=body)
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert said in told["error"]
    assert told["timestamp"]


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/execute", 405, "POST"),
        ("DELETE", "/register", 405, "GET, POST, HEAD"),
        ("POST", "/health", 405, "GET, HEAD"),
        ("GET", "/nothing", 404, None),
        ("GET", "/register/", 404, None),
    ],
)
def test_other_requests(
    agents: Router, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = ask(agents, path, method)
    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
    assert answer.json().keys() == {"error", "timestamp"}
    assert ask(agents, "/health", "HEAD").content == b""


def test_metrics(agents: Router) -> None:
    execute(agents, capability="text-processing", input={"text": "a"})
    told = ask(agents, "/metrics").json()
    assert (told["region"], told["variant"]) == ("us", "production-us")
    assert told["worker"].startswith("cf-us-")
    assert "text-processing" in told["capabilities"]
    assert {"endpoint": "/metrics", "status": 200} not in told["requests"]
    text = ask(agents, "/metrics", headers={"accept": "text/plain;version=0.0.4"})
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'agent_requests_total{endpoint="/metrics",status="200",worker="cf-us-' in text.text


def test_a_completion_is_streamed(agents: Router) -> None:
    job = {"capability": "ai-completion", "input": {"prompt": "Hello", "stream": True}}
    with agents.client.stream("POST", "/execute", json=job) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"] == "text/event-stream"
        *events, last = [line for line in answer.iter_lines() if line]
    assert last == "data: [DONE]"
    assert all(json.loads(each.removeprefix("data: "))["stand_in"] is True for each in events)


def test_a_database_needs_a_scope(agents: Router) -> None:
    """Which a route without keys gives to nobody, whatever a client says of itself."""
    job = {"capability": "database", "input": {"sql": "SELECT 1"}}
    said = {"x-router-key-scopes": "database:read"}
    told = ask(agents, "/execute", "POST", json=job, headers=said)
    assert told.status_code == 422
    assert told.json()["scope"] == "database:read"
