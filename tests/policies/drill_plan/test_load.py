"""Plans: what is read, every finding with its place, and nothing is ever raised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policies.drill_plan.load import load_plan
from policies.drill_plan.model import DrillPlan
from policies.drill_plan.values import TrafficRate

EXAMPLES = sorted((Path(__file__).parents[3] / "docs" / "examples" / "drills").glob("*.yaml"))
PLAN = """\
version: 1
drill: {region: eu, mode: down}
phases: {baseline: 15s, failure: 30s, recovery: 90s}
traffic:
  rate: 40/1s
  timeout: 10s
  requests:
    - {name: read, path: /health, weight: 2}
    - {name: write, method: POST, path: "/n?a=b", body: x, headers: {x-user: "u-{n}"}}
objectives:
  error_rate: 0.1%
  leave_within: 5s
  return_within: 60s
  p95: 800ms
  extra_latency: 150%
"""


def loaded(text: str) -> DrillPlan:
    found = load_plan(text.encode())
    assert found.plan, found.findings
    return found.plan


def test_a_plan() -> None:
    plan = loaded(PLAN)
    assert plan.drill.target == ("region", "eu")
    assert (plan.phases.baseline, plan.phases.failure, plan.phases.recovery) == (
        *(15_000, 30_000, 90_000),
    )
    assert plan.traffic.rate == TrafficRate(40, 1_000)
    assert [request.method for request in plan.traffic.requests] == ["GET", "POST"]
    goals = plan.objectives
    assert (goals.error_rate, goals.leave_within, goals.return_within) == (0.001, 5_000, 60_000)
    assert (goals.p95, goals.extra_latency) == (800, 1.5)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid(path: Path) -> None:
    assert load_plan(path.read_bytes()).findings == ()


def changed(old: str, new: str) -> str:
    assert old in PLAN
    return PLAN.replace(old, new)


READ = "{name: read, path: /health, weight: 2}"
CASES: list[tuple[str, str, str, int, int, str]] = [
    ("yaml-syntax", changed("{region: eu, mode: down}", "{"), "$", 2, 8, ""),
    ("yaml-not-a-mapping", "- 1\n", "$", 1, 1, "begin with `version: 1`"),
    ("yaml-several-documents", PLAN + "---\na: 1\n", "$", 16, 1, "one plan per file"),
    ("missing-field", changed("drill: {region: eu, mode: down}\n", ""), "drill", 1, 1, "add"),
    ("missing-field", changed("  rate: 40/1s\n", ""), "traffic.rate", 5, 3, "add"),
    ("unknown-field", changed("failure:", "failing:"), "phases.failing", 3, 25, "`failure`"),
    ("unknown-field", changed("weight: 2", "place: {}"), "traffic.requests[0].place", 8, 35, ""),
    ("unknown-field", changed("p95:", "p99:"), "objectives.p99", 14, 3, "`p95`"),
    ("unknown-value", changed("version: 1", "version: 2"), "version", 1, 10, "1"),
    ("one-of", changed("region: eu", "region: eu, pool: a"), "drill", 2, 8, "exactly one"),
    ("one-of", changed("region: eu, ", ""), "drill", 2, 8, "exactly one"),
    ("bad-mode", changed("mode: down", "mode: up"), "drill.mode", 2, 27, "errors:30%"),
    ("bad-mode", changed("mode: down", "mode: errors:0%"), "drill.mode", 2, 27, "errors:30%"),
    ("out-of-range", changed("baseline: 15s", "baseline: 0s"), "phases", 3, 9, "1h"),
    ("out-of-range", changed("failure: 30s", "failure: 2h"), "phases", 3, 9, "1h"),
    ("bad-duration", changed("15s", "15"), "phases.baseline", 3, 20, "15s"),
    ("bad-rate", changed("40/1s", "40"), "traffic.rate", 5, 9, "40/1s"),
    ("bad-rate", changed("40/1s", "0/1s"), "traffic.rate", 5, 9, "1 to"),
    ("out-of-range", changed("40/1s", "1001/1s"), "traffic.rate", 5, 9, "1000/1s"),
    ("out-of-range", changed("40/1s", "61000/1m"), "traffic.rate", 5, 9, "1000/1s"),
    (
        "out-of-range",
        changed("40/1s", "500/1s").replace("recovery: 90s", "recovery: 1h"),
        *("traffic.rate", 5, 9, "lower rate"),
    ),
    ("out-of-range", changed("timeout: 10s", "timeout: 1ms"), "traffic", 5, 3, "100ms"),
    ("split-without-weight", changed("weight: 2", "weight: 0").replace(
        "path: \"/n?a=b\"", 'path: "/n", weight: 0'), "traffic", 5, 3, "above 0"),
    ("empty", PLAN[: PLAN.index("  requests")] + "  requests: []\nobjectives: {p95: 1s}\n",
     "traffic.requests", 7, 13, "at least one"),
    ("empty", PLAN[: PLAN.index("  error_rate")].replace("objectives:", "objectives: {}"),
     "objectives", 10, 13, "`leave_within`"),
    ("bad-path", changed("/health", "health"), "traffic.requests[0].path", 8, 26, "`/`"),
    ("bad-path", changed("/health", '"/a b"'), "traffic.requests[0].path", 8, 26, "`/`"),
    ("bad-path", changed("/health", '"/a#b"'), "traffic.requests[0].path", 8, 26, "`/`"),
    ("reserved-path", changed("/health", "/.router/x"), "traffic.requests[0].path", 8, 26, ""),
    ("bad-header", changed("x-user:", "Host:"), "traffic.requests[1]", 9, 7, "`host`"),
    (
        "bad-header",
        changed('"u-{n}"', '"é"'),
        *("traffic.requests[1].headers.x-user", 9, 78, "ASCII"),
    ),
    ("bad-header", changed('"u-{n}"', '"u-{n%0}"'),
     "traffic.requests[1].headers.x-user", 9, 78, "`{n%60}`"),
    ("bad-name", changed("name: write", "name: read"), "traffic.requests[1].name", 9, 14, ""),
    ("bad-region-code", changed("weight: 2", "from: {country: de}"),
     "traffic.requests[0].from.country", 8, 51, "DE"),
    ("empty", changed("weight: 2", "from: {}"), "traffic.requests[0].from", 8, 41, "`colo`"),
    ("bad-value", changed("0.1%", "0.1"), "objectives.error_rate", 11, 15, "%"),
    ("out-of-range", changed("0.1%", "101%"), "objectives.error_rate", 11, 15, "100%"),
    ("out-of-range", changed("150%", "10001%"), "objectives.extra_latency", 15, 18, "10000%"),
    ("bad-value", changed("150%", "150"), "objectives.extra_latency", 15, 18, "20%"),
    ("out-of-range", changed("leave_within: 5s", "leave_within: 29500ms"),
     "objectives.leave_within", 12, 17, "`30s500ms`"),
    ("out-of-range", changed("return_within: 60s", "return_within: 86s"),
     "objectives.return_within", 13, 18, "`1m31s`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "text", "path", "line", "column", "hint"),
    CASES,
    ids=[f"{case[0]}-{case[2]}-{index}" for index, case in enumerate(CASES)],
)
def test_finding(code: str, text: str, path: str, line: int, column: int, hint: str) -> None:
    found = load_plan(text.encode())
    assert found.plan is None
    [finding] = found.findings
    assert (finding.code, finding.path, finding.line, finding.column) == (code, path, line, column)
    assert hint in finding.hint


def test_all_findings_come_at_once_in_the_order_of_their_places() -> None:
    text = changed("eu, mode", "eu, mod").replace("0.1%", "a").replace("40/1s", "b")
    assert [each.line for each in load_plan(text.encode()).findings] == [2, 2, 5, 11]


@given(st.binary(max_size=60))
def test_any_bytes_give_findings(data: bytes) -> None:
    found = load_plan(data)
    assert found.plan is None
    assert found.findings


json_like: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    st.sampled_from(["drill", "phases", "traffic", "objectives", "version"]),
    json_like,
)
def test_any_section_gives_findings_or_a_plan(section: str, value: Any) -> None:
    text = json.dumps({**yaml.safe_load(PLAN), section: value})
    found = load_plan(text.encode())
    assert (found.plan is None) == bool(found.findings)
