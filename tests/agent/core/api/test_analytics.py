"""`GET /analytics`: who may see what, and how it is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent.core.api.analytics import ANALYTICS_SCOPE, LONGEST_MS
from agent.core.identity import time_text
from agent.records import statements
from agent.records.request import Facts, RequestRecord, data_point
from tests.agent.core.making import START, World

HOUR = 3_600_000


@pytest.fixture
def world() -> World:
    """An hour ago `core` asked three times, and `other` once; `core` once two days ago."""
    made = World()
    for tenant, ago, status, took in (
        ("core", HOUR, 200, 1.0),
        ("core", HOUR, 422, 9.0),
        ("core", HOUR, 503, 5.0),
        ("other", HOUR, 200, 7.0),
        ("core", 48 * HOUR, 200, 3.0),
    ):
        facts = Facts("database" if status != 503 else "")
        request = RequestRecord(START - ago, "/execute", "POST", status, took, tenant, facts)
        point = data_point(request, made.agent.who)
        work = made.db.run(statements.WRITE, f"[{point}]", round(START - ago), f"{tenant}{took}")
        asyncio.run(work)
    return made


def ask(world: World, query: str = "", **more: Any) -> Any:
    status, told, _ = world.ask("GET", f"/analytics{query}", **more)
    assert status == 200, told
    assert told["status"] == "success"
    return told["analytics"]


def test_ones_own_of_the_last_day(world: World) -> None:
    told = ask(world)
    assert told == {
        "from": time_text(START - 24 * HOUR),
        "to": time_text(START),
        "by": [],
        "requests": 3,
        "errors": 2,
        "groups": [
            {
                "requests": 3,
                "errors": 2,
                "server_errors": 1,
                "p50_ms": 5,
                "p95_ms": 9,
                "p99_ms": 9,
            }
        ],
        "truncated": False,
        "partial": False,
    }


def test_by_dimensions(world: World) -> None:
    told = ask(world, "?by=capability,hour")
    hour = time_text((START - HOUR) // HOUR * HOUR)
    found = [(each["capability"], each["hour"], each["requests"]) for each in told["groups"]]
    assert found == [("database", hour, 2), ("", hour, 1)]
    assert ask(world, "?by=region&capability=database")["groups"][0]["region"] == "eu"
    assert ask(world, "?endpoint=/poll")["groups"] == []


def test_scopes(world: World) -> None:
    everybodys = {"key": "operator", "scopes": f"agents {ANALYTICS_SCOPE}"}
    assert ask(world, **everybodys)["requests"] == 4
    assert ask(world, "?tenant=other", **everybodys)["requests"] == 1
    groups = ask(world, "?by=tenant", **everybodys)["groups"]
    assert [each["tenant"] for each in groups] == ["core", "other"]
    assert ask(world, "?tenant=core")["requests"] == 3
    assert ask(world, key="other")["requests"] == 1
    for scopes in ("agents", "agents agent:worker"):
        status, told, _ = world.ask("GET", "/analytics?tenant=other", scopes=scopes)
        assert (status, told["error"]) == (
            403,
            "requests of other tenants need a key of scope `analytics:read`",
        )
    assert world.ask("GET", "/analytics", key=None)[0] == 401


@pytest.mark.parametrize(
    ("query", "requests"),
    [
        (f"?from={START - 72 * HOUR:.0f}", 4),
        (f"?from={START - 72 * HOUR:.0f}&to={START - 24 * HOUR:.0f}", 1),
        (f"?from={time_text(START - 72 * HOUR)}", 4),
        (f"?from={time_text(START - 72 * HOUR).replace('+', ' ')}", 4),
        (f"?from={time_text(START - 72 * HOUR).replace('+00:00', 'Z')}", 4),
        (f"?from={time_text(START - 72 * HOUR).replace('+00:00', '')}", 4),
        (f"?to={time_text(START - HOUR)}", 0),
    ],
)
def test_times(world: World, query: str, requests: int) -> None:
    assert ask(world, query)["requests"] == requests


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("?from=yesterday", "`from` is a time such as 2026-09-21T14:00:00Z"),
        ("?to=-1", "`to` is a time such as"),
        ("?to=9999999999999999", "`to` is a time such as"),
        ("?to=0001-01-01T00:00:00Z", "`to` is a time such as"),
        (f"?from={START + 1:.0f}", "`from` is before `to`"),
        (f"?from={START - LONGEST_MS - 1:.0f}", "at most 31 days before it"),
        ("?by=capabilty", "there is no dimension `capabilty`; did you mean `capability`?"),
        ("?by=capability;tenant", "there is no dimension"),
        ("?by=", "there is no dimension ``; known: capability, tenant"),
        ("?by=hour,hour,hour,hour,hour,hour", "`by` has more than 5 names"),
        ("?capability=A", "`capability` "),
        ("?region=Berlin", "`region` is a region such as eu"),
        ("?endpoint=execute", "`endpoint` is a path such as /execute"),
        ("?tenant=%20".replace("%20", " "), "`tenant` "),
        ("?form=1", "there is no field `form`; did you mean `from`?"),
    ],
)
def test_what_is_refused(world: World, query: str, why: str) -> None:
    status, told, _ = world.ask("GET", f"/analytics{query}")
    assert status == 400
    assert why in told["error"]
