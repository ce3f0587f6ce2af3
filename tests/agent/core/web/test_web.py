"""Requests on their way: every target is checked, redirects lose secrets, nothing is done twice."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.refused import Refused, Unavailable
from agent.core.web.expiring import ExpiringCache
from agent.core.web.request import IDEMPOTENT, METHODS, Request, read_headers
from agent.core.web.web import MAX_REDIRECTS
from tests.agent.core.wires import FakeWire, Site, web_on
from tests.support.examples import examples
from workers_runtime.names import LEAST_S, MOST_S, read_answers

NAMES = st.sampled_from(["Status", "Answer", "type", "TTL", "data", "x"])
SECRETS = {"authorization": "Bearer s", "cookie": "a=1", "x-api-key": "k", "accept": "*/*"}
PRIVATE = (
    *("http://169.254.169.254/", "http://127.0.0.1:8080", "//localhost/x", "http://0x7f.1"),
    *("http://[::1]/", "https://db.internal", "file:///etc/passwd", "http://rebound.example"),
    *(
        "http://user@a.example/",
        "http://a.example:25/",
        "javascript:x",
        "\\\\a.example",
        "http://[",
        "",
    ),
)


def moved(location: str, status: int = 302) -> Site:
    return Site(b"moved", status=status, headers=(("location", location),))


@pytest.mark.parametrize("location", PRIVATE[:-1])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_what_is_not_allowed_is_not_followed(location: str, status: int) -> None:
    wire = FakeWire(lambda _: moved(location, status), {"rebound.example": ["10.0.0.1"]})
    with pytest.raises(Refused, match=r"redirects"):
        web_on(wire).fetch(Request("https://a.example/"))
    assert [each.url for each in wire.sent] == ["https://a.example/"]


@pytest.mark.parametrize("url", PRIVATE)
def test_nothing_is_sent_to_what_is_not_allowed(url: str) -> None:
    wire = FakeWire(lambda _: Site(), {"rebound.example": ["10.0.0.1"]})
    with pytest.raises(Refused):
        web_on(wire).fetch(Request(url))
    assert wire.sent == []


@pytest.mark.parametrize(
    ("location", "reached"),
    [
        ("/b?c", "https://a.example/b?c"),
        ("../b", "https://a.example/b"),
        ("?q#part", "https://a.example/x/y?q"),
        ("//b.example", "https://b.example/"),
        (" http://B.example:80/ä b ", "http://b.example/%C3%A4%20b"),
    ],
)
def test_redirects_are_followed(location: str, reached: str) -> None:
    wire = FakeWire(lambda r: moved(location) if len(wire.sent) == 1 else Site(b"there"))
    assert web_on(wire).fetch(Request("https://a.example/x/y#z")).url == reached
    assert wire.sent[1].url == reached


def test_redirects_end() -> None:
    wire = FakeWire(lambda r: moved(r.url + "x"))
    with pytest.raises(Refused, match=r"5 redirects"):
        web_on(wire).fetch(Request("https://a.example/"))
    assert len(wire.sent) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("https://a.example/other", set(SECRETS)),
        ("https://a.example:8443/", {"accept"}),
        ("http://a.example/", {"accept"}),
        ("https://b.a.example/", {"accept"}),
        ("https://b.example/", {"accept"}),
    ],
)
def test_secrets_stay_with_their_origin(location: str, kept: set[str]) -> None:
    wire = FakeWire(lambda r: moved(location) if len(wire.sent) == 1 else Site())
    web_on(wire).fetch(Request("https://a.example/", headers=SECRETS))
    assert set(wire.sent[1].headers) == kept


def test_secrets_do_not_come_back() -> None:
    ways = {
        "https://a.example/": "https://b.example/",
        "https://b.example/": "https://a.example/end",
    }
    wire = FakeWire(lambda r: moved(ways[r.url]) if r.url in ways else Site())
    web_on(wire).fetch(Request("https://a.example/", headers=SECRETS))
    assert [set(each.headers) for each in wire.sent[1:]] == [{"accept"}, {"accept"}]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_methods_change_as_fetch_has_it(method: str, status: int) -> None:
    body = None if method in ("GET", "HEAD") else "text"
    wire = FakeWire(lambda r: moved("/b", status) if len(wire.sent) == 1 else Site())
    headers = {"content-type": "text/plain", "accept": "*/*"}
    web_on(wire).fetch(Request("https://a.example/", method, headers, body))
    becomes_get = (status == 303 and method != "HEAD") or (status < 303 and method == "POST")
    then = wire.sent[1]
    assert then.method == ("GET" if becomes_get else method)
    assert then.body == (None if becomes_get else body)
    assert ("content-type" in then.headers) is not becomes_get


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("site", [None, Site(takes_ms=60_000)])
def test_what_may_have_been_done_is_not_tried_again(method: str, site: Site | None) -> None:
    wire = FakeWire(lambda _: site)
    expected = Unavailable if method in IDEMPOTENT else Refused
    with pytest.raises(expected):
        web_on(wire).fetch(Request("https://a.example/", method))
    assert len(wire.sent) == 1


def test_what_was_not_sent_is_tried_again() -> None:
    wire = FakeWire(lambda _: Site())
    with pytest.raises(Unavailable, match=r"looked up"):
        web_on(wire).fetch(Request("https://broken.example/", "POST"))
    assert wire.sent == []


def test_time_is_for_all_redirects_together() -> None:
    wire = FakeWire(lambda r: moved("/b")._replace(takes_ms=400))
    with pytest.raises(Unavailable, match=r"1,000 ms"):
        web_on(wire).fetch(Request("https://a.example/", timeout_ms=1_000))
    assert len(wire.sent) == 3
    assert wire.now <= 1_000


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        (["93.184.216.34"], None),
        (["93.184.216.34", "2606:4700::1111"], None),
        (["93.184.216.34", "10.0.0.1"], "not public"),
        (["2606:4700::1111", "fd00::1"], "not public"),
        (["::ffff:127.0.0.1"], "not public"),
        ([], "no host"),
    ],
)
def test_where_names_lead(addresses: list[str], said: str | None) -> None:
    wire = FakeWire(lambda _: Site(), {"a.example": addresses})
    web = web_on(wire)
    for _ in range(2):
        if said is None:
            web.fetch(Request("https://a.example/"))
        else:
            with pytest.raises(Refused, match=said):
                web.fetch(Request("https://a.example/"))
    assert len(wire.asked) == 2, "once for each kind, and kept"


@pytest.mark.parametrize(
    ("url", "hosts", "resolver"),
    [
        ("https://1.1.1.1/", "*", "https://dns.example/q"),
        ("https://a.internal/", "a.internal", "https://dns.example/q"),
        ("https://a.example/", "*", ""),
    ],
)
def test_what_is_not_looked_up(url: str, hosts: str, resolver: str) -> None:
    wire = FakeWire(lambda _: Site(b"ok"))
    assert web_on(wire, hosts, resolver).fetch(Request(url)).status == 200
    assert wire.asked == []


def test_what_is_kept_is_for_a_time_and_within_bounds() -> None:
    kept = ExpiringCache[str](2)
    for name in "aabc":
        kept.keep(name, name, 0, 60)
    assert [kept.get(name, 59_999) for name in "abc"] == [None, "b", "c"]
    assert kept.get("c", 60_000) is None


def test_answers_hold_for_their_time_within_bounds() -> None:
    for ttl, seconds in ((0, LEAST_S), (100, 100), (10**9, MOST_S)):
        record = {"type": 1, "TTL": ttl, "data": "1.1.1.1"}
        assert read_answers([json.dumps({"Status": 0, "Answer": [record]})]).seconds == seconds


VALUES = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=9) | st.just("1.1.1.1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=9,
)


@given(VALUES | st.fixed_dictionaries({"Status": st.just(0), "Answer": st.lists(VALUES)}))
@examples(100)
def test_a_resolver_may_say_anything(value: object) -> None:
    with suppress(ValueError):
        assert read_answers([json.dumps(value)]).seconds <= MOST_S


def test_a_resolver_may_say_what_is_no_json() -> None:
    for text in ("", "{", "[" * 100_000, '{"Status": 2}', '{"Status": 0, "Answer": 1}'):
        with pytest.raises(ValueError, match=r"."):
            read_answers([text])


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "x"},
        {"CF-Connecting-IP": "1.1.1.1"},
        {"X-Router-Key-Id": "other"},
        {"X-Forwarded-For": "1.1.1.1"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "close"},
        {"content-length": "3"},
        {"user-agent": "Mozilla"},
        {"a b": "x"},
        {"": "x"},
        {"x:": "x"},
        {"ümlaut": "x"},
        {"x": "a\r\nb: c"},
        {"x": "a\0"},
        {"x": "€"},
        {"x": 1},
        {"x": "1", "X": "2"},
        {"x": "a" * 20_000},
        {f"x{n}": "" for n in range(65)},
        ["x"],
    ],
)
def test_headers_that_nobody_sets(headers: object) -> None:
    with pytest.raises(Refused):
        read_headers(headers)


def test_headers_that_somebody_sets() -> None:
    given = {"Authorization": "Bearer x", "X-Api-Key": " é ", "Accept": ""}
    assert read_headers(given) == {"authorization": "Bearer x", "x-api-key": "é", "accept": ""}
