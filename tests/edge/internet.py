"""A variant of the agent on workerd, and an Internet of its own behind it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from router.dev.layout import Layout, find_root
from router.dev.loopback import HOST, answers, free_port
from router.dev.prepare import prepare
from router.dev.runtime import serve
from router.dev.workerd import WorkerdWorker, service, text
from tests.edge.agents import agent_workers
from tests.edge.conftest import HERE

STARTED_WITHIN = 60.0
INTERNET = HERE / "workers" / "internet.js"
HOSTS = "* http://localhost:9000"
RESOLVER = "https://dns.example/dns-query"


@dataclass(frozen=True)
class OnTheInternet:
    client: httpx.Client

    def run(self, capability: str, **given: Any) -> httpx.Response:
        return self.client.post("/execute", json={"capability": capability, "input": given})

    def result(self, capability: str, **given: Any) -> dict[str, Any]:
        answer = self.run(capability, **given)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result

    def calls(self) -> dict[str, int]:
        """How often each host was asked."""
        told: dict[str, int] = self.result("api-calls", url="http://calls.example")["json"]
        return told


@contextmanager
def on_the_internet(folder: Path) -> Iterator[OnTheInternet]:
    layout = Layout(find_root(HERE))
    prepare(layout)
    agent = agent_workers(layout, folder)[0]
    bound = {
        "OUTBOUND": service("internet"),
        "FETCH_HOSTS": text(HOSTS),
        "RESOLVER": text(RESOLVER),
    }
    agent = replace(agent, bindings={**agent.bindings, **bound})
    internet = WorkerdWorker("internet", {INTERNET.name: INTERNET}, agent.compatibility_date)
    port = free_port()
    server = serve(layout, [agent, internet], port, folder)
    try:
        deadline = time.monotonic() + STARTED_WITHIN
        while not answers(f"http://{HOST}:{port}"):
            assert server.alive, server.output()
            assert time.monotonic() < deadline, server.output()
            time.sleep(0.1)
        with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=60) as client:
            yield OnTheInternet(client)
    finally:
        server.stop()
