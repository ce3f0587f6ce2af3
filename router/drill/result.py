"""The result of a drill: the plan, the events, the outcomes and the verdict.

It is written as JSON, and `report.py` shows it as a page. Values of headers that look like
secrets are left out of both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import urlsplit

from policies.basics.untyped import JsonObject
from policies.drill_plan.judge import (
    DrillEvidence,
    Judged,
    Verdict,
    doubts,
    evidence,
    judge,
    verdict,
)
from policies.drill_plan.load import LoadedPlan
from policies.drill_plan.model import DrillPlan
from policies.drill_plan.outcomes import DrillRun
from policies.drill_plan.tally import Count, by_phase, by_request, by_time
from policies.resilience.drill import KINDS, Target
from router import __version__
from router.drill.conduct import Course
from router.drill.survey import Surveyed

SECRET_WORDS = ("auth", "cookie", "api-key", "apikey", "password", "secret", "token")
HIDDEN = "(not shown)"


@dataclass(frozen=True)
class Result:
    file: str
    loaded: LoadedPlan
    plan: DrillPlan
    router: Surveyed
    course: Course
    run: DrillRun
    started_at: datetime

    @cached_property
    def evidence(self) -> DrillEvidence:
        return evidence(self.run)

    @cached_property
    def judged(self) -> list[Judged]:
        return judge(self.plan.objectives, self.evidence)

    @property
    def verdict(self) -> Verdict:
        return verdict(self.judged, self.run)

    @property
    def target(self) -> Target:
        return self.plan.drill.target

    @property
    def notes(self) -> list[str]:
        """Return notes for readers of the verdict, the most serious first."""
        trouble = [self.course.trouble] if self.course.trouble else []
        return trouble + doubts(self.evidence) + self.course.notes

    @property
    def failures(self) -> dict[str, int]:
        """Return the number of requests by kind of failure."""
        kinds = (
            outcome.failure or f"status {outcome.status}"
            for outcome in self.run.outcomes
            if outcome.is_error
        )
        return dict(Counter(kinds).most_common())

    def plan_value(self) -> dict[str, object]:
        """Return the plan as written, without secrets."""
        value = dict(self.loaded.value)
        traffic = dict(value["traffic"])
        traffic["requests"] = [_without_secrets(request) for request in traffic["requests"]]
        return {**value, "traffic": traffic}

    def document(self) -> dict[str, object]:
        marks = self.run.marks
        return {
            "verdict": self.verdict,
            "notes": self.notes,
            "objectives": [asdict(item) for item in self.judged],
            "moments": {
                "drill_began": _rounded(marks.began),
                "left": _rounded(self.evidence.left_at),
                "drill_ended": _rounded(marks.ended),
                "back": _rounded(self.evidence.back_at),
                "finished": _rounded(marks.finished),
            },
            "failures": self.failures,
            "phases": [self._count_to_dict(item) for item in by_phase(self.run)],
            "requests": {n: self._count_to_dict(item) for n, item in by_request(self.run).items()},
            "seconds": [self._count_to_dict(item) for item in by_time(self.run)],
            "drill": self.course.drill,
            "target": {self.target.kind: self.target.name, "variants": sorted(self.run.targets)},
            "plan": {
                "file": self.file,
                "digest": self.loaded.digest,
                "value": self.plan_value(),
            },
            "router": {
                "url": shown_url(self.router.url),
                "policy": self.router.digest,
                "source": self.router.source,
                "status": self.router.status,
                "variants": {n: p._asdict() for n, p in self.router.places.variants.items()},
            },
            "started_at": self.started_at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "made_by": f"fiberwise-router {__version__}",
        }

    def _count_to_dict(self, count: Count) -> dict[str, object]:
        places = self.router.places
        document = asdict(count)
        document |= {"begin": _rounded(count.begin), "end": _rounded(count.end)}
        document |= {"error_rate": round(count.error_rate, 6)}
        document["answers"] = {f"by_{kind}": places.grouped(kind, count.answers) for kind in KINDS}
        latency = count.latency
        document["latency_ms"] = latency and {n: round(v, 1) for n, v in latency._asdict().items()}
        del document["latency"]
        return document


def shown_url(url: str) -> str:
    """Return the URL without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _without_secrets(request: JsonObject) -> JsonObject:
    headers = {
        name: HIDDEN if any(word in name.lower() for word in SECRET_WORDS) else value
        for name, value in request.get("headers", {}).items()
    }
    return {**request, "headers": headers} if headers else request


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
