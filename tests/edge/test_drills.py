"""Drills over HTTP: what they do to clients, who may start them, how they end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.cli import run
from tests.support.edge.coordinated import coordinated
from tests.support.edge.router import ADMIN_KEY, HERE, Edge, start_edge
from tests.support.edge.workerd import running_edge

POLICY = HERE / "drills.yaml"
SECRET = {"x-api-key": ADMIN_KEY}
ANN = {"x-api-key": "k-admin"}
TARGETS = [{"region": "eu"}, {"variant": "first"}, {"pool": "first"}]
WITHIN_S = 20.0


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    started = start_edge(tmp_path_factory.mktemp("drills"), POLICY)
    yield started
    started.client.close()
    started.server.stop()


@pytest.fixture
def calm(drilled: Edge) -> Iterator[Edge]:
    """Nothing that a test has started goes on after it."""
    yield drilled
    assert drilled.send("DELETE", "/.router/drills", headers=SECRET).status_code == 200


def start(edge: Edge, headers: dict[str, str] = SECRET, **asked: Any) -> httpx.Response:
    return edge.send("POST", "/.router/drills", headers=headers, json={"for": "1h", **asked})


def begin(edge: Edge, **asked: Any) -> dict[str, Any]:
    answer = start(edge, **asked)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def came(edge: Edge, record: str) -> list[dict[str, Any]]:
    """What has come to `first` at `/record/…`."""
    told: list[dict[str, Any]] = edge.get(f"/seen/{record}", host="spy.test").json()
    return told


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: next(iter(target)))
def test_down(calm: Edge, target: dict[str, str]) -> None:
    record = f"down-{next(iter(target))}"
    begin(calm, mode="down", **target)
    for method, more in (("GET", {}), ("POST", {"content": b"hello"}), ("PUT", {"content": b"hi"})):
        answer = calm.send(method, f"/record/{record}", host="drilled.test", **more)
        assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "second")
        assert answer.json()["attempt"] == 2
        assert answer.json()["body_bytes"] == len(more.get("content", b""))
    large = calm.send("POST", f"/record/{record}", host="drilled.test", content=b"x" * 200_000)
    assert large.json()["body_bytes"] == 200_000  # nobody has read a byte of it before
    stream = calm.send("POST", f"/record/{record}", host="drilled.test", content=iter([b"a", b"b"]))
    assert stream.json()["body_bytes"] == 2
    once = calm.get(f"/record/{record}", host="once.test")
    assert (once.status_code, once.json()["code"]) == (502, "variant-failed")
    assert came(calm, record) == []


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: next(iter(target)))
def test_errors(calm: Edge, target: dict[str, str]) -> None:
    record = f"errors-{next(iter(target))}"
    begin(calm, mode="errors:100%", **target)
    answer = calm.get(f"/record/{record}", host="drilled.test")
    assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "second")
    for method, host in (("GET", "once.test"), ("POST", "drilled.test")):
        answer = calm.send(method, f"/record/{record}", host=host)
        assert (answer.status_code, answer.headers["x-router-variant"]) == (503, "first")
    assert came(calm, record) == []


def test_a_share_of_errors(calm: Edge) -> None:
    begin(calm, region="eu", mode="errors:50%")
    answers = [calm.get("/unread", host="once.test").status_code for _ in range(60)]
    assert set(answers) == {200, 503}  # by chance alone once in 10^18
    assert all(calm.get("/unread", host="drilled.test").status_code == 200 for _ in range(20))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: next(iter(target)))
def test_latency(calm: Edge, target: dict[str, str]) -> None:
    record = f"latency-{next(iter(target))}"
    begin(calm, mode="latency:400ms", **target)
    began = time.monotonic()
    answer = calm.send("POST", f"/record/{record}", host="drilled.test", content=b"hello")
    assert time.monotonic() - began >= 0.4  # the drill's own promise, not a speed
    assert (answer.status_code, answer.text) == (200, "recorded")
    assert [each["body"] for each in came(calm, record)] == ["hello"]
    answer = calm.get(f"/record/{record}", host="brief.test")  # its attempts end before
    assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "second")
    answer = calm.get(f"/record/{record}", host="late.test")
    assert (answer.status_code, answer.json()["code"]) == (504, "variant-timeout")
    assert len(came(calm, record)) == 1


def test_the_longest_latency_does_not_hold_up_a_timeout(calm: Edge) -> None:
    begin(calm, region="eu", mode="latency:5m")
    assert calm.get("/unread", host="late.test").status_code == 504


def test_drills_that_overlap(calm: Edge) -> None:
    begin(calm, region="eu", mode="latency:400ms")
    begin(calm, pool="first", mode="errors:100%")
    assert calm.get("/unread", host="once.test").status_code == 503
    begin(calm, variant="first", mode="down")
    assert calm.get("/unread", host="once.test").status_code == 502


def test_other_variants_are_left_alone(calm: Edge) -> None:
    begin(calm, variant="first", mode="down")
    assert calm.get("/unread", host="spy.test").headers["x-router-variant"] == "spy"


def test_a_mirror_that_is_down_gets_nothing(calm: Edge) -> None:
    calm.get("/record/mirror-before", host="mirrored.test")
    wait_until(lambda: len(came(calm, "mirror-before")) == 1)
    begin(calm, pool="first", mode="down")
    for _ in range(5):
        assert calm.get("/record/mirror-down", host="mirrored.test").status_code == 200
    calm.send("DELETE", "/.router/drills", headers=SECRET)
    calm.get("/record/mirror-after", host="mirrored.test")
    wait_until(lambda: len(came(calm, "mirror-after")) == 1)
    assert came(calm, "mirror-down") == []


def test_an_answer_that_is_kept_is_not_replaced_by_a_drill(calm: Edge) -> None:
    first = calm.get("/fresh/a", host="cached.test")
    time.sleep(1.1)  # until it is stale, which is the second that its rule says
    begin(calm, pool="first", mode="errors:100%")
    told = [calm.get("/fresh/a", host="cached.test") for _ in range(5)]
    assert {(each.status_code, each.text) for each in told} == {(200, first.text)}


def test_faults_are_counted(calm: Edge) -> None:
    drill = begin(calm, region="eu", mode="down")
    for _ in range(3):
        calm.get("/unread", host="drilled.test")
    text = calm.own("metrics").text
    labels = f'drill="{drill["id"]}",variant="first",mode="down"'
    (line,) = [line for line in text.splitlines() if labels in line]
    assert line.startswith("router_drill_faults_total{")
    assert line.endswith(" 3")


def test_it_ends_by_itself(calm: Edge) -> None:
    drill = begin(calm, region="eu", mode="down", **{"for": "1s"})
    assert calm.get("/unread", host="drilled.test").headers["x-router-variant"] == "second"
    wait_until(
        lambda: calm.get("/unread", host="drilled.test").headers["x-router-variant"] == "first"
    )
    ends_at = datetime.fromisoformat(drill["ends_at"])
    assert (ends_at - datetime.fromisoformat(drill["started_at"])).total_seconds() == 1
    wait_until(lambda: drill["id"] not in ids(calm, "active"))
    (past,) = [each for each in calm.own("drills").json()["past"] if each["id"] == drill["id"]]
    assert (past["why"], past["ended_at"], past["ended_by"]) == ("time", drill["ends_at"], None)


def ids(edge: Edge, which: str) -> list[str]:
    return [each.get("id") for each in edge.own("drills").json()[which]]


def test_every_region_at_once_is_refused(calm: Edge) -> None:
    begin(calm, region="eu", mode="down")
    for mode in ("down", "errors:1%", "latency:1s"):
        refused = start(calm, region="us", mode=mode)
        told = refused.json()
        assert (refused.status_code, told["code"]) == (409, "drill-refused")
        assert "route drilled (pool first)" in told["detail"]
        assert '`"force": true`' in told["detail"]
        assert {"route": "drilled", "pool": "first", "regions": ["eu", "us"]} in told["gaps"]
    assert calm.get("/unread", host="drilled.test").status_code == 200
    forced = begin(calm, region="us", mode="down", force=True)
    assert forced["forced"] is True
    assert calm.get("/unread", host="drilled.test").status_code == 502


def test_stopping(calm: Edge) -> None:
    one, two = (begin(calm, variant=name, mode="down", force=True) for name in ("first", "spy"))
    assert {one["id"], two["id"]} <= set(ids(calm, "active"))
    answer = calm.send("DELETE", f"/.router/drills/{one['id']}", headers=ANN)
    assert [(each["id"], each["why"], each["ended_by"]) for each in answer.json()["ended"]] == [
        (one["id"], "stopped", "ann")
    ]
    assert calm.get("/unread", host="drilled.test").headers["x-router-variant"] == "first"
    assert calm.get("/unread", host="spy.test").status_code == 502
    again = calm.send("DELETE", f"/.router/drills/{one['id']}", headers=ANN)
    assert (again.status_code, again.json()["code"]) == (404, "not-found")
    assert [each["id"] for each in stop(calm)] == [two["id"]]
    assert stop(calm) == []
    assert calm.get("/unread", host="spy.test").status_code == 200


def stop(edge: Edge) -> list[dict[str, Any]]:
    ended: list[dict[str, Any]] = edge.send("DELETE", "/.router/drills", headers=SECRET).json()[
        "ended"
    ]
    return [each for each in ended if each["name"] is None]


def test_the_audit_log(calm: Edge) -> None:
    one = start(calm, ANN, region="eu", mode="latency:10ms").json()
    start(calm, region="us", mode="down")
    calm.send("DELETE", f"/.router/drills/{one['id']}", headers=SECRET)
    events = [each for each in calm.own("audit").json()["events"] if not each["drill"]["name"]][:3]
    told = [(each["event"], each["by"], each.get("why", "")[:21]) for each in events]
    assert told == [
        ("drill-ended", "secret", "stopped"),
        ("drill-refused", "secret", "nothing would be left"),
        ("drill-started", "ann", ""),
    ]
    assert events[2]["drill"] == one
    assert events[0]["at"] > events[1]["at"] > events[2]["at"]
    assert len(calm.own("audit?limit=2").json()["events"]) == 2


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1001", "limit=", "since=1"])
def test_wrong_questions_about_the_audit_log(calm: Edge, query: str) -> None:
    answer = calm.own(f"audit?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "no JSON object"),
        (b"\xff\xfe", 400, "no JSON object"),
        (b"[" * 16_000, 400, "no JSON object"),
        (b'{"region": "eu", "mode": "up", "for": "1m"}', 400, "`up` is no mode"),
        (
            b'{"region": "uk", "mode": "down", "for": "1m"}',
            400,
            "in the region `uk`; known: `eu`, `us`",
        ),
        (b'{"variant": "fisrt", "mode": "down", "for": "1m"}', 400, "did you mean `first`?"),
        (b'{"region": "eu", "mode": "down", "for": "2d"}', 400, "no duration of 1s to 24h"),
        (b" " * 16_385, 413, "16384 bytes"),
    ],
)
def test_what_cannot_be_started(calm: Edge, body: bytes, status: int, said: str) -> None:
    answer = calm.send("POST", "/.router/drills", headers=SECRET, content=body)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "page", "allowed"),
    [
        ("PUT", "drills", "GET, HEAD, POST, DELETE"),
        ("GET", "drills/d-1", "DELETE"),
        ("DELETE", "drills/", "GET, HEAD"),  # not all of them because a name was empty
        ("POST", "audit", "GET, HEAD"),
        ("DELETE", "status", "GET, HEAD"),
    ],
)
def test_methods(calm: Edge, method: str, page: str, allowed: str) -> None:
    answer = calm.send(method, f"/.router/{page}", headers=SECRET)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("method", "page"),
    [
        ("GET", "drills"),
        ("POST", "drills"),
        ("DELETE", "drills"),
        ("DELETE", "drills/d-1"),
        ("GET", "audit"),
    ],
)
def test_only_administrators(calm: Edge, method: str, page: str) -> None:
    body = json.dumps({"region": "eu", "mode": "down", "for": "1m"}).encode()
    answer = calm.send(method, f"/.router/{page}", content=body if method == "POST" else None)
    assert answer.status_code == 401
    assert calm.get("/unread", host="drilled.test").headers["x-router-variant"] == "first"


@pytest.mark.parametrize("kind", [None, "throw"])
def test_without_the_coordinator(tmp_path: Path, kind: str | None) -> None:
    with coordinated(tmp_path, kind) as router:
        for method, page in (
            ("GET", "drills"),
            ("POST", "drills"),
            ("DELETE", "drills"),
            ("GET", "audit"),
        ):
            asked = {"variant": "good", "mode": "down", "for": "1m"} if method == "POST" else None
            answer = router.client.request(method, f"/.router/{page}", headers=SECRET, json=asked)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert answer.json()["code"] == "coordinator-unavailable"
            assert ("may have been made" in answer.json()["detail"]) == (
                method in ("POST", "DELETE")
            )
        assert router.client.get("/work").status_code == 200


def test_the_command(
    calm: Edge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", "k-admin")
    where = ("--url", calm.url)
    start = ("drill", "start", "--mode", "down", "--for", "1h", *where)
    assert run(capsys, *start, "--region", "eu", "--json")[0] == 0
    answer = calm.get("/unread", host="drilled.test")
    told = answer.status_code, answer.headers["x-router-variant"]
    assert told == (200, "second"), calm.own("drills").text
    code, _, err = run(capsys, *start, "--region", "us")
    assert code == 1
    assert "route drilled, pool first, clients of eu, us" in err
    listed = " ".join(run(capsys, "drill", "list", *where)[1].split())
    assert "region eu down 1h" in listed  # a column is as wide as its widest drill
    code, _, err = run(capsys, *start, "--variant", "fist")
    assert (code, "did you mean `first`?" in err) == (1, True)
    assert "region eu down" in run(capsys, "drill", "stop", *where)[1]
    assert calm.get("/unread", host="drilled.test").headers["x-router-variant"] == "first"
    monkeypatch.setenv("ROUTER_ADMIN_KEY", "k-plain")
    assert run(capsys, "drill", "list", *where)[0] == 1


def test_drills_and_the_audit_log_survive_a_restart(tmp_path: Path) -> None:
    with running_edge(tmp_path / "router", POLICY) as first:
        drill = begin(first, pool="first", mode="down")
        over = begin(first, variant="second", mode="latency:1ms", force=True, **{"for": "1s"})
    with running_edge(tmp_path / "router", POLICY) as second:
        assert drill["id"] in ids(second, "active")
        wait_until(
            lambda: (
                second.get("/unread", host="drilled.test").headers["x-router-variant"] == "second"
            )
        )
        wait_until(lambda: over["id"] in ids(second, "past"))
        events = [
            (each["event"], each["drill"]["id"]) for each in second.own("audit").json()["events"]
        ]
        assert ("drill-started", drill["id"]) in events
        assert ("drill-ended", over["id"]) in events


def test_a_schedule(drilled: Edge) -> None:
    """One that runs each minute, so the longest wait is one."""
    deadline = time.monotonic() + 90
    began: set[str] = set()
    while not began:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        active = drilled.own("drills").json()["active"]
        began = {each["started_at"] for each in active if each["name"] == "each-minute"}
    wait_until(lambda: drilled.get("/", host="clock.test").headers["x-router-variant"] == "second")
    (scheduled,) = drilled.own("drills").json()["scheduled"]
    assert scheduled["schedule"] == "* * * * *"
    assert scheduled["next_at"].endswith(":00.000+00:00")
    (at,) = began
    assert 0 <= datetime.fromisoformat(at).second < 20
