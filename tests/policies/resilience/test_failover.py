"""Whether, where and when a request is tried again."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.compiled.model import Variant
from policies.http.request import Client
from policies.proxy.explain.explain import explain
from policies.resilience.failover import (
    BUDGET_FLOOR,
    BUDGET_WINDOW_MS,
    RetryBudget,
    RetryPolicy,
    backoff_ms,
    hedge_to,
    keeping,
    may_repeat,
    plan,
)
from tests.policies.making import NOW, compiled

TERMS = RetryPolicy(
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
    ("about", "more", "method", "headers", "candidates", "second"),
    [
        ("a GET goes to the next, too", {}, "GET", {}, "abc", "b"),
        ("so does a HEAD", {}, "HEAD", {}, "ab", "b"),
        (
            "and an OPTIONS that says it has no body",
            {},
            "OPTIONS",
            {"content-length": "0"},
            "ab",
            "b",
        ),
        ("nor for second attempts", {"attempts": 0}, "GET", {}, "abc", None),
        ("there is nobody else", {}, "GET", {}, "a", None),
        ("also when the first may be tried again", {"again": True}, "GET", {}, "a", None),
        ("a PUT changes something", {}, "PUT", {}, "abc", None),
        ("a POST does so twice", {"non_idempotent": True}, "POST", {}, "abc", None),
        ("a body would go to two places", {}, "GET", {"content-length": "1"}, "abc", None),
        ("of whatever length", {}, "GET", {"transfer-encoding": "chunked"}, "abc", None),
        ("a connection is one", {}, "GET", {"upgrade": "websocket"}, "abc", None),
    ],
)
def test_hedges(
    about: str,
    more: dict[str, object],
    method: str,
    headers: dict[str, str],
    candidates: str,
    second: str | None,
) -> None:
    terms = TERMS._replace(**{"hedge": 100, **more})  # type: ignore[arg-type]
    assert hedge_to(terms, candidates, method, headers) == second, about


@pytest.mark.parametrize(
    ("hedge", "method", "times"),
    [
        ("p95", "GET", ["the route's 95th percentile"]),
        ("200ms", "HEAD", ["200ms"]),
        ("200ms", "POST", []),
        (None, "GET", []),
    ],
)
def test_explain_tells_of_a_hedge(hedge: str | None, method: str, times: list[str]) -> None:
    made = compiled(
        pools={"production": {"fallback": ["canary"]}},
        routes=[
            {
                "name": "r",
                "split": {"production": 1},
                "failover": {"attempts": 1, **({"hedge": hedge} if hedge else {})},
            }
        ],
    )
    told = explain(made, method, "https://h/", {}, Client(), NOW)
    text = "also to variant canary if no response has begun after "
    texts = [each["text"] for each in told["steps"] if each["step"] == "hedge"]
    assert texts == [text + time for time in times]


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
def test_waits_double_and_are_never_shorter(first: int, attempt: int, rng: Random) -> None:
    wait = backoff_ms(TERMS._replace(backoff_ms=first), attempt, rng)
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


def test_without_a_budget_every_attempt_is_allowed() -> None:  # 14.25
    state = RetryBudget()
    assert all(state.take(None, 0.0) for _ in range(20 * BUDGET_FLOOR))
    assert all(state.reserve(None, 0.0) for _ in range(20 * BUDGET_FLOOR))
    assert state.take(0.0, 0.0), "they do not count against a budget that the route has later"


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


@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.sampled_from("qrhsu")), max_size=300),
    st.floats(0, 1),
)
def test_hedges_are_paid_from_the_budget(steps: list[tuple[int, str]], budget: float) -> None:
    """`q`uests, `r`etries and `h`edges, which are `s`ent or `u`nnecessary in the end."""
    state, now = RetryBudget(), 0
    requests: list[int] = []
    extra: list[int] = []
    reserved: list[int] = []
    for wait, step in steps:
        now += wait
        limit = max(BUDGET_FLOOR, budget * sum(at >= now - 2 * BUDGET_WINDOW_MS for at in requests))
        recent = sum(at >= now - BUDGET_WINDOW_MS for at in extra)
        waiting = sum(at >= now - BUDGET_WINDOW_MS for at in reserved)
        if step == "q":
            state.request(now)
            requests.append(now)
        elif step == "r" and state.take(budget, now):
            assert recent < limit
            extra.append(now)
        elif step == "h" and state.reserve(budget, now):
            assert recent + waiting < limit
            reserved.append(now)
        elif step in "su" and reserved:
            state.settle(now, is_sent=step == "s")
            reserved = [at for at in reserved if at >= now - BUDGET_WINDOW_MS][1:]
            extra += [now] if step == "s" else []


def test_reservations_keep_hedges_back_but_no_retries() -> None:
    state = RetryBudget()
    asked = [state.reserve(0.2, 0.0) for _ in range(BUDGET_FLOOR + 1)]
    assert asked == [True] * BUDGET_FLOOR + [False]
    assert state.take(0.2, 0.0)
    state.settle(0.0, is_sent=False)
    assert not state.reserve(0.2, 0.0), "the retry has taken its place"
    state.settle(0.0, is_sent=False)
    assert state.reserve(0.2, 0.0)
    assert state.reserve(0.2, BUDGET_WINDOW_MS + 1.0), "what nobody hears of is forgotten"


@given(st.lists(st.integers(0, 400), min_size=50, max_size=300))
def test_a_budget_of_everything_allows_one_for_each_request(waits: list[int]) -> None:
    """Wherever the window begins: a request leaves it no earlier than what it has cost."""
    state, now = RetryBudget(), 0
    for wait in waits:
        now += wait
        state.request(now)
        assert state.take(1.0, now)
