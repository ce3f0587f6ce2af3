"""`/.router/drills` and `/.router/audit`: drills are started, stopped and told of.

The Coordinator decides and keeps them.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from policies.fleet.drill_question import NotStartable, missing_target, read_asked
from policies.http.problems import Problem
from policies.http.request import Request
from router.edge.admin.asking import asked, learn, limit_of
from router.edge.admin.limits import DRILL_BYTES, EVENTS, MAX_EVENTS
from router.edge.admin.page import Page, json_page
from router.edge.isolate.isolate import Isolate
from router.edge.runtime.bridge import JsObject, body_text

PATH = "/drills"


def methods(path: str) -> tuple[str, ...] | None:
    """What may be done with a page; None if it is none of these."""
    if path == PATH:
        return ("GET", "HEAD", "POST", "DELETE")
    return ("DELETE",) if path.startswith(PATH + "/") and path != PATH + "/" else None


def drills_page(isolate: Isolate, request: Request, env: JsObject) -> Page | Problem:
    """All of them."""
    told = asked(env, "drills", "")
    return told if isinstance(told, Problem) else json_page(told)


def audit_page(isolate: Isolate, request: Request, env: JsObject) -> Page | Problem:
    """The newest events first; `?limit=` says how many."""
    query = dict(parse_qsl(request.target.query[1:], keep_blank_values=True))
    limit = limit_of(query, EVENTS, MAX_EVENTS)
    if isinstance(limit, Problem):
        return limit
    events = asked(env, "audit", str(limit))
    return events if isinstance(events, Problem) else json_page({"events": events})


def start_drill(isolate: Isolate, incoming: JsObject, env: JsObject, by: str) -> Page | Problem:
    """What the body asks for."""
    text = body_text(incoming, DRILL_BYTES)
    if text is None:
        return Problem("body-too-large", f"A drill is described in {DRILL_BYTES} bytes at most.")
    try:
        missing = missing_target(read_asked(text, by).target, isolate.store.policy)
    except NotStartable as error:
        return Problem("bad-request", str(error))
    if missing:
        return Problem("bad-request", missing)
    told = asked(env, "start_drill", json.dumps([text, by]), changes="/.router/drills")
    if isinstance(told, Problem):
        return told
    learn(isolate, told)
    if "refused" in told:
        return _refused(told["refused"])
    return json_page(told["drill"], 201)


def stop_drills(isolate: Isolate, path: str, env: JsObject, by: str) -> Page | Problem:
    """One drill, or all if the path names none."""
    drill_id = path.removeprefix(PATH).removeprefix("/") or None
    told = asked(env, "stop_drill", json.dumps([drill_id, by]), changes="/.router/drills")
    if isinstance(told, Problem):
        return told
    learn(isolate, told)
    if drill_id and not told["ended"]:
        return Problem("not-found", f"No drill {drill_id[:80]} is running.")
    return json_page({"ended": told["ended"]})


def _refused(refused: dict[str, Any]) -> Problem:
    detail = f"The drill is refused: {refused['reason']}."
    if refused["gaps"]:
        detail += ' Drill less at once, stop another drill, or send `"force": true`.'
    return Problem("drill-refused", detail, more=refused)
