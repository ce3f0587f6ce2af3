"""The KV of routers that run on workerd by itself: in this process, for tests to read and write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

from router.dev.loopback import HOST
from router.dev.workerd import External

NAME = "tests-kv"


class MemoryKv:
    """Values by their keys. workerd asks with plain HTTP; 404 is a key that is not there."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        values = self.values

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(values.get(self._key))

            def do_PUT(self) -> None:
                values[self._key] = self._body()
                self._answer(b"")

            def do_DELETE(self) -> None:
                values.pop(self._key, None)
                self._answer(b"")

            @property
            def _key(self) -> str:
                return unquote(urlsplit(self.path).path[1:])

            def _body(self) -> bytes:
                if "content-length" in self.headers:
                    return self.rfile.read(int(self.headers["content-length"]))
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def _answer(self, value: bytes | None) -> None:
                self.send_response(404 if value is None else 200)
                self.send_header("content-length", str(len(value or b"")))
                self.end_headers()
                self.wfile.write(value or b"")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def external(self) -> External:
        return External(NAME, f"{HOST}:{self._server.server_port}")

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def memory_kv() -> Iterator[MemoryKv]:
    kv = MemoryKv()
    try:
        yield kv
    finally:
        kv.close()
