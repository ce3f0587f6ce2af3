"""The settings that a router's wrangler configuration must have, in one place.

`router init` writes them (`router/scaffold/settings.py`), the guards and `router upgrade` look for
them (`guards.py`, `upgrade.py`), and docs/installing.md lists them. Nothing here is a user's
choice: names, ids, variables, routes and service bindings are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from policies.basics.untyped import JsonMapping

MAIN = "build/upload/entry.py"  # what `router stage` writes; it marks a router's configuration
COMPATIBILITY_DATE = "2026-11-17"  # the least, since it decides Python's version in production
# The second: the handlers are functions of the entry module, the documented faster form.
FLAGS = ("python_workers", "disable_python_no_global_handlers")
BUILD = "router stage"
# The Python Worker's modules in JavaScript.
MODULES = {"type": "ESModule", "globs": ["router/**/*.js", "workers_runtime/**/*.js"]}
KV = "POLICIES"
OBJECTS = {"ROUTER_LIMITER": "Limiter", "ROUTER_COORDINATOR": "Coordinator"}
# Tag and class, in the order in which Cloudflare applies them. What is there never changes.
MIGRATIONS = (("limiter", "Limiter"), ("coordinator", "Coordinator"))


class Lack(NamedTuple):
    """A setting that is not there: what is found, and the setting as it should be."""

    found: str
    name: str
    value: object

    def setting(self, file: str) -> str:
        """The setting as the file spells it, in one line; `file` may be followed by a remark."""
        if file.partition(" ")[0].endswith(".toml"):
            return f"{self.name} = {_inline(self.value)}"
        return f'"{self.name}": {json.dumps(self.value)}'

    def text(self, file: str) -> str:
        return f"{file}: {self.found}: write `{self.setting(file)}`"


def lacking(config: JsonMapping) -> list[Lack]:
    """What a configuration lacks, as it is seen for one environment."""
    return [*_settings(config), *_resources(config)]


def _settings(config: JsonMapping) -> Iterator[Lack]:
    date = str(config.get("compatibility_date", ""))
    if date < COMPATIBILITY_DATE:
        found = f"compatibility_date is {date}" if date else "no compatibility_date"
        yield Lack(found, "compatibility_date", COMPATIBILITY_DATE)
    flags = config.get("compatibility_flags", [])
    if missing := [flag for flag in FLAGS if flag not in flags]:
        found = f"compatibility_flags without {', '.join(missing)}"
        yield Lack(found, "compatibility_flags", [*flags, *missing])
    if not config.get("build", {}).get("command"):
        yield Lack("no build.command", "build", {"command": BUILD})
    globs = [
        glob
        for rule in config.get("rules", ())
        if rule.get("type") == MODULES["type"]
        for glob in rule.get("globs", ())
    ]
    if missing := [glob for glob in MODULES["globs"] if glob not in globs]:
        yield Lack(f"rules without {', '.join(missing)}", "rules", [MODULES])


def _resources(config: JsonMapping) -> Iterator[Lack]:
    """What is missing of KV and of the Durable Objects, with their migrations."""
    if not any(each.get("binding") == KV for each in config.get("kv_namespaces", ())):
        yield Lack(f"no KV namespace {KV}", "kv_namespaces", [{"binding": KV, "id": "…"}])
    bindings = config.get("durable_objects", {}).get("bindings", ())
    bound = {(each.get("name"), each.get("class_name")) for each in bindings}
    migrations = config.get("migrations", ())
    migrated = {name for each in migrations for name in each.get("new_sqlite_classes", ())}
    for name, class_name in OBJECTS.items():
        if (name, class_name) not in bound:
            binding = {"name": name, "class_name": class_name}
            yield Lack(f"no binding {name}", "durable_objects", {"bindings": [binding]})
        if class_name not in migrated:
            tag = next(tag for tag, each in MIGRATIONS if each == class_name)
            added = {"tag": tag, "new_sqlite_classes": [class_name]}
            yield Lack(f"no migration of {class_name}", "migrations", [added])


def _inline(value: object) -> str:
    """A value in TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_inline(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value, ensure_ascii=False)
