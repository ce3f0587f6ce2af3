"""Whether, where and when a request is tried again."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decisions.failover import (
    BUDGET_FLOOR,
    BUDGET_WINDOW_MS,
    RetryBudget,
    Terms,
    backoff_ms,
    keeping,
    may_repeat,
    plan,
)
from policies.decisions.policy import Variant

TERMS = Terms(
    attempts=2,
    codes=frozenset({502, 503, 504}),
    connect=True,
    timeout=True,
    non_idempotent=False,
    again=False,
    backoff_ms=25,
    buffer=65_536,
    budget=0.2,
)
ABC = [Variant(name, name.upper(), "p", None, 1, False, None) for name in "abc"]


@pytest.mark.parametrize(
    ("method", "headers", "more", "repeat"),
    [
        ("GET", {}, {}, True),
        ("PUT", {}, {}, True),
        ("DELETE", {}, {}, True),
        ("POST", {}, {}, False),
        ("PATCH", {}, {}, False),
        ("POST", {"idempotency-key": "1"}, {}, True),
        ("POST", {}, {"non_idempotent": True}, True),
        ("GET", {}, {"attempts": 0}, False),
        ("GET", {"upgrade": "websocket"}, {}, False),
    ],
)
def test_what_may_be_repeated(
    method: str, headers: dict[str, str], more: dict[str, object], repeat: bool
) -> None:
    assert may_repeat(TERMS._replace(**more), method, headers) == repeat  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "how"),
    [
        ({}, "arriving"),  # a body over HTTP/2 whose length nobody has told
        ({"transfer-encoding": "chunked"}, "arriving"),
        ({"content-length": "x"}, "arriving"),
        ({"content-length": "0"}, "whole"),
        ({"content-length": "65536"}, "whole"),
        ({"content-length": "65537"}, None),
        ({"content-length": "9" * 18}, None),
    ],
)
def test_how_bodies_are_kept(headers: dict[str, str], how: str | None) -> None:
    assert keeping(TERMS, headers) == how


@pytest.mark.parametrize(
    ("attempts", "again", "candidates", "tries"),
    [
        (2, False, "abc", "abc"),
        (1, False, "abc", "ab"),
        (0, False, "abc", "a"),
        (2, False, "a", "a"),
        (2, True, "a", "aaa"),
        (4, True, "ab", "ababa"),
        (1, True, "abc", "ab"),
    ],
)
def test_whom_to_try(attempts: int, again: bool, candidates: str, tries: str) -> None:
    chosen = [each for each in ABC if each.name in candidates]
    found = plan(TERMS._replace(attempts=attempts, again=again), chosen)
    assert "".join(each.name for each in found) == tries


@given(st.integers(0, 1_000), st.integers(2, 12), st.randoms(use_true_random=False))
def test_waits_double_and_are_never_shorter(first: int, attempt: int, chance: Random) -> None:
    wait = backoff_ms(TERMS._replace(backoff_ms=first), attempt, chance)
    factor = min(2 ** (attempt - 2), 10)
    assert first * factor <= wait <= first * factor * 1.5


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.booleans()), max_size=300),
    st.floats(0, 1),
)
def test_the_budget_bounds_extra_attempts(steps: list[tuple[int, bool]], budget: float) -> None:
    """In any window: at most the floor, or the part of the requests of about that window."""
    state, now = RetryBudget(), 0
    requests: list[int] = []
    extra: list[int] = []
    for wait, is_request in steps:
        now += wait
        if is_request:
            state.request(now)
            requests.append(now)
        elif state.take(budget, now):
            extra.append(now)
        taken = sum(at >= now - BUDGET_WINDOW_MS for at in extra)
        came = sum(at >= now - 2 * BUDGET_WINDOW_MS for at in requests)
        assert taken <= max(BUDGET_FLOOR, budget * came)


def test_the_budget_comes_back() -> None:
    state = RetryBudget()
    assert [state.take(0.2, 0.0) for _ in range(BUDGET_FLOOR + 1)] == [True] * BUDGET_FLOOR + [
        False
    ]
    assert not state.take(0.2, BUDGET_WINDOW_MS)
    assert state.take(0.2, BUDGET_WINDOW_MS + 1)
    for _ in range(1_000):
        state.request(BUDGET_WINDOW_MS + 1)
    assert sum(state.take(0.2, BUDGET_WINDOW_MS + 2) for _ in range(1_000)) == 199
