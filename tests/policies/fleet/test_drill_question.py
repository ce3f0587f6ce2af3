"""Drills as they are asked for over HTTP: read, or refused with how to mend it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.fleet.drill_question import NotStartable, missing_target, read_asked
from policies.fleet.drills import Asked
from policies.resilience.drill import Fault, Target
from tests.policies.making import compiled
from tests.support.examples import examples

GOOD = {"region": "eu", "mode": "down", "for": "10m"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (GOOD, Asked(Target("region", "eu"), Fault("down", 0), 600_000, "ann")),
        (
            {"variant": "a", "mode": "errors:5%", "for": "1s", "force": True},
            Asked(Target("variant", "a"), Fault("errors", 0.05), 1_000, "ann", True),
        ),
        (
            {"pool": "p", "mode": "latency:2s", "for": "24h", "force": False},
            Asked(Target("pool", "p"), Fault("latency", 2_000), 86_400_000, "ann"),
        ),
    ],
)
def test_what_is_asked(document: dict[str, object], expected: Asked) -> None:
    assert read_asked(json.dumps(document), "ann") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON object"),
        ("[1]", "no JSON object"),
        ("[" * 100_000, "no JSON object"),
        (json.dumps(GOOD | {"until": 1}), "no field `until`; known: `region`"),
        (json.dumps(GOOD | {"force": 1}), "`force` is true or false"),
        (json.dumps(GOOD | {"pool": "p"}), "exactly one of"),
        (json.dumps({"mode": "down", "for": "1m"}), "exactly one of"),
        (json.dumps(GOOD | {"region": None}), "exactly one of"),
        (json.dumps(GOOD | {"mode": "up"}), "`mode`: `up` is no mode"),
        (json.dumps(GOOD | {"mode": 1}), "`mode`: `` is no mode"),
        (json.dumps(GOOD | {"for": "10"}), "`for` is no duration of 1s to 24h"),
        (json.dumps(GOOD | {"for": "999ms"}), "`for` is no duration of 1s to 24h"),
        (json.dumps(GOOD | {"for": "25h"}), "`for` is no duration of 1s to 24h"),
        (json.dumps(GOOD | {"for": 600}), "`for` is no duration"),
    ],
)
def test_what_makes_no_sense(text: str, said: str) -> None:
    with pytest.raises(NotStartable) as raised:
        read_asked(text, "ann")
    assert said in str(raised.value)


@examples(200)
@given(
    st.dictionaries(
        st.sampled_from(["region", "pool", "mode", "for", "force", "x"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=6)),
    )
)
def test_any_object_is_read_or_refused(document: dict[str, object]) -> None:
    try:
        asked = read_asked(json.dumps(document), "ann")
    except NotStartable:
        return
    assert set(document) <= {"region", "pool", "mode", "for", "force"}
    assert 1_000 <= asked.for_ms <= 86_400_000


POLICY = compiled(
    variants={
        "agent-eu": {"binding": "EU", "pool": "production", "region": "eu"},
        "agent-us": {"binding": "US", "pool": "production"},
    },
    regions={"eu": {}, "us": {}},
    routes=[{"name": "r", "split": {"production": 1}}],
)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("region", "eu"), None),
        (Target("variant", "agent-us"), None),
        (Target("pool", "production"), None),
        (Target("region", "us"), "no variant in the region `us`; known: `eu`"),
        (Target("variant", "agent-uk"), "no variant `agent-uk`; did you mean `agent-us`?"),
        (Target("pool", "prodution"), "in the pool `prodution`; did you mean `production`?"),
    ],
)
def test_a_target_that_is_missing(target: Target, said: str | None) -> None:
    found = missing_target(target, POLICY)
    assert (found is None) == (said is None)
    assert said is None or (found and said in found)


def test_no_regions_at_all() -> None:
    policy = compiled(routes=[{"name": "r", "split": {"canary": 1}}])
    found = missing_target(Target("region", "eu"), policy)
    assert found == "There is no variant in the region `eu`; no variant has a region"
