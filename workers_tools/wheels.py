"""Wheels for the edge's Python, chosen and downloaded by pip."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# The Python of the current Workers runtime, as wheels are tagged for it.
EDGE_PYTHON = "3.14"
EDGE_PLATFORM = "pyemscripten_2026_0_wasm32"


class WheelsError(Exception):
    """The packages cannot be had; the message says why."""


def install(requirements: Sequence[str], target: Path, *options: str) -> None:
    """Wheels for the edge's Python, put in `target`. Raises `WheelsError`."""
    command = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
        *("--target", str(target), "--only-binary", ":all:", "--no-compile"),
        *("--platform", EDGE_PLATFORM, "--python-version", EDGE_PYTHON),
        *("--implementation", "cp", "--abi", f"cp{EDGE_PYTHON.replace('.', '')}"),
        *options,
        *requirements,
    ]
    pip = subprocess.run(command, capture_output=True, text=True, check=False)
    if pip.returncode:
        errors = [line for line in pip.stderr.splitlines() if line.startswith("ERROR")]
        reason = (errors or pip.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise WheelsError(
            f"no wheels of {', '.join(requirements)} for Python {EDGE_PYTHON} at the edge "
            f"({EDGE_PLATFORM}): {reason.removeprefix('ERROR: ')}"
        )
