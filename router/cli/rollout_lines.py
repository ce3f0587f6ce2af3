"""A rollout as lines of text: its current step, and the health of its pools.

Ages and remaining times use the router's clock, which may differ from this machine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from rich.text import Text

from policies.basics.callers import caller_text
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


def lines(told: Rollout, at: datetime) -> Iterator[Text]:
    """Yield the whole view; `at` is the time by the router's clock."""
    yield from columns(_facts(told, at))
    yield Text()
    yield from columns(_ladder(told, at), right={1})
    if told["analysis"]:
        yield Text()
        yield from _analysis(told, told["analysis"], at)
    yield Text()
    yield line_of(("next", "bold"), f"  {next_text(told)}")


def overview(all_told: Iterable[Rollout]) -> Iterator[Text]:
    """Yield a line for each rollout."""
    rows: list[list[Part]] = [[(name, "bold") for name in ("NAME", "STATE", "AT", "POOLS", "NEXT")]]
    for told in all_told:
        state = (told["state"], STATES.get(told["state"], ""))
        rows.append([told["name"], state, place_text(told), pools_text(told), next_text(told)])
    yield from columns(rows)


def _facts(told: Rollout, at: datetime) -> Iterator[tuple[Part, Part]]:
    state = told["state"]
    for_routes = f"{'routes' if len(told['routes']) != 1 else 'route'} {', '.join(told['routes'])}"
    yield ("rollout", "bold"), f"{told['name']}: {pools_text(told)}, {for_routes}"
    since = f" for {span(at - began)}" if (began := time_of(told["since"])) else ""
    yield ("state", "bold"), (f"{state}{since}", STATES.get(state, ""))
    if told["reason"]:
        yield "", (told["reason"], "yellow")
    if told["run"]:
        by = f" by {caller_text(told['by'])}" if told["by"] else ""
        yield ("run", "bold"), f"{told['run']}, started {ago(told['started_at'], at)}{by}"
    if told["note"]:
        yield ("note", "bold"), told["note"]
    own = ", ".join(f"{name} {percent(each)}" for name, each in told["file_weight"].items())
    if told["weight"] is None:
        yield ("weight", "bold"), f"{weight_text(told)}: {own} to {told['to']}"
    else:
        says = f"the policy says {own}"
        yield ("weight", "bold"), f"{weight_text(told)} to {told['to']} ({says})"
    if told["cohorts"]:
        yield ("cohorts", "bold"), "; ".join(map(cohort_text, told["cohorts"]))
    if told["mirror"] is not None:
        yield ("mirror", "bold"), f"{percent(told['mirror'] * 100)} of {told['from']}'s requests"
    if told["window"]:
        yield ("window", "bold"), _window(told["window"])


def _window(window: Window) -> Part:
    if window["open"]:
        return (f"open until {clock(window['until'])} UTC" if window["until"] else "open"), "green"
    return f"closed: nothing moves before {clock(window['next_at'])} UTC", "yellow"


def _ladder(told: Rollout, at: datetime) -> Iterator[list[Part]]:
    """Yield a row for each step: finished, current or to come."""
    here = told["step"]
    for number, step in enumerate(told["steps"], start=1):
        note: Part = ""
        if told["state"] == "succeeded" or (here is not None and number < here):
            mark, style = "✓", "green"
        elif number != here:
            mark, style = " ", "dim"
        elif told["state"] == "rolled-back":
            mark, style = "✗", "bold red"
        else:
            mark, style, note = "▶", STATES.get(told["state"], ""), _here(told, at)
        yield [
            (mark, style),
            (str(number), style),
            (step_text(step), style),
            duration_of(step),
            note,
        ]


def _here(told: Rollout, at: datetime) -> str:
    """Return how long a rollout has been in its step, and how long it stays there."""
    told_times = []
    if began := time_of(told["step_since"]):
        told_times.append(f"for {span(at - began)}")
    if told["state"] == "gate":
        told_times.append("waits for approval")
    elif told["state"] == "running" and (until := time_of(told["hold_until"])):
        told_times.append(f"{span(until - at)} left")
    return ", ".join(told_times)


def _analysis(told: Rollout, analysis: Analysis, at: datetime) -> Iterator[Text]:
    failures, limit = analysis["failures"], analysis["failure_limit"]
    when = f", next in {span(due - at)}" if (due := time_of(analysis["next_at"])) else ""
    parts: list[Part] = [("analysis", "bold"), f"  every {analysis['interval']}{when}; "]
    parts.append((f"{counted(failures, 'failure')} of {limit} allowed", "red" if failures else ""))
    parts.append(f"; at least {counted(analysis['min_requests'], 'request')}")
    if analysis["dry_run"]:
        parts.append(("; dry run: it stops nothing", "yellow"))
    yield line_of(*parts)
    yield from columns(_pools(told, analysis), NUMBERS)
    if analysis["evidence"]:
        yield Text()
        yield from columns(_evidence(analysis["evidence"]), right={1, 2})
    if analysis["last"]:
        yield Text()
        yield from _verdict(analysis["last"], at)


def _pools(told: Rollout, analysis: Analysis) -> Iterator[list[Part]]:
    """Yield a row for each pool: current counts, and the numbers of the last verdict."""
    yield [(name, "bold") for name in (*POOLS, "")]  # the last column has no alignment
    sides: tuple[Literal["from", "to"], ...] = ("from", "to")
    for side in sides:
        numbers: Mapping[str, Any] = (analysis["last"][side] if analysis["last"] else None) or {}
        rate = numbers.get("error_rate")
        yield [
            told[side],
            f"{analysis['requests'][side]:,}",
            *(_number(numbers.get(name)) for name in ("requests", "errors")),
            "" if rate is None else f"{rate:.2%}",
            *(_milliseconds(numbers.get(name)) for name in ("p50", "p95", "p99")),
            "",
        ]


def _evidence(evidence: dict[str, Evidence]) -> Iterator[list[Part]]:
    """Yield each test's statistic, as a part of the value that raises an alarm."""
    yield [(name, "bold") for name in ("test", "evidence", "of alarm", "")]
    for name, each in evidence.items():
        part = each["value"] / each["alarm"] if each["alarm"] else 0.0
        is_alarm = each["value"] >= each["alarm"]
        style = "bold red" if is_alarm else "yellow" if part >= 0.5 else "green"
        bar = "█" * round(BAR * min(1.0, max(0.0, part)))
        value = f"{each['value']:.3g} of {each['alarm']:.3g}"
        yield [name, value, (f"{part:.0%}", style), (bar + " alarm" * is_alarm, style)]


def _verdict(last: Verdict, at: datetime) -> Iterator[Text]:
    word = last["verdict"], VERDICTS.get(last["verdict"], "")
    yield line_of(("verdict", "bold"), "  ", word, f" {ago(last['at'], at)}")
    for reason in last["reasons"]:
        yield line_of("  ", reason)
    if last["checks"]:
        rows: list[list[Part]] = []
        for each in last["checks"]:
            result = each["result"], RESULTS.get(each["result"], "")
            rows.append([f"  check {each['name']}", result, each["detail"] or ""])
        yield from columns(rows)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f} ms"
