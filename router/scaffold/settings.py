"""A router's wrangler configuration, as TOML or as JSON with comments: one list of sections.

`required.py` has what it must have; names, ids and services are the project's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from policies.basics.untyped import JsonMapping, Parsed
from router.dev.required import (
    BUILD,
    COMPATIBILITY_DATE,
    FLAGS,
    KV,
    MAIN,
    MIGRATIONS,
    MODULES,
    OBJECTS,
)

NO_ID = "0" * 32
Table = JsonMapping


class Section(NamedTuple):
    """A setting, or a list of tables, each with the comment above it."""

    name: str
    value: Parsed
    comment: str = ""


class Service(NamedTuple):
    binding: str
    service: str
    comment: str = ""


# The same in every project.
FIXED = (
    Section("main", MAIN),
    Section("compatibility_date", COMPATIBILITY_DATE),
    Section("compatibility_flags", list(FLAGS)),
    Section("build", {"command": BUILD}, "Gathers what the Worker runs, in build/upload."),
    Section("rules", [MODULES], "The modules in JavaScript."),
    Section("observability", {"enabled": True}),
    Section(
        "kv_namespaces",
        [{"binding": KV, "id": NO_ID}],
        f"Where policies are published. `npx wrangler kv namespace create {KV}` makes it, and "
        "prints\nthe id to write here.",
    ),
    Section(
        "durable_objects",
        {"bindings": [{"name": n, "class_name": c} for n, c in OBJECTS.items()]},
        "The one counts for rate limits; the other probes variants, and hears all isolates.",
    ),
    Section(
        "migrations",
        [{"tag": tag, "new_sqlite_classes": [name]} for tag, name in MIGRATIONS],
        "Never change one that has been deployed.",
    ),
)


def sections(name: str, services: Sequence[Service], hostnames: Sequence[str]) -> list[Section]:
    """`hostnames`: where the Workers behind the router are reached today."""
    comment = [
        "The Workers behind the router: one for each `binding` in routes.yaml.",
        *(service.comment for service in services if service.comment),
        *_where(hostnames),
    ]
    bound = [{"binding": service.binding, "service": service.service} for service in services]
    return [Section("name", name), *FIXED, Section("services", bound, "\n".join(comment))]


def toml_text(written: Sequence[Section]) -> str:
    top = [
        section
        for section in written
        if not isinstance(section.value, dict) and not _is_tables(section.value)
    ]
    blocks = ["".join(_toml(section)) for section in written if section not in top]
    return "\n".join([HEAD["#"] + "".join("".join(_toml(section)) for section in top), *blocks])


HEAD = {
    mark: f"{mark} The router's Worker, as Cloudflare runs it. `router dev` reads this file, too.\n"
    for mark in ("#", "//")
}


def jsonc_text(written: Sequence[Section]) -> str:
    blocks = []
    for section in written:
        value = json.dumps(section.value, indent=2, ensure_ascii=False).replace("\n", "\n  ")
        blocks.append(f"{_comment(section, '  //')}  {json.dumps(section.name)}: {value}")
    return HEAD["//"] + "{\n" + ",\n".join(blocks) + "\n}\n"


def _where(hostnames: Sequence[str]) -> Iterator[str]:
    if hostnames:
        named = ", ".join(hostnames)
        yield f"Today they are reached at {named}: their `routes` become this router's."


def _comment(section: Section, mark: str) -> str:
    return "".join(f"{mark} {line}\n" for line in section.comment.splitlines())


def _toml(section: Section) -> Iterator[str]:
    yield _comment(section, "#")
    yield from _toml_value(section.name, section.value)


def _toml_value(name: str, value: Parsed) -> Iterator[str]:
    if isinstance(value, dict):
        lists = {key: inner for key, inner in value.items() if _is_tables(inner)}
        if len(lists) < len(value):
            yield f"[{name}]\n"
            yield from _pairs({key: inner for key, inner in value.items() if key not in lists})
        for key, inner in lists.items():
            yield from _toml_value(f"{name}.{key}", inner)
    elif _is_tables(value):
        yield "\n".join(f"[[{name}]]\n" + "".join(_pairs(entry)) for entry in value)
    else:
        yield f"{name} = {json.dumps(value, ensure_ascii=False)}\n"


def _pairs(table: Table) -> Iterator[str]:
    return (f"{key} = {json.dumps(item, ensure_ascii=False)}\n" for key, item in table.items())


def _is_tables(value: Parsed) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value)
    )
