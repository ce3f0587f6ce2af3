"""The package as users have it: the wheel in an empty environment, in a project of their own.

What the kit builds is taken from this clone, whose versions are the same. With WHEEL_CHECK=1
(`make wheel-check`) the package builds it itself, which downloads much and takes a minute.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from router import __version__
from router.dev.kit import this_kit
from router.dev.layout import Layout, find_root
from router.dev.loopback import free_port
from router.dev.npm import STAMP, wanted
from router.dev.prepare import prepare
from router.dev.stage import upload
from tests.support.edge.router import HERE
from tests.support.project import write_project

UV = str(Path(sys.executable).with_name("uv"))
BUILDS_ITS_KIT = bool(os.environ.get("WHEEL_CHECK"))
OURS = ("ROUTER_", "CLOUDFLARE_", "WRANGLER_", "PYTHON", "VIRTUAL_ENV")


class Installed(NamedTuple):
    """The environment, the cache of kits, and a router project."""

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [UV, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(find_root(HERE))]
    subprocess.run(build, check=True)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
    python = str(folder / "env" / "bin" / "python")
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, f"{wheel}[cli]"], check=True
    )
    if not BUILDS_ITS_KIT:
        kit_of_this_clone(folder / "cache")
    return Installed(folder / "env" / "bin", folder / "cache", write_project(folder / "shop"))


def test_it_is_whole_without_a_clone(installed: Installed, tmp_path: Path) -> None:
    policy = tmp_path / "routes.yaml"
    policy.write_bytes((installed.project / "routes.yaml").read_bytes())
    assert installed.run("--version", cwd=tmp_path) == f"fiberwise-router {__version__}\n"
    assert installed.run("validate", "routes.yaml", cwd=tmp_path).startswith("valid routes.yaml")
    told = installed.run("explain", "routes.yaml", "--url", "http://a.test/next", cwd=tmp_path)
    assert "forwarded to variant canary" in told
    assert json.loads(installed.run("schema", cwd=tmp_path))["title"]
    assert list(tmp_path.iterdir()) == [policy]


def test_it_holds_neither_the_agent_nor_tests(installed: Installed) -> None:
    script = "import importlib.util as u; print([u.find_spec(n) for n in ('agent', 'tests')])"
    command = [installed.bin / "python", "-c", script]
    told = subprocess.check_output(
        command, text=True, cwd=installed.project, env=installed.environment()
    )
    assert told == "[None, None]\n"


def test_uv_installs_it_as_a_tool(wheel: Path, tmp_path: Path) -> None:
    places = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    install = [UV, "tool", "install", "--quiet", "--python", sys.executable, str(wheel)]
    subprocess.run(install, env={**os.environ, **places}, check=True)
    said = subprocess.check_output([tmp_path / "bin" / "router", "--version"], text=True)
    assert said == f"fiberwise-router {__version__}\n"


def test_the_upload_is_staged_and_tried(installed: Installed) -> None:
    project = installed.project
    assert "wrangler" not in installed.run("stage")
    found = {
        path.relative_to(project / "build/upload").as_posix(): path.read_bytes()
        for path in (project / "build/upload").rglob("*")
        if path.is_file()
    }
    assert found == upload(find_root(HERE), project / "routes.yaml")
    names = {path.name for path in (project / "python_modules").iterdir()}
    assert {"cronsim", "idna", "pydantic", "pydantic_core", "yaml"} <= names
    told = installed.run("deploy", "--dry-run")
    assert "env.API_NEXT (shop-api-next)" in told
    assert "fits within" in told
    assert "policies/routing/match.py" not in told


def test_dev_runs_the_workers_of_the_project(installed: Installed) -> None:
    port = str(free_port())
    with serving(installed, "--port", port) as said:
        url = f"http://localhost:{port}"
        shown = [line.split() for line in said if line.startswith("  ")]
        assert ["production", "API", "shop-api"] in shown
        assert ["spare", "SPARE", "echo", "Worker"] in shown
        for path, worker in (("/a", "shop-api"), ("/next/b", "shop-api-next")):
            answer = httpx.get(url + path, timeout=60)
            assert answer.json() == {"from": worker, "path": path}
        assert httpx.get(f"{url}/spare", timeout=60).json()["variant"] == "spare"


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


def lines_until(process: subprocess.Popen[str], end: str) -> list[str]:
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if end in line:
            return lines
    raise AssertionError("".join(lines))


def test_the_versions_are_one() -> None:
    told = tomllib.loads((find_root(HERE) / "pyproject.toml").read_text(encoding="utf-8"))
    assert told["project"]["version"] == __version__
