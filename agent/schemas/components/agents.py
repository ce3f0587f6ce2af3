"""Agents, and activations as FiberWise Core and its SDK know them."""

from __future__ import annotations

from collections.abc import Iterable

from agent.agents.agents import MAX_AGENTS
from agent.agents.definition import MAX_CODE, MAX_PROMPT, SETTINGS
from agent.core.api.agents import MAX_LISTED
from agent.core.capabilities.completion import RANGES, WHOLE
from agent.core.capabilities.execution import CAPABILITIES
from agent.core.capabilities.models import MAX_MODEL, MODEL
from agent.core.jobs.core_format import STATUSES
from agent.schemas.components.values import (
    Schema,
    a_capability,
    always,
    an_id,
    any_object,
    either,
    fields_of,
    listed,
    matching,
    number,
    one_of,
    or_null,
    ref,
    text,
    time,
    whole,
    yes_or_no,
)

_SETTINGS: dict[str, Schema] = {
    "model": matching(MODEL, "the name of a model of Workers AI", maxLength=MAX_MODEL),
    "system_prompt": text("a message that goes first", minLength=1, maxLength=MAX_PROMPT),
    "temperature": number("passed on to the model", *RANGES["temperature"]),
    "max_tokens": whole("passed on to the model", *map(int, WHOLE["max_tokens"])),
}
_WITHOUT = [name for name in CAPABILITIES if name not in SETTINGS]
_CODE = text(
    f"Python with a function `run_agent(input_data)`, also `async`; at most {MAX_CODE:,} bytes",
    minLength=1,
    maxLength=MAX_CODE,
    examples=["def run_agent(input_data):\n    return input_data"],
)
_VERSION = whole("counted from 1", 1)
_KEPT: dict[str, Schema] = {
    "id": an_id("the agent's id"),
    "version": _VERSION,
    "capability": a_capability("what runs it"),
    "updated_at": time("when this version was made"),
}
_WHAT: dict[str, Schema] = {
    "settings": ref("AnyObject", "of an agent that is a capability"),
    "code": text("of an agent that is code"),
}
_CORE_STATUS = ref("CoreStatus", "the status in FiberWise Core's words")
CORE_WORDS: dict[str, Schema] = {
    "core_status": _CORE_STATUS,
    "output_data": ref(
        "AnyObject", "the result of a completed one, or an object with it as `result`"
    ),
    "started_at": time("when its last attempt began"),
    "completed_at": time("when it ended"),
    "duration_ms": whole("from `started_at` to `completed_at`"),
}
OF_AGENT: dict[str, Schema] = {
    "agent_id": text("of an activation that names an agent"),
    "agent_version": {**or_null(_VERSION), "description": "null for a type that needs no entry"},
    "input_data": ref("AnyObject", "as it was submitted"),
    "metadata": ref("AnyObject", "as it was submitted"),
}
_OBJECT = either(
    ref("AnyObject"),
    {"type": ["string", "null"]},
    about="an object, or one as JSON in text",
)
# The shape of an agent of each capability that has settings, and of these.
_NAMED = {"ai-completion": "Completion", "ai-embeddings": "Embeddings"}


def _capability(names: Iterable[str], settings: str = "") -> Schema:
    fields = {"capability": one_of(names, "what runs it")}
    more = {"settings": ref(settings)} if settings else {}
    return fields_of({**fields, **more}, "An agent that is a capability", tuple(more))


def _with_settings() -> dict[str, Schema]:
    schemas: dict[str, Schema] = {}
    for capability, names in SETTINGS.items():
        settings = f"{_NAMED[capability]}Settings"
        schemas[f"{_NAMED[capability]}Agent"] = _capability([capability], settings)
        known = {name: _SETTINGS[name] for name in names}
        schemas[settings] = fields_of(known, "How its model is asked", names)
    return schemas


SCHEMAS: dict[str, Schema] = {
    "AnyObject": any_object("Any object"),
    "CoreStatus": one_of(STATUSES.values()),
    "AgentDefinition": either(
        *(ref(f"{name}Agent") for name in _NAMED.values()),
        ref("CapabilityAgent"),
        ref("PythonAgent"),
    ),
    **_with_settings(),
    "CapabilityAgent": _capability(_WITHOUT),
    "PythonAgent": fields_of({"code": _CODE}, "An agent that is Python"),
    "Agent": fields_of({"status": always("success"), **_KEPT, **_WHAT}, "", tuple(_WHAT)),
    "PutAgent": fields_of(
        {
            "status": always("success"),
            **_KEPT,
            **_WHAT,
            "is_new_version": yes_or_no("false, if it was just so already"),
        },
        "",
        tuple(_WHAT),
    ),
    "ListedAgent": fields_of(_KEPT),
    "Agents": fields_of(
        {
            "status": always("success"),
            "agents": listed(ref("ListedAgent"), "by their ids", maxItems=MAX_LISTED),
            "next_after": an_id("`after` of the next page, if there is one"),
        },
        f"A key has at most {MAX_AGENTS:,} agents",
        ("next_after",),
    ),
    "DeletedAgent": fields_of(
        {
            "status": always("success"),
            "id": an_id("the agent's id"),
            "version": whole("that of its deletion", 1),
            "deleted_at": time("when that was"),
        }
    ),
    "CoreActivation": any_object(
        "A row of FiberWise Core's `agent_activations`. Its other columns may be there: what they "
        "say does not matter to a run. A row that names `agent_type_id` alone is taken, too",
        properties={
            "agent_id": text("the agent", minLength=1),
            "agent_type_id": {
                "type": ["string", "null"],
                "description": "the agent, if there is none of that `agent_id`",
            },
            "input_data": _OBJECT,
            "context": _OBJECT,
            "metadata": _OBJECT,
            "status": text("one that is `completed` or `cancelled` is not run"),
            "capability": {"type": "null", "description": "a row has none"},
        },
        required=["agent_id"],
    ),
    "NoCallback": fields_of(
        {
            "status": always("none"),
            "reason": text("why nothing is posted"),
            "fetch": text("the path at which the outcome waits"),
        },
        "The outcome is not posted to this `callback_url`, but waits to be fetched",
    ),
    "Activate": fields_of(
        {
            "input": ref("AnyObject", "what the agent gets"),
            "context": ref("AnyObject", "what stands around it"),
            "metadata": ref("AnyObject", "of the activation"),
        },
        "What the FiberWise SDK sends",
        ("context", "metadata"),
        examples=[{"input": {"prompt": "Hello"}}],
    ),
    "AgentActivation": fields_of(
        {
            "activation_id": an_id("its id"),
            "agent_id": text("whose it is; the capability, if it names no agent"),
            "agent_version": OF_AGENT["agent_version"],
            "status": _CORE_STATUS,
            "priority": whole("the highest goes first"),
            "input_data": OF_AGENT["input_data"],
            "context": ref("AnyObject", "as it was submitted"),
            "metadata": ref("AnyObject", "as it was submitted; with the SDK's `app_id`"),
            "output_data": or_null(CORE_WORDS["output_data"]),
            "error": or_null(text("of the last attempt that went wrong")),
            "started_at": or_null(CORE_WORDS["started_at"]),
            "completed_at": or_null(CORE_WORDS["completed_at"]),
            "duration_ms": or_null(CORE_WORDS["duration_ms"]),
        },
        "An activation as the FiberWise SDK reads it",
    ),
}
