"""The OpenAPI document (3.1) of `/.router/*`: `router/openapi/openapi.json`."""

from __future__ import annotations

import re
from typing import Any

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
    "The router's own pages. A GET is answered to HEAD, too. What is refused is a problem document "
    "(RFC 9457)."
)
OPEN_REFUSED = (400, 405, 500)  # without a key


def document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(f"/.router{each.path}", {})[each.method.lower()] = _operation(each)
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


def _operation(asked: Operation) -> dict[str, Any]:
    refused = {s: "Problem" for s in REFUSED if not asked.is_open or s in OPEN_REFUSED}
    refused |= dict(asked.refuses)
    given = {"description": "Done", "content": _content(asked.gives)}
    made: dict[str, Any] = {
        "operationId": asked.id,
        "tags": [asked.tag],
        "summary": asked.about,
        "security": [] if asked.is_open else [{"bearer": []}, {"key": []}],
        "responses": {
            str(asked.status): given,
            **{str(status): _refusal(status, refused[status]) for status in sorted(refused)},
        },
    }
    if parameters := _parameters(asked):
        made["parameters"] = parameters
    if asked.takes:
        content = _content(asked.takes)
        made["requestBody"] = {"required": not asked.takes_nothing, "content": content}
    return made


def _refusal(status: int, shape: str) -> dict[str, Any]:
    about = (REFUSED | SOME)[status]
    return {"description": about, "content": {CONTENT_TYPE: {"schema": ref(shape)}}}


def _parameters(asked: Operation) -> list[dict[str, Any]]:
    in_path = [(name, "path") for name in re.findall(r"{(\w+)}", asked.path)]
    made = []
    for name, place in [*in_path, *((name, "query") for name in asked.query)]:
        schema = dict(PARAMETERS[name])
        about = schema.pop("description", "")
        is_required = place == "path" or name == "url"
        told = {"name": name, "in": place, "required": is_required}
        made.append(told | ({"description": about} if about else {}) | {"schema": schema})
    return made


def _content(shape: str) -> dict[str, Any]:
    if shape == TEXT:
        return {"text/plain": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": ref(shape)}}


def ref(shape: str) -> Schema:
    return {"$ref": PLACE + shape}
