"""The Workers that `router dev` runs behind the router, each by its own wrangler configuration.

1. `[dev]` of the project's `router.toml` names them: `workers` are folders, or configurations in
   them; `command` writes more, each in a folder of its own below $ROUTER_WORKERS.
2. Those run that the router binds by their names, and those that they bind in turn.
3. A Worker in JavaScript runs as it is. One in Python gets a copy of its configuration, since
   workerd reads its Python from our bundle; its code stays where it is.
4. In an environment a Worker runs as in its own of that name, which its copy has; without one, as
   at its top level.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router.dev.errors import SetupError
from router.dev.files import mirror
from router.dev.kit import Kit
from router.dev.layout import Layout
from router.dev.local import LOCAL_FLAGS, write_json
from router.dev.process import run_to_end
from router.dev.settings import SETTINGS, read_settings
from router.dev.snapshot import sdk
from router.dev.wrangler_config import config_in, environments, for_environment, read_config

FOLDER = "ROUTER_WORKERS"  # a variable for `command`
PYTHON, OWN_SDK = "python_workers", "disable_python_external_sdk"


def find_workers(layout: Layout, folder: Path) -> dict[str, Path]:
    """Worker to configuration, of those behind the router; what is generated goes to `folder`."""
    settings = dev_settings(layout.root)
    named = [_config_at(layout.root / name) for name in settings.get("workers", ())]
    listed = [path for path in named if path]
    made = folder / "workers"
    if command := settings.get("command"):
        _run(layout, str(command), made)
        written = [_config_at(each) for each in sorted(made.iterdir()) if each.is_dir()]
        listed += [path for path in written if path]
    env = layout.env
    found = {str(_seen(path, env).get("name", path.parent.name)): path for path in listed}
    chosen = _reached(found, layout.config, env)
    for name in [each for each in found if found[each] in named and each not in chosen]:
        print(f"workers     {name} does not run: no `service` in {layout.config_name} names it")
    return {name: _local(layout.kit, found[name], folder / "copies" / name, env) for name in chosen}


def _seen(path: Path, env: str) -> dict[str, Any]:
    """A Worker's configuration in that environment, if it has one of the name."""
    config = read_config(path)
    return for_environment(config, env, path) if env in environments(config) else config


def dev_settings(root: Path) -> dict[str, Any]:
    """`[dev]` of router.toml; without the file: nothing."""
    settings = read_settings(root).get("dev", {})
    if not isinstance(settings, dict) or unknown(settings):
        raise SetupError(
            f'{root / SETTINGS}: [dev] takes `workers = ["../api"]` and `command = "…"` only'
        )
    return settings


def unknown(settings: Mapping[str, Any]) -> bool:
    workers, command = settings.get("workers", []), settings.get("command", "")
    is_read = isinstance(workers, list) and all(isinstance(each, str) for each in workers)
    return bool(settings.keys() - {"workers", "command"}) or not (
        is_read and isinstance(command, str)
    )


def local_settings(own: Mapping[str, Any]) -> dict[str, Any]:
    """A Python Worker's settings as it runs here."""
    return {**own, "compatibility_flags": [*own.get("compatibility_flags", ()), *LOCAL_FLAGS]}


def _config_at(path: Path) -> Path | None:
    """Others in a team may not have all Workers on their machine: then the echo Worker serves."""
    found = config_in(path) if path.is_dir() else path if path.is_file() else None
    if found is None:
        place = os.path.normpath(path)
        print(f"workers     none in {place}, which {SETTINGS} names: the echo Worker stands in")
        return None
    return found.resolve()


def _run(layout: Layout, command: str, made: Path) -> None:
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    env = {**os.environ, FOLDER: str(made), "ROUTER_ENV": layout.env}
    done = run_to_end(["sh", "-c", command], cwd=layout.root, env=env)
    if done.returncode:
        output = (done.stdout + done.stderr).decode("utf-8", "replace")
        said = output.strip().splitlines() or ["it said nothing"]
        raise SetupError(f"`{command}` of {SETTINGS} failed: {said[-1]}")


def _reached(found: Mapping[str, Path], router: Mapping[str, Any], env: str) -> list[str]:
    """The names of those that the router binds, directly or not, in the order of `found`."""
    reached: set[str] = set()
    waiting = _bound(router)
    while waiting:
        name = waiting.pop()
        if name in found and name not in reached:
            reached.add(name)
            waiting += _bound(_seen(found[name], env))
    return [name for name in found if name in reached]


def _bound(config: Mapping[str, Any]) -> list[str]:
    return [str(each.get("service", "")) for each in config.get("services", ())]


def _local(kit: Kit, path: Path, folder: Path, env: str) -> Path:
    own, here = _seen(path, env), path.parent
    is_python = PYTHON in own.get("compatibility_flags", ())
    if not is_python and env not in environments(read_config(path)):
        return path
    config = _anchored(local_settings(own) if is_python else own, here)
    secrets = here / f".dev.vars.{env}"
    _link(folder / ".dev.vars", secrets if env and secrets.is_file() else here / ".dev.vars")
    if is_python:
        config.setdefault("main", str(here / "src/entry.py"))
        _vendor(kit, folder / "python_modules", here / "python_modules", own)
    write_json(folder / "wrangler.json", config)
    return folder / "wrangler.json"


def _anchored(config: dict[str, Any], here: Path) -> dict[str, Any]:
    """With absolute paths, since the copy stands elsewhere."""
    told = dict(config)
    if "main" in config:
        told["main"] = str(here / config["main"])
    if "build" in config:
        told["build"] = {**config["build"], "cwd": str(here / config["build"].get("cwd", "."))}
    if "assets" in config and "directory" in config["assets"]:
        directory = str(here / config["assets"]["directory"])
        told["assets"] = {**config["assets"], "directory": directory}
    if "d1_databases" in config:
        told["d1_databases"] = [
            {**each, "migrations_dir": str(here / each["migrations_dir"])}
            if "migrations_dir" in each
            else each
            for each in config["d1_databases"]
        ]
    return told


def _vendor(kit: Kit, target: Path, theirs: Path, own: Mapping[str, Any]) -> None:
    """What the Worker has vendored; without any, the SDK, unless the runtime has it."""
    if theirs.is_dir():
        _link(target, theirs)
    elif OWN_SDK not in own.get("compatibility_flags", ()):
        if target.is_symlink():
            target.unlink()
        start = len("python_modules/")
        mirror({name[start:]: path.read_bytes() for name, path in sdk(kit).items()}, target)


def _link(link: Path, target: Path) -> None:
    """Make `link` lead to `target`, or be nothing if there is none."""
    if link.is_symlink():
        link.unlink()
    elif link.is_dir():
        shutil.rmtree(link)
    if target.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
