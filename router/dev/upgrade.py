"""What a project of an earlier version has to change for the version that is installed.

Each step is one line: the file, what is there, and what to write. Nothing is changed by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from router.dev.errors import SetupError
from router.dev.kit import COMPATIBILITY_DATE
from router.dev.required import KV, OBJECTS
from router.dev.settings import SETTINGS, router_url
from router.dev.workers import dev_settings

FLAGS = ("python_workers", "disable_python_no_global_handlers")
STAGE = re.compile(r"\brouter stage\b")
GLOBS = ("router/**/*.js", "workers_runtime/**/*.js")
# Files that install the package, and what they say of its version.
PINNING = (".github/workflows/*.yml", ".github/workflows/*.yaml", "requirements*.txt")
PIN = re.compile(r"fiberwise-router(?:\[[\w,-]+\])?\s*(?:==|@)\s*(\d[\w.]*)")


class Step(NamedTuple):
    """`file`: with the line, if there is one; `found`: what is there; `write`: what to do."""

    file: str
    found: str
    write: str


def config_steps(config: Mapping[str, Any], file: str) -> Iterator[Step]:
    """Yield what wrangler's configuration lacks."""
    as_toml = file.partition(" ")[0].endswith(".toml")

    def step(found: str, name: str, value: Any) -> Step:
        return Step(file, found, _setting(name, value, as_toml))

    date = str(config.get("compatibility_date", ""))
    if date < COMPATIBILITY_DATE:
        found = f"compatibility_date is {date}" if date else "no compatibility_date"
        yield step(found, "compatibility_date", COMPATIBILITY_DATE)
    flags = config.get("compatibility_flags", [])
    if lacking := [flag for flag in FLAGS if flag not in flags]:
        found = f"compatibility_flags without {', '.join(lacking)}"
        yield step(found, "compatibility_flags", [*flags, *lacking])
    command = str(config.get("build", {}).get("command", ""))
    if not STAGE.search(command):
        found = f"build.command is `{command}`" if command else "no build.command"
        yield step(found, "build", {"command": "router stage"})
    globs = [
        glob
        for rule in config.get("rules", ())
        if rule.get("type") == "ESModule"
        for glob in rule.get("globs", ())
    ]
    if lacking := [glob for glob in GLOBS if glob not in globs]:
        found = f"rules without {', '.join(lacking)}"
        yield step(found, "rules", [{"type": "ESModule", "globs": [*GLOBS]}])
    yield from _resources(config, step)


def _resources(config: Mapping[str, Any], step: Any) -> Iterator[Step]:
    """Yield what is missing of KV and of the Durable Objects, with their migrations."""
    if not any(each.get("binding") == KV for each in config.get("kv_namespaces", ())):
        yield step(f"no KV namespace {KV}", "kv_namespaces", [{"binding": KV, "id": "…"}])
    bindings = config.get("durable_objects", {}).get("bindings", ())
    bound = {(each.get("name"), each.get("class_name")) for each in bindings}
    migrations = config.get("migrations", ())
    migrated = {name for each in migrations for name in each.get("new_sqlite_classes", ())}
    for name, class_name in OBJECTS.items():
        if (name, class_name) not in bound:
            binding = {"name": name, "class_name": class_name}
            yield step(f"no binding {name}", "durable_objects", {"bindings": [binding]})
        if class_name not in migrated:
            added = {"tag": class_name.lower(), "new_sqlite_classes": [class_name]}
            yield step(f"no migration of {class_name}", "migrations", [added])


def settings_steps(root: Path, env: str) -> Iterator[Step]:
    """Yield what `router.toml` has that this version does not take."""
    try:
        dev_settings(root)
        router_url(root, env)
    except SetupError as error:
        message = str(error).removeprefix(f"{root / SETTINGS}")
        yield Step(SETTINGS, message.strip(": "), "what this version takes, or nothing")


def pin_steps(root: Path, version: str) -> Iterator[Step]:
    """Yield where another version of the package is asked for."""
    for path in sorted(path for pattern in PINNING for path in root.glob(pattern)):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise SetupError(f"cannot read {path}: {error.strerror}", where=str(path)) from None
        for number, line in enumerate(lines, 1):
            for pin in PIN.finditer(line):
                if pin[1] != version:
                    place = f"{path.relative_to(root).as_posix()}:{number}"
                    wanted = pin[0].removesuffix(pin[1]) + version
                    yield Step(place, f"asks for version {pin[1]}", wanted)


def _setting(name: str, value: Any, as_toml: bool) -> str:
    """A setting as the file spells it, in one line."""
    return f"{name} = {_inline(value)}" if as_toml else f'"{name}": {json.dumps(value)}'


def _inline(value: Any) -> str:
    """A value in TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_inline(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value, ensure_ascii=False)
