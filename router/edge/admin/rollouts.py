"""`/.router/rollouts`: list, start, move and stop rollouts.

`GET` returns all rollouts, one, or the history of one; `POST …/<name>/<action>` sends a command to
one. The Coordinator decides, by the policy that serves.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, unquote

from policies.http.problems import Problem
from policies.http.request import Request
from policies.rollouts.rollouts import unknown_rollout
from router.edge.admin.asking import ask, learn, limit_of
from router.edge.admin.limits import ACTIONS, COMMAND_BYTES, EVENTS, MAX_EVENTS, MAX_NOTE
from router.edge.admin.page import Page, iso_time, json_page
from router.edge.isolate.isolate import Isolate
from router.edge.runtime.bridge import JsObject, body_text, now_ms
from workers_runtime.json_text import read_json

if TYPE_CHECKING:
    from policies.api import rollouts as api

PATH = "/rollouts"
_READS = ("GET", "HEAD")


def methods(path: str) -> tuple[str, ...] | None:
    """The methods of a page of rollouts; None for any other page."""
    if path == PATH:
        return _READS
    if not path.startswith(PATH + "/"):
        return None
    return ("POST",) if path.rpartition("/")[2] in ACTIONS and path.count("/") == 3 else _READS


def rollout_page(
    isolate: Isolate, request: Request, incoming: JsObject, env: JsObject, by: str
) -> Page | Problem:
    """The page that the path names."""
    path = request.target.path.removeprefix("/.router" + PATH)
    name, *rest = [unquote(part) for part in path.split("/")[1:]] or [""]
    if not path:
        return _all(env)
    if not rest:
        return _one(env, name)
    if rest == ["history"]:
        return _history(request, env, name)
    if request.method == "POST" and rest in [[action] for action in ACTIONS]:
        return _act(isolate, incoming, env, (name, rest[0]), by)
    return Problem("not-found", "The router has no such page.")


def _all(env: JsObject) -> Page | Problem:
    rollouts = ask(env, "rollouts", "")
    if isinstance(rollouts, Problem):
        return rollouts
    page: api.Rollouts = {"at": iso_time(now_ms()), "rollouts": rollouts}
    return json_page(page)


def _one(env: JsObject, name: str) -> Page | Problem:
    rollouts = ask(env, "rollouts", "")
    if isinstance(rollouts, Problem):
        return rollouts
    for rollout in rollouts:
        if rollout["name"] == name:
            page: api.OneRollout = {"at": iso_time(now_ms()), "rollout": rollout}
            return json_page(page)
    return Problem("not-found", unknown_rollout(name, [rollout["name"] for rollout in rollouts]))


def _history(request: Request, env: JsObject, name: str) -> Page | Problem:
    query = dict(parse_qsl(request.target.query[1:], keep_blank_values=True))
    limit = limit_of(query, EVENTS, MAX_EVENTS)
    if isinstance(limit, Problem):
        return limit
    events = ask(env, "rollout_history", json.dumps([name, limit]))
    if isinstance(events, Problem):
        return events
    return json_page({"events": events}) if events else _one_without_events(env, name)


def _one_without_events(env: JsObject, name: str) -> Page | Problem:
    """An empty history, or the problem if there is no such rollout."""
    page = _one(env, name)
    return page if isinstance(page, Problem) else json_page({"events": []})


def _act(
    isolate: Isolate, incoming: JsObject, env: JsObject, what: tuple[str, str], by: str
) -> Page | Problem:
    name, action = what
    command = _read_command(body_text(incoming, COMMAND_BYTES))
    if isinstance(command, Problem):
        return command
    question = json.dumps([name, action, by, command.get("note"), command.get("force", False)])
    answer = ask(env, "act_on_rollout", question, changes="/.router/rollouts")
    if isinstance(answer, Problem):
        return answer
    learn(isolate, answer)
    if "rollout" in answer:
        return json_page(answer["rollout"])
    reason = answer["refused"]
    if answer["unknown"]:
        return Problem("not-found", reason)
    detail = f"Rollout {name} is left as it is: {reason}."
    return Problem("rollout-refused", detail, more={"reason": reason})


def _read_command(text: str | None) -> api.RolloutCommand | Problem:
    """The command's note and `force`, from a body that may be empty."""
    if text is None:
        return Problem("body-too-large", f"A note and `force` need {COMMAND_BYTES} bytes at most.")
    try:
        value = read_json(text) if text.strip() else {}
    except ValueError:
        value = None
    if not isinstance(value, dict) or value.keys() - {"note", "force"}:
        example = '{"note": "looks well", "force": false}'
        return Problem("bad-request", f"The body is empty, or an object such as {example}.")
    note, force = value.get("note"), value.get("force", False)
    if not (note is None or isinstance(note, str)) or not isinstance(force, bool):
        return Problem("bad-request", "`note` is text, and `force` is true or false.")
    if note and len(note) > MAX_NOTE:
        return Problem("bad-request", f"`note` has {MAX_NOTE} characters at most.")
    return cast("api.RolloutCommand", value)
