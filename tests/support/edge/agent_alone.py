"""A variant of the agent without a router, with the tests' entry (workers/agent.py)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from agent import config
from agent.local.configs import local_config
from router.dev.files import mirror, write_if_changed
from router.dev.layout import Layout
from router.dev.workers import local_settings
from tests.support.edge.router import HERE

PAGE = "https://app.example.com"


WITHIN = 20.0


Found = TypeVar("Found")


class Around:
    def __init__(self, url: str, log: Path) -> None:
        self.client = httpx.Client(base_url=url, timeout=60)
        self.log = log

    def execute(self, capability: str, tenant: str = "ann", **more: Any) -> httpx.Response:
        job = {"capability": capability, "input": more.pop("input", {})}
        headers = {"x-router-key-id": tenant, **more.pop("headers", {})}
        return self.client.post("/execute", json=job | more, headers=headers)

    def own(self, verb: str, *values: Any) -> Any:
        return self.client.post(f"/{verb}", json=values).raise_for_status().json()

    def rows(self, tenant: str) -> list[dict[str, Any]]:
        sql = "SELECT * FROM requests WHERE tenant = ?1 ORDER BY written_ms, batch, number"
        found: list[dict[str, Any]] = self.own("sql", sql, tenant)
        return found

    def lines(self, event: str) -> list[dict[str, Any]]:
        text = self.log.read_text(errors="replace").splitlines()
        found = (json.loads(line) for line in text if line.startswith('{"event"'))
        return [line for line in found if line["event"] == event]


def soon(get: Callable[[], Found]) -> Found:
    """What it gives, once that is something."""
    deadline = time.monotonic() + WITHIN
    while not (found := get()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def statements() -> list[str]:
    """Of all migrations. (That wrangler takes them is seen in `test_agent_queue.py`; here that
    would take longer than all tests.)"""
    texts = [path.read_text().strip() for path in config.migrations()]
    return [each for text in texts for each in re.split(r";\n(?=\n|CREATE)", text)]


def configured(layout: Layout, folder: Path) -> Path:
    """A variant as it runs locally, with the tests' entry."""
    entry = (HERE / "workers" / "agent.py").read_bytes()
    mirror(config.upload() | {"entry.py": entry}, folder / "upload")
    own = local_settings(local_config(config.variants()["production-eu"]))
    value = {name: own[name] for name in own if name not in ("services", "triggers")}
    value["vars"] |= {"CORS_ORIGINS": PAGE}
    write_if_changed(folder / "agent.json", json.dumps(value).encode())
    return folder / "agent.json"
