"""A rollout as lines of text: its current step, and the health of its pools.

Ages and remaining times use the router's clock, which may differ from this machine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from rich.text import Text

from policies.basics.callers import caller_text
from policies.basics.untyped import JsonMapping
from router.cli.rollout_texts import (
    STATES,
    cohort_text,
    duration_of,
    next_text,
    percent,
    place_text,
    pools_text,
    step_text,
    weight_text,
)
from router.terminal.console import Part, counted, line_of
from router.terminal.tables import columns
from router.terminal.times import ago, clock, span, time_of

if TYPE_CHECKING:
    from policies.api.rollouts import Analysis, Evidence, Rollout, Verdict, Window

VERDICTS = {"passed": "green", "failed": "bold red", "no-data": "dim", "inconclusive": "yellow"}
RESULTS = {"passed": "green", "failed": "bold red", "error": "yellow"}
POOLS = ("pool", "now", "requests", "errors", "error rate", "p50", "p95", "p99")
NUMBERS = frozenset(range(1, len(POOLS)))  # all columns but the name
BAR = 20  # characters of a full bar


def lines(rollout: Rollout, at: datetime) -> Iterator[Text]:
    """Yield the whole view; `at` is the time by the router's clock."""
    yield from columns(_facts(rollout, at))
    yield Text()
    yield from columns(_ladder(rollout, at), right={1})
    if rollout["analysis"]:
        yield Text()
        yield from _analysis(rollout, rollout["analysis"], at)
    yield Text()
    yield line_of(("next", "bold"), f"  {next_text(rollout)}")


def overview(rollouts: Iterable[Rollout]) -> Iterator[Text]:
    """Yield a line for each rollout."""
    rows: list[list[Part]] = [[(name, "bold") for name in ("NAME", "STATE", "AT", "POOLS", "NEXT")]]
    for rollout in rollouts:
        state = (rollout["state"], STATES.get(rollout["state"], ""))
        rows.append(
            [rollout["name"], state, place_text(rollout), pools_text(rollout), next_text(rollout)]
        )
    yield from columns(rows)


def _facts(rollout: Rollout, at: datetime) -> Iterator[tuple[Part, Part]]:
    state = rollout["state"]
    for_routes = (
        f"{'routes' if len(rollout['routes']) != 1 else 'route'} {', '.join(rollout['routes'])}"
    )
    yield ("rollout", "bold"), f"{rollout['name']}: {pools_text(rollout)}, {for_routes}"
    since = f" for {span(at - began)}" if (began := time_of(rollout["since"])) else ""
    yield ("state", "bold"), (f"{state}{since}", STATES.get(state, ""))
    if rollout["reason"]:
        yield "", (rollout["reason"], "yellow")
    if rollout["run"]:
        by = f" by {caller_text(rollout['by'])}" if rollout["by"] else ""
        yield ("run", "bold"), f"{rollout['run']}, started {ago(rollout['started_at'], at)}{by}"
    if rollout["note"]:
        yield ("note", "bold"), rollout["note"]
    own = ", ".join(f"{name} {percent(weight)}" for name, weight in rollout["file_weight"].items())
    if rollout["weight"] is None:
        yield ("weight", "bold"), f"{weight_text(rollout)}: {own} to {rollout['to']}"
    else:
        says = f"the policy says {own}"
        yield ("weight", "bold"), f"{weight_text(rollout)} to {rollout['to']} ({says})"
    if rollout["cohorts"]:
        yield ("cohorts", "bold"), "; ".join(map(cohort_text, rollout["cohorts"]))
    if rollout["mirror"] is not None:
        yield (
            ("mirror", "bold"),
            f"{percent(rollout['mirror'] * 100)} of {rollout['from']}'s requests",
        )
    if rollout["window"]:
        yield ("window", "bold"), _window(rollout["window"])


def _window(window: Window) -> Part:
    if window["open"]:
        return (f"open until {clock(window['until'])} UTC" if window["until"] else "open"), "green"
    return f"closed: nothing moves before {clock(window['next_at'])} UTC", "yellow"


def _ladder(rollout: Rollout, at: datetime) -> Iterator[list[Part]]:
    """Yield a row for each step: finished, current or to come."""
    here = rollout["step"]
    for number, step in enumerate(rollout["steps"], start=1):
        note: Part = ""
        if rollout["state"] == "succeeded" or (here is not None and number < here):
            mark, style = "✓", "green"
        elif number != here:
            mark, style = " ", "dim"
        elif rollout["state"] == "rolled-back":
            mark, style = "✗", "bold red"
        else:
            mark, style, note = "▶", STATES.get(rollout["state"], ""), _here(rollout, at)
        yield [
            (mark, style),
            (str(number), style),
            (step_text(step), style),
            duration_of(step),
            note,
        ]


def _here(rollout: Rollout, at: datetime) -> str:
    """Return how long a rollout has been in its step, and how long it stays there."""
    told_times = []
    if began := time_of(rollout["step_since"]):
        told_times.append(f"for {span(at - began)}")
    if rollout["state"] == "gate":
        told_times.append("waits for approval")
    elif rollout["state"] == "running" and (until := time_of(rollout["hold_until"])):
        told_times.append(f"{span(until - at)} left")
    return ", ".join(told_times)


def _analysis(rollout: Rollout, analysis: Analysis, at: datetime) -> Iterator[Text]:
    failures, limit = analysis["failures"], analysis["failure_limit"]
    when = f", next in {span(due - at)}" if (due := time_of(analysis["next_at"])) else ""
    parts: list[Part] = [("analysis", "bold"), f"  every {analysis['interval']}{when}; "]
    parts.append((f"{counted(failures, 'failure')} of {limit} allowed", "red" if failures else ""))
    parts.append(f"; at least {counted(analysis['min_requests'], 'request')}")
    if analysis["dry_run"]:
        parts.append(("; dry run: it stops nothing", "yellow"))
    yield line_of(*parts)
    yield from columns(_pools(rollout, analysis), NUMBERS)
    if analysis["evidence"]:
        yield Text()
        yield from columns(_evidence(analysis["evidence"]), right={1, 2})
    if analysis["last"]:
        yield Text()
        yield from _verdict(analysis["last"], at)


def _pools(rollout: Rollout, analysis: Analysis) -> Iterator[list[Part]]:
    """Yield a row for each pool: current counts, and the numbers of the last verdict."""
    yield [(name, "bold") for name in (*POOLS, "")]  # the last column has no alignment
    sides: tuple[Literal["from", "to"], ...] = ("from", "to")
    for side in sides:
        numbers: JsonMapping = (analysis["last"][side] if analysis["last"] else None) or {}
        rate = numbers.get("error_rate")
        yield [
            rollout[side],
            f"{analysis['requests'][side]:,}",
            *(_number(numbers.get(name)) for name in ("requests", "errors")),
            "" if rate is None else f"{rate:.2%}",
            *(_milliseconds(numbers.get(name)) for name in ("p50", "p95", "p99")),
            "",
        ]


def _evidence(evidence: dict[str, Evidence]) -> Iterator[list[Part]]:
    """Yield each test's statistic, as a part of the value that raises an alarm."""
    yield [(name, "bold") for name in ("test", "evidence", "of alarm", "")]
    for name, test in evidence.items():
        part = test["value"] / test["alarm"] if test["alarm"] else 0.0
        is_alarm = test["value"] >= test["alarm"]
        style = "bold red" if is_alarm else "yellow" if part >= 0.5 else "green"
        bar = "█" * round(BAR * min(1.0, max(0.0, part)))
        value = f"{test['value']:.3g} of {test['alarm']:.3g}"
        yield [name, value, (f"{part:.0%}", style), (bar + " alarm" * is_alarm, style)]


def _verdict(last: Verdict, at: datetime) -> Iterator[Text]:
    word = last["verdict"], VERDICTS.get(last["verdict"], "")
    yield line_of(("verdict", "bold"), "  ", word, f" {ago(last['at'], at)}")
    for reason in last["reasons"]:
        yield line_of("  ", reason)
    if last["checks"]:
        rows: list[list[Part]] = []
        for check in last["checks"]:
            result = check["result"], RESULTS.get(check["result"], "")
            rows.append([f"  check {check['name']}", result, check["detail"] or ""])
        yield from columns(rows)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f} ms"
