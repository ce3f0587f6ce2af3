"""`router dev` as a user runs it: from the command to a router that answers, to its end."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from router.dev.layout import find_root
from router.dev.loopback import free_port
from tests.support.edge.dev import lines_until, start

POLICY = """\
version: 1
variants:
  blue.v1: {binding: B_1, pool: blue}
  Green_2: {binding: whatever, pool: green}
  old: {url: "https://old.example.com/base", pool: old}
routes:
  - {name: blue, split: {blue: 1}}
  - {name: green, split: {green: 1}, matches: [{path: {prefix: /green}}]}
  - {name: old, split: {old: 1}, matches: [{path: {prefix: /old}}]}
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    policy = tmp_path / "mine.yaml"
    policy.write_text(POLICY)
    port = str(free_port())
    process = start(
        *("--echo", "--policy", str(policy), "--port", port, "--persist-to", str(tmp_path / "kv")),
        cwd=find_root(),
        ROUTER_ADMIN_KEY="from-the-environment",
    )
    try:
        yield process, f"http://localhost:{port}", lines_until(process, "Ctrl-C")
    finally:
        process.kill()
        process.communicate()


def test_echo_serves_any_policy_and_ends_with_ctrl_c(
    served: tuple[subprocess.Popen[str], str, list[str]],
) -> None:
    process, url, told = served
    said = "".join(told)
    assert url in said
    assert "blue.v1" in said
    assert "https://old.example.com/base  echo Worker" in said
    assert httpx.get(f"{url}/.router/health").json() == {"status": "ok"}
    answer = httpx.post(f"{url}/a?b=c", content=b"123").json()
    assert set(answer) == {
        *("variant", "method", "host", "path", "query", "headers", "body_bytes", "attempt")
    }
    assert (answer["variant"], answer["method"], answer["path"]) == ("blue.v1", "POST", "/a")
    assert (answer["query"], answer["body_bytes"], answer["attempt"]) == ("b=c", 3, 1)
    assert httpx.get(f"{url}/green/1").json()["variant"] == "Green_2"
    old = httpx.get(f"{url}/old").json()
    assert (old["variant"], old["host"], old["path"]) == ("old", "old.example.com", "/base/old")
    assert httpx.get(f"{url}/health").status_code == 200
    headers = {"x-api-key": "from-the-environment"}
    assert httpx.get(f"{url}/.router/status", headers=headers).status_code == 200
    taken = start("--echo", "--port", url.rpartition(":")[2], cwd=find_root())
    out, _ = taken.communicate(timeout=60)
    assert taken.returncode == 1
    assert "is taken" in out.splitlines()[-1]
    assert "Traceback" not in out
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/")


def test_servers_of_this_machine_need_a_flag(tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text(POLICY.replace("https://old.example.com/base", "http://127.0.0.1:3000"))
    refused = start("--echo", "--policy", str(policy), cwd=find_root())
    out, _ = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "private-upstream" in out
    assert "--allow-private" in out
