"""What an isolate has counted: as JSON, or in Prometheus's text format (version 0.0.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from agent.core.identity import Identity

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Metrics:
    """`requests`: by endpoint and status; `jobs`: by capability and outcome. `records_lost`:
    rows of requests that were never written."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.jobs: Counter[tuple[str, str]] = Counter()
        self.records_lost = 0

    def document(self, who: Identity, capabilities: list[str]) -> dict[str, Any]:
        requests = [{"endpoint": e, "status": s, "count": n} for (e, s), n in self.requests.items()]
        jobs = [{"capability": c, "outcome": o, "count": n} for (c, o), n in self.jobs.items()]
        return {
            "worker": who.id,
            "variant": who.variant,
            "region": who.region,
            "capabilities": capabilities,
            "requests": requests,
            "jobs": jobs,
            "records_lost": self.records_lost,
        }

    def text(self, who: Identity) -> str:
        own = {"worker": who.id, "variant": who.variant, "region": who.region}
        requests = [({"endpoint": e, "status": s, **own}, n) for (e, s), n in self.requests.items()]
        jobs = [({"capability": c, "outcome": o, **own}, n) for (c, o), n in self.jobs.items()]
        lost = [(own, self.records_lost)]
        return (
            _counter("requests", "Requests answered.", requests)
            + _counter("jobs", "Jobs that were run.", jobs)
            + _counter("records_lost", "Rows of requests that were never written.", lost)
        )


def prefers_text(accept: str) -> bool:
    """Whether an `Accept` header asks for Prometheus's text rather than JSON."""
    wanted = [each.split(";")[0].strip().lower() for each in accept.split(",")]
    texts = [each for each in wanted if each in ("text/plain", "application/openmetrics-text")]
    return bool(texts) and "application/json" not in wanted


def _counter(name: str, about: str, samples: Sequence[tuple[dict[str, Any], int]]) -> str:
    full = f"agent_{name}_total"
    lines = [f"# HELP {full} {about}", f"# TYPE {full} counter"]
    for labels, value in samples:
        told = ",".join(f'{key}="{str(text).translate(_ESCAPES)}"' for key, text in labels.items())
        lines.append(f"{full}{{{told}}} {value}")
    return "\n".join(lines) + "\n"
