"""A project, and the kit that runs it.

The project is the folder with the router's wrangler configuration and `routes.yaml`. What is
generated for it is in its `build/` and `python_modules/`, and local state in `.wrangler/`; so two
projects share nothing but the kit. A clone of this repository is a project, and a kit.

A layout is that of one environment (`[env.staging]`), whose local state is its own; "": the top
level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router.dev.errors import SetupError as SetupError
from router.dev.kit import WORKERD as WORKERD
from router.dev.kit import Kit, apart, this_kit
from router.dev.required import MAIN as MAIN
from router.dev.wrangler_config import config_in, for_environment, read_config

BEGIN = "run `router init` in a folder of its own, or go to one with a router"


@dataclass(frozen=True, slots=True)
class Layout:
    """`root`: the project's folder; `env`: the environment, "" for the top level."""

    root: Path
    kit: Kit = field(default_factory=this_kit)
    env: str = ""

    @property
    def build(self) -> Path:
        return apart(self.root / "build")

    @property
    def upload(self) -> Path:
        return self.build / "upload"

    @property
    def python_modules(self) -> Path:
        """The packages that wrangler uploads with the project."""
        return self.root / "python_modules"

    @property
    def config_file(self) -> Path:
        found = config_in(self.root)
        if found is None:
            raise SetupError(f"no wrangler.toml in {self.root}", where=str(self.root), hint=BEGIN)
        return found

    @property
    def config(self) -> dict[str, Any]:
        """The project's wrangler configuration, as it is for the environment."""
        return for_environment(read_config(self.config_file), self.env, self.config_file)

    @property
    def config_name(self) -> str:
        """The configuration's name in messages."""
        return self.config_file.name + (f" [env.{self.env}]" if self.env else "")

    @property
    def state(self) -> Path:
        """The folder of local KV, D1 and Durable Objects; at the top level it is wrangler's own."""
        return self.root / ".wrangler" / ("state" + (f"-{self.env}" if self.env else ""))

    @property
    def node(self) -> Path:
        return self.kit.node

    def npm_package(self, name: str) -> Path:
        return self.kit.npm_package(name)


def find_root(start: Path | None = None) -> Path:
    """Return the router project of `start`, else of the working directory.

    As for wrangler, the nearest configuration decides: another Worker's is not passed by.
    """
    origin = (start or here()).resolve()
    for folder in (origin, *origin.parents):
        found = config_in(folder)
        if found is not None:
            if not is_router(read_config(found)):
                what = f"{found} is another Worker's, not a router's"
                raise SetupError(what, where=str(found), hint=BEGIN)
            return folder
    hint = "run `router init`, or go to a folder with one"
    raise SetupError("no router project here", where=str(origin), hint=hint)


def here() -> Path:
    """The working directory. Raises SetupError if it is no more."""
    try:
        return Path.cwd()
    except OSError:
        raise SetupError("the working directory does not exist any more: go to another") from None


def is_router(config: Mapping[str, Any]) -> bool:
    """Whether the Worker is a router: its main module is what `router stage` writes."""
    return Path(str(config.get("main", ""))).as_posix() == MAIN
