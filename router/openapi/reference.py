"""The reference of `/.router/*` in the docs, `docs/router-api.md`: made from the document."""

from __future__ import annotations

from api_docs.words import link, parameter_row, shape_text
from policies.basics.untyped import JsonObject
from router.openapi.document import document
from router.openapi.operations import OPERATIONS, REFUSED, SOME, TEXT, Operation

HEAD = """\
# The router's API

Every page of `/.router/*`, made from [its types](../policies/api) by `python -m router.openapi`.
The same as an OpenAPI 3.1 document: [openapi.json](../router/openapi/openapi.json).

Each request carries the admin secret as `Authorization: Bearer …` or `X-API-Key: …`, or a key of
the policy with the scope `router:admin` in a header that [`auth`](language.md#api-keys) names,
unless its page says otherwise. Times are in UTC, such as `2026-09-21T14:13:20.000+00:00`. `HEAD` is
answered where `GET` is.
"""


def page() -> str:
    openapi = document()
    operations = [_operation(operation, openapi) for operation in OPERATIONS]
    shapes = [shape_text(name, schema) for name, schema in openapi["components"]["schemas"].items()]
    parts = [HEAD, "## Requests\n", *operations, _refusals(), "## Shapes\n", *shapes]
    return "\n".join(parts)


def _operation(operation: Operation, openapi: JsonObject) -> str:
    described = openapi["paths"][f"/.router{operation.path}"][operation.method.lower()]
    lines = [f"### {operation.method} /.router{operation.path}", "", f"{operation.about}.", ""]
    if operation.is_open:
        lines += ["No key is needed.", ""]
    if parameters := described.get("parameters"):
        lines += ["| parameter | value | default | |", "|---|---|---|---|"]
        lines += [*map(parameter_row, parameters), ""]
    if operation.takes:
        lines += [
            f"Takes {link(operation.takes)}{', or no body' if operation.takes_nothing else ''}.",
            "",
        ]
    gives = "`text/plain`" if operation.gives == TEXT else link(operation.gives)
    lines += [
        f"Returns {gives}{f', with {operation.status}' if operation.status != 200 else ''}.",
        "",
    ]
    if operation.refuses:
        refused = (f"{status} ({link(shape)})" for status, shape in operation.refuses)
        lines += [f"Also refused with {', '.join(refused)}.", ""]
    return "\n".join(lines)


def _refusals() -> str:
    about = ", ".join(map(str, SOME)) + " are only for the requests that list them; the others are "
    lines = ["## Refusals", "", about + "for all. The document is a [Problem](#problem).", ""]
    lines += ["| status | it means |", "|---|---|"]
    lines += [f"| {status} | {text} |" for status, text in sorted((REFUSED | SOME).items())]
    return "\n".join([*lines, ""])
