"""What every local configuration has in common."""

from __future__ import annotations

import json
from pathlib import Path

from router.dev.files import write_if_changed

# Python from the bundle `dev`, which is neither downloaded nor checked.
LOCAL_FLAGS = ("python_workers_development", "experimental")


def write_json(path: Path, value: object) -> None:
    write_if_changed(path, (json.dumps(value, indent=2) + "\n").encode())
