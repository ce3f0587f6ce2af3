"""A server of somebody's, for variants with a URL: it tells what it got, and answers by the path.

/status/503   this status          /redirect  302, elsewhere      /gzip  packed
/slow         nothing until `Origin.go` is set
/stream       two pieces, the second when `Origin.go` is set
/socket       a WebSocket that gives back each message            /dns   as a resolver
/count        an answer that may be kept for a minute, and counts
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from router.dev.loopback import HOST

CERTIFICATES = Path(__file__).with_name("certificates")
AUTHORITY = (CERTIFICATES / "authority.pem").read_text()
ELSEWHERE = "https://elsewhere.example/a?b=c"
WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
WITHIN = 20.0


class Origin:
    """`told`: what it got, a request each; `begun`: requests whose heads it has; `broken`: those
    whose bodies were cut; `names`: what it tells as a resolver; `statuses`: for requests in turn,
    before it looks at the path."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.port = server.server_port
        self.url = f"{scheme}://localhost:{self.port}"
        self.told: list[dict[str, Any]] = []
        self.begun: list[str] = []
        self.broken: list[str] = []
        self.names: dict[str, list[str]] = {}
        self.statuses: list[int] = []
        self.go = Event()

    def at(self, path: str) -> list[dict[str, Any]]:
        return [each for each in self.told if each["path"] == path]


@contextmanager
def origin(certificate: str = "") -> Iterator[Origin]:
    """`certificate`: the name of one in CERTIFICATES; then it speaks TLS."""
    server = _Server((HOST, 0), _Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    made = server.origin = Origin(server, "https" if certificate else "http")  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: who does not trust its certificate breaks off."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        origin = self._origin
        url = urlsplit(self.path)
        origin.begun.append(url.path)
        body = self._body()
        if body is None:
            origin.broken.append(url.path)
            self.close_connection = True
            return
        told = {
            "method": self.command,
            "path": url.path,
            "query": url.query,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body_bytes": len(body),
            "connection": self.client_address[1],
        }
        origin.told.append(told)
        if origin.statuses:
            self._answer(b"", origin.statuses.pop(0))
            return
        first, *rest = url.path.rpartition("/base")[2].strip("/").split("/")
        special = getattr(self, f"_{first}", None)
        if special:
            special(*rest)
        else:
            self._answer(json.dumps(told).encode())

    do_POST = do_PUT = do_DELETE = do_GET

    @property
    def _origin(self) -> Origin:
        found: Origin = self.server.origin  # type: ignore[attr-defined]
        return found

    def _answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes | None:
        """The body; None if it was cut."""
        if self.headers.get("transfer-encoding") == "chunked":
            return self._chunks()
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def _chunks(self) -> bytes | None:
        read = b""
        while size := int(self.rfile.readline().strip() or b"-1", 16):
            if size < 0:
                return None
            chunk = self.rfile.read(size + 2)
            if len(chunk) < size + 2:
                return None
            read += chunk[:-2]
        self.rfile.readline()
        return read

    def _status(self, status: str) -> None:
        self._answer(b"an error", int(status))

    def _slow(self, *_: str) -> None:
        self._origin.go.wait(WITHIN)
        self._answer(b"slow")

    def _redirect(self) -> None:
        self._answer(b"", 302, location=ELSEWHERE)

    def _gzip(self) -> None:
        self._answer(gzip.compress(b"packed " * 100), content_encoding="gzip")

    def _count(self) -> None:
        number = len(self._origin.at(urlsplit(self.path).path))
        self._answer(str(number).encode(), cache_control="max-age=60")

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        self._origin.go.wait(WITHIN)
        self.wfile.write(b"6\r\nsecond\r\n0\r\n\r\n")

    def _dns(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        wanted = asked["type"] == ["AAAA"]
        found = [
            {"type": 28 if wanted else 1, "data": each, "TTL": 60}
            for each in self._origin.names.get(asked["name"][0], [])
            if (":" in each) == wanted
        ]
        self._answer(json.dumps({"Status": 0, "Answer": found}).encode())

    def _socket(self) -> None:
        key = self.headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET, usedforsecurity=False).digest())
        self.send_response(101)
        upgrade = {"upgrade": "websocket", "connection": "upgrade"}
        for name, value in {**upgrade, "sec-websocket-accept": accept.decode()}.items():
            self.send_header(name, value)
        self.end_headers()
        while (message := read_frame(self.rfile)) is not None:
            self.wfile.write(bytes([0x81, len(message)]) + message)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest shows what matters."""


def read_frame(stream: Any) -> bytes | None:
    """The text of a short frame of a WebSocket; None at its end."""
    head = stream.read(2)
    if len(head) < 2 or head[0] & 0xF != 1:
        return None
    mask = stream.read(4) if head[1] & 0x80 else bytes(4)
    data = stream.read(head[1] & 0x7F)
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


def masked_frame(message: bytes) -> bytes:
    """A short text as clients send it."""
    mask = b"\x01\x02\x03\x04"
    data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(message))
    return bytes([0x81, 0x80 | len(message)]) + mask + data
