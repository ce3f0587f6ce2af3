"""Shares, and users who stay where they are, over HTTP."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from math import sqrt

from tests.support.edge.router import Edge

USERS = [f"user-{number}" for number in range(400)]


def variants(edge: Edge, host: str, users: list[str]) -> list[str]:
    def ask(user: str) -> str:
        answer = edge.get("/", host=host, headers={"x-user": user})
        return str(answer.json()["variant"])

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, users))


def test_shares_of_a_90_10_split(edge: Edge) -> None:
    count = 2000
    counts = Counter(variants(edge, "random.test", [""] * count))
    assert sum(counts.values()) == count
    # Chance decides; five standard deviations are missed once in two million runs.
    assert abs(counts["canary"] - count / 10) < 5 * sqrt(count * 0.1 * 0.9)


def test_a_sticky_user_stays_and_raising_the_canary_moves_users_only_to_it(edge: Edge) -> None:
    five = variants(edge, "five.test", USERS)
    assert variants(edge, "five.test", USERS[:100]) == five[:100]
    twenty = variants(edge, "twenty.test", USERS)
    moved = [(before, after) for before, after in zip(five, twenty, strict=True) if before != after]
    assert moved
    assert all(after == "canary" for _, after in moved)
    assert 0 < five.count("canary") < twenty.count("canary")
    for found, share in ((five, 0.05), (twenty, 0.2)):
        error = sqrt(len(USERS) * share * (1 - share))
        assert abs(found.count("canary") - len(USERS) * share) < 5 * error


def test_the_router_sets_a_cookie_that_keeps_the_client(edge: Edge) -> None:
    first = edge.get("/", host="cookie.test")
    cookie = first.headers["set-cookie"]
    assert cookie.startswith("side=")
    assert cookie.endswith("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")
    value = cookie.partition(";")[0]
    for _ in range(10):
        again = edge.get("/", host="cookie.test", headers={"cookie": value})
        assert again.json()["variant"] == first.json()["variant"]
        assert "set-cookie" not in again.headers
    fresh = {edge.get("/", host="cookie.test").headers["set-cookie"] for _ in range(5)}
    assert len(fresh) == 5


def test_the_first_source_that_has_a_key_decides(edge: Edge) -> None:
    def side(**headers: str) -> str:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return str(edge.get("/", host="sources.test", headers=sent).json()["variant"])

    by_cookie = [side(cookie=f"user={user}") for user in USERS[:20]]
    by_header = [side(x_user=user) for user in USERS[:20]]
    by_key = [side(authorization=f"Bearer {user}") for user in USERS[:20]]
    assert by_cookie == by_header == by_key  # one key, whatever it comes from
    assert len(set(by_cookie)) == 2
    both = [side(cookie=f"user={user}", x_user="another") for user in USERS[:20]]
    assert both == by_cookie
    assert len({side() for _ in range(5)}) == 1  # by address
