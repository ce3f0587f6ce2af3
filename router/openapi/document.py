"""The OpenAPI document (3.1) of `/.router/*`: `router/openapi/openapi.json`."""

from __future__ import annotations

import re

from policies.basics.untyped import JsonObject
from policies.http.problems import CONTENT_TYPE
from router import __version__
from router.openapi.operations import (
    OPERATIONS,
    PARAMETERS,
    REFUSED,
    SOME,
    TAGS,
    TEXT,
    Operation,
    Schema,
)
from router.openapi.schemas import PLACE, schemas

ABOUT = (
    "The router's own pages. HEAD is answered where GET is. A refusal is a problem document "
    "(RFC 9457)."
)
OPEN_REFUSED = (400, 405, 500)  # without a key


def document() -> JsonObject:
    paths: dict[str, dict[str, object]] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"/.router{operation.path}", {})[operation.method.lower()] = _operation(
            operation
        )
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "fiberwise-router",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation(operation: Operation) -> dict[str, object]:
    refused = {s: "Problem" for s in REFUSED if not operation.is_open or s in OPEN_REFUSED}
    refused |= dict(operation.refuses)
    response = {"description": "Done", "content": _content(operation.gives)}
    document: dict[str, object] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.about,
        "security": [] if operation.is_open else [{"bearer": []}, {"key": []}],
        "responses": {
            str(operation.status): response,
            **{str(status): _refusal(status, refused[status]) for status in sorted(refused)},
        },
    }
    if parameters := _parameters(operation):
        document["parameters"] = parameters
    if operation.takes:
        content = _content(operation.takes)
        document["requestBody"] = {"required": not operation.takes_nothing, "content": content}
    return document


def _refusal(status: int, shape: str) -> dict[str, object]:
    about = (REFUSED | SOME)[status]
    return {"description": about, "content": {CONTENT_TYPE: {"schema": ref(shape)}}}


def _parameters(operation: Operation) -> list[dict[str, object]]:
    in_path = [(name, "path") for name in re.findall(r"{(\w+)}", operation.path)]
    parameters = []
    for name, place in [*in_path, *((name, "query") for name in operation.query)]:
        schema = dict(PARAMETERS[name])
        about = schema.pop("description", "")
        is_required = place == "path" or name == "url"
        parameter = {"name": name, "in": place, "required": is_required}
        parameters.append(
            parameter | ({"description": about} if about else {}) | {"schema": schema}
        )
    return parameters


def _content(shape: str) -> dict[str, object]:
    if shape == TEXT:
        return {"text/plain": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": ref(shape)}}


def ref(shape: str) -> Schema:
    return {"$ref": PLACE + shape}
