"""The router on the real runtime: `wrangler dev`, workerd and Pyodide, reached over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from policies.language.load import load
from policies.language.tooling.bindings import bindings_of, urls_of
from router.dev.config import Outside, write_configs
from router.dev.files import write_if_changed
from router.dev.layout import Layout, find_root
from router.dev.prepare import prepare
from router.dev.process import ServerProcess
from router.dev.secrets import dev_vars
from router.dev.server import DevServer
from router.dev.stage import stage
from router.edge.isolate.timing import VARIABLE, parse_timing
from tests.support.edge.image import router_workerd
from tests.support.edge.memory_kv import MemoryKv

HERE = Path(__file__).parents[2] / "edge"  # the tests, their policies and their Workers
POLICY = HERE / "policy.yaml"
ADMIN_KEY = "the-admin-key-of-the-tests"
PEPPER = "the-pepper-of-the-tests"
# What the router does every few seconds it does ten times as often here.
FASTER = "0.1"
TIMING = parse_timing(FASTER, is_local=True)
# workerd closes a connection if nobody has read a request on it to the end, and the proxy of
# `wrangler dev` may have sent the next one there: then this is its answer, and nobody else's.
LOST, TRIES = "Error: Network connection lost.\n    at async Object.fetch (file://", 3


class Edge:
    """A running router. `get` and `send` ask it as a client from anywhere in the world."""

    def __init__(
        self, url: str, state: Path, server: DevServer | ServerProcess, kv: MemoryKv | None = None
    ) -> None:
        self.url = url
        self.state = state
        self.server = server
        self._kv = kv
        self.client = httpx.Client(base_url=url, timeout=60)

    @property
    def kv(self) -> MemoryKv:
        """Its KV, unless that is one of wrangler's."""
        assert self._kv
        return self._kv

    def send(
        self,
        method: str,
        path: str,
        *,
        host: str | None = None,
        cf: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        sent = dict(headers or {})
        if host:
            sent["host"] = host
        if cf is not None:
            sent["MF-CF-Blob"] = json.dumps({**cf, "clientAcceptEncoding": "gzip"})
        for _ in range(TRIES):
            self.client.cookies.clear()  # every request comes from a client of its own
            answer = self.client.request(method, path, headers=sent, **more)
            if LOST not in answer.text or answer.status_code != 500:
                break
        return answer

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.send("GET", path, **more)

    def own(self, page: str, **more: Any) -> httpx.Response:
        """One of the router's own pages, with the admin key."""
        return self.get(f"/.router/{page}", headers={"x-api-key": ADMIN_KEY}, **more)


SECRETS = {"ROUTER_ADMIN_KEY": ADMIN_KEY, "ROUTER_KEY_PEPPER": PEPPER}


def start_edge(
    folder: Path, policy: Path, state: Path | None = None, secrets: dict[str, str] = SECRETS
) -> Edge:
    """A router with `policy` bundled, and every binding connected to the echo Worker,
    except `BACKEND` (the misbehaving one) and those that begin with `UNBOUND`."""
    layout = Layout(find_root(HERE))
    prepare(layout)
    loaded = load(policy.read_bytes())
    assert loaded.policy, loaded.findings
    stage(layout.root, policy, folder / "upload")
    variants = bindings_of(loaded.policy)
    echoed = {n: b for n, b in variants.items() if not b.startswith(("BACKEND", "UNBOUND"))}
    outside = Outside(urls_of(loaded.policy))
    configs = write_configs(layout, folder, echoed, echo=True, outside=outside)
    bind(configs[0], "BACKEND", "test-backend")
    configs.append(worker(folder, "backend"))
    write_if_changed(folder / ".dev.vars", dev_vars(f"{VARIABLE}={FASTER}\n", secrets).encode())
    server = DevServer(layout)
    state = state or folder / "state"
    env = {"MINIFLARE_WORKERD_PATH": str(router_workerd(layout, folder / "upload"))}
    server.start(configs, port=0, persist_to=state, log=folder / "wrangler.log", env=env)
    server.wait_ready()
    return Edge(server.url, state, server)


def bind(config: Path, binding: str, service: str) -> None:
    value = json.loads(config.read_text())
    value["services"].append({"binding": binding, "service": service})
    config.write_text(json.dumps(value))


def worker(folder: Path, name: str) -> Path:
    """The configuration of one of the tests' own Workers, which shares the router's KV."""
    production = Layout(find_root(HERE)).config
    config = folder / name / f"{name}.json"
    value = {
        "name": f"test-{name}",
        "main": f"source/{name}.js",  # a folder of its own: wrangler watches it
        "compatibility_date": production["compatibility_date"],
        "kv_namespaces": production["kv_namespaces"],
        "no_bundle": True,
    }
    write_if_changed(config, json.dumps(value).encode())
    source = folder / name / "source" / f"{name}.js"
    write_if_changed(source, (HERE / "workers" / f"{name}.js").read_bytes())
    return config
