"""The job queue over HTTP, for tests: `POST /<operation>` with its arguments as a JSON list.

`/sql` runs statements as they are, `/crowd` lets pollers of one request work side by side, with
a database of which every fifth answer is an error, in turn before and after having done what
it was asked. The clock is the tests': each operation is told the time. But `/deliver` sends
callbacks that are due now, to the network, or through this Worker itself.
"""

import gc
import json
from asyncio import gather
from itertools import count
from types import SimpleNamespace

import js
from pyodide.ffi import run_sync

from agent.callbacks.callbacks import Callbacks, registration
from agent.callbacks.message import CallbackRequest
from agent.edge.d1.binding import d1_of, send_to
from agent.edge.d1.database import D1
from agent.edge.fetching.callbacks import HttpTransport, deliver
from agent.queue.database import DatabaseError
from agent.queue.job import JobKey, Submission
from agent.queue.jobs import Jobs
from agent.queue.limits import Limits

OUTSIDE, TAKEN = "hooks.example", 299  # what this Worker answers, as the way out
LOST = json.dumps({"error": "D1_ERROR: Network connection lost."})

gc.disable()  # as the router does: what waits in `run_sync` must not be looked at


def on_fetch(request, env, ctx):
    if request.method == "GET":
        return js.Response.new("ready")
    url = js.URL.new(request.url)
    if url.hostname == OUTSIDE:
        return js.Response.new(None, status=TAKEN)
    verb = url.pathname[1:]
    asked = json.loads(run_sync(request.text()))
    try:
        answer = run_sync(done(env, verb, asked))
    except DatabaseError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    return js.Response.new(json.dumps(answer))


async def done(env, verb, asked):
    binding = env.JOBS
    db = d1_of(binding)
    jobs = Jobs(db)
    if verb == "sql":
        return [[shown(rows), changes] for rows, changes in await db.batch(known(asked))]
    if verb == "deliver":
        return await deliver(through_itself(env) if asked[0] else env, 20_000)
    if verb == "send":
        within_ms, *requests = asked
        return await HttpTransport(None, within_ms).send(
            [CallbackRequest(*each) for each in requests]
        )
    if verb == "callback":
        return await Callbacks(db).of(JobKey(*asked))
    if verb == "crowd":
        return await crowd(Jobs(failing(binding)), *asked)
    if verb == "submit":
        key, *rest, now_ms = asked
        return (await jobs.submit(Submission(JobKey(*key), *rest), now_ms))._asdict()
    if verb == "submit_one":
        tenant, id, capability, more, now_ms, limits = asked
        more["depends_on"] = tuple(more.get("depends_on", ()))
        submission = Submission(JobKey(tenant, id), capability, "{}", **more)
        found = await Jobs(db, Limits(**limits)).submit(submission, now_ms)
        return [type(found).__name__, *found]
    if verb == "inputs":
        return await jobs.inputs([JobKey(*key) for key in asked])
    if verb == "submit_with_callback":
        key, *rest, callback_url, now_ms = asked
        asked = Submission(JobKey(*key), *rest)
        return await jobs.submit(asked, now_ms, [registration(asked.key, callback_url)])
    if verb in ("get", "cancel", "complete", "fail", "extend", "revive", "needed"):
        asked[0] = JobKey(*asked[0])
    return await getattr(jobs, verb)(*asked)


def through_itself(env):
    """As if it were bound as the way out."""
    names = ("JOBS", "CALLBACK_HOSTS", "CALLBACK_SECRET")
    return SimpleNamespace(OUTBOUND=env.ITSELF, **{name: getattr(env, name) for name in names})


def known(statements):
    """Bytes are `[number, …]` in the tests' JSON."""
    return [
        (sql, [bytes(value) if isinstance(value, list) else value for value in params])
        for sql, params in statements
    ]


def shown(rows):
    return [
        {name: list(value) if isinstance(value, bytes) else value for name, value in row.items()}
        for row in rows
    ]


def failing(binding):
    send, numbers = send_to(binding), count(1)

    async def sometimes(text):
        number = next(numbers)
        if number % 10 == 5:
            return LOST
        answer = await send(text)
        return LOST if number % 10 == 0 else answer

    async def sleep(_):
        pass

    return D1(sometimes, sleep, lambda: 0.0)


async def crowd(jobs, names, capability, now_ms):
    """What each of these pollers was told to have completed."""

    async def poller(name):
        completed = []
        number = 0
        while True:
            number += 1
            ticket = f"{name}-{number}"
            found = await jobs.lease(name, [capability], 5, 30_000, now_ms, ticket)
            if not found:
                return completed
            for job in found:
                told = await jobs.complete(job.key, name, job.attempt, "1", now_ms)
                if told.is_done:
                    completed.append(job.key.id)

    return await gather(*(poller(name) for name in names))
