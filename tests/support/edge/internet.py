"""A variant of the agent on workerd, and an Internet of its own behind it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from agent import config
from router.dev.files import mirror
from router.dev.layout import Layout, find_root
from router.dev.local import LOCAL_FLAGS
from router.dev.loopback import HOST, answers, free_port
from router.dev.prepare import prepare
from router.dev.runtime import serve
from router.dev.workerd import WorkerdWorker, modules_in, service, text
from tests.support.edge.router import HERE

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
def on_the_internet(
    folder: Path, python_packages: Sequence[str] | None = None, **more: str
) -> Iterator[OnTheInternet]:
    """`python_packages` other than those listed; `more`: variables."""
    layout = Layout(find_root(HERE))
    prepare(layout)
    own = next(iter(config.variants().values()))
    mirror(config.upload(python_packages), folder / "upload")
    variables = {**own["vars"], "FETCH_HOSTS": HOSTS, "RESOLVER": RESOLVER, **more}
    agent = WorkerdWorker(
        name=own["name"],
        modules=modules_in(folder / "upload"),
        compatibility_date=own["compatibility_date"],
        flags=[*own["compatibility_flags"], *LOCAL_FLAGS],
        bindings={
            **{name: text(value) for name, value in variables.items()},
            "OUTBOUND": service("internet"),
            "LOADER": "workerLoader = ()",
        },
    )
    internet = WorkerdWorker("internet", {INTERNET.name: INTERNET}, agent.compatibility_date)
    port = free_port()
    server = serve(layout, [agent, internet], port, folder)
    try:
        deadline = time.monotonic() + STARTED_WITHIN
        while not answers(f"http://{HOST}:{port}"):
            assert server.alive, server.output()
            assert time.monotonic() < deadline, server.output()
            time.sleep(0.1)
        headers = {"x-router-key-id": "core"}  # as the router says it
        base = f"http://{HOST}:{port}"
        with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
            yield OnTheInternet(client)
    finally:
        server.stop()
