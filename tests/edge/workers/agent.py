"""The agent with two more capabilities, for tests: `numbered`, whose results are kept and never
the same, and `broken`. `POST /sql`, `/live` and `/forget` see to the database.
"""

import json
from itertools import count

import js
from pyodide.ffi import run_sync

from agent.core.capabilities.execution import CAPABILITIES
from agent.core.capabilities.tools import Capability
from agent.edge.d1.binding import d1_of
from agent.edge.entry import on_fetch as agent_fetch
from agent.queue.job import JobKey, Submission
from agent.queue.jobs import Jobs
from agent.records.records import Records

_numbers = count(1)


def broken(given, tools):
    raise ZeroDivisionError


CAPABILITIES["numbered"] = Capability(lambda given, _: next(_numbers), is_kept=True)
CAPABILITIES["broken"] = Capability(broken)


def on_fetch(request, env, ctx):
    verb = js.URL.new(request.url).pathname[1:]
    if verb not in OWN:
        return agent_fetch(request, env, ctx)
    asked = json.loads(run_sync(request.text()))
    return js.Response.new(json.dumps(run_sync(OWN[verb](d1_of(env.JOBS), *asked))))


async def sql(db, text, *params):
    return (await db.run(text, *params)).rows


async def live(db, now_ms):
    """A job's life, and its log."""
    jobs, key = Jobs(db), JobKey("tenant", "live")
    await jobs.submit(Submission(key, "skill", "{}"), now_ms)
    (job,) = await jobs.lease("ann", ["skill"], 1, 1_000, now_ms, "ticket")
    await jobs.fail(key, "ann", job.attempt, "no luck", now_ms, False, 0.0)
    return [step._asdict() for step in await Records(db).log(key)]


async def forget(db, before_ms):
    return await Records(db).forget(before_ms)


OWN = {"sql": sql, "live": live, "forget": forget}
