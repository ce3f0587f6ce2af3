"""An Internet in a dictionary: a `Wire` for tests, which keeps what was sent."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agent.core.web.egress import Egress
from agent.core.web.request import Request
from agent.core.web.web import Web, WebCaches
from agent.core.web.wire import Body, ResponseHead, WireError

RESOLVER = "https://dns.example/q"


class Site(NamedTuple):
    body: bytes = b""
    content_type: str = "text/html"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    takes_ms: float = 0


Answers = Callable[[Request], Site | None]  # None: the connection fails


class FakeWire:
    """`addresses`: what names lead to; others have a public address. Its time is `now`."""

    def __init__(self, answers: Answers, addresses: dict[str, Sequence[str]] | None = None) -> None:
        self._answers = answers
        self._addresses = addresses or {}
        self.now = 0.0
        self.sent = list[Request]()
        self.asked = list[str]()

    def send(self, request: Request, timeout_ms: int) -> ResponseHead:
        self.sent.append(request)
        site = self._answers(request)
        if site is None:
            raise WireError("Error", "Network connection lost.")
        self.now += min(site.takes_ms, timeout_ms)
        if site.takes_ms >= timeout_ms:
            raise WireError("TimeoutError", "late")
        return ResponseHead(
            site.status, (("content-type", site.content_type), *site.headers), site.body
        )

    def read(self, head: ResponseHead, most: int, timeout_ms: int) -> Body:
        assert isinstance(head.handle, bytes)
        kept = head.handle[:most]
        return Body(len(head.handle) > most, kept[:1024].decode("latin-1"), kept)

    def text(self, held: Body, charset: str) -> str:
        assert isinstance(held.handle, bytes)
        if charset == "base64":
            return b64encode(held.handle).decode()
        try:
            return held.handle.decode(charset, "replace").removeprefix("\ufeff")
        except LookupError as error:
            raise WireError("RangeError", charset) from error

    def ask(self, urls: Sequence[str], timeout_ms: int) -> list[str]:
        self.asked += urls
        return [self._answer(url) for url in urls]

    def _answer(self, url: str) -> str:
        name, kind = url.split("name=")[1].split("&type=")
        if name.startswith("broken"):
            return json.dumps({"Status": 2})
        found = self._addresses.get(name, ["93.184.216.34"])
        records = [
            {"name": name, "type": 28 if ":" in each else 1, "TTL": 60, "data": each}
            for each in found
            if (":" in each) is (kind == "AAAA")
        ]
        return json.dumps({"Status": 0, "Answer": records})


class FakeTools(NamedTuple):
    web: Web
    tenant: str = "someone"
    scopes: frozenset[str] = frozenset()


def web_on(wire: FakeWire, hosts: str = "*", resolver: str = RESOLVER) -> Web:
    return Web(wire, Egress.of(hosts), resolver, WebCaches(), lambda: wire.now)
