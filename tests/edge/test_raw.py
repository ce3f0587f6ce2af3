"""Tricks with paths, hosts and headers, sent raw over sockets to workerd itself.

Whatever is sent without a key: no variant gets a request whose path or host a forgiving
program could take for the guarded ones, and the router answers everything properly.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import unquote

import pytest

from router.dev.loopback import HOST
from tests.support.edge.router import HERE
from tests.support.edge.workerd import running

POLICY = HERE / "raw.yaml"
ANSWERED_WITHIN = 20.0
REFUSALS = {400, 401, 404, 405, 411, 413, 414, 429, 431, 501}
CHUNK = re.compile(rb"(?:^|\r\n)[0-9a-f]+\r\n(.*?)(?=\r\n)", re.DOTALL)
KEY = b"X-API-Key: k-plain\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running(tmp_path_factory.mktemp("raw"), POLICY) as started:
        yield started.port
        assert started.server.alive, started.server.output()
        assert "internal-error" not in started.server.output()


class Raw:
    """An answer: its status, its headers in lower case, its body."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        pairs = (line.partition(": ") for line in lines)
        self.headers = {name.lower(): value for name, _, value in pairs}
        if self.headers.get("transfer-encoding") == "chunked":
            self.body = b"".join(
                re.findall(rb"(?:^|\r\n)[0-9a-f]+\r\n(.*?)(?=\r\n)", self.body, re.S)
            )

    @property
    def seen(self) -> dict[str, Any]:
        """The request as the echo variant got it."""
        seen: dict[str, Any] = json.loads(self.body)
        return seen


def send(port: int, data: bytes) -> Raw:
    """One request on a connection of its own, which it asks to close."""
    with socket.create_connection((HOST, port), timeout=ANSWERED_WITHIN) as connection:
        connection.sendall(data)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return Raw(received)


def message(
    target: bytes, host: bytes = b"guarded.test", more: bytes = b"", method: bytes = b"GET"
) -> bytes:
    head = b"%b %b HTTP/1.1\r\nHost: %b\r\n%bConnection: close\r\n\r\n"
    return head % (method, target, host, more)


def forgiving(path: str) -> str:
    """The path as a program would have it that decodes, strips and merges all it can."""
    path = re.sub(r"%(?:25)+", "%", path) if path.count("%25") > 1 else path
    path = unquote(path, errors="replace").replace("\\", "/")
    segments: list[str] = []
    for segment in path.split("/"):
        name = segment.partition(";")[0].strip(" \t\r\n\0")
        if name == "..":
            del segments[-1:]
        elif name not in ("", "."):
            segments.append(name)
    return "/" + "/".join(segments)


def check(answer: Raw) -> None:
    """Refused, or forwarded as something that is not guarded."""
    if answer.status in REFUSALS:
        assert "x-router-variant" not in answer.headers
        assert b"Traceback" not in answer.body
        return
    assert answer.status == 200, answer.status
    seen = answer.seen
    assert answer.headers["x-router-route"] in ("public", "beside", "other")
    assert "x-router-key-id" not in seen["headers"]
    if seen["host"].lower().partition(":")[0].rstrip(".") != "other.test":
        assert forgiving(seen["path"]).startswith("/public"), seen["path"]


def tricks() -> dict[str, list[bytes]]:
    """The sections of `tricks.txt`."""
    found: dict[str, list[bytes]] = {}
    for line in (HERE / "tricks.txt").read_text(encoding="ascii").splitlines():
        if line.isupper() and line.isalpha():
            lines = found[line] = []
        elif line.startswith("|"):
            lines.append(line[1:].encode().decode("unicode_escape").encode("latin-1"))
    return found


METHODS = (b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"get", b"FOO")
DEEP = (b"/public/" + b"../" * 300 + b"private", b"/" + b"%2e%2e/" * 300 + b"private")


def corpus() -> Iterator[tuple[str, bytes]]:
    known = tricks()
    paths = [lead + tail for lead, tail in product(known["LEADS"], known["TAILS"])]
    for target in (*paths, *known["TARGETS"], *DEEP):
        yield f"path {target[:60]!r}", message(target)
    for host in known["HOSTS"]:
        yield f"host {host!r}", message(b"/private", host)
    for more in known["HEADERS"]:
        yield f"header {more!r}", message(b"/private", more=more)
        yield f"header {more!r} at another host", message(b"/private", b"a.all.test", more)
    for method in METHODS:
        yield f"method {method!r}", message(b"/private", method=method)
    yield "no host", b"GET /private HTTP/1.1\r\nConnection: close\r\n\r\n"
    yield "HTTP/1.0", b"GET /private HTTP/1.0\r\nHost: guarded.test\r\n\r\n"
    yield "HTTP/0.9", b"GET /private\r\n\r\n"
    yield "HTTP/3.0", b"GET /private HTTP/3.0\r\nHost: guarded.test\r\n\r\n"
    yield "bare line feeds", b"GET /private HTTP/1.1\nHost: guarded.test\nConnection: close\n\n"
    yield "space before the path", b"GET  /private HTTP/1.1\r\nHost: guarded.test\r\n\r\n"


CORPUS = list(corpus())


def test_the_corpus_is_large() -> None:
    assert len({data for _, data in CORPUS}) > 600


@pytest.mark.parametrize("part", range(8))
def test_nothing_gets_past_authentication(port: int, part: int) -> None:
    failed = []
    for name, data in CORPUS[part::8]:
        try:
            check(send(port, data))
        except Exception as error:  # all of them are worth knowing
            failed.append(f"{name}: {type(error).__name__} {error}")
    assert not failed, "\n".join(failed)


def test_nothing_gets_past_a_limit(port: int) -> None:
    first = send(port, message(b"/private", b"limited.test"))
    assert (first.status, first.headers["x-router-route"]) == (200, "limited")
    assert send(port, message(b"/private", b"limited.test")).status == 429
    failed = []
    known = tricks()
    paths = [lead + tail for lead, tail in product(known["LEADS"], known["TAILS"])]
    hosts = [host.replace(b"guarded", b"limited") for host in known["HOSTS"]]
    for data in (
        *(message(path, b"limited.test") for path in (*paths, *known["TARGETS"])),
        *(message(b"/private", host) for host in hosts if b"all.test" not in host),
    ):
        try:
            check(send(port, data))
        except Exception as error:  # all of them are worth knowing
            failed.append(f"{data[:80]!r}: {type(error).__name__} {error}")
    assert not failed, "\n".join(failed)


def test_the_key_opens_what_the_tricks_do_not(port: int) -> None:
    for target in (b"/private", b"/public/../private", b"/%70rivate?x", b"/exact"):
        answer = send(port, message(target, more=KEY))
        assert (answer.status, answer.headers["x-router-route"]) == (200, "guarded")
        assert forgiving(answer.seen["path"]) in ("/private", "/exact")


def test_what_clients_claim_is_taken_out(port: int) -> None:
    claims = (
        b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /private\r\n"
        b"X-Real-IP: 6.6.6.6\r\nTrue-Client-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n"
        b"x_forwarded_for: 6.6.6.6\r\nX_Router_Key_Id: plain\r\nX-Original-URL: /private\r\n"
        b'Cloudflare-Workers-Version-Overrides: a="6"\r\nCloudflare-Workers-Version-Key: 6\r\n'
        b"CF-Connecting-IP: 192.0.2.7\r\nX-Kept: 6\r\n"
        # 14.14
        b"Proxy: 6\r\nProxy-Client-IP: 6\r\nWL-Proxy-Client-IP: 6\r\nFastly-Client-IP: 6\r\n"
        b"X-Original-Forwarded-For: 6\r\nX-Envoy-Original-Path: 6\r\nX-Azure-ClientIP: 6\r\n"
    )
    seen = send(port, message(b"/public", more=claims)).seen["headers"]
    claimed = {name for name, value in seen.items() if value in ("6", "6.6.6.6", "1", "/private")}
    assert claimed == {"x-kept"}
    assert not [name for name in seen if "_" in name]
    assert {name for name in seen if name.startswith("x-router-")} == {
        *("x-router-route", "x-router-variant")
    }
    assert seen["x-forwarded-for"] == "192.0.2.7"
    assert not [name for name in seen if name.startswith("cloudflare-")]
