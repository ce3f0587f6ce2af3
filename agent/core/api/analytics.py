"""`GET /analytics`: numbers of requests and errors, and durations, from the request records.

A key sees its own tenant's; with the scope `analytics:read` those of all tenants, or of one that
`tenant` names.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from agent.core.http.call import Call
from agent.core.http.problem import Problem
from agent.core.http.reading import SHOWN, only, read_query, text_of
from agent.core.http.responses import Response, json_response
from agent.core.identity import time_text
from agent.core.isolate.agent import Agent
from agent.queue.limits import CAPABILITY, CAPABILITY_TEXT, NAME, NAME_TEXT
from agent.records.analytics import DIMENSIONS, FILTERS, PERCENTS, Analytics, Group, Question
from workers_runtime.json_text import JsonObject

ANALYTICS_SCOPE = "analytics:read"
FIELDS = ("from", "to", "by", "capability", "region", "tenant", "endpoint")
HOUR_MS = 3_600_000
USUAL_MS, LONGEST_MS = 24 * HOUR_MS, 31 * 24 * HOUR_MS
MAX_TIME = 253_402_300_800_000  # the year 10000
REGION = re.compile(r"[a-z0-9-]{1,32}")
ENDPOINT = re.compile(r"/[A-Za-z0-9/._{}-]{0,127}")
TIME_TEXT = "is a time such as 2026-09-21T14:00:00Z, or milliseconds since 1970"
_PATTERNS = {
    "capability": (CAPABILITY, CAPABILITY_TEXT),
    "region": (REGION, "is a region such as eu"),
    "endpoint": (ENDPOINT, "is a path such as /execute or /activations/{id}"),
}
_SPACE = re.compile(r" (\d\d:?\d\d)$")  # a `+` that was not encoded


def analytics(agent: Agent, call: Call) -> Response:
    question = _question(call, read_query(call, FIELDS))
    found = agent.wait(agent.records().analyse(question))
    return json_response({"status": "success", "analytics": _to_dict(question, found)})


def _question(call: Call, given: dict[str, object]) -> Question:
    to_ms = _time(given, "to", call.now_ms)
    from_ms = _time(given, "from", to_ms - USUAL_MS)
    if not 0 < to_ms - from_ms <= LONGEST_MS:
        days = LONGEST_MS // (24 * HOUR_MS)
        raise Problem(400, f"`from` is before `to`, and at most {days} days before it")
    filters = {name: text_of(given, name, *_PATTERNS[name]) for name in FILTERS if name in given}
    return Question(from_ms, to_ms, _tenant(call, given), _by(given), filters)


def _tenant(call: Call, given: dict[str, object]) -> str | None:
    own = call.known_tenant()
    named = text_of(given, "tenant", NAME, NAME_TEXT) if "tenant" in given else None
    if ANALYTICS_SCOPE in call.scopes:
        return named
    if named not in (None, own):
        raise Problem(403, f"requests of other tenants need a key of scope `{ANALYTICS_SCOPE}`")
    return own


def _by(given: dict[str, object]) -> tuple[str, ...]:
    if "by" not in given:
        return ()
    names = str(given["by"]).split(",")
    if len(names) > len(DIMENSIONS):
        raise Problem(400, f"`by` has more than {len(DIMENSIONS)} names")
    return tuple(only(dict.fromkeys(names), tuple(DIMENSIONS), what="dimension"))


def _time(given: JsonObject, name: str, usual: float) -> int:
    text = given.get(name)
    if text is None:
        return round(usual)
    try:
        at = int(text) if text.isdecimal() and text.isascii() else _milliseconds(text)
    except (ValueError, OverflowError):
        at = -1
    if not 0 <= at < MAX_TIME:
        raise Problem(400, f"`{name}` {TIME_TEXT}, not {text[:SHOWN]}")
    return at


def _milliseconds(text: str) -> int:
    """Times without an offset are UTC."""
    read = datetime.fromisoformat(_SPACE.sub(r"+\1", text))
    at = read if read.tzinfo else read.replace(tzinfo=UTC)
    return round(at.timestamp() * 1000)


def _to_dict(question: Question, found: Analytics) -> dict[str, object]:
    return {
        "from": time_text(question.from_ms),
        "to": time_text(question.to_ms),
        "by": list(question.by),
        "requests": found.requests,
        "errors": found.errors,
        "groups": [_group_to_dict(group) for group in found.groups],
        "truncated": found.is_cut,
        "partial": found.is_partial,
    }


def _group_to_dict(group: Group) -> dict[str, object]:
    named: JsonObject = dict(group.by)
    if "hour" in named:
        named["hour"] = time_text(named["hour"])
    took = {f"p{percent}_ms": round(group.took_ms[percent], 3) for percent in PERCENTS}
    counted = {"requests": group.requests, "errors": group.errors}
    return {**named, **counted, "server_errors": group.server_errors, **took}
