"""`router dev --env staging`: an overlay, the Workers of that environment, a first push there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from router.dev.loopback import free_port
from tests.support.project import write_project

ROUTER = str(Path(sys.executable).with_name("router"))
KEY = "the-admin-key-of-staging"
STARTED_WITHIN, ANSWERED_WITHIN = 180.0, 60.0  # on a busy machine
CONFIG = """
[env.staging]
kv_namespaces = [{ binding = "POLICIES", id = "fedcba9876543210fedcba9876543210" }]
services = [{ binding = "API", service = "shop-api-staging" }]

[env.staging.durable_objects]
bindings = [
  { name = "ROUTER_LIMITER", class_name = "Limiter" },
  { name = "ROUTER_COORDINATOR", class_name = "Coordinator" },
]
"""
OVERLAY = """\
variants: {canary: null, spare: null}
routes: {next: null, spare: null}
"""
API = """\
{
  "name": "shop-api",
  "main": "src/index.js",
  "compatibility_date": "2026-11-17",
  "vars": { "AT": "the top level" },
  "env": { "staging": { "vars": { "AT": "staging" } } },
}
"""
SCRIPT = "export default { fetch: (request, env) => new Response(env.AT) };\n"


def router(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROUTER, *args],
        cwd=folder,
        env={name: each for name, each in os.environ.items() if name != "ROUTER_ADMIN_KEY"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=ANSWERED_WITHIN)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = tmp_path_factory.mktemp("shop")
    folder = write_project(shop)
    (shop / "api" / "wrangler.jsonc").write_text(API)
    (shop / "api" / "src" / "index.js").write_text(SCRIPT)
    config = folder / "wrangler.toml"
    config.write_text(config.read_text() + CONFIG)
    (folder / "routes.staging.yaml").write_text(OVERLAY)
    (folder / ".dev.vars.staging").write_text(f"ROUTER_ADMIN_KEY={KEY}\nROUTER_TIMING=0.1\n")
    return folder


@pytest.fixture(scope="module")
def url(project: Path) -> Iterator[str]:
    port = free_port()
    log = project / "dev.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [ROUTER, "dev", "--env", "staging", "--port", str(port)],
            cwd=project,
            env={**os.environ, "CLOUDFLARE_ENV": "elsewhere"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + STARTED_WITHIN
        while "Ctrl-C stops it." not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_an_environment_has_its_own_policy_and_workers(project: Path, url: str) -> None:
    assert get(f"{url}/next").text == "staging"
    status = router(project, "status", "--env", "staging", "--url", url, "--json")
    policy = json.loads(status.stdout)["status"]["policy"]
    assert (policy["routes"], policy["variants"], policy["source"]) == (1, 1, "bundled")
    assert (project / ".wrangler" / "state-staging").is_dir()
    assert not (project / ".wrangler" / "state").exists()


def test_the_first_push_there_can_be_rolled_back(project: Path, url: str) -> None:
    there = ("--env", "staging", "--url", url)
    # Another file: `router dev` would take over a change of its own.
    (project / "new.yaml").write_bytes((project / "routes.yaml").read_bytes())
    (project / "new.staging.yaml").write_text(f"{OVERLAY}identify: false\n")
    pushed = router(project, "push", "new.yaml", *there, "--json")
    assert pushed.returncode == 0, pushed.stderr
    assert "x-router-route" not in get(url).headers
    history = router(project, "history", "--env", "staging", "--json")
    entries = json.loads(history.stdout)["entries"]
    assert [each["note"] for each in entries][1:] == ["deployed with the router"]
    assert entries[0]["digest"] == json.loads(pushed.stdout)["digest"]
    assert router(project, "rollback", *there).returncode == 0
    assert "x-router-route" in get(url).headers
    assert not (project / ".wrangler" / "state").exists()
    elsewhere = router(project, "diff", "routes.yaml")
    assert elsewhere.stdout.startswith("nothing is published in ")
