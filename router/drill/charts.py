"""The three charts of a report, with one time axis: traffic, errors, latency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from policies.drill_plan.places import ITSELF
from policies.drill_plan.tally import Count, by_time
from router.drill.chart import (
    LEFT,
    RIGHT,
    WIDTH,
    Bar,
    Frame,
    Moment,
    areas,
    axes,
    line,
    moments,
    names,
    picture,
    shade,
    ticks,
)
from router.drill.result import Result
from router.drill.texts import seconds, what_fails

MOST_BARS = 300  # more would not be distinguishable
MOST_GROUPS = 6  # distinguishable colours besides the target's
OTHERS = "all others"
NO_ANSWER = "no answer"
HEIGHTS = {"traffic": 300, "errors": 90, "latency": 150}


@dataclass(frozen=True, slots=True)
class Series:
    """A series of the chart, from the bottom up: name, colour, number of requests."""

    name: str
    style: str
    total: int


def width_of(result: Result) -> float:
    """Return the number of seconds of a bar."""
    return max(1.0, ticks(result.run.marks.finished / MOST_BARS, 1)[-1])


def grouped(result: Result, count: Count) -> dict[str, int]:
    """Return the responses by variant, region or pool, and the requests without a response."""
    groups = result.router.places.grouped(result.target.kind, count.answers)
    return {**groups, NO_ANSWER: count.unanswered} if count.unanswered else groups


def series(result: Result, counts: list[Count]) -> list[Series]:
    """Return the target first, then the others by responses; the smallest are joined."""
    totals: dict[str, int] = {}
    for count in counts:
        for name, number in grouped(result, count).items():
            totals[name] = totals.get(name, 0) + number
    target = result.target.name
    shown = [Series(target, "c-target", totals.pop(target, 0))]
    last = {ITSELF: "c-self", NO_ANSWER: "c-none"}
    ends = [Series(n, style, totals.pop(n)) for n, style in last.items() if n in totals]
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    shown += [Series(n, f"c-{i}", t) for i, (n, t) in enumerate(ranked[:MOST_GROUPS])]
    if rest := sum(total for _, total in ranked[MOST_GROUPS:]):
        shown.append(Series(OTHERS, "c-more", rest))
    return shown + ends


def charts(result: Result) -> Iterator[str]:
    counts = by_time(result.run, width_of(result))
    if not any(count.requests for count in counts):
        return
    yield from _traffic(result, counts)
    yield _errors(result, counts)
    yield _latency(result, counts)


def _frame(result: Result, name: str, most: float, top: int) -> Frame:
    height = HEIGHTS[name]
    highest = ticks(most or 1.0, max(2, height // 45))[-1]
    return Frame(result.run.marks.finished, highest, height, top, name == "latency")


def _moments(result: Result) -> list[Moment]:
    marks, evidence, name = result.run.marks, result.evidence, result.target.name
    known = (evidence.left_at, marks.began, "left"), (evidence.back_at, marks.ended, "back")
    return [
        Moment(at, f"{name} {word} after {seconds(at - since)}")
        for at, since, word in known
        if at is not None and since is not None
    ]


def _traffic(result: Result, counts: list[Count]) -> Iterator[str]:
    drawn = series(result, counts)
    known = {item.name for item in drawn}
    bars = []
    for count in counts:
        values: dict[str, float] = {}
        for name, number in grouped(result, count).items():
            shown = name if name in known else OTHERS
            values[shown] = values.get(shown, 0.0) + number / (count.end - count.begin)
        bars.append(Bar(count.begin, count.end, values))
    marks = _moments(result)
    frame = _frame(
        result, "traffic", max(sum(b.values.values()) for b in bars), 22 + 18 * len(marks)
    )
    about = f"Requests per second by {result.target.kind}, stacked. {what_fails(result.plan.drill)}"
    about += " in the shaded period. " + " ".join(f"{mark.text}." for mark in marks)
    parts = [
        *axes(frame, "requests per second"),
        *areas(
            frame,
            bars,
            {item.name: item.style for item in drawn},
            {item.name: f"{item.name}: {item.total:,} requests" for item in drawn},
        ),
        *shade(frame, result.run.marks.spans()),
        *names(frame, result.run.marks.spans()),
        *moments(frame, marks),
    ]
    yield _legend(drawn)
    yield picture(frame, "traffic", f"Traffic by {result.target.kind}", about, parts)


def _legend(drawn: list[Series]) -> str:
    items = (
        f'<li><svg viewBox="0 0 18 10" aria-hidden="true"><rect class="{item.style}" width="18" '
        f'height="10"/></svg>{escape(item.name)} <span class="soft">{item.total:,}</span></li>'
        for item in drawn
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _errors(result: Result, counts: list[Count]) -> str:
    bars = [Bar(c.begin, c.end, {"errors": c.errors / (c.end - c.begin)}) for c in counts]
    total = sum(count.errors for count in counts)
    frame = _frame(result, "errors", max(bar.values["errors"] for bar in bars), 8)
    parts = [
        *shade(frame, result.run.marks.spans()),
        *axes(frame, "errors per s"),
        *areas(frame, bars, {"errors": "c-none"}, {"errors": f"{total:,} errors"}),
    ]
    if not total:
        parts.append(_words(frame, "no errors"))
    about = (
        f"Responses with status 500 or more, and requests without a response: {total:,} in total."
    )
    return picture(frame, "errors", "Errors per second", about, parts)


def _latency(result: Result, counts: list[Count]) -> str:
    bars = [Bar(c.begin, c.end, _percentiles(c)) for c in counts]
    most = max(value for bar in bars for value in bar.values.values())
    wanted, span = float(result.plan.objectives.p95 or 0), result.run.span("failure")
    # A value far away would flatten the lines.
    goal = wanted if span and wanted < 3 * most else 0.0
    frame = _frame(result, "latency", max(most, goal), 8)
    parts = [
        *shade(frame, result.run.marks.spans()),
        *axes(frame, "milliseconds"),
        line(frame, bars, "p95", "p95"),
        line(frame, bars, "p50", "p50"),
    ]
    keys = {"p95": "95th percentile", "p50": "50th percentile"}
    if goal and span:
        level = {"goal": goal}
        ends = Bar(span.begin, span.begin, level), Bar(span.end, span.end, level)
        parts.append(line(frame, ends, "goal", "goal"))
        keys["goal"] = "objective for the 95th"
    about = f"50th and 95th percentile of the time to a complete response; at most {most:,.0f} ms."
    legend = "".join(_key(style, text) for style, text in keys.items())
    title = "Response time, per second"
    return f'<ul class="legend">{legend}</ul>' + picture(frame, "latency", title, about, parts)


def _key(style: str, text: str) -> str:
    mark = f'<path class="line {style}" d="M0 5H18"/>'
    return f'<li><svg viewBox="0 0 18 10" aria-hidden="true">{mark}</svg>{text}</li>'


def _percentiles(count: Count) -> Mapping[str, float]:
    return {"p50": count.latency.p50, "p95": count.latency.p95} if count.latency else {}


def _words(frame: Frame, text: str) -> str:
    x, y = (LEFT + WIDTH - RIGHT) / 2, frame.top + frame.height / 2
    return f'<text class="empty" x="{x}" y="{y}">{text}</text>'
