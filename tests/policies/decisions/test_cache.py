"""What may be kept, for whom, how long: RFC 9111 and the policy together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decisions.cache import CacheRule, Kept, kept_from
from tests.policies.making import compiled, request

NOW_MS = 1_800_000_000_000.0
DATE = ("date", "Fri, 15 Jan 2027 08:00:00 GMT")


def rule(ttl: str = "60s", stale: str = "0s", vary: tuple[str, ...] = ()) -> CacheRule:
    filters = {"cache": {"ttl": ttl, "stale_while_revalidate": stale, "vary": list(vary)}}
    made = compiled(routes=[{"name": "r", "split": {"production": 1}, "filters": filters}])
    found = made.routes[0].cache
    assert found
    return found


def fresh_s(*headers: tuple[str, str], status: int = 200) -> float | None:
    """For how many seconds from now an answer is fresh; None if it is not kept."""
    kept = rule(vary=("accept", "cookie")).keeps(status, list(headers), NOW_MS, "v")
    return kept and (kept.since_ms + kept.fresh_ms - NOW_MS) / 1000


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], 60),
        ([("cache-control", "max-age=10")], 10),
        ([("cache-control", "max-age=600")], 60),
        ([("cache-control", "max-age=600, s-maxage=5")], 5),
        ([("cache-control", 'Public, Max-Age="7"')], 7),
        ([("cache-control", "max-age=10"), ("age", "4")], 6),
        ([("age", "60")], None),
        ([("age", "soon")], 60),
        ([("cache-control", "max-age=0")], None),
        ([("cache-control", "max-age=-1")], None),
        ([("cache-control", "max-age=1e9")], None),
        ([("cache-control", "s-maxage=0, max-age=9")], None),
        ([("cache-control", "no-store")], None),
        ([("cache-control", "No-Cache")], None),
        ([("cache-control", "max-age=9"), ("cache-control", "private")], None),
        ([("cache-control", 'private="set-cookie"')], None),
        ([("cache-control", "no-storey, x-private")], 60),
        ([DATE, ("expires", "Fri, 15 Jan 2027 08:00:30 GMT")], 30),
        ([DATE, ("expires", "Fri, 15 Jan 2027 07:00:00 GMT")], None),
        ([DATE, ("expires", "0")], None),
        ([("expires", "Fri, 15 Jan 2027 08:00:30 GMT")], 60),
        ([DATE, ("expires", "0"), ("cache-control", "max-age=5")], 5),
        ([("set-cookie", "a=1")], None),
        ([("content-range", "bytes 0-1/2")], None),
        ([("vary", "Accept")], 60),
        ([("vary", "accept, COOKIE")], 60),
        ([("vary", "accept"), ("vary", "origin")], None),
        ([("vary", "*")], None),
        ([("vary", "")], 60),
        ([("content-type", "text/event-stream; charset=utf-8")], None),
        ([("content-type", "text/html")], 60),
    ],
)
def test_what_is_kept_and_how_long(headers: list[tuple[str, str]], expected: float | None) -> None:
    assert fresh_s(*headers) == expected


@pytest.mark.parametrize("status", [201, 204, 206, 301, 304, 404, 500])
def test_only_200_is_kept(status: int) -> None:
    assert fresh_s(status=status) is None


@pytest.mark.parametrize(
    ("method", "headers", "taken"),
    [
        ("GET", {}, True),
        ("HEAD", {}, True),
        ("GET", {"content-length": "0"}, True),
        ("GET", {"content-length": "1"}, False),
        ("GET", {"transfer-encoding": "chunked"}, False),
        ("GET", {"range": "bytes=0-"}, False),
        ("GET", {"upgrade": "websocket"}, False),
        ("GET", {"authorization": "Bearer x"}, False),
        ("GET", {"cookie": "a=1"}, False),
        ("GET", {"x-api-key": "x"}, False),
        ("GET", {"cache-control": "no-cache"}, True),
        ("POST", {}, False),
        ("OPTIONS", {}, False),
    ],
)
def test_requests(method: str, headers: dict[str, str], taken: bool) -> None:
    assert rule().takes(request(method=method, headers=headers)) is taken


def test_credentials_that_are_listed() -> None:
    made = rule(vary=("Authorization",))
    assert made.takes(request(headers={"authorization": "Bearer x"}))
    assert not made.takes(request(headers={"cookie": "a"}))
    keys = {made.key(request(headers={"authorization": each}), "r", "p", "u") for each in "ab"}
    assert len(keys) == 2


def test_a_header_of_api_keys_is_a_credential() -> None:
    filters = {"cache": {"ttl": "1m"}}
    policy = compiled(
        auth={"header": ["X-Own-Key"]},
        routes=[{"name": "r", "split": {"production": 1}, "filters": filters}],
    )
    made = policy.routes[0].cache
    assert made
    assert not made.takes(request(headers={"x-own-key": "k"}))


TEXT = st.text(max_size=6)


@given(*[st.tuples(TEXT, TEXT, TEXT, st.none() | TEXT, st.none() | TEXT)] * 2)
def test_different_questions_have_different_keys(
    one: tuple[str, str, str, str | None, str | None],
    two: tuple[str, str, str, str | None, str | None],
) -> None:
    def key(each: tuple[str, str, str, str | None, str | None]) -> str:
        route, pool, url, a, b = each
        given = {name: value for name, value in (("x-a", a), ("x-b", b)) if value is not None}
        return rule_ab.key(request(headers=given), route, pool, url)

    assert (key(one) == key(two)) is (one == two)


rule_ab = CacheRule(1000, 0, ("x-a", "x-b"), ())

TRAJECTORY = [(0, "HIT"), (9_999, "HIT"), (10_000, "STALE"), (14_999, "STALE"), (15_000, None)]


def test_fresh_then_stale_then_over() -> None:
    made = rule("10s", "5s")
    kept = made.keeps(200, [], NOW_MS, "v")
    assert kept
    assert [(at, kept.state(made, NOW_MS + at)) for at, _ in TRAJECTORY] == TRAJECTORY
    assert kept.seconds == 15
    must = made.keeps(200, [("cache-control", "must-revalidate")], NOW_MS, "v")
    assert must
    assert must.state(made, NOW_MS + 10_000) is None


def test_a_shorter_policy_holds_at_once() -> None:
    kept = rule("1h", "1h").keeps(200, [], NOW_MS, "v")
    assert kept
    assert kept.state(rule("10s", "5s"), NOW_MS + 12_000) == "STALE"
    assert kept.state(rule("10s"), NOW_MS + 12_000) is None


def test_what_is_given() -> None:
    headers = [("etag", '"a"'), ("age", "3"), ("x-router-a", "1"), ("x-cache", "no"), ("x-b", "é")]
    kept = rule().keeps(200, headers, NOW_MS, "v")
    assert kept
    again = kept_from(kept.to_json())
    assert again == kept
    assert again.given(NOW_MS + 2_500, "HIT") == [
        *(("etag", '"a"'), ("x-b", "é"), ("age", "5"), ("x-cache", "HIT"))
    ]


@given(st.text())
def test_anything_else_is_not_an_entry(text: str) -> None:
    assert kept_from(text) is None or text.startswith("[")


@pytest.mark.parametrize(
    ("asked", "unchanged"),
    [
        ({}, False),
        ({"if-none-match": '"a"'}, True),
        ({"if-none-match": 'W/"a"'}, True),
        ({"if-none-match": '"b", "a"'}, True),
        ({"if-none-match": "*"}, True),
        ({"if-none-match": "a"}, False),
        ({"if-modified-since": DATE[1]}, True),
        ({"if-modified-since": "Fri, 15 Jan 2027 07:59:59 GMT"}, False),
        ({"if-modified-since": "?"}, False),
        ({"if-none-match": '"b"', "if-modified-since": DATE[1]}, False),
    ],
)
def test_conditions(asked: dict[str, str], unchanged: bool) -> None:
    kept = Kept(NOW_MS, 1, 0, "v", [("etag", '"a"'), ("last-modified", DATE[1])])
    assert kept.is_unchanged(asked) is unchanged
    nothing = Kept(NOW_MS, 1, 0, "v", [])
    assert not nothing.is_unchanged(asked)
