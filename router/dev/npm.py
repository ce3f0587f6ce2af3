"""The kit's packages from npm, where no clone has installed them.

`dependencies` of package.json are all that is installed, at exact versions. npm works in a folder
aside, so what it was doing when it was broken off it goes on with, and nothing uses half of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from router.dev.errors import SetupError
from router.dev.files import write_if_changed
from router.dev.kit import Kit
from router.dev.process import run_to_end

# No script of a package is run: the binaries come as packages of their own. A lock file would only
# add a registry's addresses.
OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
STAMP = ".router"


def is_installed(kit: Kit) -> bool:
    if kit.is_clone:  # by `make install`
        return True
    stamp = kit.node_modules / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted(kit)


def ensure_npm(kit: Kit) -> None:
    if is_installed(kit):
        return
    aside = kit.home / "npm"
    package = {"private": True, "dependencies": _dependencies(kit)}
    write_if_changed(aside / "package.json", json.dumps(package).encode())
    run_npm(kit, aside, "install", "--omit=dev")
    write_if_changed(aside / "node_modules" / STAMP, wanted(kit).encode())
    shutil.rmtree(kit.node_modules, ignore_errors=True)
    (aside / "node_modules").rename(kit.node_modules)
    shutil.rmtree(aside, ignore_errors=True)


def run_npm(kit: Kit, folder: Path, *args: str) -> None:
    """npm of the same Node, in `folder`. Raises SetupError with what it says."""
    node = kit.node
    script = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [str(node), str(script), *args, *OPTIONS]
    result = run_to_end(command, cwd=folder, env={**os.environ, "PATH": path})
    if result.returncode:
        errors = result.stderr.decode("utf-8", "replace").splitlines()
        lines = [line.removeprefix("npm error ").strip() for line in errors]
        causes = [line for line in lines if "complete log" not in line] or ["it said nothing"]
        raise SetupError(f"npm {args[0]} failed: {max(causes, key=len)}")  # codes are short


def _dependencies(kit: Kit) -> dict[str, str]:
    file = kit.installed(kit.package_json)
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))["dependencies"]
    return found


def wanted(kit: Kit) -> str:
    """The stamp of what package.json asks for."""
    return hashlib.sha256(json.dumps(_dependencies(kit), sort_keys=True).encode()).hexdigest()
