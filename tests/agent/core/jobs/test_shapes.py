"""The shapes of jobs: each told apart from all others, and every refusal says what to write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations, permutations
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.capabilities.execution import CAPABILITIES
from agent.core.http.problem import Problem
from agent.core.jobs import shapes
from agent.core.jobs.shapes import (
    ACTIVATION_SHAPES,
    EXECUTE_SHAPES,
    LEASED,
    Shape,
    as_capability,
    shape_of,
    type_of,
)
from agent.core.jobs.to_dict import job_to_dict
from tests.agent.core.making import World
from tests.support.examples import examples

TABLES = [EXECUTE_SHAPES, ACTIVATION_SHAPES]
NAMES = sorted({name for shape in (*EXECUTE_SHAPES, *ACTIVATION_SHAPES) for name in shape.known})
BODIES = st.dictionaries(
    st.sampled_from(NAMES) | st.text(max_size=6) | st.sampled_from(["capabilty", "promt"]),
    st.none() | st.integers() | st.text(max_size=3),
    max_size=8,
)


def bodies_of(shape: Shape) -> st.SearchStrategy[dict[str, Any]]:
    """All that has this shape."""
    values = st.none() | st.booleans() | st.text(max_size=3)
    required = dict.fromkeys(shape.required, values)
    return st.fixed_dictionaries(required, optional=dict.fromkeys(shape.optional, values))


@pytest.mark.parametrize("table", TABLES)
def test_no_body_can_have_two_shapes(table: Sequence[Shape]) -> None:
    """One of two always requires a field that the other does not know."""
    for one, other in combinations(table, 2):
        pairs = permutations((one, other))
        assert any(set(a.required) - set(b.known) for a, b in pairs), (one.title, other.title)


@given(st.data())
@examples(100)
def test_each_shape_is_told_apart(data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(TABLES))
    shape = data.draw(st.sampled_from(table))
    body = data.draw(bodies_of(shape))
    assert shape_of(body, table) is shape
    assert [each for each in table if each.fits(body)] == [shape]


@given(st.sampled_from(TABLES), BODIES)
@examples(300)
def test_every_refusal_says_what_to_write(table: Sequence[Shape], body: dict[str, Any]) -> None:
    fitting = [each for each in table if each.fits(body)]
    if fitting:
        assert [shape_of(body, table, "data.")] == fitting
        return
    with pytest.raises(Problem) as refused:
        shape_of(body, table, "data.")
    said, _, example = str(refused.value).rpartition("send one such as ")
    assert refused.value.status == 400
    assert len([each for each in EXECUTE_SHAPES if each.fits(json.loads(example))]) == 1
    assert "missing" in said or "there is no field" in said
    assert len(said) < 2_000


@pytest.mark.parametrize("table", TABLES)
def test_examples_have_their_shapes(table: Sequence[Shape]) -> None:
    for shape in table:
        example = json.loads(shape.example)
        kept = {name: value for name, value in example.items() if name in shape.known}
        assert shape_of(kept, table) is shape
        assert shape.capability in (*CAPABILITIES, "")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "`capability` is missing for a job of a capability"),
        ({"capabilty": "x"}, "did you mean `capability`?"),
        ({"cod": "x"}, "did you mean `code`?"),
        ({"prompt": "x", "modle": "y"}, "in a prompt for a model, did you mean `model`?"),
        ({"job_id": "x", "worker_id": "w"}, "`attempt` is missing for a job that /poll handed out"),
        ({"activation_id": "a"}, "`job_data` is missing for an activation"),
        ({"context": {}}, "`code` is missing for Python code"),
        ({"params": [1]}, "`query` is missing for a query of the database"),
        (
            {"code": "1", "query": "x"},
            "`query` in Python code, it is for a query of the database",
        ),
        (
            {"capability": "database", "code": "1"},
            "`code` in a job of a capability, it is for Python code",
        ),
        ({"text": "a", "dimensions": 3}, "known: text, model, pooling, job_id"),
    ],
)
def test_the_nearest_shape_is_named(body: dict[str, Any], said: str) -> None:
    with pytest.raises(Problem) as refused:
        shape_of(body, EXECUTE_SHAPES)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (4, "number"),
        (1.5, "number"),
        ("4", "string"),
        (True, "boolean"),
        (None, "object"),
        ([1], "object"),
        ({}, "object"),
    ],
)
def test_types_are_those_of_javascript(value: object, name: str) -> None:
    assert type_of(value) == name


def test_what_is_sent_is_the_input_of_a_capability() -> None:
    body = {"query": "SELECT ?", "params": [1], "dispatch": "poll", "max_attempts": 2}
    kept = as_capability(shape_of(body, ACTIVATION_SHAPES), body)
    assert kept == {"capability": "database", "input": {"query": "SELECT ?", "params": [1]}}
    body = {"job_id": "a", "code": "1", "context": {}}
    ran = as_capability(shape_of(body, EXECUTE_SHAPES), body)
    assert ran == {"capability": "python-execution", "input": {"code": "1", "context": {}}}


def test_all_that_a_poll_tells_of_a_job_may_be_posted() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    (job,) = world.ask("POST", "/poll", {"worker_id": "w"})[1]["jobs"]
    assert set(job) <= set(LEASED.known)
    assert set(shapes.HANDED_OUT) - {"inputs"} <= set(job)
    assert shape_of(job, EXECUTE_SHAPES) is LEASED
    assert get_type_hints(job_to_dict)["job"]


def test_a_job_of_python_is_answered_as_executejob_does() -> None:
    world = World()
    sent = {"job_id": "test-123", "code": "4", "context": {}}
    status, told, _ = world.ask("POST", "/execute", sent)
    assert (status, told["status"], told["job_id"]) == (200, "completed", "test-123")
    assert told["result"] == {"result": 4, "type": "number", "execution_time_ms": 1.0}
    assert told["execution_time_ms"] == 1.0
    assert told["completed_at"].endswith("+00:00")


def test_python_without_an_id_succeeds_or_is_an_error() -> None:
    world = World()
    status, told, _ = world.ask("POST", "/execute", {"code": "[1]"})
    assert (status, told["status"], told["result"]) == (200, "success", [1])
    assert told["execution_time_ms"] == 1.0
    status, told, _ = world.ask("POST", "/execute", {"code": "raise ValueError", "context": {}})
    assert (status, told["status"], told["error"]) == (422, "error", "ValueError")
    assert told["execution_time_ms"] == 1.0
    status, told, _ = world.ask("POST", "/execute", {"code": "busy"})
    assert (status, told["status"], told["kind"]) == (503, "error", "unavailable")


def test_a_job_that_was_handed_out_is_posted_whole() -> None:
    world = World()
    world.submit("a", dispatch="poll", max_attempts=2)
    (job,) = world.ask("POST", "/poll", {"worker_id": "w"})[1]["jobs"]
    for name, value in (("capability", "database"), ("input", {"code": "5"}), ("priority", 2)):
        status, told, _ = world.ask("POST", "/execute", {**job, name: value})
        assert (status, f"`{name}` is not that of the job a" in told["error"]) == (400, True)
    status, told, _ = world.ask("POST", "/execute", job)
    assert (status, told["status"], told["result"]) == (200, "completed", 4)
    assert world.state("a") == "completed"
    assert world.ask("POST", "/execute", job)[0] == 409
    assert world.ask("POST", "/execute", {**job, "job_id": "none"})[0] == 404


def test_a_job_that_only_workers_can_run_stays_theirs() -> None:
    world = World()
    sent = {"activation_id": "a", "activation_data": {"capability": "sing", "dispatch": "poll"}}
    world.ask("POST", "/activations", sent)
    world.ask("POST", "/activations/a/retry")
    (job,) = world.ask("POST", "/poll", {"worker_id": "w", "capabilities": ["sing"]})[1]["jobs"]
    status, told, _ = world.ask("POST", "/execute", job)
    assert (status, told["state"]) == (409, "leased")
    assert "run it yourself" in told["error"]
    done = {"worker_id": "w", "attempt": 1, "result": 1}
    assert world.ask("POST", "/activations/a/complete", done)[0] == 200


def test_a_job_is_the_same_after_a_client_in_javascript_had_it() -> None:
    """Its numbers lose what a double cannot hold, and `10.0` is `10`."""
    world = World()
    data = {"context": {"large": 2**53 + 1, "whole": 10.0}, "code": "4"}
    world.submit("a", dispatch="poll", input=data)
    (job,) = world.ask("POST", "/poll", {"worker_id": "w"})[1]["jobs"]
    job["input"]["context"] = {"large": 2**53, "whole": 10}
    assert world.ask("POST", "/execute", job)[0] == 200


def test_an_activation_is_kept_and_run() -> None:
    world = World()
    sent = {"activation_id": "a", "job_data": {"code": "4", "context": {}}}
    status, told, _ = world.ask("POST", "/execute", sent)
    assert (status, told["status"], told["job_id"]) == (200, "completed", "a")
    assert (told["result"]["result"], told["result"]["type"]) == (4, "number")
    found = world.ask("GET", "/activations/a")[1]
    assert (found["status"], found["result"]) == ("completed", 4)
    again = world.ask("POST", "/execute", sent)[1]
    assert (again["status"], again["result"]["result"]) == ("completed", 4)
    assert world.ran == ["4"]
    other = {**sent, "job_data": {"code": "5"}}
    assert world.ask("POST", "/execute", other)[0] == 409


def test_an_activation_is_the_same_in_all_its_shapes() -> None:
    world = World()
    world.submit("a", "4")
    sent = {"activation_id": "a", "job_data": {"code": "4"}}
    assert world.ask("POST", "/execute", sent)[1]["status"] == "completed"
    sent = {"activation_id": "a", "activation_data": {"code": "4"}}
    assert world.ask("POST", "/activations", sent)[1]["result"] == 4


def test_an_activation_that_somebody_else_runs_is_waited_for() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    world.ask("POST", "/poll", {"worker_id": "w"})
    sent = {"activation_id": "a", "job_data": {"code": "4"}}
    status, told, headers = world.ask("POST", "/execute", sent)
    assert (status, told["state"], headers["retry-after"]) == (503, "leased", "2")
    assert "GET /activations/a" in told["error"]
    lease = {"worker_id": "w", "attempt": 1, "result": 7}
    world.while_waiting = lambda: world.ask("POST", "/activations/a/complete", lease)
    assert world.ask("POST", "/execute", sent)[1]["result"]["result"] == 7
    assert world.ran == []


def test_an_activation_whose_worker_is_gone_is_run_here() -> None:
    world = World()
    world.submit("a", dispatch="poll")
    world.ask("POST", "/poll", {"worker_id": "w"})
    lease = {"worker_id": "w", "attempt": 1, "error": "broken"}
    world.while_waiting = lambda: world.ask("POST", "/activations/a/fail", lease)
    told = world.ask("POST", "/execute", {"activation_id": "a", "job_data": {"code": "4"}})[1]
    assert (told["status"], world.ran) == ("completed", ["4"])


def test_activations_that_do_not_go_well() -> None:
    world = World()
    sent = {"activation_id": "a", "job_data": {"code": "raise ValueError"}}
    for _ in range(2):
        status, told, _ = world.ask("POST", "/execute", sent)
        assert (status, told["status"], told["state"]) == (422, "failed", "failed")
        assert "ValueError" in told["error"]
    busy = {"activation_id": "b", "job_data": {"code": "busy"}}
    status, told, _ = world.ask("POST", "/execute", busy)
    assert (status, told["status"], told["state"]) == (503, "failed", "waiting")
    world.ask("POST", "/activations/b/cancel")
    status, told, _ = world.ask("POST", "/execute", busy)
    assert (status, told["state"]) == (409, "cancelled")
    unknown = {"activation_id": "c", "job_data": {"capability": "sing"}}
    status, told, _ = world.ask("POST", "/execute", unknown)
    assert (status, "there is no capability `sing`" in told["error"]) == (422, True)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"activation_id": "a", "job_data": 1}, "`job_data` is an object"),
        ({"activation_id": "a", "job_data": {}}, "`job_data.capability` is missing"),
        ({"activation_id": "a", "job_data": {"cod": "1"}}, "did you mean `job_data.code`?"),
        ({"activation_id": "a/b", "job_data": {"code": "1"}}, "`activation_id` is text"),
        (
            {"activation_id": "a", "job_data": {"code": "1", "dispatch": "now"}},
            "`job_data.dispatch` is `edge` or `poll`",
        ),
        ({"code": "1", "query": "SELECT 1"}, "send one of the two"),
        ({"job_id": "a/b", "code": "1"}, "`job_id` is text"),
    ],
)
def test_what_cannot_be_executed(sent: object, said: str) -> None:
    status, told, _ = World().ask("POST", "/execute", sent)
    assert (status, said in told["error"]) == (400, True), told
