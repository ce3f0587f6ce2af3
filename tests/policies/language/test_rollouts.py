"""The section `rollouts`: what it is compiled to, and everything that can be wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from policies.compiled.rollout_plan import Check, KeyStep, MirrorStep, WeightStep, step_text
from policies.language.load import load
from tests.policies.language.rollout_cases import (
    BASE,
    ROLLOUT_CASES,
    base,
)
from tests.policies.making import compiled
from tests.policies.rollouts.making import ROUTE, sections


def test_the_base_of_the_cases_is_valid() -> None:
    assert load(BASE.encode()).findings == ()


@pytest.mark.parametrize(
    ("code", "text", "path", "line", "column", "hint"),
    [pytest.param(*case, id=f"{case[0]}-{at}") for at, case in enumerate(ROLLOUT_CASES)],
)
def test_finding(code: str, text: str, path: str, line: int, column: int, hint: str) -> None:
    loaded = load(text.encode())
    assert loaded.policy is None
    told = [(each.code, each.path, each.line, each.column) for each in loaded.findings]
    assert (code, path, line, column) in told, loaded.findings
    assert hint in loaded.findings[told.index((code, path, line, column))].hint


def test_a_beginning_that_would_move_users_back_is_a_warning() -> None:
    loaded = load(base(("9, canary: 0", "9, canary: 1")).encode())
    assert loaded.policy
    (found,) = loaded.findings
    assert (found.code, found.path, found.severity) == (
        "rollout-starts-lower",
        "rollouts[0].routes[0]",
        "warning",
    )
    assert "gives pool `canary` 10 % now, and the first step 5 %" in found.message
    assert load(base(("9, canary: 0", "19, canary: 1")).encode()).findings == ()


def plan(**changes: Any) -> Any:
    (made,) = compiled(**sections(**changes)).rollouts
    return made


def test_defaults() -> None:
    made = plan(steps=[{"weight": 5}, {"weight": "12.5%"}])
    assert made.steps == (
        WeightStep("weight", 5, 60_000, False),
        WeightStep("weight", 12.5, 60_000, False),
    )
    assert (made.promotes, made.rolls_back, made.windows) == (True, True, ())
    terms = made.terms
    assert (terms.min_requests, terms.error_increase, terms.error_rate) == (50, 0.005, None)
    assert terms.checks == ()
    assert plan(analysis=None, steps=[{"weight": 5, "pause": True}]).steps[0].hold_ms == 0


def test_everything() -> None:
    made = plan(
        auth={"keys": [{"id": "ann", "sha256": "0" * 64}]},
        routes=[ROUTE | {"auth": "required"}],
        steps=[
            {"header": {"name": "X-Preview", "regex": "[ab]"}, "hold": "5m"},
            {"key": ["ann"], "pause": True},
            {"mirror": "10%"},
            {"weight": 50},
        ],
        analysis={
            "interval": "30s",
            "max_error_rate": "5%",
            "max_error_rate_increase": "100%",
            "max_p50": "100ms",
            "max_p95": "300ms",
            "max_p99": "1s",
            "max_latency_increase": "150%",
            "checks": [{"name": "smoke", "binding": "SMOKE", "path": "/a?b"}],
            "failure_limit": 3,
            "dry_run": True,
        },
        on_success="hold",
        on_failure="hold",
        schedule=[{"start": "0 9 * * 1-5", "for": "8h"}],
    )
    header, key, mirror, weight = made.steps
    assert (header.kind, header.value.name, header.value.pattern, header.hold_ms) == (
        *("header", "x-preview", "[ab]", 300_000),
    )
    assert key == KeyStep("key", ("ann",), 30_000, True)
    assert mirror == MirrorStep("mirror", 0.1, 30_000, False)
    assert weight == WeightStep("weight", 50, 30_000, False)
    assert [step_text(each) for each in made.steps] == [
        *("header x-preview: [ab]", "keys ann", "mirror 10 %", "50 %"),
    ]
    assert made.terms == (
        *(30_000, 50, 0.05, None, 100, 300, 1_000, 1.5, 3, True),
        (Check("smoke", "SMOKE", "/a?b", 5_000),),
    )
    assert (made.promotes, made.rolls_back) == (False, False)
    assert made.windows == (("0 9 * * 1-5", 28_800_000),)


def test_a_pool_of_weight_0_is_there_for_a_rollout_to_give_it_one() -> None:
    """Also for one that has been taken out, and holds its weight."""
    for policy in (compiled(**sections(routes=[ROUTE])), compiled(routes=[ROUTE])):
        [route] = policy.routes
        assert [share.name for share in route.shares] == ["production"]
        assert [share.name for share in route.dormant] == ["canary"]
