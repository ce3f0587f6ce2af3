"""A drill's result from known traffic, without any router."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from policies.drill_plan.load import load_plan
from policies.drill_plan.outcomes import DrillOutcome, DrillRun, Marks
from policies.drill_plan.places import Places, VariantPlace
from router.drill.conduct import Course
from router.drill.result import Result
from router.drill.survey import Surveyed
from tests.policies.drill_plan.making import traffic

PLAN = (Path(__file__).parents[3] / "docs/examples/drills/lose-europe.yaml").read_bytes()
PLACES = Places({name: VariantPlace("production", name) for name in ("eu", "us", "ap")})
TOLD = {"id": "d-3f2a", "region": "eu", "mode": "down"}
SHARES = {"eu": 2, "us": 1, "ap": 1}
LOST = {"us": 1, "ap": 1}
# 15 s of baseline; in the drill Europe leaves after 0.6 s; it is back after 14 s.
USUAL = traffic((0, SHARES), (15.6, LOST), (59, SHARES), end=135)


def result_of(
    outcomes: Iterable[DrillOutcome] = USUAL,
    marks: Marks = Marks(15.0, 45.0, 135.0),  # noqa: B008 - frozen
    *,
    plan: bytes = PLAN,
    places: Places = PLACES,
    course: Course | None = None,
    not_started: tuple[float, ...] = (),
    url: str = "http://localhost:8787",
) -> Result:
    loaded = load_plan(plan)
    assert loaded.plan, loaded.findings
    if course is None:
        course = Course(marks.began, marks.ended, TOLD, is_over=True, finished=marks.finished)
    targets = places.within(loaded.plan.drill.target)
    complete = course.finished is not None and not course.trouble
    return Result(
        "plan.yaml",
        loaded,
        loaded.plan,
        Surveyed(url, "ab" * 32, "kv", "ok", places, targets),
        course,
        DrillRun(sorted(outcomes), not_started, marks, targets, complete),
        datetime(2026, 11, 24, 11, 30, tzinfo=UTC),
    )
