"""`POST /execute`: a job that is sent along, or one that a worker has leased.

- `{"capability": …, "input": {…}, "job_id"?: …}` is run at once, and kept nowhere.
- `{"job_id": …, "worker_id": …, "attempt": …}` names a lease, as `/poll` told it: the agent
  takes it over, runs the job, and what comes of it stands in the queue before it is answered.
"""

from __future__ import annotations

from typing import Any

from agent.core import answers
from agent.core.activation import ID, ID_TEXT
from agent.core.answers import Answer, Facts
from agent.core.cache import run_or_recall
from agent.core.call import Agent, Call
from agent.core.capabilities.refused import Refused, Unavailable
from agent.core.capabilities.tools import Stream
from agent.core.execution import Job, unknown_capability
from agent.core.polling import read_lease
from agent.core.problem import Problem
from agent.core.reading import read_object, text_of
from agent.core.running import LEASE_MS, run_leased
from agent.queue.job import Refused as NotTaken

SENT = ("capability", "input", "job_id")
LEASED = ("job_id", "worker_id", "attempt", "tenant")
EXAMPLE = '{"capability": "text-processing", "input": {"text": "…"}}'


def execute(agent: Agent, call: Call) -> Answer:
    known = tuple(dict.fromkeys((*SENT, *LEASED)))
    given = read_object(call, known, EXAMPLE)
    if "attempt" in given or "worker_id" in given:
        return _of_queue(agent, call, given)
    return _at_once(agent, call, _job(given, agent.new_id()))


def _job(given: dict[str, Any], new_id: str) -> Job:
    if "tenant" in given:
        raise Problem(400, "`tenant` is for jobs of the queue; name their lease, too")
    capability, asked = given.get("capability"), given.get("input", {})
    if not isinstance(capability, str):
        raise Problem(400, f"`capability` is missing, or no text; send one such as {EXAMPLE}")
    if unknown := unknown_capability(capability):
        raise Problem(400, unknown)
    job_id = text_of(given, "job_id", ID, ID_TEXT) if "job_id" in given else new_id
    if not isinstance(asked, dict):
        raise Problem(400, "`input` is an object")
    return Job(job_id, capability, asked)


def _at_once(agent: Agent, call: Call, job: Job) -> Answer:
    began = agent.clock()
    try:
        tools = agent.tools(call.known_tenant(), call.scopes)
        ran = run_or_recall(job, tools, agent.store, agent.who.variant, call.headers, call.now_ms)
    except (Refused, Unavailable) as why:
        agent.metrics.jobs[job.capability, "failed"] += 1
        is_passing = isinstance(why, Unavailable)
        raise failed(job.id, job.capability, str(why), why.more, is_passing) from None
    agent.metrics.jobs[job.capability, "completed"] += 1
    facts = Facts(job.capability, "completed", ran.found)
    if isinstance(ran.made, Stream):
        return answers.stream(ran.made, job.id)._replace(facts=facts)
    took = max(0.0, agent.clock() - began)
    made = answers.completed(job.id, job.capability, ran.outcome, took, agent.now())
    return made._replace(headers=ran.headers, facts=facts)


def _of_queue(agent: Agent, call: Call, given: dict[str, Any]) -> Answer:
    if "capability" in given or "input" in given:
        raise Problem(400, "a job of the queue brings its own `capability` and `input`")
    job_id = text_of(given, "job_id", ID, ID_TEXT)
    lease = read_lease(call, given, job_id)
    jobs, runner = agent.jobs(), f"{agent.who.id}.{agent.new_id()}"
    now = round(agent.now())
    held = agent.wait(jobs.hand_over(lease.key, lease.worker, lease.attempt, runner, LEASE_MS, now))
    if isinstance(held, NotTaken) or not held.is_done:
        state = None if isinstance(held, NotTaken) else held.state
        raise lease.lost(state)
    job = agent.wait(jobs.get(lease.key))
    if job is None or (job.worker, job.attempt) != (runner, lease.attempt):
        raise lease.lost(job and job.state)
    ran = run_leased(agent, job, runner)
    agent.soon("deliver")
    if not ran.is_ours:
        raise lease.lost(ran.state)
    if ran.outcome is None:
        more = {**ran.more, "state": ran.state}
        raise failed(job_id, job.capability, ran.error or "", more, ran.is_passing)
    made = answers.completed(job_id, job.capability, ran.outcome, ran.took_ms, agent.now())
    return made._replace(facts=Facts(job.capability, "completed"))


def failed(job_id: str, capability: str, message: str, more: Any, is_passing: bool) -> Problem:
    told = {**more, "job_id": job_id, "status": "failed"}
    problem = Problem(503 if is_passing else 422, message, **told)
    problem.facts = Facts(capability, "failed")
    return problem
