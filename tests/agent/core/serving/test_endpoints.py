"""What the endpoints do, without an edge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.jobs.running import LEASE_MS, MAX_RUNS
from agent.core.serving.background import TICK_FOR_MS, Slots, run, tick
from agent.queue.database import DatabaseUnavailable, Rows
from agent.sandbox.execute import Outcome
from tests.agent.core.making import START, World, add
from tests.agent.queue.sqlite import memory
from tests.support.examples import examples


def slots() -> Slots:
    return Slots(4, 60_000)


def test_an_activation_to_its_end() -> None:
    world = World()
    told = world.submit("a", "[1, 2]")
    assert (told["status"], world.tasks) == ("waiting", ["run"])
    run(world.agent, slots())
    done = world.ask("GET", "/activations/a")[1]
    assert (done["status"], done["result"], done["stdout"]) == ("completed", [1, 2], "said\n")
    assert done["worker_id"] == world.agent.who.id
    assert world.submit("a", "[1, 2]")["status"] == "completed"
    assert world.tasks == ["run", "deliver"]  # nothing to run again


def test_nobody_waits_for_jobs_that_are_not_there() -> None:
    world = World()
    run(world.agent, slots())
    world.submit("a")
    run(world.agent, slots())
    assert (world.state("a"), world.now) == ("completed", START)


def test_what_fails_for_good_fails_at_once() -> None:
    world = World()
    world.submit("a", "raise ValueError")
    run(world.agent, slots())
    told = world.ask("GET", "/activations/a")[1]
    assert (told["status"], told["attempt"]) == ("failed", 1)
    assert told["error"] == "code-error: ValueError (line 1)"


def test_what_may_go_well_is_tried_again() -> None:
    world = World()
    world.submit("a", "busy", max_attempts=2)
    run(world.agent, slots())
    told = world.ask("GET", "/activations/a")[1]
    assert (told["status"], told["attempt"], world.ran) == ("failed", 2, ["busy"] * 2)


def test_a_mistake_of_our_own_fails_its_job_and_tells_nothing() -> None:
    world = World()
    world.submit("a", "bug")
    run(world.agent, slots())
    told = world.ask("GET", "/activations/a")[1]
    assert (told["status"], told["error"]) == ("failed", "the agent could not run this job")
    assert [each["error"] for each in world.logged] == ["RuntimeError"]


def test_a_dead_letter_is_tried_again_on_demand() -> None:
    world = World()
    world.submit("a", "busy", max_attempts=1)
    run(world.agent, slots())
    assert world.ask("POST", "/activations/a/retry")[1]["status"] == "waiting"
    assert world.tasks == ["run", "deliver", "run"]
    again = world.ask("POST", "/activations/a/retry")
    assert (again[0], again[1]["status"], world.tasks) == (
        200,
        "waiting",
        ["run", "deliver", "run"],
    )
    world.ask("POST", "/activations/a/cancel")
    assert world.ask("POST", "/activations/a/retry")[0] == 409
    assert world.ask("POST", "/activations/none/retry")[0] == 404


def test_nothing_waits_for_a_capability_that_there_is_not() -> None:
    world = World()
    sent = {"activation_id": "a", "activation_data": {"capability": "sing"}}
    assert world.ask("POST", "/activations", sent)[1]["status"] == "failed"
    status, told, _ = world.ask("POST", "/activations/a/retry")
    assert (status, told["state"]) == (409, "failed")
    assert "there is no capability `sing`" in told["error"]
    assert world.state("a") == "failed"


def test_an_id_may_be_written_with_escapes() -> None:
    """As `encodeURIComponent` writes `:` and `@`."""
    world = World()
    world.submit("a:b@c")
    assert world.ask("GET", "/activations/a%3Ab%40c")[1]["activation_id"] == "a:b@c"
    assert world.ask("POST", "/activations/a%3Ab%40c/cancel")[1]["status"] == "cancelled"
    assert world.ask("GET", "/activations/a%2Fcancel")[0] == 404


def test_the_agent_leaves_the_jobs_of_pollers_alone() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    assert world.tasks == []
    run(world.agent, slots())
    assert world.state("a") == "waiting"
    polled = world.ask("POST", "/poll", {"worker_id": "w"})[1]
    assert [job["job_id"] for job in polled["jobs"]] == ["a"]


def test_a_lease_that_is_executed_is_nobody_elses() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    world.ask("POST", "/poll", {"worker_id": "w"})
    lease = {"job_id": "a", "worker_id": "w", "attempt": 1}
    status, told, _ = world.ask("POST", "/execute", lease)
    assert (status, told["status"], told["result"]) == (200, "completed", 4)
    assert world.ask("POST", "/execute", lease)[0] == 409
    assert world.ask("POST", "/activations/a/complete", {**lease_of("w"), "result": 1})[0] == 409
    assert len(world.ran) == 1


def test_a_run_that_fails_in_passing_leaves_its_job_waiting() -> None:
    world = World()
    world.submit("a", "busy", dispatch="poll")
    world.ask("POST", "/poll", {"worker_id": "w"})
    status, told, _ = world.ask("POST", "/execute", {"job_id": "a", "worker_id": "w", "attempt": 1})
    assert (status, told["kind"], told["state"]) == (503, "unavailable", "waiting")


def test_a_job_that_ends_while_it_runs_stays_as_it_ended() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    world.ask("POST", "/poll", {"worker_id": "w"})
    plain = world.play

    def cancelled_meanwhile(code: str) -> object:
        world.ask("POST", "/activations/a/cancel")
        return plain(code)

    world.play = cancelled_meanwhile  # type: ignore[assignment]
    status, told, _ = world.ask("POST", "/execute", {"job_id": "a", "worker_id": "w", "attempt": 1})
    assert (status, told["state"]) == (409, "cancelled")
    assert world.state("a") == "cancelled"


def test_a_result_that_is_too_large_fails_its_job() -> None:
    world = World()
    world.play = lambda _: Outcome("x" * 1_000_000, None, "", 1.0, True)
    world.submit("a")
    run(world.agent, slots())
    told = world.ask("GET", "/activations/a")[1]
    assert told["status"] == "failed"
    assert told["error"].startswith("the result cannot be kept: it has 1,000,0")


def test_a_poll_that_waits_gets_what_comes() -> None:
    world = World()
    world.while_waiting = lambda: world.submit("a", dispatch="poll")
    told = world.ask("GET", "/poll?wait=20s&worker_id=w")[1]
    assert [job["job_id"] for job in told["jobs"]] == ["a"]
    began = world.now
    world.while_waiting = lambda: None
    for wait in ("1", "0.5s", "2.5e-300", "1.5e0"):
        assert world.ask("GET", f"/poll?wait={wait}&worker_id=w")[1]["jobs"] == []
    assert world.now - began == 3_000


def test_a_poll_that_is_repeated_gets_the_same_jobs() -> None:
    world = World()
    for id in "ab":
        world.submit(id, dispatch="poll")
    trace = "00-" + "1" * 32 + "-" + "2" * 16 + "-00"
    first = world.ask("GET", "/poll", traceparent=trace)[1]["jobs"]
    assert world.ask("GET", "/poll", traceparent=trace)[1]["jobs"] == first
    other = world.ask("GET", "/poll", traceparent=trace.replace("2", "3"))[1]["jobs"]
    assert [job["job_id"] for job in first + other] == ["a", "b"]


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_what_no_worker_could_read_is_not_taken(number: str) -> None:
    world = World()
    data = f'{{"capability": "python-execution", "dispatch": "poll", "input": {{"a": {number}}}}}'
    body = f'{{"activation_id": "a", "activation_data": {data}}}'
    assert world.ask("POST", "/activations", body)[0] == 400
    world.submit("b", dispatch="poll")
    world.ask("GET", "/poll?worker_id=w")
    body = f'{{"worker_id": "w", "attempt": 1, "result": {number}}}'
    assert world.ask("POST", "/activations/b/complete", body)[0] == 400
    assert world.state("b") == "leased"


def test_a_poll_without_a_body_takes_nothing() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    status, _, headers = world.ask("HEAD", "/poll")
    assert (status, headers["allow"]) == (405, "GET, POST")
    assert world.state("a") == "waiting"


def test_who_may_poll_what() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    assert world.ask("GET", "/poll", key="other")[1]["jobs"] == []
    assert world.ask("GET", "/poll?tenant=core", key="other")[0] == 403
    assert world.ask("GET", "/poll", key=None)[0] == 401
    for_all = world.ask("GET", "/poll", key="other", scopes="agent:worker")[1]["jobs"]
    assert [job["tenant"] for job in for_all] == ["core"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/poll?limit=0", "`limit` is a whole number from 1 to 25"),
        ("/poll?limit=x", "`limit` is a whole number"),
        ("/poll?wait=26", "`wait` is a number of seconds from 0 to 25"),
        ("/poll?wait=1m", "`wait` is a number of seconds"),
        ("/poll?lease=0.5", "`lease` is a number of seconds from 1"),
        ("/poll?worker=w", "did you mean `worker_id`?"),
        ("/poll?worker_id=a b", "`worker_id` must be"),
        ("/poll?capabilities=a,,b", "`capabilities` '' must be"),
        ("/activations?state=dead", "`state` is one of waiting"),
        ("/activations?before=-1", "`before` is a time"),
        ("/activations?limits=1", "did you mean `limit`?"),
    ],
)
def test_questions_that_cannot_be_answered(path: str, said: str) -> None:
    status, told, _ = World().ask("GET", path)
    assert (status, said in told["error"]) == (400, True), told


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "`activation_id` is text"),
        ({"activation_id": "a/b"}, "`activation_id` is text"),
        ({"activation_id": ".."}, "begins with no dot"),
        ({"activation_id": "a"}, "`activation_data` is an object"),
        ({"activation_id": "a", "activation_data": {}}, "`activation_data.capability` is missing"),
        (
            {"activation_id": "a", "activation_data": {"capabilities": "x"}},
            "did you mean `activation_data.capability`?",
        ),
        (
            {"activation_id": "a", "activation_data": {"capability": "x", "input": 1}},
            "`activation_",
        ),
        (
            {"activation_id": "a", "activation_data": {"capability": "x", "dispatch": "now"}},
            "`edge` or `poll`",
        ),
        (
            {"activation_id": "a", "activation_data": {"capability": "x"}, "priority": 1.5},
            "`priority` is a whole number",
        ),
        (
            {"activation_id": "a", "activation_data": {"capability": "x"}, "priority": "5"},
            "`priority` is a whole number",
        ),
        (
            '{"activation_id": "a", "activation_data": {"capability": "x", "input": {"n": NaN}}}',
            "no JSON object",
        ),
        (
            {"activation_id": "a", "activation_data": {"capability": "x"}, "callback_url": 1},
            "`callback_url` is text",
        ),
        (
            {
                "activation_id": "a",
                "activation_data": {"capability": "x", "input": {"t": "x" * 512_000}},
            },
            "`activation_data` has 512,0",
        ),
        (
            {
                "activation_id": "a",
                "activation_data": {"capability": "x", "input": {"t": "\ud800"}},
            },
            "`activation_data` has half a surrogate pair",
        ),
    ],
    ids=range(14),
)
def test_activations_that_cannot_be_taken(sent: object, said: str) -> None:
    status, told, _ = World().ask("POST", "/activations", sent)
    assert (status, said in told["error"]) == (413 if "512,0" in said else 400, True), told


def test_an_id_may_be_encoded_in_a_path() -> None:
    world = World()
    world.submit("a:b@c")
    assert world.ask("GET", "/activations/a%3Ab%40c")[1]["activation_id"] == "a:b@c"
    assert world.ask("GET", "/activations/a%2Fb")[0] == 404


def test_a_tenant_is_named_with_a_lease_only() -> None:
    sent = {"capability": "text-processing", "input": {"text": ""}, "tenant": "other"}
    status, told, _ = World().ask("POST", "/execute", sent, scopes="agent:worker")
    assert (status, "`tenant`" in told["error"]) == (400, True)


def test_a_callback_comes_with_its_activation() -> None:
    world = World()
    sent = {"activation_id": "a", "activation_data": {"capability": "text-processing"}}
    asked = {**sent, "callback_url": "https://hooks.example.com/x"}
    assert world.ask("POST", "/activations", asked)[0] == 200
    callback = world.ask("GET", "/activations/a")[1]["callback"]
    assert (callback["url"], callback["status"]) == ("https://hooks.example.com/x", "pending")
    run(world.agent, slots())
    assert world.tasks == ["run", "deliver"]
    assert world.ask("GET", "/activations/a")[1]["callback"]["status"] == "due"


OWN = "http://router.example:8787/activations/callback"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (OWN, "the agent's own address"),
        ("https://other.example/x", "`callback_url` requests to"),
        ("http://127.0.0.1/", "`callback_url` `127.0.0.1` is no public host"),
        ("no URL", "`callback_url` must be printable"),
        ("x" * 3_000, "`callback_url` has 3,000 characters"),
    ],
)
def test_a_callback_that_cannot_be_posted_refuses_no_job(url: str, why: str) -> None:
    world = World()
    data = {"capability": "python-execution", "input": {"code": "4"}}
    sent = {"activation_id": "a", "activation_data": data, "callback_url": url}
    here = {"host": "router.example:8787"}
    for told in (
        world.ask("POST", "/activations", sent, **here)[1],
        world.ask("POST", "/activations", sent, **here)[1],
        world.ask("GET", "/activations/a", **here)[1],
    ):
        callback = told["callback"]
        assert (callback["status"], callback["fetch"]) == ("none", "/activations/a")
        assert why in callback["reason"]
    run(world.agent, slots())
    assert world.ask("GET", "/activations/a", **here)[1]["result"] == 4


def test_an_address_of_another_host_is_not_our_own() -> None:
    world = World()
    data = {"capability": "text-processing"}
    url = "https://hooks.example.com/activations/callback"
    sent = {"activation_id": "a", "activation_data": data, "callback_url": url}
    assert "callback" not in world.ask("POST", "/activations", sent, host="router.example")[1]
    assert world.ask("GET", "/activations/a")[1]["callback"]["status"] == "pending"


@given(st.integers(-(2**53), 2**53))
def test_any_whole_number_is_a_priority(priority: int) -> None:
    sent = {"activation_id": "a", "activation_data": {"capability": "x"}, "priority": priority}
    status, told, _ = World().ask("POST", "/activations", sent)
    assert (status, told["priority"]) == (200, sorted((0, priority, 9))[1])


def test_the_youngest_are_listed_page_by_page() -> None:
    world = World()
    for id in "abc":
        world.submit(id, dispatch="poll")
        world.now += 1
    told = world.ask("GET", "/activations?state=waiting&limit=2")[1]
    assert [each["activation_id"] for each in told["activations"]] == ["c", "b"]
    path = f"/activations?state=waiting&limit=2&before={told['next_before']}"
    told = world.ask("GET", path)[1]
    assert [each["activation_id"] for each in told["activations"]] == ["a"]
    assert "next_before" not in told
    assert world.ask("GET", "/activations?state=waiting", key="other")[1]["activations"] == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 20])
def test_pages_leave_out_nothing_that_came_in_the_same_moment(limit: int) -> None:
    world, listed, before = World(), list[str](), ""
    for id in ("a", "b", "c1", "c2", "c3", "d"):
        world.submit(id, dispatch="poll")
        world.now += id[1:] in ("", "3")
    for _ in range(7):
        path = f"/activations?state=waiting&limit={limit}{before}"
        told = world.ask("GET", path)[1]
        listed += [each["activation_id"] for each in told["activations"]]
        if "next_before" not in told:
            break
        before = f"&before={told['next_before']}"
    assert listed == ["d", "c3", "c2", "c1", "b", "a"]


def test_a_worker_that_is_gone_loses_its_jobs() -> None:
    world = World()
    world.submit("a", dispatch="poll", max_attempts=2)
    world.ask("GET", "/poll?worker_id=dead&lease=30")
    assert world.ask("GET", "/poll?worker_id=next")[1]["jobs"] == []
    world.now += 30_000
    (job,) = world.ask("GET", "/poll?worker_id=next&lease=30")[1]["jobs"]
    assert (job["job_id"], job["attempt"]) == ("a", 2)
    world.now += 30_000
    tick(world.agent)
    assert world.state("a") == "failed"
    assert world.logged == [{"event": "dead-letter", "tenant": "core", "job": "a"}]


def test_a_tick_runs_what_was_left_and_forgets_what_is_old() -> None:
    world = World()
    world.submit("a")
    world.agent.wait(
        world.agent.jobs().lease(
            *("gone", ["python-execution"], 1, LEASE_MS, round(world.now), "t"), dispatch="edge"
        )
    )
    world.now += LEASE_MS
    tick(world.agent)
    assert world.state("a") == "completed"
    world.now += world.agent.settings.retention_ms + 1
    tick(world.agent)
    assert world.ask("GET", "/activations/a")[0] == 404


def test_jobs_without_an_end_keep_nobody_from_callbacks() -> None:
    world = World()

    def slow(code: str) -> Outcome:
        world.now += TICK_FOR_MS
        return add(code)

    world.play = slow
    for id in "abc":
        world.submit(id)
    run(world.agent, slots())
    assert (world.state("b"), world.tasks[-1]) == ("waiting", "deliver")
    tick(world.agent)
    assert (world.state("c"), world.delivered) == ("waiting", 1)


def test_a_run_leaves_what_is_too_much_for_one_request_to_another() -> None:
    world = World()
    for number in range(MAX_RUNS + 1):
        world.submit(f"a-{number}")
    world.tasks.clear()
    tick(world.agent)
    assert (len(world.ran), world.tasks) == (MAX_RUNS, ["run"])
    run(world.agent, slots())
    assert (len(world.ran), world.tasks) == (MAX_RUNS + 1, ["run", "deliver"])


def test_what_fails_in_a_tick_keeps_nothing_else_from_being_done() -> None:
    world = World()

    def fail(for_ms: float) -> bool:
        raise ValueError("CALLBACK_SECRET")

    world.submit("a")
    run(world.agent, slots())
    world.now += world.agent.settings.retention_ms + 1
    with pytest.raises(ValueError, match="CALLBACK_SECRET"):
        tick(replace(world.agent, deliver=fail))
    assert world.ask("GET", "/activations/a")[0] == 404


class Away:
    async def run(self, sql: str, *params: object) -> Rows:
        raise DatabaseUnavailable("D1 is away")

    async def batch(self, statements: object) -> list[Rows]:
        raise DatabaseUnavailable("D1 is away")


def test_a_database_that_is_away() -> None:
    world = World(Away())
    status, told, headers = world.ask("GET", "/poll")
    assert (status, headers["retry-after"]) == (503, "2")
    assert told["error"] == "the queue is busy, or does not answer: try again"
    told = world.ask("GET", "/metrics")[1]
    assert (told["queue"], told["desired_workers"]) == (None, None)


class Busy:
    """Busy while that is above 0, for each statement that it is asked."""

    def __init__(self) -> None:
        self.db, self.times = memory(), 0

    async def run(self, sql: str, *params: Any) -> Rows:
        return (await self.batch([(sql, params)]))[0]

    async def batch(self, statements: Any) -> list[Rows]:
        if self.times:
            self.times -= 1
            raise DatabaseUnavailable("database is locked")
        return await self.db.batch(statements)


@pytest.mark.parametrize(("code", "state"), [("4", "completed"), ("raise x", "failed")])
def test_work_that_is_done_is_kept_when_the_queue_is_busy_then(code: str, state: str) -> None:
    db = Busy()
    world = World(db)

    def play(code: str) -> Outcome:
        db.times = 3
        return add(code)

    world.play = play
    world.submit("a", code, dispatch="poll")
    (job,) = world.ask("POST", "/poll", {"worker_id": "w"})[1]["jobs"]
    lease = {"job_id": "a", "worker_id": "w", "attempt": job["attempt"]}
    assert world.ask("POST", "/execute", lease)[0] == (200 if state == "completed" else 422)
    assert (world.state("a"), len(world.ran)) == (state, 1)


def test_a_queue_that_stays_busy_is_503_and_the_lease_runs_out() -> None:
    db = Busy()
    world = World(db)

    def play(code: str) -> Outcome:
        db.times = 99
        return add(code)

    world.play = play
    world.submit("a", dispatch="poll")
    world.ask("POST", "/poll", {"worker_id": "w"})
    lease = {"job_id": "a", "worker_id": "w", "attempt": 1}
    status, _, headers = world.ask("POST", "/execute", lease)
    assert (status, headers["retry-after"]) == (503, "2")
    db.times = 0
    assert world.state("a") == "leased"


def test_every_503_says_when_to_ask_again() -> None:
    world = World()
    job = {"capability": "python-execution", "input": {"code": "busy"}}
    status, _, headers = world.ask("POST", "/execute", job)
    assert (status, headers["retry-after"]) == (503, "2")


def test_metrics_tell_the_queue() -> None:
    world = World()
    for number in range(11):
        world.submit(f"a-{number}", dispatch="poll")
    told = world.ask("GET", "/metrics")[1]
    assert told["queue"][0]["waiting"] == 11
    assert told["desired_workers"] == 2
    text = world.ask("GET", "/metrics", accept="text/plain")[1]
    assert 'agent_queue_jobs{capability="python-execution",state="waiting"} 11\n' in text
    assert "\nagent_desired_workers 2\n" in text
    assert told["callbacks"] == {
        **dict.fromkeys(("due", "delayed", "leased", "failed"), 0),
        "oldest_ms": 0,
    }
    assert '\nagent_callbacks{state="failed"} 0\n' in text


def test_only_so_many_run_at_once_and_nothing_is_left() -> None:
    some = Slots(1, 1_000)
    assert some.begin(0)
    assert not some.begin(1)
    assert some.end(0)  # somebody found no place: look again
    assert some.begin(2)
    assert not some.end(2)
    assert some.begin(3)
    assert some.begin(1_003)  # the one before was cut off


@given(st.binary(max_size=200))
@examples(60)
def test_no_body_is_a_servers_error(body: bytes) -> None:
    world, text = SHARED, body.decode("utf-8", "replace")
    for path in ("/activations", "/execute", "/poll", "/activations/a/complete"):
        assert world.ask("POST", path, text)[0] < 500


SHARED = World()


def lease_of(worker: str) -> dict[str, object]:
    return {"worker_id": worker, "attempt": 1}
