"""Workers of one's own: what `/register`, `/heartbeat`, `/workers` and polls make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agent.core.api.polling import MAX_WAIT
from agent.core.api.workers import MAX_METADATA
from agent.core.capabilities.execution import CAPABILITIES
from agent.core.serving.background import tick
from agent.queue.database import Rows, Statement, Value
from agent.queue.limits import MAX_CAPABILITIES, SILENT_MS
from agent.workers.worker import HEARTBEAT_MS, KEPT_MS
from tests.agent.core.making import World
from tests.agent.queue.sqlite import memory

SKILL = "python-execution"
ALL = "agents agent:worker"


def register(world: World, id: str, key: str = "core", **more: Any) -> Any:
    status, told, _ = world.ask("POST", "/register", {"worker_id": id, **more}, key=key)
    assert status == 200, told
    return told


@pytest.mark.parametrize("path", ["/register", "/heartbeat"])
def test_without_a_body_it_is_the_isolate_that_answers(path: str) -> None:
    world = World()
    first = world.ask("GET", path)
    for body in ("", " \n", "{}"):
        assert world.ask("POST", path, body) == first
    assert first[1]["worker_id"] == world.agent.who.id
    assert world.ask("GET", "/workers")[1]["workers"] == []
    assert world.ask("POST", path, key=None)[0] == 200


def test_a_worker_registers_as_it_says() -> None:
    world = World()
    told = register(world, "w-1", capabilities=["resize", "crop", "resize"], region="us-east-1")
    assert told == {
        "status": "success",
        "worker_id": "w-1",
        "capabilities": ["resize", "crop"],
        "region": "us-east-1",
        "registered_at": told["registered_at"],
        "heartbeat_within": 15,
        "lost_after": 45,
    }
    world.now += 7_000
    alive = world.ask("POST", "/heartbeat", {"worker_id": "w-1"})[1]
    assert (alive["status"], alive["worker_id"], alive["uptime_ms"]) == ("alive", "w-1", 7_000)
    assert (alive["heartbeat_within"], alive["lost_after"]) == (15, 45)


def test_a_worker_that_says_little_is_one_like_the_agent() -> None:
    world = World()
    told = register(world, "w-1")
    assert (told["capabilities"], told["region"]) == (list(CAPABILITIES), "eu")
    by_header = world.ask("POST", "/register", {"capabilities": ["a"]}, x_worker_id="w-2")
    assert by_header[1]["worker_id"] == "w-2"


def test_a_heartbeat_before_registering() -> None:
    world = World()
    status, told, _ = world.ask("POST", "/heartbeat", {"worker_id": "w-1"})
    assert (status, "/register first" in told["error"]) == (404, True)
    register(world, "w-1", key="other")
    assert world.ask("POST", "/heartbeat", {"worker_id": "w-1"})[0] == 404


def test_a_heartbeat_may_say_what_has_changed() -> None:
    world = World()
    register(world, "w-1", capabilities=["resize"], metadata={"version": "1"})
    world.ask("POST", "/heartbeat", {"worker_id": "w-1", "capabilities": ["crop"]})
    (worker,) = world.ask("GET", "/workers")[1]["workers"]
    assert (worker["capabilities"], worker["metadata"]) == (["crop"], {"version": "1"})


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ('{"capabilities": ["a"]}', 400, "`worker_id` is missing"),
        ('{"worker_id": "a b"}', 400, "`worker_id` must be"),
        ('{"worker": "w"}', 400, "did you mean `worker_id`?"),
        ('{"worker_id": "w", "capabilities": "a"}', 400, "`capabilities` is a list"),
        ('{"worker_id": "w", "capabilities": []}', 400, "list of 1 to 32 names"),
        ('{"worker_id": "w", "capabilities": ["A"]}', 400, "`capabilities` 'A' must be"),
        ('{"worker_id": "w", "region": "e u"}', 400, "`region` is text of"),
        ('{"worker_id": "w", "region": null}', 400, "`region` is text of"),
        ('{"worker_id": "w", "metadata": []}', 400, "`metadata` is an object"),
        ("[1]", 400, "no JSON object"),
        ('{"worker_id": "w", "metadata": {"n": NaN}}', 400, "no JSON object"),
    ],
)
@pytest.mark.parametrize("path", ["/register", "/heartbeat"])
def test_what_a_worker_cannot_say(path: str, body: str, status: int, said: str) -> None:
    found, told, _ = World().ask("POST", path, body)
    assert (found, said in told["error"]) == (status, True), told


def test_bounds_of_what_a_worker_says() -> None:
    world = World()
    names = [f"skill-{number}" for number in range(MAX_CAPABILITIES)]
    largest = {"text": "x" * (MAX_METADATA - len('{"text": ""}'))}
    register(world, "w-1", capabilities=names, metadata=largest)
    (worker,) = world.ask("GET", "/workers")[1]["workers"]
    assert (worker["capabilities"], worker["metadata"]) == (names, largest)
    for more in (
        {"capabilities": [*names, "one-more"]},
        {"metadata": {"text": "x" * MAX_METADATA}},
    ):
        status, told, _ = world.ask("POST", "/register", {"worker_id": "w-1", **more})
        assert status == (413 if "metadata" in more else 400), told


def test_workers_belong_to_keys() -> None:
    world = World()
    assert world.ask("POST", "/register", {"worker_id": "w-1"}, key=None)[0] == 401
    register(world, "w-1")
    register(world, "w-1", key="other")
    seen = world.ask("GET", "/workers", key="other")[1]["workers"]
    assert [(worker["tenant"], worker["worker_id"]) for worker in seen] == [("other", "w-1")]
    every = world.ask("GET", "/workers", key="worker", scopes=ALL)[1]["workers"]
    assert [worker["tenant"] for worker in every] == ["core", "other"]
    assert world.ask("GET", "/workers", key=None)[0] == 401


def test_the_list_tells_who_is_alive_and_what_they_do() -> None:
    world = World()
    register(world, "w-1", capabilities=[SKILL])
    register(world, "w-2", capabilities=["crop"])
    world.submit("a", dispatch="poll")
    (job,) = world.ask("POST", "/poll", {"worker_id": "w-1", "lease": 3_600})[1]["jobs"]
    world.now += SILENT_MS
    world.ask("POST", "/heartbeat", {"worker_id": "w-2"})
    first, second = world.ask("GET", "/workers")[1]["workers"]
    assert (first["worker_id"], first["status"], first["leased"]) == ("w-1", "lost", 1)
    assert first["jobs"] == [
        {"job_id": "a", "tenant": "core", "attempt": 1, "lease_until": job["lease_until"]}
    ]
    assert (second["worker_id"], second["status"], second["jobs"]) == ("w-2", "alive", [])
    for query, ids in (
        ("state=alive", ["w-2"]),
        ("state=lost", ["w-1"]),
        ("capability=crop", ["w-2"]),
    ):
        found = world.ask("GET", f"/workers?{query}")[1]["workers"]
        assert [worker["worker_id"] for worker in found] == ids


def test_the_list_goes_on_page_by_page() -> None:
    world = World()
    for number in range(5):
        register(world, f"w-{number}")
    listed, after = list[str](), ""
    for _ in range(3):
        told = world.ask("GET", f"/workers?limit=2{after}")[1]
        listed += [worker["worker_id"] for worker in told["workers"]]
        after = f"&after={told.get('next_after')}"
    assert listed == [f"w-{number}" for number in range(5)]
    assert "next_after" not in told


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/workers?state=dead", "`state` is one of alive, lost"),
        ("/workers?limit=101", "`limit` is a whole number from 1 to 100"),
        ("/workers?after=x", "`after` is a whole number"),
        ("/workers?capability=A", "`capability` must be"),
        ("/workers?worker=w", "there is no field `worker`"),
        ("/workers/scale?capability=A", "`capability` must be"),
        ("/workers/scale?capability=a,,b", "`capability` must be"),
        ("/workers/scale?capabilities=a", "did you mean `capability`?"),
        (f"/workers/scale?capability={','.join('a' * 33)}", "at most 32 names"),
    ],
)
def test_questions_that_cannot_be_answered(path: str, said: str) -> None:
    status, told, _ = World().ask("GET", path)
    assert (status, said in told["error"]) == (400, True), told


def test_a_registered_worker_polls_for_what_it_has_registered() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    register(world, "w-1", capabilities=["text-processing"])
    assert world.ask("POST", "/poll", {"worker_id": "w-1"})[1]["jobs"] == []
    named = {"worker_id": "w-1", "capabilities": [SKILL]}
    assert len(world.ask("POST", "/poll", named)[1]["jobs"]) == 1
    world.submit("b", dispatch="poll")
    world.ask("POST", "/heartbeat", {"worker_id": "w-1", "capabilities": [SKILL]})
    assert len(world.ask("POST", "/poll", {"worker_id": "w-1"})[1]["jobs"]) == 1


@pytest.mark.parametrize("poll", [{"worker_id": "next"}, None])
def test_a_worker_that_is_silent_loses_its_jobs_to_polls_and_to_cron(poll: object) -> None:
    world = World()
    world.submit("a", dispatch="poll")
    register(world, "w-1", capabilities=[SKILL])
    world.ask("POST", "/poll", {"worker_id": "w-1", "lease": 3_600})
    for _ in range(4):
        world.now += HEARTBEAT_MS
        world.ask("POST", "/heartbeat", {"worker_id": "w-1"})
        tick(world.agent)
        assert world.state("a") == "leased"
    world.now += SILENT_MS
    if poll:
        (job,) = world.ask("POST", "/poll", poll)[1]["jobs"]
        assert job["attempt"] == 2
    else:
        tick(world.agent)
        assert world.state("a") == "waiting"
    lease = {"worker_id": "w-1", "attempt": 1}
    assert world.ask("POST", "/activations/a/complete", {**lease, "result": 4})[0] == 409
    assert "no sign of life" in world.ask("GET", "/activations/a")[1]["error"]


def test_who_extends_a_lease_is_alive() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    register(world, "w-1")
    world.ask("POST", "/poll", {"worker_id": "w-1"})
    for _ in range(4):
        world.now += 30_000
        lease = {"worker_id": "w-1", "attempt": 1, "lease": 60}
        assert world.ask("POST", "/activations/a/extend", lease)[0] == 200
        tick(world.agent)
    assert world.state("a") == "leased"
    assert world.ask("GET", "/workers?state=alive")[1]["workers"]


def test_what_the_agent_runs_for_a_worker_does_not_need_its_heartbeats() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    register(world, "w-1")
    world.ask("POST", "/poll", {"worker_id": "w-1"})
    plain = world.play

    def slow(code: str) -> Any:
        world.now += SILENT_MS
        tick(world.agent)
        return plain(code)

    world.play = slow
    told = world.ask("POST", "/execute", {"job_id": "a", "worker_id": "w-1", "attempt": 1})
    assert (told[0], world.state("a")) == (200, "completed")


def test_the_log_tells_who_was_lost_and_a_day_later_nobody_knows() -> None:
    world = World()
    register(world, "w-1")
    world.now += SILENT_MS
    tick(world.agent)
    tick(world.agent)
    assert world.logged == [{"event": "worker-lost", "tenant": "core", "worker": "w-1"}]
    world.now += KEPT_MS - SILENT_MS
    tick(world.agent)
    assert world.ask("GET", "/workers")[1]["workers"]
    world.now += 1
    tick(world.agent)
    assert world.ask("GET", "/workers")[1]["workers"] == []


def test_scale_tells_numbers_for_workers() -> None:
    world = World()
    register(world, "w-1", capabilities=[SKILL])
    for number in range(11):
        world.submit(f"a-{number}", dispatch="poll")
    world.submit("edge")
    world.now += 250
    world.ask("POST", "/poll", {"worker_id": "w-1"})
    told = world.ask("GET", "/workers/scale")[1]
    numbers = {
        "jobs": 11,
        "desired_workers": 2,
        "waiting": 10,
        "leased": 1,
        "oldest_ms": 250,
        "workers": 1,
    }
    assert told == {"status": "success", **numbers, "capabilities": {SKILL: numbers}}
    none = world.ask("GET", "/workers/scale?capability=crop")[1]
    assert (none["jobs"], none["capabilities"]["crop"]["jobs"]) == (0, 0)
    both = world.ask("GET", f"/workers/scale?capability=crop,{SKILL}")[1]
    assert (both["jobs"], sorted(both["capabilities"])) == (11, ["crop", SKILL])


def test_scale_is_of_ones_own_jobs() -> None:
    world = World()
    world.submit("a", dispatch="poll")

    def jobs(query: str = "", **how: str) -> Any:
        status, told, _ = world.ask("GET", f"/workers/scale{query}", **how)
        return told["jobs"] if status == 200 else status

    assert jobs() == 1
    assert jobs(key="other") == 0
    assert jobs("?tenant=core", key="other") == 403
    assert jobs(key="worker", scopes=ALL) == 1
    assert jobs("?tenant=core", key="worker", scopes=ALL) == 1
    assert jobs("?tenant=worker", key="worker", scopes=ALL) == 0
    assert world.ask("GET", "/workers/scale", key=None)[0] == 401


class Counting:
    """A database that counts how often it is asked."""

    def __init__(self) -> None:
        self.db, self.asked = memory(), 0

    async def run(self, sql: str, *params: Value) -> Rows:
        self.asked += 1
        return await self.db.run(sql, *params)

    async def batch(self, statements: Sequence[Statement]) -> list[Rows]:
        self.asked += 1
        return await self.db.batch(statements)


def test_a_poll_of_a_registered_worker_is_one_round_trip() -> None:
    db = Counting()
    world = World(db)
    register(world, "w-1", capabilities=[SKILL])
    world.now += SILENT_MS - 1
    db.asked = 0
    assert world.ask("POST", "/poll", {"worker_id": "w-1", "capabilities": [SKILL]})[0] == 200
    assert db.asked == 1
    world.now += SILENT_MS - 1
    assert world.ask("GET", "/workers?state=alive")[1]["workers"]


def test_no_poll_waits_for_longer_than_its_worker_may_be_silent() -> None:
    assert MAX_WAIT * 1_000 + HEARTBEAT_MS < SILENT_MS
