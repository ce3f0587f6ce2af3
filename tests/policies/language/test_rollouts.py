"""The section `rollouts`: what it is compiled to, and everything that can be wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from policies.language.load import load
from policies.rollouts.plan import Check, Step, plan_from
from tests.policies.making import compiled
from tests.policies.rollouts.making import ROUTE, sections

BASE = """\
version: 1
variants:
  prod: {binding: PROD, pool: production}
  canary: {binding: CANARY, pool: canary}
auth: {keys: [{id: ann, sha256: HASH}]}
routes:
  - {name: api, split: {production: 9, canary: 0}}
  - {name: web, hostnames: [web.test], split: {production: 1, canary: 0}, auth: required}
rollouts:
  - name: v2
    routes: [api]
    from: production
    to: canary
    steps: [{weight: 5}, {weight: 50}]
    analysis: {}
""".replace("HASH", "a1" * 32)


def base(*changes: tuple[str, str], more: str = "") -> str:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text + more


def steps(text: str) -> tuple[str, str]:
    return "steps: [{weight: 5}, {weight: 50}]", f"steps: [{text}]"


def analysis(text: str) -> tuple[str, str]:
    return "analysis: {}", f"analysis: {{{text}}}"


BETA = "variants:"
WITH_BETA = "variants:\n  beta: {binding: BETA, pool: beta}"
SECOND = "  - {name: v2, routes: [web], from: production, to: canary, steps: [{weight: 5}], "
SECOND += "analysis: {}}\n"

# code, policy, path, line, column, a part of the hint
ROLLOUT_CASES: list[tuple[str, str, str, int, int, str]] = [
    ("duplicate-rollout", base(more=SECOND), "rollouts[1].name", 16, 12, "another name"),
    (
        "rollout-overlap",
        base(more=SECOND.replace("v2", "v3").replace("web", "api")),
        *("rollouts[1].routes[0]", 16, 25, "keep it in one"),
    ),
    ("unknown-route", base(("[api]", "[apy]")), "rollouts[0].routes[0]", 11, 14, "`api`"),
    ("unknown-pool", base(("to: canary", "to: canery")), "rollouts[0].to", 13, 9, "`canary`"),
    (
        "rollout-pools",
        base(("9, canary: 0", "9")),
        *("rollouts[0].routes[0]", 11, 14, "add `canary: 0`"),
    ),
    (
        "rollout-pools",
        base(("production: 9, canary: 0", "production: 0, canary: 0, beta: 1"), (BETA, WITH_BETA)),
        *("rollouts[0].routes[0]", 12, 14, "give one of them"),
    ),
    ("bad-value", base(("to: canary", "to: production")), "rollouts[0]", 10, 5, "two pools"),
    ("rollout-order", base(steps("{weight: 50}, {weight: 5}")), "rollouts[0]", 10, 5, "grow"),
    ("rollout-order", base(steps("{weight: 5}, {weight: 5}")), "rollouts[0]", 10, 5, "grow"),
    ("rollout-order", base(steps("{mirror: 5%}")), "rollouts[0]", 10, 5, "`weight: 5`"),
    (
        "rollout-order",
        base(steps("{weight: 5}, {mirror: 5%}")),
        *("rollouts[0]", 10, 5, "`mirror` first"),
    ),
    (
        "missing-field",
        base(("    analysis: {}\n", "")),
        *("rollouts[0]", 10, 5, "add `hold`, `pause: true` or `analysis`"),
    ),
    (
        "one-of",
        base(steps("{weight: 5, mirror: 5%}")),
        *("rollouts[0].steps[0]", 14, 13, "exactly one of `weight`"),
    ),
    ("one-of", base(steps("{hold: 5m}")), "rollouts[0].steps[0]", 14, 13, "exactly one"),
    (
        "bad-weight",
        base(steps("{weight: 101}")),
        *("rollouts[0].steps[0].weight", 14, 22, "to 100"),
    ),
    ("bad-weight", base(steps("{weight: 0}")), "rollouts[0].steps[0].weight", 14, 22, "0.001"),
    ("bad-weight", base(steps("{weight: [5]}")), "rollouts[0].steps[0].weight", 14, 22, "5 %"),
    (
        "out-of-range",
        base(steps("{weight: 101%}")),
        *("rollouts[0].steps[0].weight", 14, 22, "or less"),
    ),
    ("out-of-range", base(steps("{mirror: 0%}")), "rollouts[0].steps[0].mirror", 14, 22, "`1%`"),
    (
        "cohort-without-auth",
        base(steps("{key: [ann]}, {weight: 5}")),
        *("rollouts[0].steps[0].key", 14, 14, "add `auth` to the route"),
    ),
    (
        "unknown-key",
        base(("[api]", "[web]"), steps("{key: [anna]}, {weight: 5}")),
        *("rollouts[0].steps[0].key[0]", 14, 20, "`ann`"),
    ),
    (
        "bad-regex",
        base(steps("{header: {name: a, regex: '('}}, {weight: 5}")),
        *("rollouts[0].steps[0].header.regex", 14, 39, ""),
    ),
    (
        "bad-duration",
        base(analysis("interval: 4s")),
        *("rollouts[0].analysis.interval", 15, 26, "5s to 24h"),
    ),
    (
        "bad-duration",
        base(more="    schedule: [{start: 0 9 * * *, for: 59s}]\n"),
        *("rollouts[0].schedule[0].for", 16, 40, "1m to 168h"),
    ),
    (
        "bad-schedule",
        base(more="    schedule: [{start: 0 9 * *, for: 1h}]\n"),
        *("rollouts[0].schedule[0].start", 16, 24, "in UTC"),
    ),
    (
        "bad-value",
        base(analysis("checks: [{name: a, binding: A, path: /}, {name: a, binding: A, path: /}]")),
        *("rollouts[0].analysis", 15, 15, "another name"),
    ),
    (
        "unknown-field",
        base(analysis("max_eror_rate: 1%")),
        *("rollouts[0].analysis.max_eror_rate", 15, 16, "`max_error_rate`"),
    ),
    (
        "out-of-range",
        base(steps("{header: {name: a, value: " + "x" * 1_025 + "}}, {weight: 5}")),
        *("rollouts[0].steps[0]", 14, 13, "shorter"),
    ),
    (
        "out-of-range",
        base(("[api]", "[" + ", ".join(["api"] * 101) + "]")),
        *("rollouts[0].routes", 11, 13, "at most 100"),
    ),
    (
        "unknown-value",
        base(more="    on_failure: stop\n"),
        *("rollouts[0].on_failure", 16, 17, "'rollback' or 'hold'"),
    ),
]


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
    (table,) = compiled(**sections(**changes)).rollouts
    return plan_from(table)


def test_defaults() -> None:
    made = plan(steps=[{"weight": 5}, {"weight": "12.5%"}])
    assert made.steps == (Step("weight", 5, 60_000, False), Step("weight", 12.5, 60_000, False))
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
    assert (header.kind, header.value[0], header.value[3], header.hold_ms) == (
        *("header", "x-preview", "[ab]", 300_000),
    )
    assert key == Step("key", ["ann"], 30_000, True)
    assert mirror == Step("mirror", 0.1, 30_000, False)
    assert weight == Step("weight", 50, 30_000, False)
    assert [each.text for each in made.steps] == [
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
