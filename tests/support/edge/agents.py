"""The router with the agent's variants behind it, as `router dev` runs them: one server, which
tests of the agent share.

Its policy is the shipped one with higher rate limits, since all tests come from one address.
`test_shipped_policy.py` holds the limits that are shipped."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from policies.language.load import load
from policies.language.tooling.bindings import bindings_of
from policies.language.yaml.document import Document, read_document
from router.dev.config import write_configs
from router.dev.files import write_if_changed
from router.dev.layout import Layout, find_root
from router.dev.prepare import prepare
from router.dev.secrets import dev_vars
from router.dev.server import DevServer
from router.dev.stage import stage
from router.dev.tables import migrate
from router.dev.workers import find_workers
from tests.support.edge.router import ADMIN_KEY, HERE

CORE, WORKER = "example-core-key", "example-worker-key"
RAISED = "1000000/1m"


class Agents:
    """The router, with variants of the agent behind it; `state`: where all of it is kept."""

    def __init__(self, server: DevServer, state: Path) -> None:
        self.server, self.state = server, state
        self.client = httpx.Client(base_url=server.url, timeout=120)

    def ask(
        self,
        method: str,
        path: str,
        *,
        key: str | None = CORE,
        cf: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        sent = dict(headers or {})
        if key:
            sent |= {"authorization": f"Bearer {key}", "x-api-key": key}
        if cf:
            sent["MF-CF-Blob"] = json.dumps({**cf, "clientAcceptEncoding": "gzip"})
        self.client.cookies.clear()
        return self.client.request(method, path, headers=sent, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("POST", path, **more)

    def own(self, page: str, method: str = "GET", **more: Any) -> httpx.Response:
        """One of the router's own pages."""
        return self.ask(method, f"/.router/{page}", key=ADMIN_KEY, **more)

    def forget(self) -> None:
        """Empty the tables of the queue: no job, worker or record is left of other tests."""
        for path in (self.state / "v3" / "d1" / "miniflare-D1DatabaseObject").glob("*.sqlite"):
            with closing(sqlite3.connect(path, timeout=30)) as database, database:
                database.execute("BEGIN IMMEDIATE")
                asked = "SELECT name FROM sqlite_schema WHERE type = 'table'"
                tables = [name for (name,) in database.execute(asked) if is_own(name)]
                for name in tables * 2:  # triggers write to some when others are emptied
                    database.execute(f'DELETE FROM "{name}"')


def is_own(table: str) -> bool:
    """Whether a table is the agent's, not the database's or wrangler's."""
    return not table.startswith(("sqlite_", "_cf_", "d1_"))


def with_raised_limits(shipped: bytes) -> bytes:
    """The policy `shipped`, where every rate limit allows RAISED."""
    document = read_document(shipped)
    assert isinstance(document, Document)
    limits = document.value["rate_limits"]
    raised = {name: {**limit, "limit": RAISED} for name, limit in limits.items()}
    return json.dumps({**document.value, "rate_limits": raised}).encode()  # JSON is YAML


@contextmanager
def router_with_agents(folder: Path, *, shipped_limits: bool = False) -> Iterator[Agents]:
    layout = Layout(find_root(HERE))
    prepare(layout)
    policy, state = layout.root / "routes.yaml", folder / "state"
    if not shipped_limits:
        raised = with_raised_limits(policy.read_bytes())
        policy = folder / "routes.yaml"
        write_if_changed(policy, raised)
    stage(layout.root, policy, folder / "upload")
    loaded = load(policy.read_bytes()).policy
    assert loaded
    workers = find_workers(layout, folder)
    configs = write_configs(layout, folder, bindings_of(loaded), echo=False, workers=workers)
    secrets = {"ROUTER_ADMIN_KEY": ADMIN_KEY}
    write_if_changed(folder / ".dev.vars", dev_vars("", secrets).encode())
    migrate(layout, workers.values(), state)
    with DevServer(layout) as server:
        server.start(configs, port=0, persist_to=state, log=folder / "wrangler.log")
        server.wait_ready()
        agents = Agents(server, state)
        try:
            yield agents
        finally:
            agents.client.close()
