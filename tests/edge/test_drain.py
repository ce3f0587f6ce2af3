"""Draining a variant while clients use it: over HTTP, through KV, as an operator does it."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies.access.given import Sealing, cookie_secret
from policies.access.sticky import Source
from tests.support.edge.router import Edge
from tests.support.edge.workerd import running_edge

POLICY = """\
version: 1
variants:
  old: { binding: BACKEND, pool: production%s }
  new: { binding: ONE, pool: production }
routes:
  - name: %s
    seed: one-for-both
    split: { production: 1 }
    sticky: [{ cookie: side, set: true }]
"""
SERVING, DRAINING = POLICY % ("", "serving"), POLICY % (", drain: true", "draining")
WITHIN = 15.0  # seconds: the refresh interval and some


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drain")


@pytest.fixture(scope="module")
def drained(folder: Path) -> Iterator[Edge]:
    policy = folder / "routes.yaml"
    policy.write_text(SERVING)
    with running_edge(folder / "router", policy) as edge:
        yield edge


def ask(edge: Edge, cookie: str = "") -> tuple[str, str]:
    """The variant, and the client's cookie afterwards."""
    answer = edge.get("/status/200", headers={"cookie": cookie} if cookie else {})
    assert answer.status_code == 200
    given = answer.headers.get("set-cookie", cookie).partition(";")[0]
    return answer.headers["x-router-variant"], given


def test_who_was_there_finishes_and_nobody_new_comes(drained: Edge) -> None:
    clients = [ask(drained) for _ in range(30)]
    there = [cookie for variant, cookie in clients if variant == "old"]
    assert 0 < len(there) < 30
    read: list[str] = []

    def stream() -> None:
        with drained.client.stream(
            "GET", "/events/50", headers={"cookie": there[0]}, timeout=60
        ) as answer:
            assert answer.headers["x-router-variant"] == "old"
            read.extend(line for line in answer.iter_lines() if line)

    thread = threading.Thread(target=stream)
    thread.start()
    drained.kv.put("policy", DRAINING.encode())
    deadline = time.monotonic() + WITHIN
    while drained.get("/").headers["x-router-route"] != "draining":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert thread.is_alive(), "the stream goes on"
    assert {ask(drained, cookie)[0] for cookie in there} == {"old"}
    came = [ask(drained) for _ in range(30)]
    assert {variant for variant, _ in came} == {"new"}
    assert {ask(drained, cookie)[0] for _, cookie in came} == {"new"}
    thread.join(timeout=60)
    assert read == [f"data: {number}" for number in range(50)], "to its end"
    for number in range(20):  # 14.12: made up, with a key as the router makes them, or a seal
        for made_up in (f"{number}", f"{number:032x}", f"{number:032x}~6b49d200.{'0' * 32}"):
            assert ask(drained, f"side={made_up}")[0] == "new"
    key = there[0].partition("~")[0]  # a key of the router's own without its seal
    assert ask(drained, key)[0] == "new"
    assert ask(drained, there[0].replace("side=", "other="))[0] == "new"


def test_without_a_secret_no_cookie_is_believed(folder: Path) -> None:
    """What a client could seal itself, as it knows the source, keeps it nowhere."""
    policy = folder / "draining.yaml"
    policy.write_text(DRAINING)
    with running_edge(folder / "bare", policy, {}) as edge:
        variant, cookie = ask(edge)
        assert variant == "new"
        assert "~" not in cookie
        assert edge.get("/.router/health").json() == {"status": "degraded"}
        for secret in (b"", hmac.digest(b"", b"\0sticky cookie", "sha256")):
            forging = Sealing(secret or cookie_secret(b"-"), time.time() * 1000)
            for number in range(8):
                source = Source("cookie", "side", 86_400)
                forged = forging.sealed(source, f"{number:032x}")
                assert ask(edge, f"side={forged}")[0] == "new"
