"""The reference of the agent's endpoints, `docs/agent-api.md`, for people: from the document."""

from __future__ import annotations

from agent.schemas.document import document
from agent.schemas.operations import OPERATIONS, Operation
from agent.schemas.refusals import HEADERS, REFUSALS
from api_docs.words import any_of, link, parameter_row, shape_text
from workers_runtime.json_text import JsonObject

HEAD = """\
# The agent's API

Every endpoint of [the agent](agent.md), made from [its code](../agent/schemas) by
`python -m agent.schemas`. The same as OpenAPI 3.1 is
[openapi.json](../agent/schemas/openapi.json), which the agent also answers itself, at
`GET /openapi.json`.

Requests bring a key of the router's policy, as `Authorization: Bearer …` or `X-API-Key: …`,
but for the paths that say so. Bodies are JSON of at most 1 MiB, 100 levels deep, without fields
that are not listed. Times are in UTC, such as `2026-09-21T14:13:20.000+00:00`. `HEAD` is
answered where `GET` is, but for `/poll`.
"""


def page() -> str:
    openapi = document()
    operations = [_operation(operation, openapi) for operation in OPERATIONS]
    shapes = [shape_text(name, schema) for name, schema in openapi["components"]["schemas"].items()]
    parts = [HEAD, "## Requests\n", *operations, _refusals(), "## Shapes\n", *shapes]
    return "\n".join(parts)


def _operation(source: Operation, openapi: JsonObject) -> str:
    operation = openapi["paths"][source.path][source.method.lower()]
    lines = [f"### {source.method} {source.path}", "", f"{source.about}.", ""]
    if source.is_open:
        lines += ["No key is needed.", ""]
    if parameters := operation.get("parameters"):
        lines += ["| parameter | value | default | |", "|---|---|---|---|"]
        lines += [parameter_row(parameter) for parameter in parameters]
        lines += [""]
    gives = link(source.gives) if "/" not in source.gives else f"`{source.gives}`"
    also = [f"`{kind}` {about}" for kind, about in source.more.items()]
    if source.takes:
        lines += [
            f"Takes {link(source.takes)}{', or nothing' if source.may_be_empty else ''}.",
            "",
        ]
    lines += [f"Gives {', or '.join([gives, *also])}.", ""]
    told_by = [f"`{name}` ({HEADERS[name]['description']})" for name in source.headers]
    if told_by:
        lines += [f"Headers that it may have: {', '.join(told_by)}.", ""]
    if source.refuses:
        lines += [f"Also refused with {any_of(map(str, source.refuses))}.", ""]
    return "\n".join(lines)


def _refusals() -> str:
    own = [
        str(status)
        for status in REFUSALS
        if any(status in operation.refuses for operation in OPERATIONS)
    ]
    about = f"{', '.join(own)} are for the requests that say so; any of the others may come."
    lines = [
        "## Refusals",
        "",
        about,
        "",
        "| status | it means | the agent says | the router says |",
    ]
    lines += ["|---|---|---|---|"]
    for status, refusal in REFUSALS.items():
        agent = " or ".join(map(link, refusal.of_agent))
        headers = "".join(f"; with `{name}`" for name, _ in refusal.headers)
        router = link("Problem") if refusal.of_router else ""
        lines.append(f"| {status} | {refusal.about}{headers} | {agent} | {router} |")
    return "\n".join([*lines, ""])
