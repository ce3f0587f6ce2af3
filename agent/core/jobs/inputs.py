"""What a job is given of those that it depends on: their results, by id, as `inputs`.

A worker that polls finds them beside the job's own input; Python that the agent runs finds them
in its context, and a function of it as the argument `inputs`. What is more than may be handed on
makes the job fail: it would again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agent.core.isolate.agent import Agent
from agent.queue.job import Job, JobKey
from agent.queue.limits import MAX_INPUTS

IN_CONTEXT = "python-execution"  # the capability whose context holds them


class JobInputs(NamedTuple):
    """`refused`: why there are none."""

    inputs: Mapping[str, Any] = {}
    refused: str | None = None


def inputs_of(agent: Agent, jobs: Sequence[Job]) -> dict[JobKey, JobInputs]:
    """Those of each job, in one question to the queue; of jobs that depend on none: nothing."""
    asking = [job.key for job in jobs if job.depends_on]
    if not asking:
        return {}
    found = agent.wait(agent.jobs().inputs(asking))
    return {key: _given(each.results, each.size) for key, each in zip(asking, found, strict=True)}


def with_inputs(job: Job, asked: dict[str, Any], given: JobInputs) -> dict[str, Any]:
    """The input as the agent runs it."""
    context = asked.get("context", {})
    if not job.depends_on or job.capability != IN_CONTEXT or not isinstance(context, dict):
        return asked
    inputs = dict(given.inputs)
    made = {**asked, "context": {**context, "inputs": inputs}}
    arguments = asked.get("arguments", {})
    if "function" in asked and isinstance(arguments, dict):
        made["arguments"] = {**arguments, "inputs": inputs}
    return made


def _given(results: Mapping[str, str] | None, size: int) -> JobInputs:
    if results is None:
        return JobInputs(
            refused=f"the results of what it depends on have {size:,} bytes, at most "
            f"{MAX_INPUTS:,} may be: let those store what is large, and give where it is"
        )
    return JobInputs({id: json.loads(text).get("result") for id, text in results.items()})
