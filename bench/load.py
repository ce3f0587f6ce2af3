"""Load for a server: requests like those of browsers and agents, from many users at once.

Loopback only, sixteen connections, and an end by time or number. A run with a single failed
request is an error.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.server import Serving
from router.dev.layout import Layout, SetupError

SCRIPT = Path(__file__).with_name("load.mjs")
PATH = "/execute?wait=0"
# Enough to keep one workerd busy all the time: with eight it is idle for moments.
CONNECTIONS = 16
USERS = 60
GRACE = 60.0  # for Node to start and the last answers to come

# The `request.cf` of a request, about as long as Cloudflare's own.
PLACE: dict[str, Any] = {
    "colo": "FRA",
    "country": "DE",
    "continent": "EU",
    "city": "Frankfurt am Main",
    "region": "Hesse",
    "regionCode": "HE",
    "postalCode": "60313",
    "latitude": "50.11552",
    "longitude": "8.68417",
    "timezone": "Europe/Berlin",
    "isEUCountry": "1",
    "asn": 64500,
    "asOrganization": "Example Network",
    "httpProtocol": "HTTP/2",
    "tlsVersion": "TLSv1.3",
    "tlsCipher": "AEAD-AES128-GCM-SHA256",
    "clientTcpRtt": 12,
    "clientAcceptEncoding": "gzip",
}
HEADERS = {
    "accept": "application/json, text/plain;q=0.9, */*;q=0.8",
    "accept-language": "de-DE,de;q=0.9,en;q=0.8",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
    "cookie": "session=5f2b8a1e9c4d; theme=dark; fiberwise_client=0af7651916cd43dd8448eb211c80319c",
    "cf-connecting-ip": "192.0.2.17",
    "x-api-key": "key-of-the-benchmark",
    "MF-CF-Blob": json.dumps(PLACE),
}


# Different paths: `#` is the number of the path. Every route that forwards a GET has some.
PLACES = (
    "/execute/run-#?wait=0",
    "/activations/job-#/output",
    "/agents/agent-#",
    "/apps/app-#/agents",
    "/status/worker-#",
    "/pages/#",
)
BODY_BYTES = 2048


def body_of(size: int) -> str:
    """The JSON of an activation, of `size` bytes."""
    empty = len(json.dumps({"input": ""}))
    return json.dumps({"input": "x" * (size - empty)})


@dataclass(frozen=True, slots=True)
class Traffic:
    """The variety of a row's requests: `paths` different paths, spread over `places`, of `users`
    users. With a body, they are POSTs."""

    places: tuple[str, ...] = (PATH,)
    paths: int = 1
    users: int = USERS
    body: str = ""

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"


USUAL = Traffic()
MANY_PATHS = Traffic(PLACES, paths=10_000)
MANY_USERS = Traffic(users=10_000)
POSTS = Traffic(body=body_of(BODY_BYTES))
# One path more than users, so that users request other paths in the next round.
CROWD = Traffic(PLACES, paths=50_001, users=50_000)


@dataclass(frozen=True, slots=True)
class Count:
    """The result of one run, with the processor time of the server."""

    answered: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of one request, in microseconds."""
        return self.cpu_seconds / self.answered * 1e6


def load(
    layout: Layout,
    server: Serving,
    traffic: Traffic = USUAL,
    *,
    seconds: float = 0,
    amount: int = 0,
    first: int = 0,
) -> Count:
    """Send requests for `seconds`, or `amount` of them. `first`: the number of requests of earlier
    runs, so that a run does not repeat them."""
    request = {
        "url": server.url,
        "headers": HEADERS,
        **asdict(traffic),
        "connections": CONNECTIONS,
        "seconds": seconds,
        "amount": amount,
        "first": first,
    }
    before = server.cpu_seconds
    process = subprocess.run(
        [str(layout.node), str(SCRIPT), json.dumps(request)],
        cwd=layout.root,
        capture_output=True,
        text=True,
        timeout=(seconds or amount / 50) + GRACE,
        check=False,
    )
    cpu_seconds = server.cpu_seconds - before
    if process.returncode:
        *_, reason = process.stderr.strip().splitlines() or ["it gave no reason"]
        raise SetupError(f"no load: {reason}")
    result = json.loads(process.stdout)
    failed = result.pop("failed")
    if failed or not result["answered"]:
        what = f"{failed} requests failed" if failed else "no request was answered in time"
        raise SetupError(f"{server.url}: {what}: nothing is measured (log: {server.log})")
    return Count(**result, cpu_seconds=cpu_seconds)
