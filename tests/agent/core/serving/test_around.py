"""What stands around an answer: whatever the endpoint says, it is recorded, and in development
logged."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from agent.core.capabilities import execution
from agent.core.capabilities.tools import Capability
from agent.core.http.call import Call
from agent.core.http.cors import read_origins
from agent.core.isolate.settings import Settings
from agent.core.serving.around import respond
from agent.records.request import BLOBS, DOUBLES
from tests.agent.core.making import World

PAGE = "https://app.example.com"


class Around(World):
    def __init__(self, environment: str = "production") -> None:
        super().__init__()
        settings = Settings(environment, cors=read_origins(PAGE))
        self.agent = replace(self.agent, settings=settings)
        self.points: list[dict[str, Any]] = []

    def record(self, point: str) -> int:
        told = json.loads(point)
        named = dict(zip(BLOBS, told["blobs"], strict=True))
        self.points.append(named | dict(zip(DOUBLES, told["doubles"], strict=True)))
        return 7

    def told(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Any]:
        sent = {"x-router-key-id": "ann", "origin": PAGE, **headers}
        call = Call(method, path, {}, sent, 5.0, lambda _: body)
        made = respond(self.agent, call, self.record)
        assert dict(made.headers)["access-control-allow-origin"] == PAGE
        assert isinstance(made.body, str)
        return made.status, made.body

    def execute(self, capability: str, **given: Any) -> int:
        body = json.dumps({"capability": capability, "input": given})
        return self.told("POST", "/execute", body)[0]


def test_each_request_is_recorded_as_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(given: dict[str, Any], tools: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setitem(execution.CAPABILITIES, "broken", Capability(broken))  # type: ignore[arg-type]
    world = Around()
    world.execute("text-processing", text="a")
    world.execute("text-processing")
    world.execute("broken")
    world.told("GET", "/activations/some/thing")
    world.told("BREW", "/health")
    told = [(p["endpoint"], p["method"], p["status"], p["outcome"]) for p in world.points]
    assert told == [
        ("/execute", "POST", 200, "completed"),
        ("/execute", "POST", 422, "failed"),
        ("/execute", "POST", 500, ""),
        ("", "GET", 404, ""),
        ("/health", "other", 405, ""),
    ]
    first = world.points[0]
    assert (first["capability"], first["tenant"], first["at_ms"]) == ("text-processing", "ann", 5)
    assert first["took_ms"] > 0
    assert world.agent.metrics.requests["/execute", 500] == 1
    assert world.agent.metrics.records_lost == 7
    assert [event["event"] for event in world.logged] == ["internal-error"]


@pytest.mark.parametrize("environment", ["production", "", "Development", "development "])
def test_only_in_development_requests_are_logged(environment: str) -> None:
    world = Around(environment)
    world.execute("text-processing", text="a")
    assert world.logged == []


def test_in_development_there_is_an_event_each_for_request_and_answer() -> None:
    world = Around("development")
    world.execute("text-processing", text="a")
    world.told("GET", "/health")
    told = [(event["event"], bool(event["body"])) for event in world.logged]
    assert told == [("request", True), ("answer", True), ("request", False), ("answer", True)]


def test_a_preflight_is_recorded_and_counted() -> None:
    world = Around()
    asked = {"access-control-request-method": "POST"}
    assert world.told("OPTIONS", "/activations/a/retry", **asked) == (204, "")
    assert world.points[0]["endpoint"] == "/activations/{id}/retry"
    assert world.agent.metrics.requests["/activations/{id}/retry", 204] == 1
