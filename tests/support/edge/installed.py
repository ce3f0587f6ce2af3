"""The package as users have it: the wheel in an empty environment, and a shop that begins with it.

What the kit builds is taken from this clone, whose versions are the same. With WHEEL_CHECK=1
(`make wheel-check`) the package builds it itself, which downloads much and takes a minute.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from router import __version__
from router.dev.kit import this_kit
from router.dev.layout import Layout, find_root
from router.dev.npm import STAMP, wanted
from router.dev.prepare import prepare
from tests.support.edge.dev import lines_until
from tests.support.edge.router import HERE
from tests.support.project import write_workers

UV = str(Path(sys.executable).with_name("uv"))
BUILDS_ITS_KIT = bool(os.environ.get("WHEEL_CHECK"))
OURS = ("ROUTER_", "CLOUDFLARE_", "WRANGLER_", "PYTHON", "VIRTUAL_ENV")


# Of the namespace that `npx wrangler kv namespace create POLICIES` would have made.
NAMESPACE = "0123456789abcdef0123456789abcdef"


class Installed(NamedTuple):
    """The environment, the cache of kits, and a router project that `router init` has written."""

    bin: Path
    cache: Path
    project: Path

    def environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(OURS)}
        path = os.pathsep.join([str(self.bin), "/usr/bin", "/bin"])
        return {**kept, "PATH": path, "ROUTER_CACHE": str(self.cache)}

    def run(self, *args: str, cwd: Path | None = None) -> str:
        """What `router` prints; it must succeed."""
        done = subprocess.run(
            [str(self.bin / "router"), *args],
            cwd=cwd or self.project,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def kit_of_this_clone(cache: Path) -> None:
    """What this clone has built, as the package would build it: linked, not copied."""
    kit = this_kit()
    prepare(Layout(find_root(HERE)))
    home = cache / __version__
    (home / "build").mkdir(parents=True)
    for name in ("node_modules", "python_modules", "build/pyodide"):
        subprocess.run(["cp", "-al", kit.home / name, home / name], check=True)
    (home / "node_modules" / STAMP).write_text(wanted(kit), encoding="utf-8")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [UV, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(find_root(HERE))]
    subprocess.run(build, check=True)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
    python = str(folder / "env" / "bin" / "python")
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, f"{wheel}[cli]"], check=True
    )
    if not BUILDS_ITS_KIT:
        kit_of_this_clone(folder / "cache")
    return begun(Installed(folder / "env" / "bin", folder / "cache", folder / "shop" / "router"))


def begun(there: Installed) -> Installed:
    """With a project in front of two Workers, and of one that is elsewhere."""
    shop = write_workers(there.project.parent).parent
    workers = ("--worker", "api", "--worker", "api-next", "--variant", "spare=shop-elsewhere")
    there.run("init", there.project.name, *workers, "--yes", cwd=shop)
    config = there.project / "wrangler.toml"
    config.write_text(config.read_text().replace("0" * len(NAMESPACE), NAMESPACE))
    with (there.project / ".dev.vars").open("a") as file:
        file.write("ROUTER_TIMING=0.1\n")
    return there


@contextmanager
def serving(installed: Installed, *args: str) -> Iterator[list[str]]:
    """`router dev`, until the end of the block; gives what it printed until it was ready."""
    process = subprocess.Popen(
        [str(installed.bin / "router"), "dev", *args],
        cwd=installed.project,
        env=installed.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield lines_until(process, "Ctrl-C")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()
