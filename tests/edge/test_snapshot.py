"""The memory image: imports run once, at deploy, and every isolate starts from there.

What an image cannot hold (JavaScript objects made at import, say) fails the deploy, so
workerd makes one here; and isolates that start from it must not share their randomness.
"""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from policies.language.load import load
from policies.language.tooling.bindings import bindings_of
from router.dev.config import write_configs
from router.dev.layout import Layout, find_root
from router.dev.loopback import free_port
from router.dev.runtime import serve
from router.dev.stage import stage
from router.dev.workerd import router_workers
from tests.support.edge.image import from_image, image_path, router_image
from tests.support.edge.router import HERE, POLICY

STARTED_WITHIN = 60.0


def request_id(layout: Layout, folder: Path, *options: str) -> str:
    """The id that a fresh workerd gives its first request."""
    port = free_port()
    workers = router_workers(layout, folder)
    given = [f"--python-snapshot-dir={folder}", *options]
    server = serve(layout, workers, port, folder, given, from_image=False)
    deadline = time.monotonic() + STARTED_WITHIN
    try:
        while True:
            assert server.alive, server.output()
            assert time.monotonic() < deadline, server.output()
            try:
                headers = {"host": "match.test"}
                answer = httpx.get(f"http://127.0.0.1:{port}/exact", headers=headers, timeout=30)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-router-route"] == "m-exact"
            return answer.headers["x-request-id"]
    finally:
        server.stop()


def staged(layout: Layout, folder: Path) -> None:
    policy = load(POLICY.read_bytes()).policy
    assert policy
    stage(layout.root, POLICY, folder / "upload")
    write_configs(layout, folder, bindings_of(policy), echo=True)


def test_isolates_start_from_a_memory_image_and_differ(tmp_path: Path) -> None:
    layout = Layout(find_root(HERE))
    staged(layout, tmp_path)
    first = request_id(layout, tmp_path, "--python-save-snapshot")
    assert (tmp_path / "snapshot.bin").stat().st_size > 1_000_000
    again = [request_id(layout, tmp_path, "--python-load-snapshot=snapshot.bin") for _ in range(2)]
    assert len({first, *again}) == 3


def test_routers_of_the_tests_start_from_an_image_and_differ(tmp_path: Path) -> None:
    layout = Layout(find_root(HERE))
    staged(layout, tmp_path)
    image = router_image(layout.kit, router_workers(layout, tmp_path)[0].modules)
    assert len({request_id(layout, tmp_path, *from_image(image)) for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("changed", "is_same"),
    [
        ("bundled_policy.py", True),
        ("policies/routing/match.py", False),
        ("router/edge/proxy/driver.js", False),
        ("python_modules/yaml/loader.py", False),
    ],
)
def test_an_image_is_of_these_sources(tmp_path: Path, changed: str, is_same: bool) -> None:
    layout = Layout(find_root(HERE))
    staged(layout, tmp_path)
    modules = router_workers(layout, tmp_path)[0].modules
    other = tmp_path / "changed"
    other.write_bytes(modules[changed].read_bytes() + b"\n")
    is_found = image_path(layout.kit, {**modules, changed: other}) == image_path(
        layout.kit, modules
    )
    assert is_found is is_same
