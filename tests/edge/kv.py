"""The KV of a running router, through a server of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx

from router.dev.layout import Layout, find_root
from router.dev.server import DevServer
from tests.edge.conftest import HERE, Edge, worker


class Kv:
    """Reads and writes at once, without waiting for wrangler."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=30)

    def put(self, key: str, value: bytes) -> None:
        assert self.client.put(f"/{quote(key, safe='')}", content=value).status_code == 200

    def delete(self, key: str) -> None:
        assert self.client.delete(f"/{quote(key, safe='')}").status_code == 200

    def get(self, key: str) -> bytes | None:
        answer = self.client.get(f"/{quote(key, safe='')}")
        return answer.content if answer.status_code == 200 else None

    def list(self) -> list[str]:
        return [each["name"] for each in self.client.get("/").json()]


@contextmanager
def kv_of(edge: Edge, folder: Path) -> Iterator[Kv]:
    """The KV of `edge`; `folder` is for the server's files."""
    with DevServer(Layout(find_root(HERE))) as server:
        config = worker(folder / "kv", "kv")
        server.start([config], port=0, persist_to=edge.state, log=folder / "kv.log")
        server.wait_ready("/")
        kv = Kv(server.url)
        yield kv
        kv.client.close()
