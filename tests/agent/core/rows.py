"""Rows of FiberWise Core, as its client posts them."""

from __future__ import annotations

from typing import Any

from tests.agent.core.making import World

ID = "5d0c2f7e-0b0a-4d3e-9d38-0a4f3c9b1a10"
# All columns of `agent_activations` in fiberwise-common 0.1.9, as SQLite gives them.
ROW: dict[str, Any] = {
    "activation_id": ID,
    "agent_id": "sum",
    "agent_type_id": "custom",
    "priority": 0,
    "status": "queued",
    "started_at": "2026-11-28T10:00:00",
    "completed_at": None,
    "duration_ms": None,
    "input_data": '{"a": 2, "b": 3}',
    "output_data": None,
    "input_summary": None,
    "output_summary": None,
    "error": None,
    "notes": None,
    "metadata": '{"model_id": null}',
    "context": "{}",
    "created_by": "u-1",
    "organization_id": None,
    "created_at": "2026-11-28 10:00:00",
    "updated_at": "2026-11-28 10:00:00",
    "dependencies": None,
    "input_schema": None,
    "output_schema": None,
    "execution_metadata": None,
}
OWN = "http://router.example/activations/callback"


def sent(priority: int = 1, **changes: Any) -> dict[str, Any]:
    row = {**ROW, **changes}
    return {
        "activation_id": row["activation_id"],
        "activation_data": row,
        "priority": priority,
        "callback_url": OWN,
    }


def llm(**changes: Any) -> dict[str, Any]:
    data = '{"prompt": "Hello"}'
    return sent(**{"agent_id": "x", "agent_type_id": "llm", "input_data": data, **changes})


def submit(world: World, body: dict[str, Any]) -> tuple[int, Any]:
    status, told, _ = world.ask("POST", "/activations", body, host="router.example")
    return status, told


def put(world: World, id: str, body: dict[str, Any], **headers: str) -> tuple[int, Any]:
    return world.ask("PUT", f"/agents/{id}", body, scopes="agents:write", **headers)[:2]
