"""What may be kept, for whom, how long: RFC 9111 and the policy together."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.choose import Forward
from policies.compiled.policy import CompiledPolicy
from policies.http.cache import (
    CacheRule,
    Kept,
    changed_urls,
    kept_from,
    mark_of,
    voids,
)
from policies.http.changes import Changes
from policies.http.request import Client, Request
from policies.proxy.decide import decide
from policies.proxy.explain.explain import explain
from policies.proxy.phases.headers import trace_of
from policies.proxy.phases.outgoing import outgoing
from tests.policies.making import NOW, compiled, request

NONE = Changes([], {}, [])
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
    kept = rule(vary=("accept", "cookie")).keeps(status, list(headers), NOW_MS, NOW_MS, "v")
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
        ([("age", "50, 5")], 10),
        ([("age", "9" * 30)], None),
        ([("cache-control", "max-age=" + "9" * 12)], 60),  # 14.4
        ([("cache-control", "max-age=" + "9" * 5_000)], 60),
        ([("cache-control", "max-age=9, max-age=5")], 5),
        ([("cache-control", "max-age=9, max-age=?")], None),
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
        # 14.4: without a date, or with a broken one, when it was received
        ([("expires", "Fri, 15 Jan 2027 08:00:30 GMT")], 30),
        ([("expires", "Fri, 15 Jan 2027 07:59:59 GMT")], None),
        ([("date", "today"), ("expires", "Fri, 15 Jan 2027 07:59:59 GMT")], None),
        ([("date", "Fri, 15 Jan 2027 07:59:50 GMT")], 50),
        ([("date", "Fri, 15 Jan 2027 07:59:50 GMT"), ("age", "20")], 40),
        ([("date", "Fri, 15 Jan 2027 07:59:00 GMT")], None),
        ([("date", "Fri, 15 Jan 2027 09:00:00 GMT")], 60),
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


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"cdn-cache-control": "no-store"}, None),
        ({"cloudflare-cdn-cache-control": "no-store"}, None),
        ({"surrogate-control": "no-store"}, None),
        ({"surrogate-control": 'content="ESI/1.0", no-store-remote'}, None),
        ({"cdn-cache-control": 'private="x-own"'}, None),
        ({"cdn-cache-control": "no-cache;a=1"}, None),
        ({"cdn-cache-control": "max-age=5"}, 5),
        ({"cdn-cache-control": "max-age=5, s-maxage=7"}, 7),
        ({"surrogate-control": "max-age=5+30"}, 5),
        # The first one speaks alone.
        ({"cdn-cache-control": "max-age=5", "cache-control": "no-store", "expires": "0"}, 5),
        ({"cdn-cache-control": "must-revalidate", "expires": "0"}, 60),
        ({"cloudflare-cdn-cache-control": "max-age=5", "cdn-cache-control": "no-store"}, 5),
        ({"cdn-cache-control": "max-age=5", "cloudflare-cdn-cache-control": "no-store"}, None),
        ({"cdn-cache-control": "max-age=5", "surrogate-control": "no-store"}, 5),
        ({"surrogate-control": "max-age=5", "cache-control": "private"}, 5),
        # One that is empty or no dictionary is as if it were not there.
        ({"cdn-cache-control": "", "cache-control": "max-age=5"}, 5),
        ({"cdn-cache-control": "max-age=1 no-store", "cache-control": "max-age=5"}, 5),
        ({"cdn-cache-control": "No-Store"}, 60),
        ({"cdn-cache-control": "max-age=" + "9" * 16, "cache-control": "max-age=5"}, 5),
        ({"cloudflare-cdn-cache-control": ",", "cdn-cache-control": "no-store"}, None),
        # A number that is none.
        ({"cdn-cache-control": 'max-age="9"'}, None),
        ({"cdn-cache-control": "max-age=9.5"}, None),
        ({"cdn-cache-control": "max-age=(9 8);a, b=?1, c=:YQ==:, d=@1, e=t/x"}, None),
        ({"cdn-cache-control": "no-store=?0, max-age=9"}, 9),
        ({"cdn-cache-control": "max-age=9, max-age=5"}, 5),
    ],
)
def test_targeted_cache_control(headers: dict[str, str], expected: float | None) -> None:
    """14.9: RFC 9213."""
    assert fresh_s(*headers.items()) == expected


@given(st.text(st.sampled_from('amx-=09",;?:@()* \t\\.no'), max_size=40))
def test_any_targeted_header_is_read_or_left(text: str) -> None:
    fresh_s(("cdn-cache-control", text), ("surrogate-control", text))


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
    gone = Changes(["authorization"], {"x-router-key-id": "k"}, [])
    for changes in (NONE, gone):
        asked = [request(headers={"authorization": each}) for each in "ab"]
        assert len({made.key(each, "r", "p", (), "u", changes) for each in asked}) == 2


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
        return rule_ab.key(request(headers=given), route, pool, (), url, NONE)

    assert (key(one) == key(two)) is (one == two)


rule_ab = CacheRule(1000, 0, ("x-a", "x-b"), ())

TRAJECTORY = [(0, "HIT"), (9_999, "HIT"), (10_000, "STALE"), (14_999, "STALE"), (15_000, None)]


def test_fresh_then_stale_then_over() -> None:
    made = rule("10s", "5s")
    kept = made.keeps(200, [], NOW_MS, NOW_MS, "v")
    assert kept
    assert [(at, kept.state(made, NOW_MS + at, {"v"})) for at, _ in TRAJECTORY] == TRAJECTORY
    assert kept.seconds == 15
    must = made.keeps(200, [("cache-control", "must-revalidate")], NOW_MS, NOW_MS, "v")
    assert must
    assert must.state(made, NOW_MS + 10_000, {"v"}) is None


def test_a_shorter_policy_holds_at_once() -> None:
    kept = rule("1h", "1h").keeps(200, [], NOW_MS, NOW_MS, "v")
    assert kept
    assert kept.state(rule("10s", "5s"), NOW_MS + 12_000, {"v"}) == "STALE"
    assert kept.state(rule("10s"), NOW_MS + 12_000, {"v"}) is None


def test_what_is_given() -> None:
    headers = [("etag", '"a"'), ("age", "3"), ("x-router-a", "1"), ("x-cache", "no"), ("x-b", "é")]
    kept = rule().keeps(200, headers, NOW_MS, NOW_MS, "v")
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
    kept = Kept(NOW_MS, NOW_MS, 1, 0, "v", [("etag", '"a"'), ("last-modified", DATE[1])])
    assert kept.is_unchanged(asked) is unchanged
    nothing = Kept(NOW_MS, NOW_MS, 1, 0, "v", [])
    assert not nothing.is_unchanged(asked)


REGIONS = {
    "eu": {"continents": ["EU"], "fallback": ["us"]},
    "us": {"continents": ["NA"]},
    "ap": {"continents": ["AS"], "fallback": ["us", "eu"]},
}
PLACES = {"EU": "eu", "NA": "us", "AS": "ap", "AF": "us"}


def placed(affinity: str, regions: dict[str, str], drained: tuple[str, ...] = ()) -> CompiledPolicy:
    """A cached route to variants by region."""
    variants = {
        name: {"binding": "B", "pool": "p", "region": region, "drain": name in drained}
        for name, region in regions.items()
    }
    return compiled(
        variants=variants,
        pools={"p": {"affinity": affinity}},
        regions=REGIONS,
        default_region="us",
        routes=[{"name": "r", "split": {"p": 1}, "filters": {"cache": {"ttl": "1m"}}}],
    )


def key_for(policy: CompiledPolicy, asked: Request) -> tuple[str, Forward] | None:
    """The key of the entry that a request would get, and where it goes; None for nowhere."""
    decision = decide(policy, asked, Random(1), NOW)
    choice, rule = decision.outcome, decision.rule
    if not isinstance(choice, Forward) or rule is None:
        return None
    first, trace = choice.candidates[0], trace_of({}, Random(1))
    sent = outgoing(asked, rule, choice.route, first, trace, 1, None)
    assert choice.route.cache
    regions = policy.order((first.pool,), choice.region).regions
    url = sent.target.url
    return choice.route.cache.key(asked, "r", first.pool, regions, url, sent.changes), choice


VARIANTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["eu", "us", "ap"]), min_size=1
)


@given(VARIANTS, *[st.sampled_from(sorted(PLACES))] * 2, st.sampled_from(["strict", "prefer"]))
def test_clients_share_an_entry_only_if_they_share_their_candidates(
    regions: dict[str, str], one: str, two: str, affinity: str
) -> None:
    """14.1: the region decides who answers, so it is in the key."""
    policy = placed(affinity, regions)
    found = [key_for(policy, request(continent=each)) for each in (one, two)]
    if None in found:
        return
    (key, choice), (other_key, other) = [each for each in found if each]
    tiers = [policy.order(("p",), each.region).tiers for each in (choice, other)]
    assert (key == other_key) is (tiers[0] == tiers[1])
    if affinity == "strict" and {*choice.candidates} != {*other.candidates}:
        assert key != other_key


def test_clients_share_their_entries_if_their_regions_make_no_difference() -> None:
    for regions in ({"a": "eu", "b": "eu"}, {"a": "us"}):
        found = [key_for(placed("prefer", regions), request(continent=each)) for each in PLACES]
        assert len({each[0] for each in found if each}) == 1


def test_an_entry_is_given_where_its_variant_may_serve() -> None:
    """14.1: also after the policy has changed."""
    kept = Kept(NOW_MS, NOW_MS, 60_000, 0, "a", [])
    for made, region, expected in (
        (placed("strict", {"a": "eu", "b": "us"}), "eu", "HIT"),
        (placed("strict", {"a": "ap", "b": "eu"}), "eu", None),
        (placed("prefer", {"a": "ap", "b": "eu"}), "eu", "HIT"),
        (placed("prefer", {"a": "eu", "b": "eu"}, drained=("a",)), "eu", None),
        (placed("prefer", {"b": "eu"}), "eu", None),
    ):
        assert kept.state(rule(), NOW_MS, made.order(("p",), region).open_to) == expected


def test_the_key_has_what_the_variant_gets() -> None:
    """14.1: a header in `vary` that does not reach the variant as it came."""
    made = rule(vary=("accept-language", "x-forwarded-for"))

    def key(headers: dict[str, str], changes: Changes = NONE) -> str:
        return made.key(request(headers=headers), "r", "p", (), "u", changes)

    german = {"accept-language": "de"}
    assert key(german) == key(german)
    assert key(german) != key(german, Changes(["accept-language"], {}, []))  # by `Connection`
    assert key(german) != key(german, Changes([], {}, [("accept-language", "fr")]))
    forwarded = [Changes([], {"x-forwarded-for": ip}, []) for ip in ("192.0.2.1", "192.0.2.2")]
    assert key(german, forwarded[0]) != key(german, forwarded[1])


def test_explain_tells_whose_answers_a_client_may_get() -> None:
    policy = placed("strict", {"a": "eu", "b": "us", "c": "us"})

    def text(method: str, continent: str, made: CompiledPolicy = policy) -> str:
        client = Client(continent=continent)
        told = explain(made, method, "https://h/", {}, client, NOW)
        return next(step["text"] for step in told["steps"] if step["step"] == "cache")

    assert text("GET", "NA").endswith("fresh for 1m, for clients of regions us")
    assert text("GET", "EU").endswith("fresh for 1m, for clients of regions eu, us")
    assert "invalidates what is stored for this URL" in text("PUT", "NA")
    resting = placed("prefer", {"a": "eu"}, drained=("a",))
    assert text("GET", "EU", resting) == "not from the cache: variant a is drained"


@pytest.mark.parametrize(
    ("method", "status", "void"),
    [
        ("PUT", 200, True),
        ("POST", 303, True),
        ("DELETE", 204, True),
        ("PATCH", 399, True),
        ("BREW", 200, True),
        ("PUT", 400, False),
        ("PUT", 500, False),
        ("GET", 200, False),
        ("HEAD", 200, False),
        ("OPTIONS", 204, False),
    ],
)
def test_what_voids_a_url(method: str, status: int, void: bool) -> None:
    """14.8: RFC 9111, section 4.4."""
    assert voids(method, status) is void


def test_what_was_asked_for_before_a_change_is_void() -> None:
    """14.8: also if it comes after the change."""
    kept = rule("10s", "5s").keeps(200, [], NOW_MS, NOW_MS + 900, "v")
    assert kept
    states = {
        at: kept.state(rule("10s", "5s"), NOW_MS + 2_000, "v", NOW_MS + at) for at in (-1, 0, 500)
    }
    assert states == {-1: "HIT", 0: None, 500: None}


@pytest.mark.parametrize(
    ("headers", "urls"),
    [
        ({}, []),
        ({"location": "/b?c#d"}, ["https://h.test/b?c"]),
        ({"location": "b/../%61"}, ["https://h.test/a/a"]),
        (
            {"location": "https://H.test./b", "content-location": "?x"},
            ["https://H.test./b", "https://h.test/a/x?x"],
        ),
        ({"location": "https://other.test/b"}, []),
        ({"location": "http://h.test/b"}, []),
        ({"location": "https://h.test:444/b"}, []),
        ({"location": "//[", "content-location": "mailto:a@h.test"}, []),
        ({"location": "/a/x?q"}, []),
    ],
)
def test_urls_that_an_answer_tells_to_have_changed(
    headers: dict[str, str], urls: list[str]
) -> None:
    """14.8: those of the same origin."""
    target = request("https://h.test/a/x?q").target
    found = changed_urls(target, headers, merge_slashes=False)
    assert [each.url for each in found] == ["https://h.test/a/x?q", *urls]


def test_a_url_has_one_mark_however_its_host_is_spelled() -> None:
    marks = [mark_of(request(url).target) for url in ("https://H.test/a?b", "https://h.test./a?b")]
    assert marks[0] == marks[1]
    others = (
        "http://h.test/a?b",
        "https://h.test/a",
        "https://h.test:444/a?b",
        "https://g.test/a?b",
    )
    assert len({marks[0], *(mark_of(request(url).target) for url in others)}) == 5


def test_only_urls_of_cached_routes_are_noted() -> None:
    to = {"split": {"production": 1}}
    caches = {**to, "filters": {"cache": {"ttl": "1m", "stale_while_revalidate": "1h"}}}
    prefix = {"path": {"prefix": "/a"}, "methods": ["GET"]}
    exact = {"path": {"exact": "/b"}, "headers": [{"name": "x", "value": "1"}]}
    wild = {"hostnames": ["*.h.test"], **caches}
    made = compiled(
        routes=[
            {"name": "a", "hostnames": ["h.test"], "matches": [prefix], **caches},
            {"name": "b", "matches": [exact], **wild},
            {"name": "c", "matches": [{"path": {"regex": "/r[0-9]"}}], **wild},
            {"name": "d", **to},
        ]
    )
    assert made.keeps_ms == 3_660_000
    for url, expected in (
        ("https://h.test/a/x", True),
        ("https://h.test/b", False),
        ("https://x.h.test/b", True),
        ("https://x.h.test/r7", True),
        ("https://x.h.test/rx", False),
        ("https://other.test/a", False),
    ):
        assert made.may_keep(request(url).target) is expected, url
    assert not compiled(routes=[{"name": "d", **to}]).may_keep(request().target)


def test_the_length_that_head_tells() -> None:
    """14.15: what is packed again for those who ask has another one."""
    plain = Kept(NOW_MS, NOW_MS, 1, 0, "v", [("etag", '"a"')])
    assert plain.length(5) == [("content-length", "5")]
    packed = Kept(NOW_MS, NOW_MS, 1, 0, "v", [("content-encoding", "gzip")])
    assert packed.length(5) == []


def test_what_belongs_to_a_connection_is_not_remembered() -> None:
    headers = [("connection", "X-Hop, close"), ("x-hop", "1"), ("proxy-authenticate", "Basic")]
    headers += [("proxy-authentication-info", "a"), ("te", "a"), ("trailer", "b"), ("x-own", "1")]
    kept = rule().keeps(200, headers, NOW_MS, NOW_MS, "v")
    assert kept
    assert kept.headers == [("x-own", "1")]
