"""What a router says of rollouts, and a stand-in that says it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from router.api.client import Refused

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
STEPS = [
    {"weight": 1, "hold": "10m", "pause": False},
    {"weight": 5, "pause": True},
    {"weight": 25, "hold": "10m", "pause": False},
    {"weight": 50, "hold": "10m", "pause": False},
    {"weight": 100, "hold": "10m", "pause": False},
]
MISSING = Refused("refuses: …", 404, {"code": "not-found"})


def before(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def told_of(**changes: Any) -> dict[str, Any]:
    """A rollout that is in its second step."""
    told = {
        "name": "agents-v2",
        "routes": ["agents"],
        "from": "production",
        "to": "canary",
        "state": "running",
        "reason": "",
        "run": "r-3f2a",
        "by": "ann",
        "note": None,
        "weight": 5,
        "file_weight": {"agents": 5.0},
        "step": 2,
        "steps": STEPS,
        "since": before(2_000),
        "started_at": before(2_000),
        "step_since": before(250),
        "hold_until": before(-350),
        "cohorts": [],
        "mirror": None,
        "analysis": None,
        "window": None,
    }
    return told | changes


def numbers(requests: int, errors: int, *latencies: float) -> dict[str, Any]:
    rate = errors / requests if requests else None
    told = {"requests": requests, "errors": errors, "error_rate": rate}
    return told | dict(zip(("p50", "p95", "p99"), latencies, strict=True))


def verdict(word: str, *reasons: str, seconds: float = 48, **changes: Any) -> dict[str, Any]:
    told = {"at": before(seconds), "verdict": word, "reasons": [*reasons], "checks": []}
    old, new = numbers(4_321, 4, 12, 80, 130.4), numbers(228, 7, 13, 95, 1_210)
    return told | {"from": old, "to": new} | changes


def analysis(last: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
    told = {
        "interval": "60s",
        "min_requests": 50,
        "failure_limit": 1,
        "failures": 0,
        "dry_run": False,
        "next_at": before(-12),
        "requests": {"from": 1_812, "to": 96},
        "evidence": {
            "error rate": {"value": 60, "alarm": 100},
            "latency": {"value": 130.0, "alarm": 100},
        },
    }
    return told | {"last": last} | changes


class Router:
    """Answers each page as it is told, one after the other, the last one for ever; remembers
    what it was asked."""

    url = "http://router"

    def __init__(self) -> None:
        self.pages: dict[str, list[Any]] = {}
        self.asked: list[tuple[Any, ...]] = []

    def __enter__(self) -> Router:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def says(self, page: str, *answers: Any) -> None:
        self.pages[page] = [*answers]

    def has(self, *all_told: dict[str, Any]) -> None:
        """These rollouts and no others, on all pages that tell of them."""
        self.pages.clear()
        at = NOW.isoformat()
        self.says("rollouts", {"at": at, "rollouts": [*all_told]})
        for told in all_told:
            self.says(f"rollouts/{told['name']}", {"at": at, "rollout": told})

    def becomes(self, *all_told: dict[str, Any] | Exception) -> None:
        """One rollout, as it is when it is asked for again and again."""
        at = NOW.isoformat()
        pages = [t if isinstance(t, Exception) else {"at": at, "rollout": t} for t in all_told]
        self.says("rollouts/agents-v2", *pages)

    def get(self, page: str, **query: str) -> Any:
        return self._answer(page, ("GET", page, query) if query else ("GET", page))

    def post(self, page: str, document: object) -> Any:
        return self._answer(page, ("POST", page, document))

    def _answer(self, page: str, asked: tuple[Any, ...]) -> Any:
        self.asked.append(asked)
        answers = self.pages.get(page, [MISSING])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer() if isinstance(answer, Callable) else answer  # type: ignore[arg-type]
