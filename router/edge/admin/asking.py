"""Questions of administrative pages to the Coordinator, which decides and keeps.

What it answers to a change is learned at once, so the isolate that asked holds it from the
next request on; the others do within seconds.
"""

from __future__ import annotations

import json
from typing import Any

from policies.http.problems import RETRY_AFTER_S, Problem
from router.edge.isolate.isolate import Isolate, log
from router.edge.runtime.bridge import JsException, JsObject, ask_coordinator, run_sync

PATIENCE_MS = 5_000  # it may have to read the policy first


def asked(env: JsObject, method: str, question: str, changes: str = "") -> Any:
    """Its answer, or the problem if there is none. `changes`: the page to look at before this
    is tried again, if it may have been done."""
    try:
        return json.loads(run_sync(ask_coordinator(env, method, question, PATIENCE_MS)))
    except (JsException, ValueError) as error:
        log("coordinator-failed", {"method": method, "reason": str(error)[:200]})
        detail = "The Coordinator, which keeps drills and rollouts, does not answer; try again."
        if changes:
            detail += f" It may have done it: look at `{changes}` before."
        retry = ("retry-after", str(RETRY_AFTER_S))
        return Problem("coordinator-unavailable", detail, (retry,))


def learn(isolate: Isolate, told: dict[str, Any]) -> None:
    """Take in the snapshot that came with an answer."""
    isolate.coordinating.hear(told["snapshot"])


def limit_of(query: dict[str, str], usual: int, most: int) -> int | Problem:
    """How many events `?limit=` asks for."""
    given = dict(query)
    limit = given.pop("limit", str(usual))
    if given or not limit.isascii() or not limit.isdecimal() or not 1 <= int(limit) <= most:
        return Problem("bad-request", f"The only parameter is `limit`, from 1 to {most}.")
    return int(limit)
