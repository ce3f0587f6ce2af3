"""`/agents`: their owners define, show, list and delete agents.

A change needs a key of scope `agents:write`. A request that the router repeats has the same
`traceparent` and makes no second version.
"""

from __future__ import annotations

import json
import re

from agent.agents.agents import MAX_AGENTS, AgentKey, Changed, Version
from agent.agents.definition import EXAMPLE, FIELDS, read_definition
from agent.core.api.polling import ticket_of
from agent.core.http.call import WRITE_SCOPE, Call
from agent.core.http.problem import Problem
from agent.core.http.reading import read_object, read_query, whole_of
from agent.core.http.responses import Response, json_response
from agent.core.identity import time_text
from agent.core.isolate.agent import Agent
from agent.core.jobs.activation import ID, ID_TEXT

LISTED = ("limit", "after")
MAX_LISTED = 100
MAX_VERSION = 999_999_999
_TAG = re.compile(r'(?:W/)?"([0-9]{1,9})"')
TOLD = ("capability", "settings", "code")


def put(agent: Agent, call: Call, id: str) -> Response:
    key, expected = _own(call, id), _expected(call)
    given = read_object(call, FIELDS, EXAMPLE)
    tools = agent.tools(key.tenant, call.scopes)
    definition = read_definition(given, lambda job: tools.python.run(key.tenant, job))
    change, now = ticket_of(call) or agent.new_id(), round(agent.now())
    work = agent.agents().put(key, definition.capability, definition.text, change, now, expected)
    changed = agent.wait(work)
    if not changed.is_done:
        raise _not_put(changed, expected)
    assert changed.version is not None
    return _answer(_to_dict(changed.version) | {"is_new_version": changed.is_new}, changed.version)


def show(agent: Agent, call: Call, id: str) -> Response:
    given, key = read_query(call, ("version",)), _key(call, id)
    number = whole_of(given, "version", 0, 1, MAX_VERSION) if "version" in given else None
    found = agent.wait(agent.agents().get(key, number))
    if found is None:
        raise _missing(id, number)
    if found.definition is None:
        before = f"version {found.version - 1} was the last one"
        raise Problem(404, f"the agent {id} was deleted at {time_text(found.at_ms)}: {before}")
    return _answer(_to_dict(found), found)


def delete(agent: Agent, call: Call, id: str) -> Response:
    key, expected = _own(call, id), _expected(call)
    change, now = ticket_of(call) or agent.new_id(), round(agent.now())
    changed = agent.wait(agent.agents().delete(key, change, now, expected))
    version = changed.version
    if not changed.is_done or version is None:
        if version is None or version.definition is None:
            raise _missing(id)
        raise _other_version(version.version, expected)
    document = {"id": id, "version": version.version, "deleted_at": time_text(version.at_ms)}
    return json_response({"status": "success", **document})


def listing(agent: Agent, call: Call) -> Response:
    """A page of agents by id; `next_after` gets the next page."""
    given = read_query(call, LISTED)
    tenant = call.known_tenant()
    limit = whole_of(given, "limit", 20, 1, MAX_LISTED)
    after = given.get("after", "")
    if "after" in given and not ID.fullmatch(after):
        raise Problem(400, f"`after` is the id of an agent: it {ID_TEXT}")
    found = agent.wait(agent.agents().listed(tenant, limit + 1, after))
    page = found[:limit]
    more = {"next_after": page[-1].id} if len(found) > limit else {}
    return json_response(
        {"status": "success", "agents": [_listed(version) for version in page], **more}
    )


def _listed(version: Version) -> dict[str, object]:
    at = time_text(version.at_ms)
    return {
        "id": version.id,
        "version": version.version,
        "capability": version.capability,
        "updated_at": at,
    }


def _to_dict(version: Version) -> dict[str, object]:
    found = json.loads(version.definition or "{}")
    return _listed(version) | {name: found[name] for name in TOLD if name in found}


def _answer(document: dict[str, object], version: Version) -> Response:
    response = json_response({"status": "success", **document})
    return response._replace(headers=(("etag", f'"{version.version}"'),))


def _own(call: Call, id: str) -> AgentKey:
    """The key of the agent to change. Raises `Problem` without the scope for it."""
    key = _key(call, id)
    if WRITE_SCOPE not in call.scopes:
        hint = "give the key this scope in the router's policy"
        raise Problem(403, f"to change agents a key needs the scope `{WRITE_SCOPE}`: {hint}")
    return key


def _key(call: Call, id: str) -> AgentKey:
    tenant = call.known_tenant()
    if not ID.fullmatch(id):
        raise Problem(404, f"there is no such agent: an id {ID_TEXT}")
    return AgentKey(tenant, id)


def _expected(call: Call) -> int | None:
    """The version that `If-Match` names."""
    given = call.headers.get("if-match")
    if given is None:
        return None
    found = _TAG.fullmatch(given.strip())
    if found is None:
        raise Problem(400, 'the header `if-match` is the version in quotes, such as "3"')
    return int(found[1])


def _not_put(changed: Changed, expected: int | None) -> Problem:
    if expected is None:
        hint = "delete one that is not needed"
        return Problem(409, f"there are {MAX_AGENTS:,} agents, the most that a key has: {hint}")
    current = changed.version
    is_there = current is not None and current.definition is not None
    return _other_version(current.version if is_there and current else None, expected)


def _other_version(current: int | None, expected: int | None) -> Problem:
    stands = "there is none" if current is None else f"it is version {current}"
    return Problem(412, f"the agent has changed: `if-match` says version {expected}, and {stands}")


def _missing(id: str, version: int | None = None) -> Problem:
    which = f"no version {version} of the agent {id}" if version else f"no agent {id}"
    return Problem(404, f"there is {which}")
