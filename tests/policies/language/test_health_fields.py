"""The section `health` as it is read: what is taken, and every finding."""

from __future__ import annotations

from typing import Any

import pytest

from policies.compiled.policy import CompiledPolicy
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.resilience.health_terms import ActiveTerms, HealthTerms, OutlierTerms
from tests.policies.making import policy_text

DEFAULT = OutlierTerms(5, 0.5, 20, 30_000, 30_000, 300_000, 20_000)
PROBES = ActiveTerms("/health", 10_000, 2_000, 3, 2, ((200, 399),), None)


def text(health: Any) -> bytes:
    return policy_text(health=health, routes=[{"name": "r", "split": {"production": 1}}])


TAKEN: list[tuple[Any, HealthTerms]] = [
    ({}, HealthTerms(None, DEFAULT, 0.0)),
    ({"active": {"path": "/health"}}, HealthTerms(PROBES, DEFAULT, 0.0)),
    (
        {"active": {"path": "/h?deep=1", "expect": [200, "300-399"], "expect_body": "ok"}},
        HealthTerms(
            PROBES._replace(path="/h?deep=1", expect=((200, 200), (300, 399)), body="ok"),
            DEFAULT,
            0.0,
        ),
    ),
    (
        {"active": {"path": "/", "expect": "204"}},
        HealthTerms(PROBES._replace(path="/", expect=((204, 204),)), DEFAULT, 0.0),
    ),
    (
        {"passive": {"consecutive_failures": 0, "slow_start": "0s"}, "panic_threshold": "50%"},
        HealthTerms(None, DEFAULT._replace(consecutive=0, slow_start_ms=0), 0.5),
    ),
]


@pytest.mark.parametrize(("health", "terms"), TAKEN)
def test_what_is_written_is_what_decisions_use(health: Any, terms: HealthTerms) -> None:
    loaded = load(text(health))
    assert loaded.policy, loaded.findings
    assert CompiledPolicy(compile_policy(loaded.policy, loaded.digest)).health == terms


A, P = "health.active", "health.passive"
FINDINGS: list[tuple[Any, str, str]] = [
    ({"active": {}}, "missing-field", f"{A}.path"),
    ({"active": {"path": "health"}}, "bad-path", f"{A}.path"),
    ({"active": {"path": "/a b"}}, "bad-path", f"{A}.path"),
    ({"active": {"path": "/a#b"}}, "bad-path", f"{A}.path"),
    ({"active": {"path": "/", "interval": "500ms"}}, "out-of-range", A),
    ({"active": {"path": "/", "interval": "1s", "timeout": "2s"}}, "timeout-order", A),
    ({"active": {"path": "/", "timeout": "0s"}}, "timeout-order", A),
    ({"active": {"path": "/", "unhealthy_after": 0}}, "out-of-range", f"{A}.unhealthy_after"),
    ({"active": {"path": "/", "expect": []}}, "empty", f"{A}.expect"),
    ({"active": {"path": "/", "expect": "2xx"}}, "bad-value", f"{A}.expect"),
    ({"active": {"path": "/", "expect": [True]}}, "bad-value", f"{A}.expect"),
    ({"active": {"path": "/", "expect": "399-200"}}, "out-of-range", f"{A}.expect"),
    ({"active": {"path": "/", "expect_body": ""}}, "bad-value", f"{A}.expect_body"),
    ({"passive": {"failure_rate": 50}}, "bad-value", f"{P}.failure_rate"),
    ({"passive": {"window": "0s"}}, "out-of-range", P),
    ({"passive": {"eject_for": "10m"}}, "time-order", P),
    ({"passive": {"eject_for": "0s"}}, "out-of-range", P),
    ({"passiv": {}}, "unknown-field", "health.passiv"),
    ({"panic_threshold": "101%"}, "out-of-range", "health.panic_threshold"),
]


@pytest.mark.parametrize(("health", "code", "path"), FINDINGS)
def test_what_cannot_be_is_told(health: Any, code: str, path: str) -> None:
    assert [(each.code, each.path) for each in load(text(health)).findings] == [(code, path)]
