"""Requests per second, all rows in one run.

Every row has a workerd of its own; while one is measured the others are idle. The rounds
are short and go through the rows forwards and backwards in turn, so that other load on
the machine affects all of them; a row's figure is the median of its rounds. A row is measured
only when it is warm (V8 compiles Python's interpreter as it gets hot) and its answers are known
to come from the backend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from bench.checkout import Elsewhere
from bench.load import HEADERS, PATH, Count, load
from bench.rows import HEALTH_ROWS, ROLLOUT_ROWS, Row
from bench.server import Server, Serving
from bench.staging import folder_of
from router.dev.layout import Layout, SetupError

WARM_UP_REQUESTS = 12_000
ROUNDS = 7
ROUND_SECONDS = 2.0
HEALTH_ROUNDS = 21
HEALTH_ROUND_SECONDS = 1.0
ANSWER = "answered by the backend\n"
# On a route without sticky clients: the variant that a request from there should reach.
REGIONS: dict[str, dict[str, str]] = {
    "production-eu": {"country": "DE", "continent": "EU"},
    "production-us": {"country": "BR", "continent": "SA"},
    "production-ap": {"country": "JP", "continent": "AS"},
}
DEFAULT_VARIANT = "production-us"


@dataclass(frozen=True, slots=True)
class Measured:
    """The rounds of one row."""

    name: str
    rounds: tuple[Count, ...]

    @property
    def per_second(self) -> float:
        return median(count.per_second for count in self.rounds)

    @property
    def cpu_us(self) -> float:
        return median(count.cpu_us for count in self.rounds)

    def ratios(self, base: Measured, figure: str = "per_second") -> list[float]:
        """Return a value as a part of `base`'s, round by round, under the same load."""
        pairs = zip(self.rounds, base.rounds, strict=True)
        return [getattr(mine, figure) / getattr(other, figure) for mine, other in pairs]

    def of(self, base: Measured, figure: str = "per_second") -> float:
        """Return a value as a part of `base`'s: the median of the rounds."""
        return median(self.ratios(base, figure))

    def to_dict(self) -> dict[str, object]:
        """Return the row of `build/bench.json`."""
        return {
            "name": self.name,
            "requests_per_second": round(self.per_second, 1),
            "cpu_us_per_request": round(self.cpu_us, 1),
            "p50_ms": median(count.p50_ms for count in self.rounds),
            "p99_ms": median(count.p99_ms for count in self.rounds),
            "rounds": [round(count.per_second, 1) for count in self.rounds],
        }


def measure_rows(
    layout: Layout, rows: Sequence[Row], *, rounds: int = ROUNDS, seconds: float = ROUND_SECONDS
) -> list[Measured]:
    with ExitStack() as stack:
        servers: list[tuple[Row, Serving]] = []
        for row in rows:
            print(f"warming up  {row.label}", flush=True)
            servers.append((row, stack.enter_context(warm_server(layout, row))))
        counts: dict[str, list[Count]] = {row.label: [] for row in rows}
        for number in range(rounds):
            print(f"measuring   round {number + 1} of {rounds}", flush=True)
            for row, server in servers[:: -1 if number % 2 else 1]:
                row_counts = counts[row.label]
                sent = WARM_UP_REQUESTS + sum(count.answered for count in row_counts)
                row_counts.append(load(layout, server, row.traffic, seconds=seconds, first=sent))
    return [Measured(label, tuple(row_counts)) for label, row_counts in counts.items()]


def measure_health(layout: Layout) -> list[Measured]:
    return measure_rows(layout, HEALTH_ROWS, rounds=HEALTH_ROUNDS, seconds=HEALTH_ROUND_SECONDS)


def measure_rollouts(layout: Layout) -> list[Measured]:
    return measure_rows(layout, ROLLOUT_ROWS, rounds=HEALTH_ROUNDS, seconds=HEALTH_ROUND_SECONDS)


def warm_server(layout: Layout, row: Row) -> Serving:
    """Return a working server of `row`; the caller stops it."""
    server = started(layout, row)
    try:
        server.wait_ready()
        check(row, server)
        load(layout, server, row.traffic, amount=WARM_UP_REQUESTS)
    except BaseException:
        server.stop()
        raise
    return server


def started(layout: Layout, row: Row) -> Serving:
    if row.checkout:
        return Elsewhere(row.checkout, row.name, row.workers.__name__)
    folder = folder_of(layout, row.name)
    return Server(layout, row.workers(layout, folder), folder)


def check(row: Row, server: Serving) -> None:
    """Check that responses come from the backend, and that regions are decided, also without
    one."""
    body = row.traffic.body
    answer = server.ask(PATH, HEADERS, body)
    if (answer.status, answer.body) != (200, ANSWER):
        raise SetupError(f"{row.label} answers {answer.status}: {answer.body[:200]}")
    if body and answer.headers.get("x-received") != str(len(body)):
        raise SetupError(f"{row.label} did not forward {len(body)} bytes: {answer.headers}")
    if row.limited != ("ratelimit" in answer.headers):
        raise SetupError(f"{row.label} answers with {dict(answer.headers)}")
    if row.regions:
        for variant, place in REGIONS.items():
            expect_variant(server, variant, {"MF-CF-Blob": json.dumps(place)})
        expect_variant(server, DEFAULT_VARIANT, {})


def expect_variant(server: Serving, variant: str, headers: Mapping[str, str]) -> None:
    request_headers = {"x-api-key": HEADERS["x-api-key"], **headers}
    chosen = server.ask("/", request_headers).headers.get("x-router-variant")
    if chosen != variant:
        raise SetupError(f"the router chose {chosen} for {dict(headers)}, not {variant}")
