"""The reference of `/.router/*` in the docs, `docs/router-api.md`: made from the document."""

from __future__ import annotations

from typing import Any

from api_docs.words import link, parameter_row, shape_text
from router.openapi.document import document
from router.openapi.operations import OPERATIONS, REFUSED, SOME, TEXT, Operation

HEAD = """\
# The router's API

Every page of `/.router/*`, made from [its types](../policies/api) by `python -m router.openapi`.
The same as OpenAPI 3.1 is [openapi.json](../router/openapi/openapi.json).

Requests bring the admin secret, or a key of the policy with the scope `router:admin`, as
`Authorization: Bearer …` or `X-API-Key: …`, but for the page that says so. Times are in UTC, such
as `2026-09-21T14:13:20.000+00:00`. `HEAD` is answered where `GET` is.
"""


def page() -> str:
    made = document()
    operations = [_operation(each, made) for each in OPERATIONS]
    shapes = [shape_text(name, schema) for name, schema in made["components"]["schemas"].items()]
    parts = [HEAD, "## Requests\n", *operations, _refusals(), "## Shapes\n", *shapes]
    return "\n".join(parts)


def _operation(asked: Operation, made: dict[str, Any]) -> str:
    told = made["paths"][f"/.router{asked.path}"][asked.method.lower()]
    lines = [f"### {asked.method} /.router{asked.path}", "", f"{asked.about}.", ""]
    if asked.is_open:
        lines += ["No key is needed.", ""]
    if parameters := told.get("parameters"):
        lines += ["| parameter | value | default | |", "|---|---|---|---|"]
        lines += [*map(parameter_row, parameters), ""]
    if asked.takes:
        lines += [f"Takes {link(asked.takes)}{', or nothing' if asked.takes_nothing else ''}.", ""]
    gives = "`text/plain`" if asked.gives == TEXT else link(asked.gives)
    lines += [f"Gives {gives}{f', with {asked.status}' if asked.status != 200 else ''}.", ""]
    if asked.refuses:
        refused = (f"{status} ({link(shape)})" for status, shape in asked.refuses)
        lines += [f"Also refused with {', '.join(refused)}.", ""]
    return "\n".join(lines)


def _refusals() -> str:
    about = ", ".join(map(str, SOME)) + " are for the requests that say so; any of the others may "
    lines = ["## Refusals", "", about + "come. The document is a [Problem](#problem).", ""]
    lines += ["| status | it means |", "|---|---|"]
    lines += [f"| {status} | {text} |" for status, text in sorted((REFUSED | SOME).items())]
    return "\n".join([*lines, ""])
