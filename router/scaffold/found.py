"""A Worker that people already have, as its wrangler configuration tells of it.

Nothing of it is run or changed. Near a new router, Workers are looked for in the folder above, in
its folders, and in the router's own; a router is none of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from policies.basics.untyped import JsonMapping
from router.dev.errors import SetupError
from router.dev.layout import is_router
from router.dev.wrangler_config import config_in, environments, read_config

MOST_LOOKED_AT = 500  # folders; nobody waits for a whole disk
PASSED_BY = ("node_modules", "python_modules", "build", "dist")
KINDS = {".py": "Python", ".ts": "TypeScript", ".tsx": "TypeScript", ".mts": "TypeScript"}


@dataclass(frozen=True, slots=True)
class FoundWorker:
    """`path`: its folder, or its configuration if wrangler would not take that one there;
    `kind`: what it is written in; `hostnames`: of its routes; `environments`: their names."""

    name: str
    path: Path
    kind: str
    hostnames: tuple[str, ...]
    environments: tuple[str, ...]


def read_worker(path: Path) -> FoundWorker:
    """`path`: its folder, or its configuration."""
    config = config_in(path) if path.is_dir() else path if path.is_file() else None
    if config is None:
        what = "no wrangler configuration" if path.is_dir() else "nothing"
        hint = "write a folder with a wrangler.toml"
        raise SetupError(f"--worker {path}: there is {what}", where=str(path), hint=hint)
    settings = read_config(config)
    if is_router(settings):
        hint = "write the folder of a Worker to stand behind one"
        raise SetupError(f"--worker {path}: this is a router", where=str(path), hint=hint)
    folder = config.parent
    name = settings.get("name")
    if not isinstance(name, str) or not name:
        hint = "add the one under which the Worker is deployed"
        raise SetupError(f"{config} has no name", where=str(config), hint=hint)
    return FoundWorker(
        name,
        folder if config_in(folder) == config else config,
        _kind(settings),
        tuple(dict.fromkeys(_hostnames(settings))),
        tuple(environments(settings)),
    )


def workers_near(folder: Path) -> list[FoundWorker]:
    """Those whose configuration can be read, by their names."""
    found = {}
    for near_folder in islice(_near(folder.resolve()), MOST_LOOKED_AT):
        try:
            if config_in(near_folder):
                found[near_folder] = read_worker(near_folder)
        except SetupError:
            continue  # no Worker that could be offered
    return sorted(found.values(), key=lambda worker: worker.name)


def _near(folder: Path) -> Iterator[Path]:
    yield folder.parent
    for base in (folder.parent, folder):
        for found in sorted(_folders(base)):
            if found != folder and found.name not in PASSED_BY and not found.name.startswith("."):
                yield found


def _folders(base: Path) -> Iterable[Path]:
    try:
        with os.scandir(base) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []


def _kind(settings: JsonMapping) -> str:
    main = settings.get("main")
    if not isinstance(main, str):
        return "assets" if "assets" in settings else "JavaScript"
    if "python_workers" in settings.get("compatibility_flags", ()):
        return "Python"
    return KINDS.get(Path(main).suffix, "JavaScript")


def _hostnames(settings: JsonMapping) -> Iterator[str]:
    routes = settings.get("routes")
    for entry in [*(routes if isinstance(routes, list) else ()), settings.get("route")]:
        pattern = entry.get("pattern") if isinstance(entry, dict) else entry
        if isinstance(pattern, str):
            hostname = pattern.partition("://")[2] or pattern
            yield hostname.partition("/")[0]
