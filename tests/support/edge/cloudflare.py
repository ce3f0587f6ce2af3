"""A stand-in for Cloudflare's API of Workers KV, and clones that push to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from router.dev.layout import find_root
from tests.support.edge.router import HERE

TOKEN = "token-of-the-test"
ID = "1" * 32
NAMESPACE = f"/accounts/the-account/storage/kv/namespaces/{ID}"


class Api(ThreadingHTTPServer):
    """Workers KV over HTTP, until there are no `writes_left`; keys are listed in pages of
    `page`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.values: dict[str, bytes] = {}
        self.metadata: dict[str, Any] = {}
        self.writes: list[str] = []
        self.writes_left = 1_000
        self.page = 1_000


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_PUT(self) -> None:
        key = self.key()
        body = self.rfile.read(int(self.headers["content-length"]))
        if not self.server.writes_left:
            return self.answer(500, {"success": False, "errors": [{"code": 1, "message": "no"}]})
        assert self.headers["authorization"] == f"Bearer {TOKEN}"
        self.server.writes_left -= 1
        parts = self.parts(body)
        self.server.values[key] = parts["value"]
        self.server.metadata[key] = json.loads(parts.get("metadata", b"null"))
        self.server.writes.append(key)
        return self.answer(200, {"success": True, "errors": [], "messages": [], "result": None})

    def do_GET(self) -> None:
        if self.path.startswith(NAMESPACE + "/keys"):
            return self.list(parse_qs(urlsplit(self.path).query))
        value = self.server.values.get(self.key())
        if value is None:
            return self.answer(404, {"success": False, "errors": [{"code": 10009}]})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(value)
        return None

    def list(self, asked: dict[str, list[str]]) -> None:
        [prefix, after] = [asked.get(name, [""])[0] for name in ("prefix", "cursor")]
        names = [key for key in sorted(self.server.values) if key.startswith(prefix)]
        left = [name for name in names if name > after]
        found = [self.listed(name) for name in left[: self.server.page]]
        cursor = found[-1]["name"] if left[self.server.page :] else ""
        told = {"result": found, "result_info": {"count": len(found), "cursor": cursor}}
        return self.answer(200, {"success": True, "errors": [], "messages": [], **told})

    def listed(self, name: str) -> dict[str, Any]:
        metadata = self.server.metadata.get(name)
        return {"name": name, **({"metadata": metadata} if metadata is not None else {})}

    def key(self) -> str:
        begin = NAMESPACE + "/values/"
        assert self.path.startswith(begin), self.path
        return unquote(self.path.removeprefix(begin))

    def parts(self, body: bytes) -> dict[str, bytes]:
        kind = self.headers["content-type"] or ""
        if not kind.startswith("multipart/"):
            return {"value": body}
        message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        found: dict[str, bytes] = {}
        for part in message.get_payload():
            assert isinstance(part, Message)
            name = part.get_param("name", header="content-disposition")
            payload = part.get_payload(decode=True)
            assert isinstance(name, str)
            assert isinstance(payload, bytes)
            found[name] = payload
        return found

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def cloudflare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """wrangler asks it in Cloudflare's place."""
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", url)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "the-account")
        yield server
        server.shutdown()
        thread.join()


def clone(folder: Path, namespace: str = ID) -> Path:
    """A project for commands to run in, which knows nothing; `namespace`: the id of its KV."""
    folder.mkdir()
    settings = (find_root(HERE) / "wrangler.toml").read_text(encoding="utf-8")
    (folder / "wrangler.toml").write_text(settings.replace("0" * 32, namespace), encoding="utf-8")
    return folder
