"""The agent's queue on the real D1, in a Worker for tests (`workers/queue.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from agent.callbacks.callback import Callback
from router.dev.config import LOCAL_FLAGS
from router.dev.files import mirror, write_if_changed
from router.dev.layout import Layout, find_root
from router.dev.prepare import prepare
from router.dev.server import DevServer
from router.dev.wrangler import wrangler
from tests.support.edge.router import HERE

START = 1_790_000_000_000
LEASE_MS = 30_000
TENANT = "tenant"
NAME = "test-queue"


class Queue:
    """The queue behind HTTP, for jobs of one capability, at `now`."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=60)
        self.skill = f"skill-{uuid4().hex[:8]}"
        self.now = START
        self._tickets = count(1)

    def ask(self, verb: str, *values: Any) -> Any:
        answer = self.client.post(f"/{verb}", json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def key(self, id: str) -> list[str]:
        return [TENANT, f"{self.skill}-{id}"]

    def submit(self, id: str, payload: str = "{}", priority: int = 1, attempts: int = 3) -> Any:
        values = (self.key(id), self.skill, payload, priority, attempts)
        return self.ask("submit", *values, self.now)

    def submit_one(self, id: str, tenant: str = TENANT, **more: Any) -> Any:
        """What is said of it; `depends_on`: ids as the tests call them, `limits`: its tenant's."""
        needs = [self.key(need)[1] for need in more.pop("depends_on", ())]
        limits, values = more.pop("limits", {}), {"depends_on": needs, **more}
        own = (tenant, self.key(id)[1], self.skill, values)
        return self.ask("submit_one", *own, self.now, limits)

    def lease(self, worker: str, limit: int = 1, ticket: str | None = None) -> list[str]:
        ticket = ticket or f"{self.skill}-{next(self._tickets)}"
        found = self.ask("lease", worker, [self.skill], limit, LEASE_MS, self.now, ticket)
        return [job[0][1].removeprefix(f"{self.skill}-") for job in found]

    def complete(self, id: str, worker: str, attempt: int = 1, result: str = "4") -> Any:
        return self.ask("complete", self.key(id), worker, attempt, result, self.now)

    def job(self, id: str) -> dict[str, Any]:
        sql = "SELECT * FROM jobs WHERE tenant = ?1 AND id = ?2"
        (row,) = self.ask("sql", [sql, self.key(id)])[0][0]
        return dict(row)

    def submit_with_callback(self, id: str, url: str) -> None:
        """Both or none, as a submission does it; of one attempt."""
        self.ask("submit_with_callback", self.key(id), self.skill, "{}", 1, 1, url, self.now)

    def callback(self, id: str) -> dict[str, Any]:
        """How it stands; its times are the runtime's own."""
        told = Callback(*self.ask("callback", *self.key(id)))
        return {name: getattr(told, name) for name in ("state", "attempt", "status", "error")}

    def end(self, how: str) -> None:
        """The job `how` ends in that way."""
        key = self.key(how)
        self.lease("ann")
        if how == "complete":
            self.complete(how, "ann", result='{"result": 4}')
        elif how == "fail":
            self.ask("fail", key, "ann", 1, "no luck", self.now, True, 0.5)
        elif how == "cancel":
            self.ask("cancel", key, self.now)
        else:
            self.ask("return_lost", self.now + LEASE_MS)


@contextmanager
def running(folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """Its address, with the migrations as wrangler applies them."""
    layout = Layout(find_root(HERE))
    prepare(layout)
    config = configured(layout, folder, variables)
    state = ["--local", "--config", str(config), "--persist-to", str(folder / "state")]
    applied = wrangler(layout, ["d1", "migrations", "apply", "JOBS", *state])
    assert applied.returncode == 0, applied.stdout + applied.stderr
    for file in (layout.root / "agent" / "migrations").iterdir():
        assert file.name in applied.stdout
    with DevServer(layout) as server:
        server.start([config], port=0, persist_to=folder / "state", log=folder / "wrangler.log")
        server.wait_ready("/")
        yield server.url


def configured(layout: Layout, folder: Path, variables: Mapping[str, str]) -> Path:
    """The test Worker and the agent's packages, staged, the database bound, and itself."""
    files = {"entry.py": (HERE / "workers" / "queue.py").read_bytes()}
    for package in ("agent", "workers_runtime"):
        for path in sorted((layout.root / package).rglob("*")):
            if path.suffix in (".py", ".js"):
                files[path.relative_to(layout.root).as_posix()] = path.read_bytes()
    mirror(files, folder / "upload")
    (folder / "python_modules").symlink_to(layout.python_modules)
    production = layout.config
    database = {
        "binding": "JOBS",
        "database_name": "jobs",
        "database_id": "00000000-0000-4000-8000-000000000000",
        "migrations_dir": str(layout.root / "agent" / "migrations"),
    }
    value = {
        "name": NAME,
        "main": "upload/entry.py",
        "compatibility_date": production["compatibility_date"],
        "compatibility_flags": [*production["compatibility_flags"], *LOCAL_FLAGS],
        "rules": [{"type": "ESModule", "globs": ["agent/**/*.js", "workers_runtime/**/*.js"]}],
        "d1_databases": [database],
        "services": [{"binding": "ITSELF", "service": NAME}],
        "vars": dict(variables),
    }
    write_if_changed(folder / "queue.json", json.dumps(value).encode())
    return folder / "queue.json"
