"""A receiver of callbacks on loopback. Paths say how it answers: `/503/503/204` one after the
other, the last for ever; `/slow`, `/endless` and `/moved` as they are called."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

SLOW = 3.0  # seconds
PIECE = b"x" * 65_536


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.all: list[Received] = []

    def at(self, path: str) -> list[Received]:
        return [each for each in self.all if each.path == path]


@contextmanager
def receiving() -> Iterator[Receiver]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    receiver = server.receiver = Receiver(server)  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.all.append(Received(self.path, headers, body))
        if self.path == "/endless":
            self._endless()
        elif self.path == "/slow":
            time.sleep(SLOW)
            self._status(200)
        elif self.path == "/held":
            self._held()
        elif self.path == "/moved":
            self._status(307, ("location", "/elsewhere"))
        else:
            answers = self.path.split("/")[1:]
            number = len(receiver.at(self.path))
            self._status(int(answers[min(number, len(answers)) - 1]), ("retry-after", "60"))

    def _status(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("content-length", "0")):
            self.send_header(name, value)
        self.end_headers()

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("connection", "close")
        self.end_headers()
        try:
            for _ in range(1_000):  # 65 MB, if nobody breaks it off
                self.wfile.write(PIECE)
            self.path = "/endless/read"
        except OSError:
            self.close_connection = True

    def _held(self) -> None:
        """An answer whose body does not come."""
        self.send_response(200)
        self.send_header("content-length", "1")
        self.end_headers()
        time.sleep(4 * SLOW)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass
