"""A migration as docs/migration.md tells it, with the commands of a user: a server on this machine,
and the Worker that replaces it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from router.dev.loopback import free_port
from tests.support.edge.dev import ROUTER, lines_until, start
from tests.support.edge.moody import eventually
from tests.support.edge.origin import Origin, origin
from tests.support.project import write_project


class Site(NamedTuple):
    """`project`: the router's folder; `old`: the server that was there before."""

    project: Path
    url: str
    old: Origin
    said: str

    def from_whom(self) -> set[str]:
        """Who answers twenty clients."""
        answers = [httpx.get(f"{self.url}/cart", headers={"x-user": str(n)}) for n in range(20)]
        return {answer.headers["x-router-variant"] for answer in answers}


def policy(old: Origin, weight: int) -> str:
    return f"""\
version: 1
variants:
  old: {{url: "{old.url}", pool: old}}
  new: {{binding: API, pool: new}}
routes:
  - name: all
    split: {{old: {100 - weight}, new: {weight}}}
    sticky: ["header:x-user"]
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    project = write_project(tmp_path)
    (project / "router.toml").write_text('[dev]\nworkers = ["../api"]\n')
    port = free_port()
    with origin() as old:
        (project / "routes.yaml").write_text(policy(old, 0))
        process = start("--allow-private", "--port", str(port), cwd=project)
        try:
            said = "".join(lines_until(process, "Ctrl-C"))
            yield Site(project, f"http://localhost:{port}", old, said)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def push(site: Site, weight: int) -> None:
    (site.project / "routes.yaml").write_text(policy(site.old, weight))
    command = [ROUTER, "push", "routes.yaml", "--yes"]
    done = subprocess.run(
        command, cwd=site.project, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_traffic_moves_from_a_server_to_a_worker_and_back(site: Site) -> None:
    assert site.old.url in site.said
    answer = httpx.post(f"{site.url}/cart?page=2", content=b"12345").json()
    assert (answer["path"], answer["query"], answer["body_bytes"]) == ("/cart", "page=2", 5)
    assert answer["headers"]["host"] == f"localhost:{site.old.port}"
    assert site.from_whom() == {"old"}
    push(site, 50)
    eventually(lambda: site.from_whom() == {"old", "new"})
    push(site, 100)
    eventually(lambda: site.from_whom() == {"new"})
    assert httpx.get(f"{site.url}/cart").json() == {"from": "shop-api", "path": "/cart"}
    push(site, 0)
    eventually(lambda: site.from_whom() == {"old"})
