"""The input of `python-execution`: what becomes a job of the sandbox, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from agent.core.capabilities.python import run_python
from agent.core.refused import Refused
from agent.sandbox.execute import Outcome, PythonJob
from tests.agent.core.making import World


class Sandbox(World):
    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[PythonJob] = []

    def run(self, tenant: str, job: PythonJob) -> Outcome:
        self.jobs.append(job)
        return Outcome(4, None, "", 1.0, True)


def job_of(**given: Any) -> PythonJob:
    sandbox = Sandbox()
    run_python(given, sandbox)
    return sandbox.jobs[0]


def test_the_job() -> None:
    assert job_of(code="4") == PythonJob("4", {})
    arguments = {"input_data": {"n": 1}}
    called = job_of(code="4", function="run_agent", arguments=arguments, timeout_ms=9)
    assert called == PythonJob("4", {}, 9, "run_agent", arguments)
    assert job_of(code="4", function="run_agent").arguments == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"function": ""}, "`function` is the name of a function"),
        ({"function": None}, "`function` is the name of a function"),
        ({"function": "a.b"}, "`function` is the name of a function"),
        ({"function": "f" * 201}, "`function` is the name of a function"),
        ({"arguments": {}}, "`arguments` are for a `function` of the code: say its name"),
        ({"function": "f", "arguments": [1]}, "`arguments` is an object"),
        ({"funktion": "f"}, "did you mean `function`?"),
    ],
)
def test_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=r".") as refused:
        job_of(code="4", **given)
    assert message in str(refused.value)
