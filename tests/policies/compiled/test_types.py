"""A compiled form whose values have other types is refused; no request meets it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.basics.json import Json
from policies.basics.steps import finished
from policies.compiled.form.text import NoForm
from policies.compiled.policy import CompiledPolicy
from policies.compiled.tables import CODEC, PolicyTables
from policies.http.request import Client
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.proxy.phases.effects import Race, Send
from policies.proxy.sequence import proxy
from tests.policies.proxy.journey import Isolate, Journey, in_quiet_times, raced, status
from tests.support.examples import examples

HERE = Path(__file__).parents[3]
FILES = ("routes.yaml", "tests/edge/policy.yaml", "tests/edge/drills.yaml")
MORE = """
version: 1
variants: {a: {binding: A, pool: p, region: eu}, b: {binding: B, pool: q, region: eu}}
regions: {eu: {colos: [FRA], countries: [DE], continents: [EU], fallback: [us]}, us: {}}
pools: {p: {affinity: strict}}
default_region: eu
health: {active: {path: /health, expect_body: well}}
auth:
  keys: [{id: k, sha256: "%s", not_after: 2030-01-01T00:00:00Z, metadata: {plan: pro},
          rate_limits: {few: {limit: 2/1m}}}]
rate_limits: {few: {limit: 5/1m, by: api_key}}
rollouts:
  - name: v2
    routes: [r]
    from: p
    to: q
    steps:
      - {header: {name: X-Cohort, regex: "a.*"}}
      - {key: [k]}
      - {mirror: 10%%}
      - {weight: 50, pause: true}
    analysis: {interval: 1m, checks: [{name: c, binding: C, path: /check}]}
routes:
  - name: r
    matches: [{path: {regex: "/a[0-9]+/b"}, headers: [{name: X-A, regex: "[a-c]+|d"}]}, {}]
    split: {p: 1, q: 1}
    sticky: [header:x-user]
    auth: required
    rate_limits: [few]
    failover: {attempts: 2, on: [503, connect], hedge: 50ms}
"""


def compiled(text: str) -> PolicyTables:
    loaded = load(text.encode())
    assert loaded.policy, loaded.findings
    return compile_policy(loaded.policy, loaded.digest)


def tables_of(text: str) -> dict[str, Json]:
    made: dict[str, Json] = json.loads(json.dumps(finished(CODEC.write_steps(compiled(text)))))
    return made


def built(tables: dict[str, Json]) -> CompiledPolicy:
    return CompiledPolicy(finished(CODEC.read_steps(tables)))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values, lists and mappings included."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for at, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, (*path, at))


def read(tables: Any, path: tuple[Any, ...]) -> Any:
    for at in path:
        tables = tables[at]
    return tables


def with_value(tables: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = deepcopy(tables)
    read(changed, path[:-1])[path[-1]] = value
    return changed


TEXTS = [*((HERE / file).read_text() for file in FILES), MORE % ("ab" * 32)]
ALL = [tables_of(text) for text in TEXTS]
# `digest` is compared before anything else.
PLACES = [
    (number, path)
    for number, tables in enumerate(ALL)
    for path in leaves(tables)
    if path[0] != "digest"
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_written_is_read(text: str) -> None:
    tables = compiled(text)
    assert finished(CODEC.read_steps(tables_of(text))) == tables
    built(tables_of(text))


@examples(1_500)
@given(place=st.sampled_from(PLACES))
def test_a_value_of_another_type_is_refused(place: tuple[int, Any]) -> None:
    """A list of an empty mapping fits nowhere."""
    number, path = place
    changed = with_value(ALL[number], path, [{}])
    with pytest.raises(NoForm):
        built(changed)


@examples(600)
@given(
    place=st.sampled_from(PLACES),
    value=st.none()
    | st.booleans()
    | st.integers(-1, 2)
    | st.just(0.5)
    | st.sampled_from(["", "x"]),
)
def test_what_is_not_refused_serves_all_requests(place: tuple[int, Any], value: Any) -> None:
    """Some places have several types: for instance a number, or nothing."""
    number, path = place
    before = read(ALL[number], path)
    if type(before) is type(value):
        return
    try:
        policy = built(with_value(ALL[number], path, value))
    except NoForm:
        return
    for url in urls(ALL[number]):
        for country in ("DE", "US"):
            go(Journey(Isolate(policy), url=url, place=Client("192.0.2.1", "", country), x_a="ab"))


def go(journey: Journey) -> None:
    """All of its way, if all goes well: whatever fails here answers 500 at the edge."""
    way, outcome = proxy(journey.context), None
    while True:
        try:
            effect = way.send(outcome)
        except StopIteration:
            return
        if isinstance(effect, Send):
            outcome = status(200)(effect, journey.now_ms)
        elif isinstance(effect, Race):
            outcome = raced(0, 200, None)(effect, journey.now_ms)
        else:
            outcome = in_quiet_times(effect, journey.now_ms)


def urls(tables: dict[str, Any]) -> list[str]:
    hosts: dict[str, Any] = {**tables["first"], **tables["hosts"]}
    named = {host: host.replace("*", "any") or "other.test" for host in hosts}
    return [
        f"https://{named[host]}{path or '/'}"
        for host, table in hosts.items()
        for path in (*table["exact"], *table["prefix"], "/a1/b")
    ]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda t: replace(t, pools={"p": (9,), "q": (1,)}),
            "`pools` has a position of no variant",
        ),
        (lambda t: replace(t, pools={"p": (-1,), "q": (1,)}), "`pools` has a position"),
        (lambda t: replace(t, pools={"p": (0,)}), "`routes` has a name of no pool"),
        (lambda t: replace(t, routes=()), "a rule has a number of no route"),
        (lambda t: replace(t, routes=(t.routes[0]._replace(shares=()),)), "a route leads nowhere"),
        (
            lambda t: replace(t, regions=replace(t.regions, default="moon")),
            "`regions` has a name of no region",
        ),
    ],
)
def test_what_leads_nowhere_is_refused(
    change: Callable[[PolicyTables], PolicyTables], why: str
) -> None:
    tables = compiled(TEXTS[-1])
    CompiledPolicy(tables)
    with pytest.raises(NoForm, match=why):
        CompiledPolicy(change(tables))
