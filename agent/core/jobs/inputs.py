"""The `inputs` of a job: results of the jobs that it depends on, by id.

A worker that polls finds them beside the job's own input; Python that the agent runs has them in
its context, and a function as the argument `inputs`. If they are too large, the job fails for good.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent.core.isolate.agent import Agent
from agent.queue.job import Job, JobKey
from agent.queue.limits import MAX_INPUTS

IN_CONTEXT = "python-execution"  # the capability whose context holds them


class JobInputs(NamedTuple):
    """`refused`: why they cannot be given."""

    inputs: Mapping[str, object] = {}
    refused: str | None = None


def inputs_of(agent: Agent, jobs: Sequence[Job]) -> dict[JobKey, JobInputs]:
    """The inputs of each job that depends on others, read in one round trip."""
    asking = [job.key for job in jobs if job.depends_on]
    if not asking:
        return {}
    found = agent.wait(agent.jobs().inputs(asking))
    return {
        key: _given(results.results, results.size)
        for key, results in zip(asking, found, strict=True)
    }


def with_inputs(job: Job, own: dict[str, object], given: JobInputs) -> dict[str, object]:
    """The job's input, with its inputs added where its capability reads them."""
    context = own.get("context", {})
    if not job.depends_on or job.capability != IN_CONTEXT or not isinstance(context, dict):
        return own
    inputs = dict(given.inputs)
    complete = {**own, "context": {**context, "inputs": inputs}}
    arguments = own.get("arguments", {})
    if "function" in own and isinstance(arguments, dict):
        complete["arguments"] = {**arguments, "inputs": inputs}
    return complete


def _given(results: Mapping[str, str] | None, size: int) -> JobInputs:
    if results is None:
        return JobInputs(
            refused=f"the results of what it depends on have {size:,} bytes, at most "
            f"{MAX_INPUTS:,} may be: let those store what is large, and give where it is"
        )
    return JobInputs({id: json.loads(text).get("result") for id, text in results.items()})
