"""The settings that a router's wrangler configuration must have, in one place.

`router init` writes them (`router/scaffold/settings.py`), the guards look for them (`guards.py`),
and docs/installing.md lists them. Nothing here is a user's choice: names, ids, variables, routes
and service bindings are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

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
    """A setting that is not there. `hint` says what to write."""

    what: str
    hint: str

    def text(self, name: str) -> str:
        return f"{name} has no {self.what}: {self.hint}"


def lacking(config: Mapping[str, Any]) -> list[Lack]:
    """What a configuration lacks, as it is seen for one environment."""
    return [*_settings(config), *_bindings(config), *_migrations(config)]


def _settings(config: Mapping[str, Any]) -> Iterator[Lack]:
    if str(config.get("compatibility_date", "")) < COMPATIBILITY_DATE:
        hint = f'write `compatibility_date = "{COMPATIBILITY_DATE}"`, or a later one'
        yield Lack("new enough compatibility_date", hint)
    for flag in FLAGS:
        if flag not in config.get("compatibility_flags", ()):
            yield Lack(f"flag {flag}", f'add "{flag}" to its `compatibility_flags`')
    if not config.get("build", {}).get("command"):
        yield Lack("build command", f'add to its `[build]` `command = "{BUILD}"`')
    told = {
        glob
        for rule in config.get("rules", ())
        if rule.get("type") == MODULES["type"]
        for glob in rule.get("globs", ())
    }
    for glob in MODULES["globs"]:
        if glob not in told:
            rule = f'`type = "{MODULES["type"]}"`, `globs = ["{glob}"]`'
            yield Lack(f"rule for {glob}", f"add to its `rules` {rule}")


def _bindings(config: Mapping[str, Any]) -> Iterator[Lack]:
    if not any(each.get("binding") == KV for each in config.get("kv_namespaces", ())):
        yield Lack(f"binding {KV}", f'add a KV namespace with `binding = "{KV}"`')
    bound = config.get("durable_objects", {}).get("bindings", ())
    found = {each.get("name"): each.get("class_name") for each in bound}
    for binding, class_name in OBJECTS.items():
        if found.get(binding) != class_name:
            hint = f'add to its Durable Objects `name = "{binding}"`, `class_name = "{class_name}"`'
            yield Lack(f"binding {binding}", hint)


def _migrations(config: Mapping[str, Any]) -> Iterator[Lack]:
    made = {
        name
        for each in config.get("migrations", ())
        for name in (*each.get("new_sqlite_classes", ()), *each.get("new_classes", ()))
    }
    for tag, class_name in MIGRATIONS:
        if class_name not in made:
            hint = f'add to its `migrations` `tag = "{tag}"`, `new_sqlite_classes = '
            yield Lack(f"migration for the class {class_name}", f'{hint}["{class_name}"]`')
