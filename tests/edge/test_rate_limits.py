"""Rate limits over HTTP, with the limiters of the real runtime."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

import httpx
import pytest

from tests.support.edge.router import Edge


def user() -> dict[str, str]:
    """Somebody who has not been here before: the local storage survives the tests."""
    return {"x-user": uuid4().hex}


def limit_status(answer: httpx.Response, name: str) -> tuple[int, int]:
    """`r` and `t` of a limit in an answer."""
    item = re.search(rf'"{name}";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert item, answer.headers["ratelimit"]
    return int(item[1]), int(item[2])


def counted(edge: Edge, metric: str, limit: str) -> int:
    lines = edge.own("metrics").text.splitlines()
    begin = f'router_{metric}{{limit="{limit}"'
    return sum(int(line.rpartition(" ")[2]) for line in lines if line.startswith(begin))


def at_once(number: int, ask: Callable[[httpx.Client], httpx.Response]) -> list[httpx.Response]:
    """Answers to as many clients, each with a connection of its own."""
    with ThreadPoolExecutor(number) as pool:

        def one(_: int) -> httpx.Response:
            with httpx.Client(timeout=60) as client:
                return ask(client)

        return list(pool.map(one, range(number)))


def test_exact_lets_through_exactly_the_limit_of_50_clients_in_three_windows(edge: Edge) -> None:
    headers = {"host": "exact.test", **user()}
    for _ in range(3):
        begun = time.monotonic()
        answers = at_once(50, lambda client: client.get(edge.url, headers=headers))
        spent = time.monotonic() - begun
        codes = [a.json().get("code") if a.status_code == 429 else a.status_code for a in answers]
        passed, unheard = codes.count(200), codes.count("limiter-unavailable")
        others = [a.text for a in answers if a.status_code not in (200, 429)]
        assert passed + unheard + codes.count("rate-limited") == 50, others
        # A burst, and one for each half second that they took. A machine that is so busy
        # that an answer of the limiter comes too late lets fewer pass, never more.
        assert passed <= 10 + int(spent / 0.5)
        assert passed >= 10 or unheard
        time.sleep(max(limit_status(a, "exact")[1] for a in answers if "ratelimit" in a.headers))


def test_leased_never_exceeds_the_limit_and_seldom_asks(edge: Edge) -> None:
    headers, number = {"host": "leased.test", **user()}, 800
    calls, begun = counted(edge, "limiter_calls_total", "leased"), time.monotonic()

    def ask(_: int) -> int:
        return edge.client.get("/", headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(number)))
    spent = time.monotonic() - begun
    passed = statuses.count(200)
    assert set(statuses) == {200, 429}
    assert 10 <= passed <= 10 + int(spent * 10)
    calls = counted(edge, "limiter_calls_total", "leased") - calls
    assert 0 < calls <= max(number / 10, passed)  # less load, if this machine is slow


def test_answers_tell_the_limit_and_denials_when_to_come_back(edge: Edge) -> None:
    sent = user()
    first = edge.get("/", host="fixed.test", headers=sent)
    assert (first.status_code, first.text) == (200, "fixed")
    assert first.headers["ratelimit-policy"] == '"slow";q=3;w=3600'
    assert limit_status(first, "slow") == (2, 1200)
    assert [edge.get("/", host="fixed.test", headers=sent).status_code for _ in range(2)] == [
        200
    ] * 2
    denied = edge.get("/", host="fixed.test", headers=sent)
    assert denied.status_code == 429
    assert denied.headers["content-type"] == "application/problem+json"
    assert denied.json()["code"] == "rate-limited"
    assert 1190 <= int(denied.headers["retry-after"]) <= 1200
    assert limit_status(denied, "slow")[0] == 0
    assert denied.headers["ratelimit-policy"] == '"slow";q=3;w=3600'


def test_an_answer_of_a_variant_and_a_problem_tell_it_too(edge: Edge) -> None:
    passed = edge.get("/", host="wide.test", headers=user())
    assert passed.json()["variant"] == "one"
    assert limit_status(passed, "wide") == (49, 72)
    failed = edge.get("/", host="fails.test", headers=user())
    assert failed.status_code == 502
    assert limit_status(failed, "slow")[0] == 2


def test_a_route_without_limits_says_nothing_about_them(edge: Edge) -> None:
    assert not [n for n in edge.get("/", host="forward.test").headers if "ratelimit" in n]


def test_what_one_limit_denies_is_charged_to_none(edge: Edge) -> None:
    headers = user()
    sent = {"host": "several.test", **headers}
    answers = at_once(12, lambda client: client.get(edge.url, headers=sent))
    assert sorted(answer.status_code for answer in answers) == [200] + [429] * 11
    # Given back after the answer, so a moment may pass; each look costs one.
    for looks in count(1):
        left = limit_status(edge.get("/", host="wide.test", headers=headers), "wide")[0]
        if left == 50 - 1 - looks:
            break
        assert looks < 20, left
        time.sleep(0.1)


def test_a_known_denial_asks_no_limiter(edge: Edge) -> None:
    sent = user()
    edge.get("/", host="several.test", headers=sent)
    before = counted(edge, "limiter_calls_total", "wide")
    assert edge.get("/", host="several.test", headers=sent).status_code == 429
    assert counted(edge, "limiter_calls_total", "wide") == before


def test_guessing_keys_is_limited_and_guesses_are_charged_to_no_key(edge: Edge) -> None:
    sent = user()
    guesses = [
        edge.get("/", host="login.test", headers={**sent, "x-api-key": f"guess-{n}"})
        for n in range(6)
    ]
    assert [guess.status_code for guess in guesses] == [401] * 5 + [429]
    assert limit_status(guesses[0], "guesses")[0] == 4
    assert "by-key" not in guesses[0].headers["ratelimit-policy"]


def test_nothing_is_said_of_limits_before_one_is_asked(edge: Edge) -> None:
    answer = edge.get("/", host="by-key.test")
    assert answer.status_code == 401
    assert not {"ratelimit", "ratelimit-policy"} & set(answer.headers)


def test_keys_are_counted_by_id_and_may_have_rates_of_their_own(edge: Edge) -> None:
    def statuses(key: str, number: int) -> list[int]:
        return [
            edge.get("/", host="login.test", headers={**user(), "x-api-key": key}).status_code
            for _ in range(number)
        ]

    assert statuses("k-plain", 5) == [200] * 3 + [429] * 2
    assert statuses("k-scoped", 2) == [200, 429]
    assert statuses("k-peppered", 1) == [200]
    denied = edge.get("/", host="login.test", headers={**user(), "x-api-key": "k-scoped"})
    assert denied.headers["ratelimit-policy"] == '"guesses";q=5;w=3600, "by-key";q=1;w=3600'


def test_a_limit_by_route_counts_each_route_apart(edge: Edge) -> None:
    paths = ["/", "/", "/", "/2", "/2", "/2"]
    found = [edge.get(path, host="by-route.test").status_code for path in paths]
    assert found == [200, 200, 429] * 2


def test_a_limit_by_address(edge: Edge) -> None:
    found = [edge.get("/", host="by-ip.test", headers=user()).status_code for _ in range(3)]
    assert found == [200, 200, 429]


def test_clients_without_the_header_share_a_limit(edge: Edge) -> None:
    found = [edge.get("/", host="fixed.test").status_code for _ in range(4)]
    assert found == [200, 200, 200, 429]


@pytest.mark.parametrize("decision", ["allowed", "denied"])
def test_decisions_are_counted(edge: Edge, decision: str) -> None:
    sent = user()
    for _ in range(4):
        edge.get("/", host="fixed.test", headers=sent)
    assert (
        f'router_rate_limits_total{{limit="slow",decision="{decision}"' in edge.own("metrics").text
    )
