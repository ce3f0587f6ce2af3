"""A stand-in for a router: three regions that answer, drills that begin and end, and the
pages that a drill's run reads. What it does wrong is set by the test."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from policies.basics.durations import duration_ms
from policies.resilience.drill import KINDS

KEY = "only-for-this-test"
VARIANTS = [
    {"name": f"main-{region}", "pool": "main", "region": region, "drain": False, "bound": True}
    for region in ("eu", "us", "ap")
]
FAR = {"DE": "main-eu", "US": "main-us", "JP": "main-ap"}


class StandIn(ThreadingHTTPServer):
    """`leaves_after`: seconds until the target answers no more; `returns_after`: after the
    drill's end, until it does again. `ends_early`: seconds before the drill's time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.leaves_after = 0.0
        self.returns_after = 0.0
        self.ends_early = 0.0
        self.outlives = 0.0
        self.why = "time"
        self.identify = True
        self.digest = self.next_digest = "ab" * 32  # from the first drill on, the next
        self.refusal: dict[str, Any] | None = None
        self.bad_status: int | None = None  # answered for each third request in the drill
        self.drills: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.requests: list[dict[str, str]] = []
        self.numbers = count()
        self.is_gone = False
        self.state = "ok"
        self.reasons: list[str] = []
        self.rejected: dict[str, Any] | None = None
        self.health: dict[str, Any] | None = None
        self.explanation: dict[str, Any] | None = None  # for `explain`; None: a bad request
        self.question: dict[str, list[str]] = {}  # what it was asked
        self.rollouts: dict[str, Any] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def is_on(self, drill: dict[str, Any]) -> bool:
        return bool(time.monotonic() < drill["until"])

    def start(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        self.digest = self.next_digest
        seconds = (duration_ms(asked["for"]) or 0) / 1000 - self.ends_early + self.outlives
        now = datetime.now(UTC)
        told = {kind: asked[kind] for kind in KINDS if kind in asked} | {
            "id": f"d-{len(self.asked):04x}",
            "mode": asked["mode"],
            "started_at": now.isoformat(),
            "ends_at": (now + timedelta(seconds=seconds)).isoformat(),
            "by": "secret",
            "forced": asked["force"],
            "name": None,
        }
        self.drills.append({"told": told, "began": time.monotonic(), "why": self.why})
        self.drills[-1]["until"] = time.monotonic() + seconds
        return told

    def stop(self, drill_id: str) -> list[dict[str, Any]]:
        active = [d for d in self.drills if self.is_on(d) and d["told"]["id"] == drill_id]
        for drill in active:
            drill |= {"until": time.monotonic(), "why": "stopped"}
        return [drill["told"] for drill in active]

    def listed(self) -> dict[str, Any]:
        def ended(drill: dict[str, Any]) -> dict[str, Any]:
            length = timedelta(seconds=drill["until"] - drill["began"])
            at = datetime.fromisoformat(drill["told"]["started_at"]) + length
            return drill["told"] | {
                "ended_at": at.isoformat(),
                "why": drill["why"],
                "ended_by": "ops",
            }

        active = [drill["told"] for drill in self.drills if self.is_on(drill)]
        past = [ended(drill) for drill in self.drills if not self.is_on(drill)]
        return {"active": active, "scheduled": [], "past": past}

    def variant(self, country: str) -> str:
        """The nearest that answers; the drill's region is eu."""
        now = time.monotonic()
        for drill in self.drills:
            leaves, returns = (
                drill["began"] + self.leaves_after,
                drill["until"] + self.returns_after,
            )
            if country == "DE" and leaves <= now < returns:
                return "main-us"
        return FAR.get(country, "main-us")

    def status(self) -> dict[str, Any]:
        policy = {"digest": self.digest, "source": "kv", "identify": self.identify}
        policy |= {"loaded_at": None, "routes": 2, "variants": len(VARIANTS)}
        told = {"status": self.state, "reasons": self.reasons, "rejected": self.rejected}
        return {**told, "policy": policy, "variants": VARIANTS}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.server.is_gone:
            self.close_connection = True
            return
        page = self.path.removeprefix("/.router/")
        if page == self.path:
            self._serve(body)
        elif page == "health":
            self._send(200, {"status": "ok"})
        elif self.headers["authorization"] != f"Bearer {KEY}":
            self._send(401, {"code": "unauthorized", "detail": "A valid API key is needed."})
        elif self.command == "POST":
            refusal = self.server.refusal
            self._send(409, refusal) if refusal else self._send(
                201, self.server.start(json.loads(body))
            )
        elif self.command == "DELETE":
            self._send(200, {"ended": self.server.stop(page.removeprefix("drills/"))})
        elif page.startswith("explain?"):
            self._explain(page.partition("?")[2])
        elif self._is_missing(page):
            self._send(404, {"code": "not-found", "detail": "The router has no such page."})
        elif page.startswith("rollouts/") and self.server.rollouts:
            told = {**self.server.rollouts, "rollout": self.server.rollouts["rollouts"][0]}
            self._send(200, told)
        else:
            pages = {"status": self.server.status(), "drills": self.server.listed()}
            pages |= {"health/variants": self.server.health, "rollouts": self.server.rollouts}
            self._send(200, pages[page])

    do_POST = do_DELETE = do_GET

    def _explain(self, query: str) -> None:
        self.server.question = parse_qs(query)
        refusal = {"code": "bad-request", "detail": "down: no variant `x`; did you mean `y`?"}
        found = self.server.explanation
        self._send(200, found) if found else self._send(400, refusal)

    def _is_missing(self, page: str) -> bool:
        pages: dict[str, Any] = {"health/variants": self.server.health, "policy": None}
        pages["rollouts"] = self.server.rollouts
        return page in pages and pages[page] is None

    def _serve(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(
            {**headers, ":method": self.command, ":path": self.path, ":body": body.decode()}
        )
        country = json.loads(headers.get("mf-cf-blob", "{}")).get("country", "")
        named = {"x-router-variant": self.server.variant(country)} if self.server.identify else {}
        is_bad = (
            any(map(self.server.is_on, self.server.drills)) and next(self.server.numbers) % 3 == 0
        )
        status = self.server.bad_status if self.server.bad_status and is_bad else 200
        self._send(status, {"ok": status}, **named)

    def _send(self, status: int, document: Any, **headers: str) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.is_gone = True
        server.shutdown()
        thread.join()
        server.server_close()
