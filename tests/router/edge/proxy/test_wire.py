"""What Python writes is what `driver.js` reads, and the reverse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.access.gcra import Rate
from policies.access.rate_limits import Limit, LimitSpec, LimitStatus, limit_headers
from policies.balancing.choose import _choose_share
from policies.compiled.model import Route, Share
from policies.http.changes import SEPARATORS, Changes
from policies.http.limits import Sizes
from policies.proxy.memory.memory import Draws
from policies.proxy.phases.effects import (
    Attribution,
    Came,
    Carry,
    Found,
    KeepBody,
    KeptBody,
    LookUp,
    Mirrored,
    Race,
    Raced,
    Send,
    SendCopy,
    Wait,
)
from router.edge.proxy import wire
from router.edge.proxy.wire import (
    LONG_NAMES,
    effect_text,
    parse_outcome,
    parse_request,
    send_text,
)
from tests.policies.proxy.journey import BEGAN
from tests.router.edge.proxy.node import Node
from tests.support.examples import examples

names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True) | st.sampled_from(
    [name for name in SEPARATORS if name != "set-cookie"]  # which has a line for each
)
# What may stand in a header or a URL: no line break, no space at either end.
texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12).map(str.strip)
changes = st.builds(
    Changes,
    st.lists(names, max_size=3),
    st.dictionaries(names, texts, max_size=3),
    # An empty value that is added leaves space at the end, which runtimes take away.
    st.lists(st.tuples(names, texts.filter(bool)), max_size=3),
)
carries = st.builds(
    Carry,
    changes,
    st.builds(
        Attribution, names, st.integers(0, 2**41).map(float), st.sampled_from(["-", "run-1/to"])
    ),
    st.none(),
)
sends = st.builds(
    Send,
    variant=names,
    upstream=names.map(str.upper),
    url=st.none() | texts.map("https://h/{}".format),
    changes=changes,
    timeout_ms=st.integers(0, 10**6),
    limit=st.none() | st.integers(0, 10**9),
    kept_body=st.booleans(),
    drill=st.sampled_from([None, "down", "errors"]) | st.integers(1, 10**5),
    codes=st.frozensets(st.integers(400, 599), max_size=4),
    carry=st.none() | carries,
    wants_head=st.booleans(),
)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    started = Node()
    yield started
    started.stop()


def flat(pairs: Any) -> list[str]:
    return [text for pair in pairs for text in pair]


@examples(200)
@given(number=st.integers(1, 2**53), send=sends)
def test_a_send_is_read_as_it_was_written(node: Node, number: int, send: Send) -> None:
    read = node("parsed", send_text(number, send))
    assert read["number"] == number
    assert (read["upstream"], read["url"] or None) == (send.upstream, send.url)
    assert (read["timeout"], read["limit"]) == (
        send.timeout_ms,
        -1 if send.limit is None else send.limit,
    )
    assert (bool(read["keptBody"]), bool(read["wantsHead"])) == (send.kept_body, send.wants_head)
    assert (read["drill"] or None) == (None if send.drill is None else str(send.drill))
    assert_same_changes(read["changes"], send.changes)
    carry = send.carry
    assert ("carry" in read) == (carry is not None)
    if carry:
        assert set(read["codes"]) == send.codes
        assert_same_changes(read["carry"], carry.changes)
        assert read["carry"]["attribution"].split(" ") == [
            carry.attribution.variant,
            f"{carry.attribution.began_ms:.0f}",
            carry.attribution.part,
        ]


def assert_same_changes(read: dict[str, Any], made: Changes) -> None:
    assert read["removed"] == list(made.removed)
    assert read["set"] == flat(made.set.items())
    assert read["added"] == flat(made.added)


@examples(200)
@given(st.dictionaries(names, texts, max_size=5), changes)
def test_headers_change_as_python_says(node: Node, headers: dict[str, str], made: Changes) -> None:
    changed = node(
        "changed", list(headers.items()), made.removed, flat(made.set.items()), flat(made.added)
    )
    assert dict(changed) == made.on_mapping(headers)


def test_a_race_is_two_sends(node: Node) -> None:
    none = Changes([], {}, [])
    first, second = (Send(name, name.upper(), None, none, 0) for name in "ab")
    told = json.loads(effect_text(7, Race(first, second, 50.0, frozenset({503}))))
    name, number, *sent, after, codes = told
    assert (name, number, after, codes) == ("race", 7, 50.0, "503")
    assert [node("parsed", each)["upstream"] for each in sent] == ["A", "B"]


def test_a_request_is_read_as_it_came() -> None:
    lines = ["1800000000000", "PUT", "https://h/a?b", "FRA", "DE", "EU", "1"]
    lines += ["x-a b cf-connecting-ip x-real-ip ", "", "c d", "192.0.2.1", "6"]
    arrived = parse_request("\n".join(lines))
    assert (arrived.now_ms, arrived.method, arrived.url) == (1.8e12, "PUT", "https://h/a?b")
    headers = {"x-a": "", "b": "c d", "cf-connecting-ip": "192.0.2.1", "x-real-ip": "6"}
    assert arrived.headers == headers
    assert arrived.claims == ("x-real-ip",)
    assert tuple(arrived.client) == ("192.0.2.1", "FRA", "DE", "EU")
    assert arrived.has_body
    assert arrived.size is not None
    assert arrived.size >= sum(map(len, flat(arrived.headers.items())))


def test_long_lists_of_names_are_read_and_not_remembered() -> None:
    begin = ["1800000000000", "GET", "https://h/", "", "", "", "0"]
    for long in (f"x-{'n' * LONG_NAMES}", " ".join(f"x-{at}" for at in range(LONG_NAMES))):
        before = wire._names.cache_info().currsize
        values = ["v"] * len(long.split())
        assert list(parse_request("\n".join([*begin, long, *values])).headers) == long.split()
        assert wire._names.cache_info().currsize == before


CAME = [5, 200, "3", "", "", False, True, [["a", "b"]]]


@pytest.mark.parametrize(
    ("effect", "told", "outcome"),
    [
        (
            Send("a", "A", None, Changes([], {}, []), 0),
            CAME,
            Came(5, 200, "3", "", "", False, True, [("a", "b")]),
        ),
        (
            Race(*[Send("a", "A", None, Changes([], {}, []), 0)] * 2, 50.0, frozenset()),
            [9, 0, CAME, None],
            Raced(9, 0, [Came(5, 200, "3", "", "", False, True, [("a", "b")]), None]),
        ),
        (LookUp("k", "m"), None, None),
        (LookUp("k", "m"), ["{}", 5, 0], Found("{}", 5, 0)),
        (SendCopy([], True, None, 1, 1), [["m"], True], Mirrored(["m"], True)),
        (KeepBody("whole", None, 1, 5), [12.5, "kept"], KeptBody(12.5, "kept")),
        (Wait(5), 12.5, 12.5),
    ],
)
def test_outcomes(effect: Any, told: Any, outcome: Any) -> None:
    assert parse_outcome(effect, json.dumps(told)) == outcome


@examples(200)
@given(
    weights=st.lists(st.floats(0.001, 1000), min_size=1, max_size=5),
    number=st.floats(0, 1, exclude_max=True),
)
def test_a_share_is_drawn_as_python_draws_it(
    node: Node, weights: list[float], number: float
) -> None:
    shares = tuple(Share(str(at), weight, ()) for at, weight in enumerate(weights))
    route = Route("r", Sizes(1, None), shares=shares, total=sum(weights))
    share = _choose_share(route, "", cast(Random, Draws(Random(), number)))
    assert str(node("choiceAt", weights, number)) == share.name


@examples(200)
@given(
    left=st.integers(0, 10**6),
    others=st.integers(0, 10**6),
    full_at=st.integers(BEGAN - 10**6, BEGAN + 10**6),
)
def test_what_is_left_of_limits_is_told_as_python_tells_it(
    node: Node, left: int, others: int, full_at: int
) -> None:
    limit = Limit(LimitSpec("few", Rate(10, 1000, 5), "ip", "", "leased", "allow"))
    purse = {"left": left, "others": others, "fullAt": full_at}
    told = node("limitStatus", [{"name": "few", "purse": purse}] * 2, BEGAN)
    found = LimitStatus(limit, left + others, max(0.0, full_at - BEGAN))
    assert told == limit_headers([found, found])["ratelimit"]
