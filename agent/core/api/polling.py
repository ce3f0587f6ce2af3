"""`/poll`: a worker asks for jobs, and may wait for some. Also: leases, as requests name them.

A poll that the router repeats after a failure has the same `traceparent`, and gets the same jobs at
any variant.

A poll of a registered worker is a heartbeat: such a worker keeps its leases as long as it is
alive, and gets jobs of the capabilities that it has registered unless it names others.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from agent.core.capabilities.execution import CAPABILITIES
from agent.core.http.call import WORKER_SCOPE, Call
from agent.core.http.problem import Problem
from agent.core.http.reading import names_of, read_options, seconds_of, text_of, whole_of
from agent.core.http.responses import Response, json_response
from agent.core.identity import time_text
from agent.core.isolate.agent import Agent
from agent.core.jobs.inputs import JobInputs, inputs_of
from agent.core.jobs.to_dict import job_to_dict
from agent.queue.job import Invalid, Job, JobKey, JobState
from agent.queue.limits import MAX_JOBS, NAME, NAME_TEXT
from agent.workers.worker import WorkerKey

FIELDS = ("worker_id", "capabilities", "limit", "wait", "lease", "tenant")
EXAMPLE = '{"worker_id": "w-1", "limit": 5, "wait": 20}'
LEASE, MIN_LEASE, MAX_LEASE = 60.0, 1.0, 3_600.0  # seconds
MAX_WAIT = 25.0
MAX_ATTEMPT = 1_000_000
LOOKS_MS = (250, 500, 1_000, 2_000)  # between looks, while nothing is there
_TRACE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


class Lease(NamedTuple):
    """A lease that a worker claims to hold."""

    key: JobKey
    worker: str
    attempt: int

    def lost(self, state: JobState | None) -> Problem:
        """The problem if the worker does not hold this lease, or no longer."""
        if state is None:
            hint = "send `tenant` and the job's id as /poll returned them"
            return Problem(404, f"tenant {self.key.tenant} has no job {self.key.id}: {hint}")
        lease = f"worker {self.worker} does not hold attempt {self.attempt} of it"
        return Problem(409, f"the job is {state}, and {lease}", state=state)

    def ended(self, state: JobState) -> Problem:
        """The problem if this attempt has already ended in another way."""
        reason = f"worker {self.worker} has told another end of attempt {self.attempt} before"
        return Problem(409, f"the job is {state}: {reason}, and that stands", state=state)


class Poll(NamedTuple):
    worker: str
    capabilities: list[str]
    limit: int
    lease_ms: int
    ticket: str
    tenant: str | None
    key: str


def poll(agent: Agent, call: Call) -> Response:
    call.known_tenant()
    given = read_options(call, FIELDS, EXAMPLE)
    until = agent.now() + seconds_of(given, "wait", 0, 0, MAX_WAIT)
    request, looks = _poll(agent, call, given), 0
    jobs = _look(agent, request, is_first=True)
    while not jobs and agent.now() < until:
        agent.pause(min(LOOKS_MS[min(looks, len(LOOKS_MS) - 1)], max(0, until - agent.now())))
        jobs, looks = _look(agent, request), looks + 1
    documents = _jobs_to_dicts(agent, jobs)
    at = time_text(agent.now())
    return json_response({"status": "success", "jobs": documents, "poll_timestamp": at})


def read_lease(call: Call, given: dict[str, object], job_id: str) -> Lease:
    worker = text_of(given, "worker_id", NAME, NAME_TEXT)
    if "attempt" not in given:
        raise Problem(400, "`attempt` is missing: /poll told it with the job")
    attempt = whole_of(given, "attempt", 0, 1, MAX_ATTEMPT)
    return Lease(JobKey(call.tenant_of_job(_tenant(given)), job_id), worker, attempt)


def _poll(agent: Agent, call: Call, given: dict[str, object]) -> Poll:
    worker = {"worker_id": call.headers.get("x-worker-id", call.tenant), **given}
    named = _tenant(given)
    is_for_all = named is None and WORKER_SCOPE in call.scopes
    name = text_of(worker, "worker_id", NAME, NAME_TEXT)
    return Poll(
        name,
        _capabilities(agent, WorkerKey(call.tenant, name), given),
        whole_of(given, "limit", 1, 1, MAX_JOBS),
        seconds_of(given, "lease", LEASE, MIN_LEASE, MAX_LEASE),
        ticket_of(call) or agent.new_id(),
        None if is_for_all else call.tenant_of_job(named),
        call.tenant,
    )


def _capabilities(agent: Agent, key: WorkerKey, given: dict[str, object]) -> list[str]:
    if "capabilities" in given:
        return names_of(given, "capabilities")
    known = agent.wait(agent.workers().heartbeat(key, round(agent.now())))
    return known.capabilities if known else list(CAPABILITIES)


def _look(agent: Agent, request: Poll, is_first: bool = False) -> list[Job]:
    """Leases the jobs that are available now. A poll is one heartbeat, however often it looks: it
    ends long before its worker would count as lost."""
    worker, capabilities, limit, lease_ms, ticket, tenant, key = request
    polled = (worker, capabilities, limit, lease_ms, round(agent.now()), ticket, tenant)
    found = agent.wait(agent.jobs().lease(*polled, key=key, is_heard=is_first))
    if isinstance(found, Invalid):
        raise Problem(400, f"`{found.field}` {found.message}")
    return found


def _jobs_to_dicts(agent: Agent, jobs: list[Job]) -> list[dict[str, object]]:
    """The jobs with their inputs. A job whose inputs are too large fails."""
    inputs, documents = inputs_of(agent, jobs), []
    for job in jobs:
        given = inputs.get(job.key, JobInputs())
        if given.refused is None:
            documents.append(job_to_dict(job, given))
            continue
        held = (job.key, job.worker or "", job.attempt)
        agent.wait(agent.jobs().fail(*held, given.refused, round(agent.now()), False, 0.0))
        agent.soon("deliver")
    return documents


def ticket_of(call: Call) -> str | None:
    """The router's span of this request: the same each time the router sends it."""
    found = _TRACE.fullmatch(call.headers.get("traceparent", ""))
    return found and f"{found[1]}-{found[2]}"


def _tenant(given: dict[str, object]) -> str | None:
    return text_of(given, "tenant", NAME, NAME_TEXT) if "tenant" in given else None
