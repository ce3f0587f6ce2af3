"""Calls of administrative pages to the Coordinator, which decides about drills and rollouts.

The isolate that made a change learns the new snapshot from the answer, so it applies the change
from the next request on; other isolates follow within seconds.
"""

from __future__ import annotations

import json

from policies.basics.untyped import JsonObject, Parsed
from policies.http.problems import RETRY_AFTER_S, Problem
from router.edge.isolate.isolate import Isolate, log
from router.edge.runtime.bridge import JsException, JsObject, ask_coordinator, run_sync

PATIENCE_MS = 5_000  # the Coordinator may have to read the policy first


def ask(env: JsObject, method: str, question: str, changes: str = "") -> Parsed:
    """The Coordinator's answer, or a problem if there is none. `changes`: the page that shows
    whether the change was made, to look at before a repetition."""
    try:
        return json.loads(run_sync(ask_coordinator(env, method, question, PATIENCE_MS)))
    except (JsException, ValueError) as error:
        log("coordinator-failed", {"method": method, "reason": str(error)[:200]})
        detail = "The Coordinator, which has the drills and rollouts, does not answer; try again."
        if changes:
            detail += f" The change may have been made: look at `{changes}` first."
        retry = ("retry-after", str(RETRY_AFTER_S))
        return Problem("coordinator-unavailable", detail, (retry,))


def learn(isolate: Isolate, answer: JsonObject) -> None:
    """Apply the snapshot in an answer."""
    isolate.coordinating.hear(answer["snapshot"])


def limit_of(query: dict[str, str], usual: int, most: int) -> int | Problem:
    """How many events `?limit=` asks for."""
    others = dict(query)
    limit = others.pop("limit", str(usual))
    if others or not limit.isascii() or not limit.isdecimal() or not 1 <= int(limit) <= most:
        return Problem("bad-request", f"The only parameter is `limit`, from 1 to {most}.")
    return int(limit)
