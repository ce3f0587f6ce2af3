"""workerd by itself, for what wrangler's proxy would put right: the router in front of the
echo Worker, and of the misbehaving one for bindings that begin with `BACKEND`; those that
begin with `UNBOUND` are none."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from policies.language.load import load
from policies.language.tooling.bindings import bindings_of, urls_of
from router.dev.config import ALLOW_PRIVATE, OUTBOUND, Outside, write_configs
from router.dev.layout import Layout, find_root
from router.dev.loopback import HOST, free_port
from router.dev.prepare import prepare
from router.dev.process import ServerProcess
from router.dev.stage import stage
from router.dev.workerd import External, Network, WorkerdWorker, router_workers, service, text
from router.dev.workerd import kv as kv_binding
from router.edge.isolate.timing import VARIABLE
from tests.support.edge.image import serve_router
from tests.support.edge.memory_kv import MemoryKv, memory_kv
from tests.support.edge.router import ADMIN_KEY, FASTER, HERE, SECRETS, Edge

STARTED_WITHIN = 60.0
BACKEND = "test-backend"


@dataclass(frozen=True)
class Running:
    """A running workerd."""

    port: int
    server: ServerProcess

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def connect(self, timeout: float) -> socket.socket:
        return socket.create_connection((HOST, self.port), timeout=timeout)

    def get(self, path: str, host: str = "any.test") -> httpx.Response:
        return httpx.get(self.url + path, headers={"host": host}, timeout=30)

    def metrics(self) -> dict[str, float]:
        """By name and labels, without the isolate's."""
        answer = httpx.get(f"{self.url}/.router/metrics", headers={"x-api-key": ADMIN_KEY})
        lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
        return {line.partition(",isolate")[0]: float(line.split(" ")[-1]) for line in lines}


@contextmanager
def running(
    folder: Path, policy: Path, variables: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """The router with `policy` and `variables`, until the end of the block."""
    with memory_kv() as kv:
        started = start(folder, policy, kv, {"ROUTER_ADMIN_KEY": ADMIN_KEY, **(variables or {})})
        try:
            yield started
        finally:
            started.server.stop()


def start(
    folder: Path,
    policy: Path,
    kv: MemoryKv,
    variables: Mapping[str, str],
    others: Sequence[External | Network] = (),
) -> Running:
    """The router with `policy` and `variables`, before that KV; what else it stores stays in
    `folder`. With `ROUTER_ALLOW_PRIVATE` among them URLs may be private. `others`: more services;
    one that is called as the binding `ROUTER_OUTBOUND` gets what goes to URLs."""
    layout = Layout(find_root(HERE))
    prepare(layout)
    allow_private = ALLOW_PRIVATE in variables
    loaded = load(policy.read_bytes(), allow_private=allow_private)
    assert loaded.policy, loaded.findings
    stage(layout.root, policy, folder / "upload", allow_private=allow_private)
    variants = bindings_of(loaded.policy)
    echoed = {n: b for n, b in variants.items() if not b.startswith(("BACKEND", "UNBOUND"))}
    is_alone = not allow_private and OUTBOUND not in {each.name for each in others}
    outside = Outside(urls_of(loaded.policy) if is_alone else {})
    write_configs(layout, folder, echoed, echo=True, outside=outside)
    router, *helpers = router_workers(layout, folder)
    given = {VARIABLE: FASTER, **variables}
    bindings = router.bindings | {name: text(value) for name, value in given.items()}
    bindings |= {"POLICIES": kv_binding(kv.external.name)}
    bindings |= {each.name: service(each.name) for each in others if each.name == OUTBOUND}
    bindings |= {b: service(BACKEND) for b in variants.values() if b.startswith("BACKEND")}
    date = router.compatibility_date
    backend = WorkerdWorker(BACKEND, {"backend.js": HERE / "workers" / "backend.js"}, date)
    workers = [replace(router, bindings=bindings), *helpers, backend]
    port = free_port()
    external = [kv.external, *others]
    started = Running(port, serve_router(layout, workers, port, folder, external))
    try:
        _wait_ready(started)
    except BaseException:
        started.server.stop()
        raise
    return started


@contextmanager
def running_edge(
    folder: Path,
    policy: Path,
    variables: Mapping[str, str] = SECRETS,
    kv: MemoryKv | None = None,
    others: Sequence[External | Network] = (),
) -> Iterator[Edge]:
    """The same, to be asked as a client from anywhere in the world; `kv`: one that is there."""
    with nullcontext(kv) if kv else memory_kv() as found:
        started = start(folder, policy, found, variables, others)
        edge = Edge(started.url, folder, started.server, found)
        edge.client.headers["cf-connecting-ip"] = HOST  # as each request has it from Cloudflare
        try:
            yield edge
        finally:
            edge.client.close()
            started.server.stop()


def _wait_ready(started: Running) -> None:
    deadline = time.monotonic() + STARTED_WITHIN
    while True:
        assert started.server.alive, started.server.output()
        assert time.monotonic() < deadline, started.server.output()
        try:
            started.get("/.router/health")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
