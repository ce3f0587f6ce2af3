"""A job from outside the isolate: what is believed of its answer, what happens after it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import count

import pytest

from agent.sandbox.execute import (
    MAX_ANSWER,
    MAX_CODE,
    MAX_RESULT,
    MAX_STDOUT,
    IsolateError,
    Outcome,
    PythonJob,
    execute,
    read,
)
from agent.sandbox.pool import Pool, Sizes
from agent.sandbox.runner import run
from workers_runtime.json_text import MAX_DEPTH

Running = Callable[[str], str]


class FakeIsolates:
    """Isolates that run the code here, or `running`; what they were told is kept."""

    def __init__(self, running: Running | None = None, fails: IsolateError | None = None) -> None:
        self.running: Running = running or (lambda job: json.dumps(run(json.loads(job))))
        self.fails = fails
        self.starts: dict[str, int] = {}
        self.tended: list[tuple[Sequence[str], Sequence[str]]] = []

    def start(self, isolate: str) -> str:
        if self.fails:
            raise self.fails
        self.starts[isolate] = self.starts.get(isolate, 0) + 1
        return json.dumps({"starts": self.starts[isolate]})

    def run(self, isolate: str, job: str, cpu_ms: int, wait_ms: int, most: int) -> str:
        assert cpu_ms < wait_ms
        assert most == MAX_ANSWER
        return self.running(job)

    def tend(self, end: Sequence[str], start: Sequence[str]) -> None:
        self.tended.append((end, start))
        for isolate in start:
            self.start(isolate)


def ran(isolates: FakeIsolates, job: PythonJob, pool: Pool | None = None, step: int = 1) -> Outcome:
    clock: Iterator[int] = count(0, step)
    return execute(pool or Pool("p"), isolates, "a", job, lambda: next(clock))


def kind(outcome: Outcome) -> str | None:
    return outcome.error.kind if outcome.error else None


def test_cold_then_warm() -> None:
    isolates, pool = FakeIsolates(), Pool("p")
    job = PythonJob("print('hi')\nresult = context['n'] + 1", {"n": 1})
    first, second = ran(isolates, job, pool), ran(isolates, job, pool)
    assert (first.result, first.stdout, first.error, first.warm) == (2, "hi\n", None, False)
    assert (second.result, second.warm) == (2, True)
    assert isolates.tended == [(("p/a/1",), ("p/a/2",)), (("p/a/2",), ("p/a/3",))]


def test_the_codes_error() -> None:
    error = ran(FakeIsolates(), PythonJob("\n1 / 0", {})).error
    assert error
    assert error == ("code-error", "ZeroDivisionError: division by zero", 2, error.traceback)
    assert error.traceback == ("line 2, in <module>: 1 / 0",)


@pytest.mark.parametrize(
    ("error", "step", "expected"),
    [
        (IsolateError("Error", "aborted"), 1, "crashed"),
        (IsolateError("Error", "aborted"), 5_000, "timeout"),
        (IsolateError("TimeoutError", "no answer"), 1, "timeout"),
        (IsolateError("Error", "Worker exceeded CPU time limit."), 1, "timeout"),
        (IsolateError("TooMuchError", "too much"), 1, "too-much-output"),
    ],
)
def test_no_answer(error: IsolateError, step: int, expected: str) -> None:
    def fails(job: str) -> str:
        raise error

    isolates = FakeIsolates(fails)
    assert kind(ran(isolates, PythonJob("", {}), step=step)) == expected
    assert isolates.tended[0][0] == ("p/a/1",)


def test_none_can_be_started() -> None:
    isolates = FakeIsolates(fails=IsolateError("Error", "no binding"))
    isolates.tend = lambda end, start: None  # type: ignore[method-assign]
    pool = Pool("p")
    outcome = ran(isolates, PythonJob("", {}), pool)
    assert kind(outcome) == "unavailable"
    assert pool.running == 0


def test_all_are_busy() -> None:
    pool = Pool("p", Sizes(all=1))
    pool.take("b", 0)
    outcome = ran(FakeIsolates(), PythonJob("result = 1", {}), pool)
    assert kind(outcome) == "unavailable"
    assert outcome.error
    assert "try again" in outcome.error.message


@pytest.mark.parametrize(
    "job", [PythonJob("#" * (MAX_CODE + 1), {}), PythonJob("", {}, 0), PythonJob("", {}, 30_001)]
)
def test_refused_without_an_isolate(job: PythonJob) -> None:
    isolates = FakeIsolates()
    assert ran(isolates, job).error
    assert isolates.starts == {}


NONSENSE = [
    "",
    "4",
    "null",
    "[]",
    "{}",
    '{"stdout": ""}',
    '{"result": 1, "stdout": 5}',
    '{"result": NaN, "stdout": ""}',
    '{"error": null, "stdout": ""}',
    '{"error": {"kind": "unavailable", "message": ""}, "stdout": ""}',
    '{"error": {"kind": "crashed", "message": ""}, "stdout": ""}',
    '{"error": {"kind": ["timeout"], "message": ""}, "stdout": ""}',
    '{"error": {"kind": "timeout", "message": {}}, "stdout": ""}',
    '{"error": {"kind": "timeout", "message": "", "line": "1"}, "stdout": ""}',
    '{"error": {"kind": "timeout", "message": "", "traceback": [1]}, "stdout": ""}',
    "[" * 100_000,
    # Where the agent runs Python does not say that this is too deep: it ends.
    '{"result": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}",
    '{"result": %s, "stdout": ""}' % ("1" * 5_000),
    json.dumps({"result": 1, "stdout": "x" * (MAX_STDOUT + 1)}),
    '{"result": 1, "stdout": "\\ud800"}',
]


@pytest.mark.parametrize("answer", NONSENSE, ids=lambda text: text[:40])
def test_a_forged_answer_that_makes_no_sense(answer: str) -> None:
    told = read(answer)
    assert told.error
    assert told.error.kind == "crashed"
    assert told.result is None


@pytest.mark.parametrize(
    ("result", "expected"),
    [('"\\ud800"', "bad-result"), ("[" * 70 + "]" * 70, "bad-result"), (str(2**60), "bad-result")],
)
def test_a_forged_result_is_held_to_the_rules(result: str, expected: str) -> None:
    told = read(f'{{"result": {result}, "stdout": ""}}')
    assert told.error
    assert told.error.kind == expected


def test_a_forged_result_takes_no_time() -> None:
    """Where in it something is wrong is not told in full, for each of its values."""
    told = read(json.dumps({"result": {"k" * 400_000: [0] * 150_000 + [2**60]}, "stdout": ""}))
    assert told.error
    assert told.error.kind == "bad-result"
    assert len(told.error.message) < 500


def test_a_forged_result_is_held_to_its_size() -> None:
    """The isolate says that it is small enough; it is measured here again."""
    told = read(json.dumps({"result": "x" * (MAX_RESULT - 1), "stdout": "said"}))
    assert told.error
    assert (told.error.kind, told.stdout) == ("too-much-output", "said")
    assert read(json.dumps({"result": "x" * (MAX_RESULT - 2), "stdout": ""})).error is None


def test_the_largest_answer_fits() -> None:
    code = f"print('\\0' * {MAX_STDOUT - 1})\nresult = 'x' * {MAX_RESULT - 2}"
    sent = {"code": code, "context": {}, "most_stdout": MAX_STDOUT, "most_result": MAX_RESULT}
    answer = json.dumps(run(sent))
    assert MAX_RESULT < len(answer) <= MAX_ANSWER
    assert read(answer).error is None
