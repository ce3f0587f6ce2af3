"""Analytics on SQLite, against a slow and obvious reference."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.identity import Identity
from agent.queue.database import Rows
from agent.records import analytics, statements
from agent.records.analytics import (
    DIMENSIONS,
    FILTERS,
    LATE_MS,
    PERCENTS,
    Analytics,
    Group,
    Question,
    analyse,
    statement,
)
from agent.records.request import Facts, RequestRecord, data_point
from tests.agent.queue.sqlite import Sqlite, memory

HOUR = 3_600_000
NOW = 497_222 * HOUR


class Row(dict[str, Any]):
    """A request as it is written: its dimensions, `at_ms`, `status`, `took_ms`."""


def filled(rows: list[Row], late_ms: int = 0) -> Sqlite:
    db = memory()
    for number, row in enumerate(rows):
        who = Identity("cf-eu-00000001", "canary", row["region"], 0)
        facts = Facts(row["capability"])
        point = data_point(
            RequestRecord(
                *(row["at_ms"], row["endpoint"], "POST", row["status"]),
                *(row["took_ms"], row["tenant"], facts),
            ),
            who,
        )
        values = (f"[{point}]", row["at_ms"] + late_ms, f"b{number}")
        asyncio.run(db.run(statements.WRITE, *values))
    return db


def expected(rows: list[Row], asked: Question) -> list[Group]:
    chosen = [
        row
        for row in rows
        if asked.from_ms <= row["at_ms"] < asked.to_ms
        and asked.tenant in (None, row["tenant"])
        and all(row[name] == value for name, value in asked.filters.items())
    ]
    groups = defaultdict[tuple[Any, ...], list[Row]](list)
    for row in chosen:
        hours = {"hour": row["at_ms"] // HOUR * HOUR}
        groups[tuple(({**row, **hours})[name] for name in asked.by)].append(row)
    return [
        Group(
            dict(zip(asked.by, key, strict=True)),
            len(group),
            sum(row["status"] >= 400 for row in group),
            sum(row["status"] >= 500 for row in group),
            {percent: nearest_rank(group, percent) for percent in PERCENTS},
        )
        for key, group in groups.items()
    ]


def nearest_rank(rows: list[Row], percent: int) -> float:
    times = sorted(row["took_ms"] for row in rows)
    return float(times[math.ceil(percent * len(times) / 100) - 1])


def ordered(groups: list[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: repr(group.by))


ROWS = st.lists(
    st.builds(
        Row,
        tenant=st.sampled_from(["ann", "bob"]),
        capability=st.sampled_from(["", "database", "text-processing"]),
        region=st.sampled_from(["eu", "us"]),
        endpoint=st.sampled_from(["", "/execute", "/poll"]),
        status=st.sampled_from([200, 404, 422, 500, 503]),
        took_ms=st.sampled_from([0.0, 0.5, 1.0, 7.25, 1_000.0]),
        at_ms=st.integers(NOW - 3 * HOUR, NOW + HOUR),
    ),
    max_size=25,
)
ASKED = st.builds(
    Question,
    from_ms=st.integers(NOW - 3 * HOUR, NOW - HOUR),
    to_ms=st.integers(NOW - HOUR, NOW + HOUR),
    tenant=st.sampled_from([None, "ann", "bob", "nobody"]),
    by=st.lists(st.sampled_from(list(DIMENSIONS)), unique=True).map(tuple),
    filters=st.dictionaries(
        st.sampled_from(FILTERS), st.sampled_from(["database", "eu", "/execute"]), max_size=2
    ),
)


@given(rows=ROWS, asked=ASKED, late_ms=st.sampled_from([0, 1_500, LATE_MS - 1]))
def test_it_is_what_the_reference_says(rows: list[Row], asked: Question, late_ms: int) -> None:
    db = filled(rows, late_ms)
    found = asyncio.run(analyse(db, asked))
    groups = expected(rows, asked)
    assert ordered(found.groups) == ordered(groups)
    assert found.requests == sum(group.requests for group in groups)
    assert found.errors == sum(group.errors for group in groups)
    assert (found.is_cut, found.is_partial) == (False, False)
    hours = [group.by["hour"] for group in found.groups if "hour" in group.by]
    assert hours == sorted(hours, reverse=True)
    db.connection.close()


def row(number: int, **more: Any) -> Row:
    usual = {"tenant": "ann", "capability": "", "region": "eu", "endpoint": "/poll"}
    return Row(usual | {"status": 200, "took_ms": number, "at_ms": NOW + number} | more)


def all_of(rows: list[Row], tenant: str | None, *by: str) -> Analytics:
    asked = Question(NOW, NOW + HOUR, tenant, by)
    return asyncio.run(analyse(filled(rows), asked))


@pytest.mark.parametrize("tenant", ["ann", None])
def test_what_is_more_than_the_limits_is_told(
    monkeypatch: pytest.MonkeyPatch, tenant: str | None
) -> None:
    rows = [row(number, region=f"r{number}") for number in range(5)]
    monkeypatch.setattr(analytics, "MAX_GROUPS", 3)
    found = all_of(rows, tenant, "region")
    assert (len(found.groups), found.requests, found.is_cut, found.is_partial) == (
        3,
        5,
        True,
        False,
    )
    monkeypatch.setattr(analytics, "MAX_READ", 4)
    found = all_of(rows, tenant)
    assert (found.requests, found.is_cut, found.is_partial) == (4, False, True)
    assert found.groups[0].took_ms == {50: 2, 95: 4, 99: 4}  # of the youngest
    asked = Question(NOW, NOW + HOUR, tenant, (), {"region": "r0"})
    found = asyncio.run(analyse(filled(rows), asked))
    assert (found.groups, found.is_partial) == ([], True)  # a filter reads no more


def test_percentiles_of_a_hundred_and_of_none() -> None:
    (group,) = all_of([row(number + 1) for number in range(100)], "ann").groups
    assert group.took_ms == {50: 50, 95: 95, 99: 99}
    assert all_of([], "ann") == Analytics([], 0, 0, False, False)


@pytest.mark.parametrize(
    ("tenant", "step"),
    [
        (
            "ann",
            "SEARCH requests USING INDEX requests_of_tenant (tenant=? AND at_ms>? AND at_ms<?)",
        ),
        (None, "SEARCH requests USING PRIMARY KEY (written_ms>? AND written_ms<?)"),
    ],
)
@pytest.mark.parametrize("by", [(), ("hour",), tuple(DIMENSIONS)])
def test_only_rows_of_that_time_are_read(
    tenant: str | None, step: str, by: tuple[str, ...]
) -> None:
    """And none is sorted to find the youngest."""
    sql, params = statement(Question(0, 1, tenant, by, {"region": "eu"}))
    plan = asyncio.run(planned(sql, params))
    assert step in [found["detail"] for found in plan.rows]


async def planned(sql: str, params: Any) -> Rows:
    return await memory().run(f"EXPLAIN QUERY PLAN {sql}", *params)
