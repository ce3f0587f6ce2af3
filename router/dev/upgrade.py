"""What a project of an earlier version has to change for the version that is installed.

Each step is one line: the file, what is there, and what to write. Nothing is changed by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from router.dev.errors import SetupError
from router.dev.required import BUILD, lacking
from router.dev.workers import SETTINGS, read_settings

STAGE = re.compile(rf"\b{BUILD}\b")  # also of another folder, or with options
# Files that install the package, and what they say of its version.
PINNING = (".github/workflows/*.yml", ".github/workflows/*.yaml", "requirements*.txt")
PIN = re.compile(r"fiberwise-router(?:\[[\w,-]+\])?\s*(?:==|@)\s*(\d[\w.]*)")


class Step(NamedTuple):
    """`file`: with the line, if there is one; `found`: what is there; `hint`: what to write."""

    file: str
    found: str
    hint: str


def config_steps(config: Mapping[str, Any], file: str) -> Iterator[Step]:
    """Yield what wrangler's configuration lacks, or has from an earlier version."""
    for lack in lacking(config):
        yield Step(file, f"no {lack.what}", lack.hint)
    command = str(config.get("build", {}).get("command", ""))
    if command and not STAGE.search(command):
        yield Step(file, f"the build command is `{command}`", f'write `command = "{BUILD}"`')


def settings_steps(root: Path) -> Iterator[Step]:
    """Yield what `router.toml` has that this version does not take."""
    try:
        read_settings(root)
    except SetupError as error:
        message = str(error).removeprefix(f"{root / SETTINGS}")
        yield Step(SETTINGS, message.strip(": "), "write what this version takes, or nothing")


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
                    yield Step(place, f"asks for version {pin[1]}", f"write `{wanted}`")
