"""A Coordinator that is away, fails, is slow or talks nonsense: no request notices.

workerd by itself, with the tests' own Worker for the Coordinator.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from router.edge.isolate.timing import DEFAULTS
from tests.support.edge.coordinated import all_coordinated, coordinated
from tests.support.edge.moody import Router, eventually
from tests.support.edge.router import ADMIN_KEY


def told(router: Router) -> dict[str, Any]:
    line: dict[str, Any] = router.own("status")["coordinator"]
    return line


def synced(router: Router, result: str) -> int:
    """How many syncs had that result."""
    key = {"x-api-key": ADMIN_KEY}
    lines = router.client.get("/.router/metrics", headers=key).text.splitlines()
    begin = f'router_coordinator_syncs_total{{result="{result}"'
    return sum(int(line.rpartition(" ")[2]) for line in lines if line.startswith(begin))


# How it fails, the result of a sync, and what the router says of it.
FAILURES = {
    None: ("error", "no binding ROUTER_COORDINATOR"),
    "throw": ("error", "broken"),
    "hang": ("timeout", "no answer in 2000 ms"),
    "slow": ("timeout", "no answer in 2000 ms"),
    "nonsense": ("error", ""),
    "nothing": ("error", ""),
    "old": ("error", ""),
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failures") / "workerd.log"


@pytest.fixture(scope="module")
def tried(log: Path) -> Iterator[dict[str | None, Future[None]]]:
    """All at once: each waits for a sync, of which there is one in five seconds. The first
    requests, which load the routers, come one by one, so none is slow because of the others."""
    with (
        all_coordinated(log.parent, list(FAILURES), pace="1") as routers,
        ThreadPoolExecutor(len(routers)) as pool,
    ):
        for kind, (result, _) in FAILURES.items():
            begin(routers[kind], result)
        yield {kind: pool.submit(fail, routers[kind], *FAILURES[kind]) for kind in FAILURES}


@pytest.mark.parametrize("kind", FAILURES)
def test_no_request_fails_or_waits(tried: dict[str | None, Future[None]], kind: str | None) -> None:
    tried[kind].result()


def test_it_is_logged_once(tried: dict[str | None, Future[None]], log: Path) -> None:
    wait(tried.values())
    assert log.read_text().count("coordinator-away") == len(FAILURES)


def begin(router: Router, result: str) -> None:
    assert router.client.get("/work").status_code == 200
    if result == "timeout":  # it is still being waited for, but not by the request
        assert synced(router, "timeout") == 0


def fail(router: Router, result: str, error: str) -> None:
    assert router.serving(number=30) == {"good", "moody"}
    eventually(lambda: synced(router, result) >= 1)
    assert router.serving(number=30) == {"good", "moody"}
    line = told(router)
    assert (line["reachable"], line["age_ms"], line["version"]) == (False, None, 0)
    assert error in line["error"]
    # The isolate goes on with its own view.
    eventually(lambda: router.eject("moody"))
    assert router.serving() == {"good"}
    assert router.own("health/variants")["coordinator"]["reachable"] is False
    assert router.own("status")["status"] == "ok"
    assert router.client.get("/.router/health").json() == {"status": "ok"}


def test_what_isolates_tell_and_learn(tmp_path: Path) -> None:
    with coordinated(tmp_path, "told") as router:
        eventually(lambda: router.serving() and router.client.get("/told").json())
        first = router.client.get("/told").json()[0]
        assert (first["epoch"], first["version"]) == (None, 0)
        assert len(first["isolate"]) == 8
        assert len(first["digest"]) == 64
        variants = {"moody": {"active": "unhealthy", "ejected_ms": 0, "voters": 0}}
        snapshot = {"epoch": "e1", "version": 2, "variants": variants, "drills": []}
        router.client.put("/told", json=snapshot)
        eventually(lambda: router.serving() == {"good"} and told(router)["version"] == 2)
        # What is older is dropped.
        router.client.put("/told", json={**snapshot, "version": 1, "variants": {}})
        count = synced(router, "ok")
        eventually(lambda: router.serving() and synced(router, "ok") > count)
        assert router.serving() == {"good"}
        assert told(router)["version"] == 2
        # One that began anew is heard.
        router.client.put("/told", json={**snapshot, "epoch": "e2", "version": 1, "variants": {}})
        eventually(lambda: router.serving() == {"good", "moody"})


def test_an_ejection_is_told_at_once(tmp_path: Path) -> None:
    with coordinated(tmp_path, "told", pace="1") as router:  # else a report is never far away
        eventually(lambda: router.serving() and synced(router, "ok"))

        eventually(lambda: router.eject("moody"))

        def reports() -> list[dict[str, Any]]:
            router.serving()
            found: list[dict[str, Any]] = router.client.get("/told").json()
            return found

        eventually(lambda: reports()[-1]["variants"]["moody"]["ejected_ms"])
        times = [each["at"] for each in reports()]
        assert min(after - before for before, after in pairwise(times)) < 0.8 * DEFAULTS.report_ms
