"""What a project of an earlier version has to change for the version that is installed.

Each step is one line: the file, what is there, and what to write. Nothing is changed by itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from router.dev.errors import SetupError
from router.dev.repository import repository_of
from router.dev.required import BUILD, Lack, lacking
from router.dev.settings import SETTINGS, router_url
from router.dev.workers import dev_settings

STAGE = re.compile(r"\brouter stage\b")
# Files that install the package, and what they say of its version.
PINNING = (".github/workflows/*.yml", ".github/workflows/*.yaml", "requirements*.txt")
PIN = re.compile(r"fiberwise-router(?:\[[\w,-]+\])?\s*(?:==|@)\s*(\d[\w.]*)")


class Step(NamedTuple):
    """`file`: with the line, if there is one; `found`: what is there; `write`: what to do."""

    file: str
    found: str
    write: str


def config_steps(config: Mapping[str, Any], file: str) -> Iterator[Step]:
    """Yield what wrangler's configuration lacks, and what it builds in another way."""
    found = lacking(config)
    command = str(config.get("build", {}).get("command", ""))
    if command and not STAGE.search(command):
        found.append(Lack(f"build.command is `{command}`", "build", {"command": BUILD}))
    return (Step(file, each.found, each.setting(file)) for each in found)


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
    folders = dict.fromkeys((root, repository_of(root) or root))  # GitHub's are in the repository's
    found = [path for folder in folders for pattern in PINNING for path in folder.glob(pattern)]
    for path in sorted(found):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise SetupError(f"cannot read {path}: {error.strerror}", where=str(path)) from None
        for number, line in enumerate(lines, 1):
            for pin in PIN.finditer(line):
                if pin[1] != version:
                    place = f"{Path(os.path.relpath(path, root)).as_posix()}:{number}"
                    wanted = pin[0].removesuffix(pin[1]) + version
                    yield Step(place, f"asks for version {pin[1]}", wanted)
