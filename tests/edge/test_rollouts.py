"""Rollouts on the real runtime: what users see, what the audit log tells, what survives."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from router.dev.workerd import service
from tests.support.edge.moody import MOODY, Router, eventually, running, workers
from tests.support.edge.router import ADMIN_KEY, TIMING

SECRET = {"x-api-key": ADMIN_KEY}
USERS = [f"user-{number}" for number in range(400)]
INTERVAL_S = 10  # of the flawed rollout
RATE = 80  # requests a second to it: at 50 %, 200 to the canary in half an interval
REFRESH_S = 4 * TIMING.report_ms / 1000  # every isolate has heard of a change
POLICY = """\
version: 1
variants:
  steady: {binding: STEADY, pool: production}
  sound: {binding: SOUND, pool: canary}
  old: {binding: OLD, pool: old}
  flawed: {binding: FLAWED, pool: flawed}
  one: {binding: ONE, pool: one}
  two: {binding: TWO, pool: two}
  hand: {binding: HAND, pool: hand}
rollouts:
  - name: sound
    routes: [sound]
    from: production
    to: canary
    steps: [{weight: 1}, {weight: 5}, {weight: 25}, {weight: 50}, {weight: 100}]
    analysis: {interval: 5s, min_requests: 5}
  - name: flawed
    routes: [flawed]
    from: old
    to: flawed
    steps: [{weight: 50}, {weight: 100}]
    analysis: {interval: 10s}
  - name: spare
    routes: [spare]
    from: one
    to: two
    steps: [{weight: 5, pause: true}]
  - name: handmade
    routes: [handmade]
    from: one
    to: two
    steps:
      - {header: {name: x-preview, value: "1"}, pause: true}
      - {mirror: 100%, pause: true}
      - {weight: 50, pause: true}
    analysis:
      interval: 5s
      min_requests: 5
      checks: [{name: smoke, binding: SMOKE, path: /smoke}]
routes:
  - name: sound
    hostnames: [sound.test]
    split: {production: 100, canary: 0}
    sticky: [header:x-user]
  - name: flawed
    hostnames: [flawed.test]
    split: {old: 100, flawed: 0}
    sticky: [header:x-user]
  - name: handmade
    hostnames: [handmade.test]
    split: {one: 100, two: 0}
    sticky: [header:x-user]
  - {name: spare, hostnames: [spare.test], split: {one: 100, two: 0}}
  - {name: hand, split: {hand: 1}}
"""


@pytest.fixture(scope="module")
def rolling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folder = tmp_path_factory.mktemp("rollouts")
    first, *others = workers(folder, POLICY)
    bindings = {**first.bindings, "SMOKE": service(MOODY, {"name": "smoke"})}
    with running(folder, [replace(first, bindings=bindings), *others]) as router:
        eventually(lambda: router.own("rollouts"))  # it listens
        yield router


def told(router: Router, name: str) -> dict[str, Any]:
    found: dict[str, Any] = router.own(f"rollouts/{name}")["rollout"]
    return found


def act(router: Router, name: str, action: str, **body: Any) -> httpx.Response:
    return router.client.post(f"/.router/rollouts/{name}/{action}", headers=SECRET, json=body)


def history(router: Router, name: str) -> list[dict[str, Any]]:
    """The oldest first."""
    events: list[dict[str, Any]] = router.own(f"rollouts/{name}/history")["events"]
    return events[::-1]


def gauge(router: Router, name: str) -> float | None:
    """The weight by which the isolate serves."""
    lines = router.client.get("/.router/metrics", headers=SECRET).text.splitlines()
    begin = f'router_rollout_weight{{rollout="{name}"'
    found = [float(line.rpartition(" ")[2]) for line in lines if line.startswith(begin)]
    return found[0] if found else None


class Seen(NamedTuple):
    user: str
    at: float
    variant: str
    status: int


class Users:
    """Users of one host, who ask one after the other, `rate` times a second in all."""

    def __init__(self, url: str, host: str, rate: float) -> None:
        self.url, self.host, self.rate = url, host, rate
        self.seen: list[Seen] = []
        self.is_over = False

    async def go(self) -> None:
        loop = asyncio.get_running_loop()
        limits = httpx.Limits(max_connections=20)
        async with httpx.AsyncClient(base_url=self.url, timeout=30, limits=limits) as client:
            begun, number, tasks = loop.time(), 0, set[asyncio.Task[None]]()
            while not self.is_over:
                await asyncio.sleep(max(0, begun + number / self.rate - loop.time()))
                task = asyncio.create_task(self._ask(client, USERS[number % len(USERS)]))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                number += 1
            await asyncio.gather(*tasks)

    async def _ask(self, client: httpx.AsyncClient, user: str) -> None:
        at = time.time()
        answer = await client.get("/part", headers={"host": self.host, "x-user": user})
        self.seen.append(Seen(user, at, answer.headers["x-router-variant"], answer.status_code))

    def of(self, variant: str) -> set[str]:
        return {each.user for each in self.seen if each.variant == variant}


async def until(router: Router, name: str, state: str, within: float) -> None:
    deadline = time.monotonic() + within
    while (await asyncio.to_thread(told, router, name))["state"] != state:
        assert time.monotonic() < deadline, json.dumps(told(router, name))
        await asyncio.sleep(0.5)


def test_a_sound_one_and_a_flawed_one_under_load(rolling: Router) -> None:
    """Both at once. The sound one takes all of its traffic, and moves nobody back; the flawed
    one is found, and those who were not with it never see it."""
    url = str(rolling.client.base_url)
    sound, flawed = Users(url, "sound.test", 300), Users(url, "flawed.test", RATE)

    async def whole() -> None:
        going = [asyncio.create_task(users.go()) for users in (sound, flawed)]
        await asyncio.sleep(1)
        for name in ("sound", "flawed"):
            answer = await asyncio.to_thread(act, rolling, name, "start", note="by the test")
            assert answer.status_code == 200, answer.text
        await until(rolling, "flawed", "rolled-back", 60)
        await asyncio.sleep(REFRESH_S + 3)
        flawed.is_over = True
        await until(rolling, "sound", "succeeded", 120)
        while len(sound.seen) < 10_000:
            await asyncio.sleep(0.2)
        await asyncio.sleep(REFRESH_S)
        sound.is_over = True
        await asyncio.gather(*going)

    asyncio.run(whole())
    check_flawed(rolling, flawed)
    check_sound(rolling, sound)


def check_sound(router: Router, users: Users) -> None:
    assert len(users.seen) >= 10_000
    assert {each.status for each in users.seen} == {200}
    moved: set[str] = set()
    for each in sorted(users.seen, key=lambda each: each.at):
        assert each.variant == "sound" or each.user not in moved, "a user was moved back"
        moved |= {each.user} if each.variant == "sound" else set()
    assert moved == set(USERS)
    events = history(router, "sound")
    assert [event["event"] for event in events] == [
        *("rollout-started", *["rollout-step"] * 4, "rollout-succeeded"),
    ]
    assert [event["weight"] for event in events] == [1, 5, 25, 50, 100, 100]
    assert {event["by"] for event in events[1:]} == {None}  # nobody had to do anything
    assert all(event["numbers"]["verdict"] == "passed" for event in events[1:])
    assert gauge(router, "sound") == 100


def check_flawed(router: Router, users: Users) -> None:
    started, failed = history(router, "flawed")
    assert (started["event"], started["weight"]) == ("rollout-started", 50)
    assert (failed["event"], failed["before"], failed["weight"]) == ("rollout-rolled-back", 50, 0)
    assert failed["reason"].startswith("error rate against the old pool: ")
    numbers = failed["numbers"]
    assert numbers["to"]["errors"] > 0
    assert numbers["from"]["errors"] == 0
    begun, ended = (datetime.fromisoformat(each["at"]).timestamp() for each in (started, failed))
    assert ended - begun <= 2 * INTERVAL_S + 1, "it took more than two intervals"
    late = [each for each in users.seen if each.at > ended + REFRESH_S]
    assert len(late) > RATE
    assert {each.variant for each in late} == {"old"}
    assert {each.status for each in late} == {200}
    never = set(USERS) - users.of("flawed")
    assert 120 < len(never) < 280  # half of them were never with it
    assert {each.status for each in users.seen if each.user in never} == {200}


def asked(router: Router, **headers: str) -> str:
    answer = router.client.get("/part", headers={"host": "handmade.test", **headers})
    assert answer.status_code == 200, answer.text
    variant: str = answer.headers["x-router-variant"]
    return variant


def both(router: Router, number: int = 20) -> None:
    """Requests of users, and of those who come first."""
    for user in USERS[:number]:
        asked(router, **{"x-user": user})
        asked(router, **{"x-user": user, "x-preview": "1"})


def at_the_gate(router: Router, step: int) -> bool:
    both(router)
    now = told(router, "handmade")
    return (now["state"], now["step"]) == ("gate", step)


def test_step_by_step_by_hand(rolling: Router) -> None:
    assert told(rolling, "handmade")["state"] == "waiting"
    assert asked(rolling, **{"x-preview": "1"}) == "one"
    answer = act(rolling, "handmade", "start", note="let us see")
    assert (answer.status_code, answer.json()["note"]) == (200, "let us see")
    assert asked(rolling, **{"x-preview": "1"}) == "two"
    assert {asked(rolling, **{"x-user": user}) for user in USERS[:50]} == {"one"}
    eventually(lambda: at_the_gate(rolling, 1))
    assert told(rolling, "handmade")["analysis"]["last"]["checks"] == [
        {"name": "smoke", "result": "passed", "detail": "status 200: all is well"}
    ]
    [probe] = [each for each in rolling.probes("smoke") if "smoke.internal" in each["url"]][:1]
    assert probe["headers"]["content-type"] == "application/json"
    assert act(rolling, "handmade", "approve").status_code == 200
    eventually(lambda: copied(rolling) > 0)
    assert {asked(rolling, **{"x-user": user}) for user in USERS[:50]} == {"one"}
    assert asked(rolling, **{"x-preview": "1"}) == "two"  # it stays
    eventually(lambda: at_the_gate(rolling, 2))
    assert told(rolling, "handmade")["mirror"] == 1
    assert act(rolling, "handmade", "approve").status_code == 200
    sides = {user: asked(rolling, **{"x-user": user}) for user in USERS}
    assert 120 < list(sides.values()).count("two") < 280
    explained = rolling.own("explain?url=http://handmade.test/&header=x-preview:1")
    assert (explained["rollout"], explained["pool"]) == ("handmade", "two")
    eventually(lambda: at_the_gate(rolling, 3))
    rolling.mood("smoke", "ill")
    eventually(lambda: told(rolling, "handmade")["state"] == "rolled-back")
    assert told(rolling, "handmade")["reason"] == "check smoke failed: status 500: all is well"
    eventually(lambda: gauge(rolling, "handmade") == 0)
    assert asked(rolling, **{"x-preview": "1"}) == "one"
    assert {asked(rolling, **{"x-user": user}) for user in USERS} == {"one"}
    rolling.mood("smoke", "well")


def copied(router: Router) -> int:
    """Requests that `two` got beside those of the first users, as the Coordinator knows."""
    for user in USERS[:10]:
        asked(router, **{"x-user": user})
    analysis = told(router, "handmade")["analysis"]
    requests: int = analysis["requests"]["to"]
    last = analysis["last"]
    return requests or (last["to"]["requests"] if last and last["to"] else 0)


def test_what_cannot_be_done(rolling: Router) -> None:
    for action in ("start", "promote"):
        assert act(rolling, "spare", action).status_code == 200
    for action in ("approve", "pause", "resume"):
        refused = act(rolling, "spare", action)
        assert (refused.status_code, refused.json()["code"]) == (409, "rollout-refused")
        assert refused.json()["reason"] in refused.json()["detail"]
    again = act(rolling, "spare", "start")
    assert "users would be moved back" in again.json()["reason"]
    unknown = act(rolling, "spar", "start")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    assert "did you mean `spare`?" in unknown.json()["detail"]
    for page in ("rollouts/spar", "rollouts/spar/history"):
        answer = rolling.client.get(f"/.router/{page}", headers=SECRET)
        assert (answer.status_code, "did you mean" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize(
    ("method", "page", "body", "status", "said"),
    [
        ("POST", "rollouts", b"", 405, "GET"),
        ("GET", "rollouts/spare/start", b"", 405, "POST"),
        ("POST", "rollouts/spare/stop", b"", 405, "GET"),
        ("GET", "rollouts/spare/history/x", b"", 404, "no such page"),
        ("GET", "rollouts/spare/history?limit=0", b"", 400, "from 1 to 1000"),
        ("POST", "rollouts/spare/start", b"{", 400, "or an object such as"),
        ("POST", "rollouts/spare/start", b"[" * 4_096, 400, "or an object such as"),
        ("POST", "rollouts/spare/start", b'{"notes": 1}', 400, "or an object such as"),
        ("POST", "rollouts/spare/start", b'{"note": 1}', 400, "`note` is text"),
        ("POST", "rollouts/spare/start", b'{"force": "yes"}', 400, "`force` is true or false"),
        ("POST", "rollouts/spare/start", b" " * 4097, 413, "4096 bytes"),
        ("POST", "rollouts/spare/start", json.dumps({"note": "x" * 501}).encode(), 400, "500"),
    ],
)
def test_wrong_questions(
    rolling: Router, method: str, page: str, body: bytes, status: int, said: str
) -> None:
    answer = rolling.client.request(method, f"/.router/{page}", headers=SECRET, content=body)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "page"),
    [("GET", "rollouts"), ("GET", "rollouts/spare"), ("POST", "rollouts/spare/rollback")],
)
def test_only_for_administrators(rolling: Router, method: str, page: str) -> None:
    assert rolling.client.request(method, f"/.router/{page}").status_code == 401


def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    """Not even for the first requests afterwards, and not if the Coordinator is then away."""
    policy = POLICY.replace("{weight: 50}, {weight: 100}]", "{weight: 50, hold: 1h}]")
    served = workers(tmp_path, policy)

    def sides(router: Router) -> dict[str, str]:
        headers = {"host": "flawed.test"}
        ask = router.client.get
        answers = {u: ask("/other", headers={**headers, "x-user": u}) for u in USERS[:100]}
        return {user: answer.headers["x-router-variant"] for user, answer in answers.items()}

    with running(tmp_path, served) as router:
        assert set(sides(router).values()) == {"old"}
        assert act(router, "flawed", "start").status_code == 200
        before, begun = sides(router), told(router, "flawed")
        assert set(before.values()) == {"old", "flawed"}
    with running(tmp_path, served) as router:
        assert sides(router) == before
        now = told(router, "flawed")
        for name in ("run", "state", "weight", "step", "started_at", "step_since"):
            assert now[name] == begun[name]
        assert [each["event"] for each in history(router, "flawed")] == ["rollout-started"]
