"""Hedges over HTTP: who wins, who is aborted, and when nobody is asked beside the first."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from tests.support.edge.router import Edge


@pytest.fixture(autouse=True)
def _well(edge: Edge) -> None:
    """There is budget for hedges, and nobody is suspect for what a test did before."""
    for host in ("hedged.test", "brief.hedged.test"):
        for _ in range(2):
            edge.get("/each/200/x", host=host)


@pytest.mark.parametrize(
    ("acts", "status", "variant"),
    [
        ("200", 200, "slow"),
        ("hang.200", 200, "beside"),
        ("slow.hang", 200, "slow"),
        ("slow.503", 200, "slow"),
        ("slow.throw", 200, "slow"),
        ("slow.404", 404, "beside"),
        ("late.slow", 200, "beside"),
        ("late.503.200", 200, "one"),
        ("503.200", 200, "beside"),  # at once, so this is no hedge
        ("404", 404, "slow"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_who_answers(edge: Edge, method: str, acts: str, status: int, variant: str) -> None:
    answer = edge.send(method, f"/each/{acts}/{uuid.uuid4().hex}", host="hedged.test")
    assert (answer.status_code, answer.headers["x-router-variant"]) == (status, variant)


@pytest.mark.parametrize(
    ("acts", "status", "variant"),
    [("hang.hang", 504, "beside"), ("hang.503", 503, "beside"), ("late.throw", 502, "beside")],
)
def test_when_both_fail_the_last_one_is_told(
    edge: Edge, acts: str, status: int, variant: str
) -> None:
    answer = edge.get(f"/each/{acts}/{uuid.uuid4().hex}", host="brief.hedged.test")
    assert (answer.status_code, answer.headers["x-router-variant"]) == (status, variant)


def seen_of(edge: Edge, acts: str) -> object:
    """What the variants saw of the end of a hedged request."""
    name = uuid.uuid4().hex
    assert edge.get(f"/each/{acts}/{name}", host="hedged.test").status_code == 200
    for _ in range(100):
        seen = edge.get(f"/seen/{name}", host="backend.test").json()
        if seen:
            return seen
        time.sleep(0.02)
    return None


@pytest.mark.parametrize(("acts", "aborted"), [("hang.200", 1), ("slower.hang", 2)])
def test_the_other_one_is_aborted_and_not_blamed(edge: Edge, acts: str, aborted: int) -> None:
    def failures() -> dict[str, Any]:
        variants = edge.own("health/variants?local=1").json()["variants"]
        return {each["name"]: each["failures"] for each in variants}

    before = failures()
    assert any(seen_of(edge, acts) == [{"aborted": aborted}] for _ in range(5)), (
        "on a busy machine one may be aborted before it has come to the variant"
    )
    assert failures() == before


@pytest.mark.parametrize(
    ("method", "more"),
    [("POST", {}), ("PUT", {}), ("DELETE", {}), ("OPTIONS", {"content": b"x"})],
)
def test_what_is_not_hedged(edge: Edge, method: str, more: dict[str, bytes]) -> None:
    name = uuid.uuid4().hex
    answer = edge.send(method, f"/each/slow.200/{name}", host="hedged.test", **more)
    assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "slow")


@pytest.mark.parametrize("acts", ["events", "hang.events"])
def test_the_winners_stream_is_not_cut(edge: Edge, acts: str) -> None:
    """It takes longer than an attempt may take to begin."""
    answer = edge.get(f"/each/{acts}/{uuid.uuid4().hex}", host="brief.hedged.test")
    assert answer.text == "".join(f"data: {number}\n\n" for number in range(5))


def hedges(edge: Edge, route: str) -> dict[str, float]:
    """By whether they won."""
    lines = edge.own("metrics").text.splitlines()
    found = [line for line in lines if line.startswith(f'router_hedges_total{{route="{route}"')]
    return {line.split('won="')[1].split('"')[0]: float(line.split(" ")[-1]) for line in found}


def test_hedges_are_counted(edge: Edge) -> None:
    for acts in ("200", "503.200"):
        edge.get(f"/each/{acts}/{uuid.uuid4().hex}", host="hedged.test")
    before = hedges(edge, "o-hedged")
    for acts in ("hang.200", "slow.hang", "hang.200"):
        edge.get(f"/each/{acts}/{uuid.uuid4().hex}", host="hedged.test")
    after = hedges(edge, "o-hedged")
    assert {won: after[won] - before.get(won, 0) for won in after} == {"true": 2, "false": 1}


def test_p95_needs_to_know_how_long_answers_take(edge: Edge) -> None:
    answer = edge.get("/each/slow.200/x", host="p95.test")
    assert answer.headers["x-router-variant"] == "slow"
    for _ in range(120):
        edge.get("/each/200/x", host="p95.test")
    variants: list[str] = []
    while "beside" not in variants:  # an estimate is good for a second
        variants.append(edge.get("/each/slow.200/x", host="p95.test").headers["x-router-variant"])
        assert len(variants) < 10
    assert hedges(edge, "o-p95") == {"true": 1}
