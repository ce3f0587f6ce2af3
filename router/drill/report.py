"""The report of a drill as one HTML file.

It has no script and loads nothing, so it can be mailed, archived and printed. Texts from a
policy, a plan or a router are escaped. Everything that a chart shows is also in a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

import yaml

from policies.basics.durations import duration_text
from policies.drill_plan.judge import Judged
from policies.drill_plan.places import ITSELF
from policies.drill_plan.tally import Count, by_phase, by_request, by_time
from router import __version__
from router.drill.charts import NO_ANSWER, charts, grouped, series, width_of
from router.drill.result import Result, shown_url
from router.drill.texts import (
    NOTHING,
    SIGNS,
    VERDICTS,
    amount,
    objective,
    outcome,
    seconds,
    share,
    summary,
    what_fails,
)

STYLE = Path(__file__).with_name("report.css")
# Nothing is loaded, even if an unescaped text got into the page.
NOTHING_LOADED = "default-src 'none'; style-src 'unsafe-inline'"


def page(result: Result) -> str:
    """The whole file."""
    title = f"Drill of {result.target}: {VERDICTS[result.verdict].lower()}"
    body = "".join(_sections(result))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{NOTHING_LOADED}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n"
        f"</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _sections(result: Result) -> Iterator[str]:
    yield from _headline(result)
    yield _section("Objectives", _objectives(result))
    if drawn := "\n".join(charts(result)):
        yield _section("Traffic", f"<figure>{drawn}</figure>{_seconds(result)}")
    yield _section("By phase", _phases(result))
    yield _section("Who answered", _answers(result))
    yield _section("By request", _requests(result))
    yield _section("What was done", _facts(result))
    yield f"<footer>Made by fiberwise-router {escape(__version__)}.</footer>\n"


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{body}\n</section>\n"


def _headline(result: Result) -> Iterator[str]:
    verdict = result.verdict
    sign = f'<span class="sign" aria-hidden="true">{SIGNS[verdict]}</span>'
    style = verdict.replace(" ", "-")
    yield f'<header>\n<h1 class="{style}">{sign} {VERDICTS[verdict]}</h1>\n'
    yield f'<p class="lead">{escape(summary(result))}</p>\n'
    began = result.started_at.strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    yield f'<p class="soft">{escape(shown_url(result.router.url))}, {escape(began)}</p>\n'
    if result.notes:
        notes = "".join(f"<p>{escape(_sentence(note))}</p>" for note in result.notes)
        yield f'<div class="notes" role="note">{notes}</div>\n'
    yield "</header>\n"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _objectives(result: Result) -> str:
    rows = [_objective(judged, result) for judged in result.judged]
    head = ["objective", "at most", "measured", "result", ""]
    return _table("What clients may notice, and what they did.", head, rows, numbers=(1, 2))


def _objective(judged: Judged, result: Result) -> list[str]:
    sign, word = outcome(judged)
    mark = f'<span class="{word.replace(" ", "-")}"><span class="sign">{sign}</span>{word}</span>'
    return [
        escape(objective(judged, result.plan.drill)),
        amount(judged.target, judged.unit),
        amount(judged.measured, judged.unit),
        mark,
        f'<span class="soft">{escape(judged.why)}</span>',
    ]


def _phases(result: Result) -> str:
    rows = [
        [count.phase, f"{count.end - count.begin:.4g} s", *_figures_of(count), _hits(result, count)]
        for count in by_phase(result.run)
    ]
    head = ["phase", "length", *_HEAD, f"share of {escape(result.target.name)}"]
    return _table("All requests, by when they were due.", head, rows, numbers=range(1, len(head)))


def _requests(result: Result) -> str:
    rows = [[escape(name), *_figures_of(count)] for name, count in by_request(result.run).items()]
    head = ["request", *_HEAD]
    return _table("All phases together.", head, rows, numbers=range(1, len(head)))


_HEAD = ["requests", "errors", "error rate", "p50", "p95", "p99", "longest", "not started"]


def _figures_of(count: Count) -> list[str]:
    times = [seconds(value / 1000) for value in count.latency or ()] or [NOTHING] * 4
    errors = [f"{count.errors:,}", share(count.error_rate)]
    return [f"{count.requests:,}", *errors, *times, f"{count.not_started:,}"]


def _hits(result: Result, count: Count) -> str:
    hits = sum(count.answers.get(name, 0) for name in result.run.targets)
    total = sum(count.answers.values())
    return share(hits / total) if total else NOTHING


def _answers(result: Result) -> str:
    """Return a row for each variant, with its share of the responses in each phase."""
    phases = by_phase(result.run)
    totals = [sum(count.answers.values()) for count in phases]
    named = {variant for count in phases for variant in count.answers}
    places = result.router.places.variants
    rows = []
    for variant in sorted(named | set(places), key=lambda name: (name == "", name)):
        place = places.get(variant)
        shares = [
            share(count.answers.get(variant, 0) / total) if total else NOTHING
            for count, total in zip(phases, totals, strict=True)
        ]
        total = sum(count.answers.get(variant, 0) for count in phases)
        where = [place.pool, place.region or NOTHING] if place else [NOTHING, NOTHING]
        rows.append([escape(variant or ITSELF), *map(escape, where), f"{total:,}", *shares])
    head = ["variant", "pool", "region", "answers", *(count.phase for count in phases)]
    text = f"Variants and their shares of the responses. The drill affected {result.target}."
    return _table(escape(text), head, rows, numbers=range(3, len(head)), bold=result.run.targets)


def _seconds(result: Result) -> str:
    """Return the charts as a table, collapsed."""
    counts = by_time(result.run, width_of(result))
    names = [item.name for item in series(result, counts) if item.name != NO_ANSWER]
    rows = []
    for count in counts:
        by_name = grouped(result, count)
        shown = [f"{by_name.get(name, 0):,}" for name in names]
        latency = count.latency
        times = [seconds(item / 1000) for item in latency[:2]] if latency else [NOTHING] * 2
        rows.append(
            [
                f"{count.begin:.4g} s",
                count.phase,
                *shown,
                f"{count.unanswered:,}",
                f"{count.errors:,}",
                *times,
            ]
        )
    head = ["from", "phase", *map(escape, names), NO_ANSWER, "errors", "p50", "p95"]
    numbers = [0, *range(2, len(head))]
    table = _table("Requests by when they were due.", head, rows, numbers=numbers)
    return f"<details><summary>The charts as a table</summary>{table}</details>"


def _facts(result: Result) -> str:
    plan, router, drill = result.plan, result.router, result.course.drill
    marks = result.run.marks
    phases = plan.phases
    rows = {
        "drill": what_fails(plan.drill) if drill else f"{plan.drill.target}: it did not begin",
        "drill id": drill["id"] if drill else NOTHING,
        "began": _moment(marks.began),
        "ended": _moment(marks.ended),
        "phases": f"baseline {duration_text(phases.baseline)}, failure "
        f"{duration_text(phases.failure)}, recovery {duration_text(phases.recovery)}",
        "traffic": f"{plan.traffic.rate.requests:,} requests every "
        f"{duration_text(plan.traffic.rate.per_ms)}, started whether or not earlier ones were "
        f"answered; a client waits {duration_text(plan.traffic.timeout)}",
        "router": shown_url(router.url),
        "policy": f"{router.digest} (from {router.source})",
        "started": result.started_at.isoformat(timespec="seconds"),
        "plan": f"{result.file}, SHA-256 {result.loaded.digest}",
        "failures": ", ".join(f"{kind}: {n:,}" for kind, n in result.failures.items()) or "none",
    }
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items())
    text = yaml.safe_dump(result.plan_value(), sort_keys=False, allow_unicode=True, width=90)
    return f"<dl>{listed}</dl>\n<h3>The plan</h3>\n<pre><code>{escape(text)}</code></pre>"


def _moment(at: float | None) -> str:
    return NOTHING if at is None else f"{at:.4g} s after the traffic began"


def _table(
    caption: str,
    head: list[str],
    rows: Iterable[list[str]],
    *,
    numbers: Iterable[int] = (),
    bold: Iterable[str] = (),
) -> str:
    """Return a table of cells in HTML; the first of each row is its header."""
    right, strong = set(numbers), {escape(name) for name in bold}

    def cell(kind: str, index: int, text: str, scope: str = "") -> str:
        style = ' class="n"' if index in right else ""
        return f"<{kind}{style}{scope}>{text}</{kind}>"

    top = "".join(cell("th", i, text, ' scope="col"') for i, text in enumerate(head))
    lines = []
    for row in rows:
        style = ' class="is-target"' if row[0] in strong else ""
        first = cell("th", 0, row[0], ' scope="row"')
        rest = "".join(cell("td", i, text) for i, text in enumerate(row[1:], 1))
        lines.append(f"<tr{style}>{first}{rest}</tr>\n")
    named = f"<caption>{caption}</caption>\n<thead><tr>{top}</tr></thead>\n"
    return f'<div class="scroll"><table>\n{named}<tbody>\n{"".join(lines)}</tbody></table></div>'
