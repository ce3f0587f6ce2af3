"""The package as users have it: the wheel in an empty environment, and a project of their own.

`router init` has begun it, in front of two Workers that know nothing of a router.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from router import __version__
from router.dev.layout import find_root
from router.dev.loopback import free_port
from router.dev.stage import upload
from tests.support.edge.installed import UV, Installed, serving
from tests.support.edge.router import HERE


def test_it_is_whole_without_a_clone(installed: Installed, tmp_path: Path) -> None:
    policy = tmp_path / "routes.yaml"
    policy.write_bytes((installed.project / "routes.yaml").read_bytes())
    assert installed.run("--version", cwd=tmp_path) == f"fiberwise-router {__version__}\n"
    assert installed.run("validate", "routes.yaml", cwd=tmp_path).startswith("valid routes.yaml")
    preview = ("-H", "x-preview: canary")
    told = installed.run(
        "explain", "routes.yaml", "--url", "http://a.test/", *preview, cwd=tmp_path
    )
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
    assert "env.CANARY (shop-api-next)" in told
    assert "fits within" in told
    assert "policies/routing/match.py" not in told


def test_ten_minutes(installed: Installed) -> None:
    """What docs/ten-minutes.md does: both Workers, one that is broken, a split, a drill."""
    api = installed.project.parent / "api" / "src" / "index.js"
    policy = installed.project / "routes.yaml"
    whole, written = api.read_text(), policy.read_text()
    api.write_text('import nothing from "./nothing.js";\n' + whole)
    port = str(free_port())
    with serving(installed, "--port", port) as said:
        url = f"http://localhost:{port}"
        assert 'shop-api does not start: Could not resolve "./nothing.js"\n' in said
        shown = [line.split() for line in said if line.startswith("  ")]
        assert ["production", "PRODUCTION", "shop-api"] in shown
        assert ["spare", "SPARE", "echo", "Worker"] in shown
        answer = httpx.get(f"{url}/a", timeout=60)
        assert (answer.status_code, "shop-api did not start" in answer.text) == (503, True)
        assert served_by(url, "canary") == "shop-api-next"
        api.write_text(whole)
        until(lambda: served_by(url) == "shop-api")
        assert served_by(url, "canary") == "shop-api-next"
        assert httpx.get(url, headers={"x-preview": "spare"}).json()["variant"] == "spare"

        lines = [line for line in written.splitlines() if "sticky:" not in line]
        split = "\n".join(lines).replace("production: 100", "production: 50")
        policy.write_text(split.replace("canary: 0", "canary: 50"))
        until(lambda: {served_by(url) for _ in range(20)} == {"shop-api", "shop-api-next"})

        drill = ("--variant", "canary", "--mode", "down", "--for", "5m", "--url", url)
        installed.run("drill", "start", *drill)
        until(lambda: served_by(url, "canary") == "shop-api")
        installed.run("drill", "stop", "--url", url)
        until(lambda: served_by(url, "canary") == "shop-api-next")
    policy.write_text(written)
    assert "passed routes.yaml: " in installed.run("test", "routes.yaml")


def served_by(url: str, preview: str = "") -> str:
    """The Worker that answered; "" if none did."""
    headers = {"x-preview": preview} if preview else {}
    try:
        answer = httpx.get(url, headers=headers, timeout=60)
        return str(answer.json().get("from", "")) if answer.is_success else ""
    except (httpx.TransportError, ValueError):
        return ""  # while it starts again


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)
