"""The whole decision: pools, regions, fallbacks, panic; read as expected lists."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from policies.balancing.availability import availability_without
from policies.balancing.choose import Fixed, Forward, read_target
from policies.compiled.policy import MAX_REMEMBERED, CompiledPolicy
from policies.http.problems import Problem
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.proxy.decide import decide
from tests.policies.making import NOW, compiled, policy_text, request

VARIANTS = {
    "p-eu": {"binding": "A", "pool": "production", "region": "eu"},
    "p-us": {"binding": "B", "pool": "production", "region": "us"},
    "p-ap": {"binding": "C", "pool": "production", "region": "ap"},
    "p-any": {"binding": "D", "pool": "production"},
    "c-eu": {"binding": "E", "pool": "canary", "region": "eu"},
    "c-us": {"binding": "F", "pool": "canary", "region": "us"},
}
REGIONS = {
    "eu": {"continents": ["EU"], "fallback": ["us"]},
    "us": {"continents": ["NA"]},
    "ap": {"continents": ["AS"], "countries": ["RU"], "colos": ["AMS"], "fallback": ["us", "eu"]},
}


REGIONAL = {name: each for name, each in VARIANTS.items() if "region" in each}


def policy(split: dict[str, Any] | None = None, **sections: Any) -> Any:
    route = {"name": "r", "split": split or {"production": 1}}
    sections = {"variants": VARIANTS, "regions": REGIONS, "routes": [route], **sections}
    return compiled(**sections)


def candidates(made: Any, out: tuple[str, ...] = (), **place: str) -> list[str]:
    outcome = decide(
        made, request(**place), Random(1), NOW._replace(availability=availability_without(out))
    ).outcome
    assert isinstance(outcome, Forward)
    return [variant.name for variant in outcome.candidates]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"continent": "EU"}, ["p-eu", "p-us", "p-any", "p-ap"]),
        ({"continent": "AS"}, ["p-ap", "p-us", "p-eu", "p-any"]),
        ({"country": "RU", "continent": "EU"}, ["p-ap", "p-us", "p-eu", "p-any"]),
        ({"colo": "AMS", "country": "NL", "continent": "EU"}, ["p-ap", "p-us", "p-eu", "p-any"]),
    ],
)
def test_the_clients_region_orders_the_variants(place: dict[str, str], expected: list[str]) -> None:
    assert candidates(policy(), **place) == expected


def test_variants_of_equal_rank_are_shared_out_by_key_and_weight() -> None:
    made = policy()
    first = {candidates(made, continent="NA")[0] for _ in range(5)}
    assert first == {"p-us"}
    rest = [candidates(made, continent="NA") for _ in range(2)]
    assert all(sorted(order[2:]) == ["p-ap", "p-eu"] for order in rest)
    # Nobody claims the client and there is no default region: all are of equal rank.
    outcomes = set()
    rng = Random(7)
    for _ in range(200):
        outcome = decide(made, request(), rng, NOW).outcome
        assert isinstance(outcome, Forward)
        outcomes.add(outcome.candidates[0].name)
    assert outcomes == {"p-eu", "p-us", "p-ap", "p-any"}


def test_default_region() -> None:
    assert candidates(policy(default_region="ap"), country="T1")[0] == "p-ap"


def test_strict_affinity_stays_in_the_region_and_its_fallbacks() -> None:
    strict = {"production": {"affinity": "strict"}}
    made = policy(variants=REGIONAL, pools=strict, default_region="us")
    assert candidates(made, continent="EU") == ["p-eu", "p-us"]
    assert candidates(made, continent="NA") == ["p-us"]


def test_strict_affinity_without_anybody_is_a_problem() -> None:
    made = policy(
        {"canary": 1}, pools={"canary": {"affinity": "strict", "fallback": []}}, default_region="ap"
    )
    regions = {**REGIONS, "ap": {"continents": ["AS"]}}
    made = policy(
        {"canary": 1},
        pools={"canary": {"affinity": "strict", "fallback": []}},
        default_region="ap",
        regions=regions,
    )
    outcome = decide(made, request(continent="AS"), Random(1), NOW).outcome
    assert isinstance(outcome, Problem)
    assert (outcome.status, outcome.code) == (503, "no-variant")
    assert dict(outcome.headers)["retry-after"]


def test_a_part_without_a_backend_is_refused() -> None:  # 14.30
    made = policy({"production": 3, "nobody": {"weight": 1, "backend": "none"}})
    answers = [decide(made, request(), Random(seed), NOW).outcome for seed in range(400)]
    refused = [each for each in answers if isinstance(each, Problem)]
    assert {(each.status, each.code) for each in refused} == {(500, "no-backend")}
    assert 60 < len(refused) < 140


TRAJECTORY = [
    # out of service, then who is tried, in order
    ((), ["c-eu", "c-us", "p-eu", "p-us", "p-any", "p-ap"]),
    (("c-eu",), ["c-us", "p-eu", "p-us", "p-any", "p-ap"]),
    (("c-eu", "c-us"), ["p-eu", "p-us", "p-any", "p-ap"]),
    (("c-eu", "c-us", "p-eu"), ["p-us", "p-any", "p-ap"]),
    (("c-eu", "c-us", "p-eu", "p-us", "p-any"), ["p-ap"]),
]


@pytest.mark.parametrize(("out", "expected"), TRAJECTORY)
def test_a_pool_falls_back_to_the_first_of_the_split(
    out: tuple[str, ...], expected: list[str]
) -> None:
    made = policy({"production": 0, "canary": 1})
    assert candidates(made, out, continent="EU") == expected


def test_the_first_pool_of_the_split_falls_back_to_none() -> None:
    made = policy({"production": 1, "canary": 0})
    assert candidates(made, continent="EU") == ["p-eu", "p-us", "p-any", "p-ap"]


def test_stated_fallbacks() -> None:
    made = policy({"production": 1}, pools={"production": {"fallback": ["canary"]}})
    assert candidates(made, continent="EU")[-2:] == ["c-eu", "c-us"]
    none = policy({"production": 0, "canary": 1}, pools={"canary": {"fallback": []}})
    assert candidates(none, continent="EU") == ["c-eu", "c-us"]


def test_nothing_left_is_panic_with_all_of_them_in_order() -> None:
    everybody = tuple(VARIANTS)
    outcome = decide(
        policy(),
        request(continent="EU"),
        Random(1),
        NOW._replace(availability=availability_without(everybody)),
    ).outcome
    assert isinstance(outcome, Forward)
    assert outcome.panic
    assert [v.name for v in outcome.candidates] == ["p-eu", "p-us", "p-any", "p-ap"]


def test_drained_variants_are_left_out() -> None:
    variants = {**VARIANTS, "p-eu": {**VARIANTS["p-eu"], "drain": True}}
    assert candidates(policy(variants=variants), continent="EU") == ["p-us", "p-any", "p-ap"]


def test_weight_zero_is_the_last_resort_of_its_rank() -> None:
    variants = {
        "a": {"binding": "A", "pool": "p", "weight": 0},
        "b": {"binding": "B", "pool": "p"},
        "c": {"binding": "C", "pool": "p"},
    }
    made = compiled(variants=variants, routes=[{"name": "r", "split": {"p": 1}}])
    orders = [candidates(made) for _ in range(20)]
    assert all(order[-1] == "a" for order in orders)


def test_weight_zero_stands_behind_all_other_regions_of_the_pool() -> None:
    variants = {
        **VARIANTS,
        "p-eu": {**VARIANTS["p-eu"], "weight": 0},
        "c-eu": {**VARIANTS["c-eu"], "weight": 0},
    }
    made = policy(variants=variants, pools={"production": {"fallback": ["canary"]}})
    expected = ["p-us", "p-any", "p-ap", "p-eu", "c-us", "c-eu"]
    assert candidates(made, continent="EU") == expected
    assert candidates(made)[3] == "p-eu"  # nobody claims the client
    strict = {"production": {"affinity": "strict", "fallback": []}}
    del variants["p-any"]
    made = policy(variants=variants, pools=strict, default_region="us")
    assert candidates(made, continent="EU") == ["p-us", "p-eu"]


def test_orders_are_made_when_clients_come_and_few_are_kept() -> None:
    regions = {f"r{n}": {"countries": [f"A{chr(65 + n)}"]} for n in range(26)}
    pools = [f"p{n}" for n in range(60)]
    variants = {pool: {"binding": "A", "pool": pool, "region": "r0"} for pool in pools}
    fallback = {pool: {"fallback": [each for each in pools if each != pool]} for pool in pools}
    routes = [{"name": f"r{n}", "split": dict.fromkeys(pools, 1)} for n in range(60)]
    text = policy_text(variants=variants, regions=regions, pools=fallback, routes=routes)
    loaded = load(text).policy
    assert loaded
    tables = compile_policy(loaded, "")
    assert len({id(share.chain) for route in tables.routes for share in route.shares}) == 60
    made = CompiledPolicy(tables)
    assert made._orders == {}
    for n in range(2 * MAX_REMEMBERED):
        made.order((f"p{n % 60}",), f"r{n % 26}")
        made.order((f"p{n % 60}", f"p{n // 60}"), f"r{n % 26}")
    assert len(made._orders) <= MAX_REMEMBERED


def test_random_choice_follows_the_weights() -> None:
    made = policy({"production": 3, "canary": 1})
    rng, counts = Random(5), {"production": 0, "canary": 0}
    for _ in range(8000):
        outcome = decide(made, request(), rng, NOW).outcome
        assert isinstance(outcome, Forward)
        counts[outcome.share.name] += 1
    assert abs(counts["canary"] - 2000) < 5 * 39  # five standard deviations


def test_respond_answers_at_the_edge() -> None:
    route = {"name": "r", "respond": {"status": 503, "body": "later", "headers": []}}
    outcome = decide(policy(routes=[route]), request(), Random(1), NOW).outcome
    assert isinstance(outcome, Fixed)
    assert (outcome.answer.status, outcome.answer.body) == (503, "later")


def test_malformed_paths_are_problems() -> None:
    target = read_target(policy(), "https://h/a%2fb", {})
    assert isinstance(target, Problem)
    assert target.status == 400


@pytest.mark.parametrize(
    ("url", "host", "good"),
    [
        ("https://h/", "h", True),
        ("https://h/", "H.:443", True),
        ("https://h/", "another", True),
        ("https://h/", "h, h", False),
        ("https://h/", "h,other", False),
        ("https://h/", "h/..", False),
        ("https://h/", "", False),
        ("https://user@h/", "h", False),
        ("https:///", "h", False),
        ("https://a..b/", "h", False),
    ],
)
def test_a_request_names_one_host(url: str, host: str, good: bool) -> None:
    target = read_target(policy(), url, {"host": host})
    assert isinstance(target, Problem) != good
    assert good or (isinstance(target, Problem) and target.code == "bad-request")


def test_merged_slashes() -> None:
    target = read_target(policy(merge_slashes=True), "https://h//a///b", {})
    assert not isinstance(target, Problem)
    assert target.path == "/a/b"
