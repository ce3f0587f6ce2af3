"""The router on workerd, with variants behind it that fail on command.

No proxy stands in front, and nothing is shared with another server: the policy is the
bundled one, and every request that a variant gets is known.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import httpx

from router.dev.config import write_configs
from router.dev.layout import Layout, SetupError, find_root
from router.dev.loopback import HOST, answers, free_port
from router.dev.prepare import prepare
from router.dev.process import ServerProcess
from router.dev.stage import stage
from router.dev.workerd import WorkerdWorker, router_workers, service
from tests.load.modes import CONTROL
from tests.support.edge.image import serve_router

SCRIPT = Path(__file__).with_name("workers") / "patient.js"
PATIENTS = "patients"
STARTED_WITHIN = 60.0
POLL = 0.1


class Arrival(NamedTuple):
    """A request as a variant got it; `id` is the client's, None for a probe."""

    at: float
    variant: str
    path: str
    method: str
    id: str | None


class Site:
    """As a context manager it is stopped at the end."""

    def __init__(self, folder: Path, policy: Mapping[str, Any]) -> None:
        layout = Layout(find_root(Path(__file__)))
        prepare(layout)
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        self._process: ServerProcess = serve_router(
            layout, _workers(layout, folder, policy), port, folder
        )

    def wait_ready(self) -> None:
        deadline = time.monotonic() + STARTED_WITHIN
        while not answers(f"{self.url}/.router/health"):
            if not self._process.alive or time.monotonic() > deadline:
                said = (self.output.strip().splitlines() or ["it said nothing"])[-1]
                raise SetupError(f"workerd does not serve: {said}")
            time.sleep(POLL)

    @property
    def output(self) -> str:
        return self._process.output()

    def probe_requests(self) -> Counter[str]:
        """Probe requests until now, by variant: each ends an ejection, or begins another."""
        found: Counter[str] = Counter()
        for line in self.output.splitlines():
            if line.startswith("{") and '"event": "variant-' in line:
                told = json.loads(line)
                found[told["variant"]] += told["event"] in ("variant-ejected", "variant-returns")
        return found

    async def act(self, client: httpx.AsyncClient, variants: Sequence[str], act: str) -> float:
        """Let `variants` do `act` from now on; the time from which they do."""
        told = {"variants": list(variants), "act": act}
        headers = {"host": f"{CONTROL}.test"}
        answer = await client.post(f"{self.url}/act", headers=headers, json=told)
        at: float = answer.raise_for_status().json()["at"] / 1000
        return at

    async def arrivals(self, client: httpx.AsyncClient) -> list[Arrival]:
        """What has come to the variants since this was asked last."""
        answer = await client.get(f"{self.url}/arrivals", headers={"host": f"{CONTROL}.test"})
        return [Arrival(at / 1000, *rest) for at, *rest in answer.raise_for_status().json()]

    def stop(self) -> None:
        self._process.stop()

    def __enter__(self) -> Site:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _workers(layout: Layout, folder: Path, policy: Mapping[str, Any]) -> list[WorkerdWorker]:
    file = folder / "routes.yaml"
    file.write_text(json.dumps(policy), encoding="utf-8")  # JSON is YAML
    stage(layout.root, file, folder / "upload")
    bindings = {name: variant["binding"] for name, variant in policy["variants"].items()}
    write_configs(layout, folder, bindings, echo=True)
    router, *others = router_workers(layout, folder)
    behind = {
        binding: service(PATIENTS, {"variant": variant}) for variant, binding in bindings.items()
    }
    date = router.compatibility_date
    patients = WorkerdWorker(PATIENTS, {SCRIPT.name: SCRIPT}, date)
    return [replace(router, bindings={**router.bindings, **behind}), patients, *others]
