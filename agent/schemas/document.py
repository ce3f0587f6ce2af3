"""The OpenAPI document (3.1) of the agent: `GET /openapi.json`, and `agent/schemas/openapi.json`.

Limits, patterns, names and defaults are the code's own constants; which fields there are, and
which endpoints, is held to the code by tests.
"""

from __future__ import annotations

import json
import re
from functools import cache

from agent import PRODUCT, __version__
from agent.core.http.responses import JSON
from agent.schemas.components import (
    agents,
    errors,
    inputs,
    isolate,
    jobs,
    results,
    shapes,
    values,
    workers,
)
from agent.schemas.components.values import Schema, any_object, ref
from agent.schemas.operations import NAMED, OPERATIONS, PARAMETERS, TAGS, Operation
from agent.schemas.refusals import REFUSALS, header, refused, responses
from workers_runtime.json_text import JsonObject

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ABOUT = (
    "The agent of FiberWise at the edge, as the router lets it be reached. "
    "What the router refuses by itself is told as a problem document (RFC 9457)."
)
_LEASED = "$response.body#/jobs/0/"
_HELD = {name: f"{_LEASED}{name}" for name in ("worker_id", "attempt", "tenant")}
# Links: the operations that can follow a response.
LINKS: dict[str, JsonObject] = {
    "submit": {
        operation: {"operationId": operation, "parameters": {"id": "$response.body#/activation_id"}}
        for operation in ("show", "cancel", "cancelByDelete", "retry")
    },
    "poll": {
        operation: {
            "operationId": operation,
            "parameters": {"id": f"{_LEASED}job_id"},
            "requestBody": _HELD,
        }
        for operation in ("extend", "complete", "fail")
    }
    | {
        "execute": {
            "operationId": "execute",
            "requestBody": {"job_id": f"{_LEASED}job_id", **_HELD},
        }
    },
}


def document() -> JsonObject:
    paths: dict[str, dict[str, object]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": PRODUCT,
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": paths,
        "webhooks": {"outcome": {"post": _outcome()}},
        "components": {
            "schemas": schemas(),
            "responses": responses(),
            "headers": {"x-request-id": header("x-request-id", True)},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def schemas() -> dict[str, Schema]:
    """Every shape that has a name."""
    own = any_object("An OpenAPI document", required=["openapi", "info", "paths"])
    parts = (inputs, results, shapes, jobs, agents, workers, isolate, errors, values)
    return {name: schema for part in parts for name, schema in part.SCHEMAS.items()} | {
        "OpenApi": own
    }


@cache
def document_text() -> str:
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":"))


def _operation(source: Operation) -> dict[str, object]:
    operation: dict[str, object] = {
        "operationId": source.id,
        "tags": [source.tag],
        "summary": source.about,
        "security": [] if source.is_open else [{"bearer": []}, {"key": []}],
        "responses": {
            "200": _given(source),
            **{
                str(status): {"$ref": f"#/components/responses/{REFUSALS[status].name}"}
                for status in refused(source)
            },
        },
    }
    if parameters := _parameters(source):
        operation["parameters"] = parameters
    if source.takes:
        body = {"required": not source.may_be_empty, "content": _json(ref(source.takes))}
        operation["requestBody"] = body
    return operation


def _parameters(source: Operation) -> list[dict[str, object]]:
    in_path = [(name, "path") for name in re.findall(r"{(\w+)}", source.path)]
    parameters = []
    for name, place in [*in_path, *((name, "query") for name in source.query)]:
        schema = dict(PARAMETERS[name])
        about = schema.pop("description", "")
        parameter = {"name": NAMED.get(name, name), "in": place, "required": place == "path"}
        parameters.append(
            parameter | ({"description": about} if about else {}) | {"schema": schema}
        )
    return parameters


def _given(source: Operation) -> dict[str, object]:
    is_text = "/" in source.gives
    content = (
        {source.gives: {"schema": {"type": "string"}}} if is_text else _json(ref(source.gives))
    )
    content |= {kind: {"schema": {"type": "string"}} for kind in source.more}
    headers = {name: header(name, False) for name in source.headers}
    headers["x-request-id"] = {"$ref": "#/components/headers/x-request-id"}
    about = "; ".join(["Done", *source.more.values()])
    response: dict[str, object] = {
        "description": about,
        "headers": headers,
        "content": content,
    }
    return response | ({"links": LINKS[source.id]} if source.id in LINKS else {})


def _outcome() -> dict[str, object]:
    return {
        "operationId": "outcome",
        "summary": "What the agent posts to a `callback_url`, signed as Standard Webhooks has it",
        "requestBody": {"required": True, "content": _json(ref("Outcome"))},
        "responses": {
            "2XX": {"description": "Delivered"},
            "410": {"description": "Never again"},
            "default": {"description": "To be sent again"},
        },
    }


def _json(schema: Schema) -> dict[str, object]:
    return {JSON: {"schema": schema}}
