"""A probe request that hangs holds up its request only for a moment: somebody else gets it, too."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.edge.router import Edge
from tests.support.edge.workerd import running_edge

POLICY = """\
version: 1
variants:
  first: { binding: BACKEND, pool: production }
  reserve: { binding: ONE, pool: production, weight: 0 }
health:
  passive: { consecutive_failures: 2, eject_for: 1s }
routes:
  - { name: all, split: { production: 1 }, timeouts: { request: 30s } }
"""
WITHIN = 10.0  # seconds


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("probe-request")
    policy = folder / "routes.yaml"
    policy.write_text(POLICY)
    with running_edge(folder / "router", policy) as edge:
        yield edge


def state(edge: Edge) -> str:
    return str(edge.own("health/variants?local=1").json()["variants"][0]["state"])


def wait_for(edge: Edge, wanted: str) -> None:
    deadline = time.monotonic() + WITHIN
    while state(edge) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answered_by(edge: Edge, path: str) -> str:
    answer = edge.get(path)
    assert answer.status_code == 200
    return str(answer.headers["x-router-variant"])


def test_the_client_of_a_probe_request_notices_nothing(tried: Edge) -> None:
    assert [answered_by(tried, "/status/503") for _ in range(2)] == ["reserve"] * 2
    wait_for(tried, "half-open")
    assert answered_by(tried, "/status/500") == "reserve"
    assert state(tried) == "ejected", "the probe request was bad"
    wait_for(tried, "half-open")
    assert answered_by(tried, "/hang") == "reserve"
    assert state(tried) == "half-open", "this one has come to nothing"
    assert answered_by(tried, "/status/200") == "reserve", "the next one is not due"
