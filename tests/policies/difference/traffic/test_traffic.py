"""Which share of requests goes elsewhere, and how well that is known."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.compiled.policy import CompiledPolicy
from policies.difference.difference import Side, difference
from policies.difference.traffic.interval import wilson
from policies.difference.traffic.log import BadLine, read_log
from policies.difference.traffic.outcomes import (
    DecidedOutcome,
    Judge,
    TrafficRequest,
    field_moved,
    moved,
)
from policies.difference.traffic.traffic import Traffic, logged
from policies.difference.views.texts import change_text
from policies.http.request import Client
from policies.proxy.decide import Surroundings
from tests.policies.difference.making import compared, routes, side
from tests.policies.making import NOW

STICKY = {"sticky": ["header:x-user", "ip"]}
TO = {"split": {"production": 1}}
HASH = "a" * 64


def row(traffic: Traffic, name: str) -> dict[str, Any]:
    (found,) = [each for each in traffic.document()["routes"] if each["route"] == name]
    return dict(found)


def test_a_larger_canary_takes_its_share_and_nothing_else_moves() -> None:
    before = side(**routes(**STICKY))
    after = side(**routes(**STICKY, split={"production": 80, "canary": 20}))
    found = row(compared(before, after, 4_000)[1], "r")
    assert found["requests"] == 4_000
    assert found["changed"]["low"] <= 0.1 <= found["changed"]["high"]
    assert found["changed"]["high"] - found["changed"]["low"] < 0.025
    assert [(each["from"], each["to"]) for each in found["flows"]] == [("production", "canary")]
    share = found["changed"]["share"]
    assert found["by"] == {"route": 0, "pool": share, "variant": share, "status": 0}


def test_where_the_router_draws_the_share_is_exact() -> None:
    before, after = side(**routes()), side(**routes(split={"production": 1, "canary": 1}))
    found = row(compared(before, after, 10)[1], "r")
    assert found["changed"]["share"] == pytest.approx(0.4)
    assert found["flows"][0]["share"] == pytest.approx(0.4)
    (example, *_) = compared(before, after, 10)[1].document()["examples"]
    assert example["client"] is None
    assert example["share"] == pytest.approx(0.4)


def test_the_same_two_policies_give_the_same_sample() -> None:
    before = side(**routes(**STICKY))
    after = side(**routes(**STICKY, split={"production": 80, "canary": 20}))
    first, second = (compared(before, after)[1].document() for _ in range(2))
    assert first == second


def test_every_route_of_both_has_a_row() -> None:
    kept = {"name": "kept", **TO}
    lost = {"name": "lost", "matches": [{"path": {"prefix": "/lost"}}], "split": {"canary": 1}}
    new = {"name": "new", "matches": [{"path": {"regex": "/new-[0-9]+"}}], "split": {"beta": 1}}
    traffic = compared(side(**routes(kept, lost)), side(**routes(kept, new)))[1]
    assert list(traffic.rows) == ["kept", "new", "lost"]
    assert row(traffic, "kept")["changed"]["share"] == 0
    assert row(traffic, "new")["flows"] == [{"from": "production", "to": "beta", "share": 1}]
    assert row(traffic, "lost")["flows"] == [{"from": "canary", "to": "production", "share": 1}]
    assert row(traffic, "lost")["by"]["route"] == 1


def test_a_route_that_takes_one_scheme_less() -> None:  # 14.31
    before, after = side(**routes()), side(**routes(matches=[{"scheme": "https"}]))
    found = row(compared(before, after)[1], "r")
    assert found["changed"]["share"] == pytest.approx(0.5, abs=0.01)
    assert {each["to"] for each in found["flows"]} == {"404 no-route"}
    after = side(
        **routes(
            {"name": "up", "first": True, "filters": {"redirect": {"scheme": "https"}}},
            {"name": "r", "split": {"production": 9, "canary": 1}},
        )
    )
    assert row(compared(before, after)[1], "up")["changed"]["share"] == pytest.approx(0.5, abs=0.01)


def test_a_route_that_takes_less() -> None:
    before = routes({"name": "a", **TO}, {"name": "b", "hostnames": ["b.test"], **TO})
    narrow = {"name": "a", "matches": [{"methods": ["GET"]}], **TO}
    after = routes(narrow, {"name": "b", "hostnames": ["b.test"], **TO})
    traffic = compared(side(**before), side(**after))[1]
    found = row(traffic, "a")
    assert found["flows"][0]["to"] == "404 no-route-for-method"
    assert found["by"]["status"] == found["changed"]["share"] == pytest.approx(0.5, abs=0.01)
    assert row(traffic, "b")["changed"]["share"] == 0


def test_a_name_is_no_traffic() -> None:
    before = routes({"name": "a", **TO}, {"name": "b", "hostnames": ["b.test"], **TO})
    after = routes({"name": "z", **TO}, {"name": "b", "hostnames": ["b.test"], **TO})
    assert compared(side(**before), side(**after))[1].total.changed == 0


def test_regions_count() -> None:
    variants = {
        name: {"binding": name.upper(), "pool": "production", "region": name}
        for name in ("eu", "us")
    }
    common = routes({"name": "a", **TO}) | {"variants": variants, "default_region": "us"}
    before = common | {"regions": {"eu": {"continents": ["EU", "AF"]}, "us": {}}}
    after = common | {"regions": {"eu": {"continents": ["EU"]}, "us": {"continents": ["AF"]}}}
    found = row(compared(side(**before), side(**after))[1], "a")
    assert found["flows"][0]["from"] == "eu"
    assert found["flows"][0]["to"] == "us"
    assert 0 < found["changed"]["share"] < 1


def keys(*given: dict[str, Any], **fields: Any) -> Side:
    fields.setdefault("auth", {"scopes": ["s"]})
    sections = routes({"name": "r", **TO, **{k: v for k, v in fields.items() if v}})
    return side(**sections, auth={"keys": list(given)})


KEY = {"id": "a", "sha256": HASH, "scopes": ["s"]}
ACCESS = [
    (
        "a key of two is gone",
        [KEY, KEY | {"id": "b", "sha256": "b" * 64}],
        [KEY],
        0.5,
        "401 unauthorized",
    ),
    (
        "a scope of one of two is gone",
        [KEY, KEY | {"id": "b", "sha256": "b" * 64}],
        [KEY | {"scopes": []}, KEY | {"id": "b", "sha256": "b" * 64}],
        0.5,
        "403 forbidden",
    ),
    (
        "a key has ended",
        [KEY],
        [KEY | {"not_after": "2020-01-01T00:00:00Z"}],
        1,
        "401 unauthorized",
    ),
    ("a key is as it was", [KEY], [KEY | {"metadata": {"plan": "large"}}], 0, ""),
]


@pytest.mark.parametrize(
    ("before", "after", "share", "to"), [pytest.param(*case[1:], id=case[0]) for case in ACCESS]
)
def test_keys_stand_for_themselves(
    before: list[dict[str, Any]], after: list[dict[str, Any]], share: float, to: str
) -> None:
    traffic = compared(keys(*before), keys(*after))[1]
    found = row(traffic, "r")
    assert found["changed"]["share"] == pytest.approx(share, abs=0.02)
    assert [flow["to"] for flow in found["flows"]] == ([to] if to else [])
    assert HASH not in json.dumps(traffic.document())
    assert "stand-in" not in json.dumps(traffic.document())


def test_a_route_that_asks_for_a_key_now_refuses_who_has_none() -> None:
    found = row(compared(keys(KEY, auth=None), keys(KEY))[1], "r")
    assert found["changed"]["share"] == pytest.approx(0.5, abs=0.1)
    assert found["flows"][0]["to"] == "401 unauthorized"


LOG = [
    '{"url": "https://h.test/", "headers": {"X-User": "user-1"}}',
    "",
    '{"url": "https://h.test/a?b", "method": "POST", "headers": ["X-User: user-2"], "took": 5}',
    '{"url": "https://h.test/", "ip": "192.0.2.1", "country": "DE", "continent": "EU",'
    ' "colo": "FRA"}',
]


def test_a_log_is_read() -> None:
    asked = list(read_log(LOG))
    assert [each.method for each in asked] == ["GET", "POST", "GET"]
    assert [dict(each.headers) for each in asked] == [
        {"x-user": "user-1"},
        {"x-user": "user-2"},
        {},
    ]
    assert asked[2].client == Client("192.0.2.1", "FRA", "DE", "EU")


BAD = [
    ("{", "this is not JSON"),
    ("[]", "a line must be a JSON object"),
    ("{}", "`url` is not an absolute"),
    ('{"url": "/a"}', "`url` is not an absolute"),
    ('{"url": "https://a", "method": 3}', "`method` is not text"),
    ('{"url": "https://a", "headers": 3}', "neither a mapping nor a list"),
    ('{"url": "https://a", "headers": ["a"]}', "not `Name: value`"),
    ('{"url": "https://a", "headers": {"a": 1}}', "the header `a` is not text"),
    ("[" * 100_000, "this is not JSON"),
]


@pytest.mark.parametrize(("line", "told"), BAD, ids=[told for _, told in BAD])
def test_a_bad_line_has_its_number(line: str, told: str) -> None:
    with pytest.raises(BadLine) as raised:
        list(read_log([*LOG, line]))
    assert raised.value.line == 5
    assert told in raised.value.message


def judges(before: Side, after: Side) -> tuple[Judge, Judge]:
    around = Surroundings(NOW.now_ms)
    first, second = (Judge(CompiledPolicy(s.tables), around, {}) for s in (before, after))
    return first, second


def test_a_log_counts_by_the_route_that_is_there_now() -> None:
    b = {"name": "b", "hostnames": ["b.test"], "split": {"beta": 1}}
    before = side(**routes({"name": "a", **STICKY, **TO}, b))
    after = side(**routes({"name": "a", **STICKY, "split": {"canary": 1}}, b))
    lines = [*LOG, '{"url": "https://b.test/"}', '{"url": "https://b.test/%2f"}']
    traffic = logged(*judges(before, after), read_log(lines))
    assert {name: (row.requests, row.changed) for name, row in traffic.rows.items()} == {
        "a": (3, 3),
        "b": (1, 0),
        "": (1, 0),
    }
    assert traffic.document()["changed"]["share"] == pytest.approx(0.6)
    assert [each.label for each in traffic.examples] == ["user-1"]


def test_a_drained_variant_is_not_expected() -> None:
    variants = {
        "one": {"binding": "ONE", "pool": "production"},
        "two": {"binding": "TWO", "pool": "production", "weight": 3},
        "three": {"binding": "THREE", "pool": "production", "drain": True},
    }
    judge, _ = judges(*(side(**routes({"name": "a", **TO}), variants=variants),) * 2)
    outcomes, _ = judge.outcomes(TrafficRequest("GET", "https://h.test/", {}, Client()))
    assert {each.variant: part for each, part in outcomes.items()} == {"one": 0.25, "two": 0.75}


def test_a_part_without_a_backend_is_expected_to_be_refused() -> None:  # 14.30
    before = side(**routes(split={"production": 3, "canary": 1}))
    after = side(**routes(split={"production": 3, "canary": {"weight": 1, "backend": "none"}}))
    judge, _ = judges(after, after)
    outcomes, _ = judge.outcomes(TrafficRequest("GET", "https://h.test/", {}, Client()))
    assert {each.code or each.pool: part for each, part in outcomes.items()} == {
        "production": 0.75,
        "no-backend": 0.25,
    }
    told = [change_text(each) for each in difference(before, after).changes]
    assert any("backend" in each for each in told), told


def test_a_pool_that_may_not_serve_a_region_is_expected_to_refuse() -> None:
    variants = {
        "one": {"binding": "ONE", "pool": "production", "region": "eu"},
        "two": {"binding": "TWO", "pool": "canary", "region": "us"},
    }
    strict = {"canary": {"affinity": "strict", "fallback": []}}
    made = side(
        **routes(split={"production": 3, "canary": 1}),
        variants=variants,
        regions={"eu": {"continents": ["EU"]}, "us": {}},
        default_region="eu",
        pools=strict,
    )
    judge, _ = judges(made, made)
    for number in range(8):  # whatever is drawn
        asked = TrafficRequest("GET", f"https://h.test/{number}", {}, Client(continent="EU"))
        outcomes, _ = judge.outcomes(asked)
        told = {each.text: part for each, part in outcomes.items()}
        assert told == {"one": 0.75, "503 no-variant": 0.25}


def test_what_is_called_the_same_is_told_apart() -> None:
    variants = {
        "one": {"binding": "ONE", "pool": "production"},
        "two": {"binding": "TWO", "pool": "canary", "drain": True},
    }
    before = side(**routes({"name": "a", **TO}), variants=variants)
    after = side(
        **routes({"name": "a", "split": {"canary": 1}}),
        variants=variants,
        pools={"canary": {"fallback": ["production"]}},
    )
    found = row(compared(before, after)[1], "a")
    assert found["flows"] == [
        {"from": "one (pool production)", "to": "one (pool canary)", "share": 1}
    ]
    assert (found["by"]["pool"], found["by"]["variant"]) == (1, 0)


def test_the_routers_own_pages_and_refusals_have_outcomes() -> None:
    judge, _ = judges(*(side(**routes()),) * 2)
    for url, text in (
        ("https://h.test/.router/status", "200 the router's own page"),
        ("https://h.test/%2f", "400 bad-path"),
        ("https:///", "400 bad-request"),
        ("https://h.test/" + "a" * 20_000, "414 url-too-long"),
    ):
        ((outcome, part),) = judge.outcomes(TrafficRequest("GET", url, {}, Client()))[0].items()
        assert (outcome.text, part) == (text, 1)


PARTS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1)


@given(PARTS, PARTS)
def test_as_little_moves_as_must(one: dict[str, int], two: dict[str, int]) -> None:
    before, after = (
        {
            DecidedOutcome("r", "p", name, 200): part / sum(parts.values())
            for name, part in parts.items()
        }
        for parts in (one, two)
    )
    flows = list(moved(before, after))
    least = 1 - sum(min(part, after.get(each, 0)) for each, part in before.items())
    assert sum(part for *_, part in flows) == pytest.approx(least, abs=1e-9)
    assert field_moved(before, after, "variant") == pytest.approx(least, abs=1e-9)
    assert field_moved(before, after, "pool") == 0
    assert all(source != target for source, target, _ in flows)


@pytest.mark.parametrize(
    ("share", "number", "low", "high"),
    [
        (0.05, 400, 0.0326, 0.0760),
        (0.5, 10, 0.2366, 0.7634),
        (0.0, 100, 0.0, 0.0370),
        (1.0, 100, 0.9630, 1.0),
        (0.0, 0, 0.0, 1.0),
    ],
)
def test_wilson(share: float, number: int, low: float, high: float) -> None:
    assert wilson(share, number) == pytest.approx((low, high), abs=0.0001)


def test_what_a_request_picks_itself_is_what_becomes_of_it() -> None:
    """Also in a log: a picked pool's variants have their parts, and the split has none."""
    variants = {name: {"binding": "A", "pool": "production"} for name in ("a", "b")}
    variants["c"] = {"binding": "B", "pool": "canary"}
    keys = [{"id": "o", "sha256": sha256(b"o").hexdigest(), "scopes": ["router:override"]}]
    made = side(variants=variants, auth={"keys": keys}, **routes(override="x-try"))
    judge = Judge(CompiledPolicy(made.tables), Surroundings(NOW.now_ms), {})

    def parts(name: str, key: str) -> dict[str, float]:
        asked = TrafficRequest(
            "GET", "https://h.test/", {"x-try": name, "x-api-key": key}, Client()
        )
        return {each.variant: part for each, part in judge.outcomes(asked)[0].items()}

    assert parts("c", "o") == {"c": 1}
    assert parts("production", "o") == {"a": 0.5, "b": 0.5}
    assert parts("c", "other") == pytest.approx({"a": 0.45, "b": 0.45, "c": 0.1})
