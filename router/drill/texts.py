"""Measured values and objectives as text, for terminals and reports."""

from __future__ import annotations

from policies.drill_plan.judge import Judged, Unit
from policies.drill_plan.model import Drill
from policies.drill_plan.moments import BACK_SHARE, LEFT_SHARE
from router.drill.result import Result

NOTHING = "\N{EN DASH}"
VERDICTS = {
    "met": "Objectives met",
    "not met": "Objectives not met",
    "not judged": "Not judged",
}
SIGNS = {"met": "✓", "not met": "✗", "not judged": "?"}
OBJECTIVES = {
    "error_rate": "Requests with status 500 or more, or without a response",
    "leave_within": f"Time until {{target}} gives less than {LEFT_SHARE * 100:g} % of the "
    "responses",
    "return_within": f"Time until {{target}} has {BACK_SHARE * 100:g} % of its share again",
    "p95": "95th percentile of the response time, during the drill",
    "extra_latency": "Increase of this percentile over the baseline",
}


def share(value: float | None) -> str:
    """`0.0012` as `0.12 %`."""
    return NOTHING if value is None else f"{_short(value * 100)} %"


def seconds(value: float | None) -> str:
    """`0.0205` as `20.5 ms`, `1.25` as `1.25 s`."""
    if value is None:
        return NOTHING
    return f"{_short(value * 1000)} ms" if 0 < abs(value) < 1 else f"{_short(value)} s"


def _short(value: float) -> str:
    """Return three digits, or all digits before the decimal point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def amount(value: float | None, unit: Unit) -> str:
    return share(value) if unit == "share" else seconds(value)


def outcome(judged: Judged) -> tuple[str, str]:
    """Return a sign and a word for the verdict."""
    word = {True: "met", False: "not met", None: "not judged"}[judged.passed]
    return SIGNS[word], word


def objective(judged: Judged, drill: Drill) -> str:
    return OBJECTIVES[judged.name].format(target=drill.target)


def what_fails(drill: Drill) -> str:
    """`region eu was down`."""
    mode, amount, text = drill.mode.mode, drill.mode.amount, drill.mode.text
    how = {
        "down": "was down",
        "errors": f"failed for {share(amount)} of its requests",
        "latency": f"was slowed down by {text.partition(':')[2]}",
    }[mode]
    return f"{drill.target} {how}"


def summary(result: Result) -> str:
    """Return a summary of the run in one or two sentences."""
    run, drill = result.run, result.plan.drill
    total = len(run.outcomes)
    errors = sum(outcome.is_error for outcome in run.outcomes)
    counts = f"Of {total:,} requests, {errors:,} failed ({share(errors / total)})." if total else ""
    span = run.span("failure")
    if span is None:
        return f"The drill did not start. {counts}".strip()
    text = what_fails(drill)
    return f"{text[0].upper()}{text[1:]} for {span.end - span.begin:.4g} s. {counts}".strip()
