"""From a row of FiberWise Core to a job: finds the agent that runs it, and the input of its
capability.

The agent is `agent_id`, else `agent_type_id`, in the tenant's table; else the type `llm`, which
needs no entry. A job keeps the definition that was found, so a later change of the agent does
not touch it, and the capability's input is made from that definition and the row when the job
is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agent.agents.agents import Version
from agent.agents.definition import COMPLETION, Definition, definition_of, setting
from agent.core.http.problem import Problem
from agent.core.jobs.row import CoreRow
from workers_runtime.json_text import read_json

FUNCTION = "run_agent"
LLM = "llm"
BUILT_IN: Mapping[str, Definition] = {LLM: Definition(COMPLETION, {})}
PROMPTS = ("prompt", "message", "messages")
# Settings that a row may override, and where it may have them, in order.
OVERRIDES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("model", (("input_data", "model"), ("metadata", "model_id"))),
    ("temperature", (("input_data", "temperature"), ("metadata", "temperature"))),
    ("max_tokens", (("input_data", "max_tokens"), ("metadata", "max_tokens"))),
)
SYSTEM = (("input_data", "system_prompt"), ("context", "system_prompt"))


class Resolved(NamedTuple):
    """The agent of an activation. `version` is None for a type that needs no entry."""

    id: str
    version: int | None
    definition: Definition


def resolve(row: CoreRow, found: Mapping[str, Version]) -> Resolved:
    """`found`: what the table has of the row's two names. Raises `Problem` if it has neither."""
    for id in (row.agent_id, row.agent_type_id):
        version = found.get(id)
        if version is not None and version.definition is not None:
            definition = definition_of(read_json(version.definition))
            return Resolved(id, version.version, definition)
    type_id = row.agent_type_id or row.agent_id
    if type_id in BUILT_IN:
        return Resolved(type_id, None, BUILT_IN[type_id])
    raise Problem(404, _nobody(row))


def _nobody(row: CoreRow) -> str:
    id, type_id = row.agent_id[:128], row.agent_type_id[:128]
    named = f"the agent `{id}`" if id else f"an agent of the type `{type_id}`"
    of_type = f", nor its type `{type_id}`" if id and type_id else ""
    hint = f"create it with PUT /agents/{id or type_id}"
    return f"{named} was not found{of_type}, so nobody here can run it: {hint}"


def input_of(definition: Definition, row: CoreRow) -> dict[str, object]:
    """The input of the capability. Raises `Problem` if the row lacks what it needs."""
    if definition.code is not None:
        return _call(definition, row)
    if definition.capability == COMPLETION:
        return _completion(definition, row)
    return {**definition.settings, **row.input_data}


def _call(definition: Definition, row: CoreRow) -> dict[str, object]:
    """`run_agent` is called as Core calls it: `_context` and `_metadata` in its input, and None
    for what it needs and Core would inject."""
    context, metadata = dict(row.context), dict(row.metadata)
    given = {"context": context, "metadata": metadata}
    arguments = {name: given.get(name) for name in (*definition.needs, *given)}
    data = {**row.input_data, "_context": context, "_metadata": metadata}
    arguments["input_data"] = data
    return {"code": definition.code, "function": FUNCTION, "arguments": arguments}


def _completion(definition: Definition, row: CoreRow) -> dict[str, object]:
    """The row's model, temperature and number of tokens override the agent's; the agent's system
    prompt overrides the row's."""
    settings = dict(definition.settings)
    system = settings.pop("system_prompt", None) or _override("system_prompt", SYSTEM, row)
    for name, places in OVERRIDES:
        value = _override(name, places, row)
        if value is not None:
            settings[name] = value
    return {**_prompt(row), **({"system": system} if system else {}), **settings}


def _prompt(row: CoreRow) -> dict[str, object]:
    given = {name: row.input_data[name] for name in PROMPTS if row.input_data.get(name)}
    if not given:
        raise Problem(
            400,
            '`input_data` has no `prompt` and no `message`; send one such as {"prompt": "Hello"}',
        )
    name = next(iter(given))
    if name != "messages" and not isinstance(given[name], str):
        raise Problem(400, f"`input_data.{name}` is text")
    return {"messages" if name == "messages" else "prompt": given[name]}


def _override(name: str, places: tuple[tuple[str, str], ...], row: CoreRow) -> object:
    """The first of these values that the row has, checked. Returns None if it has none."""
    for part, field in places:
        value = getattr(row, part).get(field)
        if value is not None and value != "":
            return setting(name, value, f"{part}.{field}")
    return None
