"""How a rollout looks: its ladder, its pools side by side, the evidence, the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.cli.rollout_lines import lines
from tests.router.cli.rollouts import NOW, analysis, before, told_of, verdict

CHECKS = [
    {"name": "smoke", "result": "passed", "detail": ""},
    {"name": "deep", "result": "error", "detail": "no answer within 10s"},
]


def shown(**changes: Any) -> list[str]:
    """The lines, with one space between words."""
    return [" ".join(line.plain.split()) for line in lines(told_of(**changes), NOW)]


def test_a_rollout_that_runs() -> None:
    assert shown() == [
        "rollout agents-v2: production → canary, route agents",
        "state running for 33m20s",
        "run r-3f2a, started 33m20s ago by ann",
        "weight 5 % to canary (the policy says agents 5 %)",
        "",
        "✓ 1 1 % 10m",
        "▶ 2 5 % until approved for 4m10s, 5m50s left",
        "3 25 % 10m",
        "4 50 % 10m",
        "5 100 % 10m",
        "",
        "next 25 % when approved, not before 2026-11-24 12:05:50 UTC",
    ]


def test_columns_stand_below_one_another() -> None:
    ladder = [line.plain for line in lines(told_of(), NOW)][5:10]
    assert len({line.index(" %") for line in ladder[:1] + ladder[2:3]}) == 2  # left-aligned
    assert ladder[0].index("10m") == ladder[1].index("until") == ladder[4].index("10m")


@pytest.mark.parametrize(
    ("changes", "marks", "here"),
    [
        ({"state": "waiting", "step": None}, "12345", None),
        ({"step": 1}, "▶2345", "for 4m10s, 5m50s left"),
        ({"state": "gate"}, "✓▶345", "for 4m10s, waits for approval"),
        ({"state": "paused"}, "✓▶345", "for 4m10s"),
        ({"state": "held", "step_since": None}, "✓▶345", "2 5 % until approved"),
        ({"state": "succeeded", "step": 5}, "✓✓✓✓✓", None),
        ({"state": "rolled-back", "step": 3}, "✓✓✗45", None),
    ],
)
def test_the_ladder(changes: dict[str, Any], marks: str, here: str | None) -> None:
    ladder = shown(**changes)[-7:-2]
    assert "".join(line[0] for line in ladder) == marks
    assert here is None or ladder["".join(marks).index("▶")].endswith(here)


def test_what_there_is_besides() -> None:
    told = shown(
        state="held",
        reason="the policy was edited",
        note="v2 of the agents",
        routes=["agents", "pages"],
        file_weight={"agents": 5.0, "pages": 0.5},
        weight=None,
        cohorts=[{"header": {"name": "x-preview", "value": "1"}}, {"key": ["ann"]}],
        mirror=0.1,
        window={"open": False, "until": None, "next_at": before(-3_600)},
    )
    assert told[:10] == [
        "rollout agents-v2: production → canary, routes agents, pages",
        "state held for 33m20s",
        "the policy was edited",
        "run r-3f2a, started 33m20s ago by ann",
        "note v2 of the agents",
        "weight the policy's own split: agents 5 %, pages 0.5 % to canary",
        "cohorts header x-preview: 1; key ann",
        "mirror 10 % of production's requests",
        "window closed: nothing moves before 2026-11-24 13:00:00 UTC",
        "",
    ]
    until = {"open": True, "until": before(-60), "next_at": None}
    assert "window open until 2026-11-24 12:01:00 UTC" in shown(window=until)


def test_a_rollout_that_nobody_has_started() -> None:
    told = shown(
        **dict.fromkeys(("run", "by", "weight", "step", "since", "started_at", "step_since")),
        state="waiting",
        hold_until=None,
    )
    assert told[:4] == [
        "rollout agents-v2: production → canary, route agents",
        "state waiting",
        "weight the policy's own split: agents 5 % to canary",
        "",
    ]
    assert told[-1] == "next `router rollout start agents-v2`"


def test_the_analysis() -> None:
    last = verdict("failed", "error rate 3.1 % is more than 0.1 % by over 1 %", checks=CHECKS)
    told = shown(analysis=analysis(last, failures=1))
    assert told[told.index("") + 7 : -2] == [
        "analysis every 60s, next in 12s; 1 failure of 1 allowed; at least 50 requests",
        "pool now requests errors error rate p50 p95 p99",
        "production 1,812 4,321 4 0.09% 12 ms 80 ms 130 ms",
        "canary 96 228 7 3.07% 13 ms 95 ms 1,210 ms",
        "",
        "test evidence of alarm",
        "error rate 60 of 100 60% ████████████",
        "latency 130 of 100 130% ████████████████████ alarm",
        "",
        "verdict failed 48s ago",
        "error rate 3.1 % is more than 0.1 % by over 1 %",
        "check smoke passed",
        "check deep error no answer within 10s",
    ]


def test_an_analysis_that_has_not_looked_yet() -> None:
    told = shown(analysis=analysis(None, dry_run=True, evidence={}, next_at=None))
    assert told[told.index("") + 7 : -2] == [
        "analysis every 60s; 0 failures of 1 allowed; at least 50 requests; "
        "dry run: it stops nothing",
        "pool now requests errors error rate p50 p95 p99",
        "production 1,812",
        "canary 96",
    ]
    empty = verdict("no-data", **{"from": None, "to": {"requests": 0, "error_rate": None}})
    assert "canary 96 0" in shown(analysis=analysis(empty))
    nothing = {"share": {"value": 0.0, "alarm": 0.0}}
    assert any(
        line.startswith("share 0 of 0") for line in shown(analysis=analysis(None, evidence=nothing))
    )


def test_the_documented_view() -> None:
    """What docs/rollouts.md shows is what comes out."""
    header = {"header": {"name": "x-preview", "value": "1"}}
    weights = [{"weight": weight, "hold": "10m"} for weight in (5, 25, 50, 100)]
    evidence = {
        "error rate against the old pool": {"value": 12.4, "alarm": 100},
        "error rate": {"value": 0.31, "alarm": 100},
    }
    last = verdict("passed", checks=CHECKS[:1])
    told = told_of(
        note="v2 of the agents",
        cohorts=[header],
        steps=[header | {"hold": "10m"}, *weights],
        analysis=analysis(last, evidence=evidence),
        window={"open": True, "until": before(-5 * 3_600), "next_at": None},
    )
    told["steps"][2] |= {"pause": True}
    text = (Path(__file__).parents[3] / "docs" / "rollouts.md").read_text(encoding="utf-8")
    shown = "".join(f"{line.plain}\n" for line in lines(told, NOW))
    assert f"$ router rollout status agents-v2\n{shown}```\n" in text
