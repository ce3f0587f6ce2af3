"""`/.router/drills` and `/.router/audit`: start, stop and list drills, and the audit log.

The Coordinator decides about drills and stores them.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from policies.fleet.drill_question import NotStartable, missing_target, read_asked
from policies.http.problems import Problem
from policies.http.request import Request
from router.edge.admin.asking import ask, learn, limit_of
from router.edge.admin.limits import DRILL_BYTES, EVENTS, MAX_EVENTS
from router.edge.admin.page import Page, json_page
from router.edge.isolate.isolate import Isolate
from router.edge.runtime.bridge import JsObject, body_text

PATH = "/drills"


def methods(path: str) -> tuple[str, ...] | None:
    """The methods of a page of drills; None for any other page."""
    if path == PATH:
        return ("GET", "HEAD", "POST", "DELETE")
    return ("DELETE",) if path.startswith(PATH + "/") and path != PATH + "/" else None


def drills_page(isolate: Isolate, request: Request, env: JsObject) -> Page | Problem:
    """All drills: running, scheduled and past."""
    drills = ask(env, "drills", "")
    return drills if isinstance(drills, Problem) else json_page(drills)


def audit_page(isolate: Isolate, request: Request, env: JsObject) -> Page | Problem:
    """Audit events, the newest first, `?limit=` of them."""
    query = dict(parse_qsl(request.target.query[1:], keep_blank_values=True))
    limit = limit_of(query, EVENTS, MAX_EVENTS)
    if isinstance(limit, Problem):
        return limit
    events = ask(env, "audit", str(limit))
    return events if isinstance(events, Problem) else json_page({"events": events})


def start_drill(isolate: Isolate, incoming: JsObject, env: JsObject, by: str) -> Page | Problem:
    """Start the drill that the body describes."""
    text = body_text(incoming, DRILL_BYTES)
    if text is None:
        return Problem("body-too-large", f"A drill is described in {DRILL_BYTES} bytes at most.")
    try:
        missing = missing_target(read_asked(text, by).target, isolate.store.policy)
    except NotStartable as error:
        return Problem("bad-request", str(error))
    if missing:
        return Problem("bad-request", missing)
    answer = ask(env, "start_drill", json.dumps([text, by]), changes="/.router/drills")
    if isinstance(answer, Problem):
        return answer
    learn(isolate, answer)
    if "refused" in answer:
        return _refusal_problem(answer["refused"])
    return json_page(answer["drill"], 201)


def stop_drills(isolate: Isolate, path: str, env: JsObject, by: str) -> Page | Problem:
    """Stop one drill, or all if the path names none."""
    drill_id = path.removeprefix(PATH).removeprefix("/") or None
    answer = ask(env, "stop_drill", json.dumps([drill_id, by]), changes="/.router/drills")
    if isinstance(answer, Problem):
        return answer
    learn(isolate, answer)
    if drill_id and not answer["ended"]:
        return Problem("not-found", f"No drill {drill_id[:80]} is running.")
    return json_page({"ended": answer["ended"]})


def _refusal_problem(refused: dict[str, object]) -> Problem:
    detail = f"The drill is refused: {refused['reason']}."
    if refused["gaps"]:
        detail += ' Drill less at once, stop another drill, or send `"force": true`.'
    return Problem("drill-refused", detail, more=refused)
