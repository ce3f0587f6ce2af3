"""Times the steps that a request's way is made of, inside workerd, many times each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import js
from bundled_policy import COMPILED
from pyodide.ffi import run_sync

from policies.decisions.decide import decide, read_target
from policies.decisions.headers import header_changes, trace_of
from policies.decisions.policy import CompiledPolicy
from policies.decisions.request import Client, Request

TIMES = 3_000
Step = tuple[str, Callable[[], object]]
stringify, parse, from_entries = js.JSON.stringify, js.JSON.parse, js.Object.fromEntries
new_request, new_response = js.Request.new, js.Response.new
policy = CompiledPolicy(json.loads(COMPILED))
chance = Random(0)


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    return js.Response.new(json.dumps({name: timed(step) for name, step in steps(request, env)}))


def timed(step: Callable[[], object]) -> float:
    for _ in range(TIMES // 10):
        step()
    begun = time.perf_counter()
    for _ in range(TIMES):
        step()
    return (time.perf_counter() - begun) / TIMES * 1e6


def steps(request: Any, env: Any) -> Iterator[Step]:
    yield from crossings(request, env)
    yield from decisions(request)
    yield from forwarding(request, env)


def crossings(request: Any, env: Any) -> Iterator[Step]:
    headers = request.headers
    text = stringify(from_entries(headers))
    values = json.loads(text)
    yield "js: Date.now()", js.Date.now
    yield "js: request.url", lambda: request.url
    yield "js: request.cf", lambda: request.cf
    yield "js: headers.get(name)", lambda: headers.get("user-agent")
    yield "js: env.BINDING", lambda: env.BACKEND
    yield (
        "js: JSON.stringify(Object.fromEntries(headers))",
        lambda: stringify(from_entries(headers)),
    )
    yield "js: JSON.parse(text)", lambda: parse(text)
    yield "js: new Request(request)", lambda: new_request(request)
    yield "js: AbortSignal.timeout(ms)", lambda: js.AbortSignal.timeout(30_000)
    yield "python: json.loads(text)", lambda: json.loads(text)
    yield "python: json.dumps(headers)", lambda: json.dumps(values)


def decisions(request: Any) -> Iterator[Step]:
    headers = json.loads(stringify(from_entries(request.headers)))
    url = request.url
    target: Any = read_target(policy, url)
    asked = Request("GET", target, headers, Client("192.0.2.17", "FRA", "DE", "EU"))
    choice: Any = decide(policy, asked, chance).outcome
    trace = trace_of(headers, chance)
    first = choice.candidates[0]
    yield "python: trace_of", lambda: trace_of(headers, chance)
    yield "python: read_target", lambda: read_target(policy, url)
    yield "python: decide", lambda: decide(policy, asked, chance)
    yield (
        "python: header_changes",
        lambda: header_changes(asked, choice.route, first, trace, 1),
    )


def forwarding(request: Any, env: Any) -> Iterator[Step]:
    backend = env.BACKEND
    done = js.Promise.resolve(1)
    answer = run_sync(backend.fetch(request))
    headers = new_response(None, answer).headers
    yield "js: new Response(null, response)", lambda: new_response(None, answer)
    yield "js: headers.set(name, value)", lambda: headers.set("x-router-route", "agents")
    yield "run_sync(a settled promise)", lambda: run_sync(done)
    yield "run_sync(binding.fetch(request))", lambda: run_sync(backend.fetch(request))
