"""Decisions that are repeated without Python, on workerd by itself: the same as Python's, in the
same shares, within the same limits, and forgotten when something changes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest

from tests.edge.conftest import PEPPER, POLICY
from tests.edge.test_vectors import SENT, sent
from tests.edge.workerd import Running, running

BY_MEMORY = 'router_decisions_total{source="memory"'
KEY = "a-key-that-ends-soon"
LASTS_S = 15
SPLIT = {"one": 9, "two": 1}


def policy(ends: datetime) -> dict[str, Any]:
    return {
        "version": 1,
        "variants": {
            "one": {"binding": "ONE", "pool": "one"},
            "two": {"binding": "TWO", "pool": "two"},
            "failing": {"binding": "BACKEND", "pool": "failing"},
        },
        "pools": {"failing": {"fallback": ["one"]}},
        "health": {"passive": {"consecutive_failures": 3, "eject_for": "1s", "slow_start": "0s"}},
        "auth": {
            "keys": [
                {
                    "id": "ends",
                    "sha256": sha256(KEY.encode()).hexdigest(),
                    "not_after": ends.isoformat(timespec="seconds").replace("+00:00", "Z"),
                }
            ]
        },
        "rate_limits": {"few": {"limit": "20/60s", "by": "header:x-user", "mode": "leased"}},
        "routes": [
            {"name": "split", "hostnames": ["split.test"], "split": SPLIT},
            {"name": "few", "hostnames": ["few.test"], "split": {"one": 1}, "rate_limits": ["few"]},
            {
                "name": "keyed",
                "hostnames": ["keyed.test"],
                "split": {"one": 1},
                "auth": "required",
            },
            {
                "name": "failover",
                "hostnames": ["failover.test"],
                "split": {"failing": 1},
                "failover": {"attempts": 1},
            },
        ],
    }


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("memory")
    file = folder / "routes.yaml"
    file.write_text(json.dumps(policy(datetime.now(UTC) + timedelta(days=1))))
    with running(folder, file) as started:
        yield started


def repeated(router: Running) -> float:
    return router.metrics().get(BY_MEMORY, 0)


def test_every_repeated_decision_is_pythons(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("checked")
    variables = {"ROUTER_KEY_PEPPER": PEPPER, "ROUTER_MEMORY": "check"}
    with running(folder, POLICY, variables) as router:
        for _ in range(4):
            for vector in SENT:
                sent(router, vector)
        found = router.metrics()
    (differences,) = [found[name] for name in found if "memory_differences" in name]
    assert differences == 0
    assert found[BY_MEMORY] > 50


def test_a_split_without_a_key_has_its_shares(router: Running) -> None:
    before, came = repeated(router), Counter[str]()
    with httpx.Client(headers={"host": "split.test"}) as client:
        for number in range(1_000):
            answer = client.get(f"{router.url}/at/{number}")
            came[answer.headers["x-router-variant"]] += 1
    assert 60 <= came["two"] <= 150  # of 100: four standard deviations and more
    assert repeated(router) - before > 900


def test_what_a_lease_allows_is_counted_over_all_paths(router: Running) -> None:
    before = repeated(router)
    with httpx.Client(headers={"host": "few.test", "x-user": "u"}) as client:
        answers = [client.get(f"{router.url}/{at % 3}/{at}") for at in range(25)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 5
    left = [answer.headers["ratelimit"].split(";")[1] for answer in answers[:20]]
    assert left == [f"r={number}" for number in range(19, -1, -1)]
    assert repeated(router) > before


def test_a_repeated_decision_that_fails_goes_on(router: Running) -> None:
    with httpx.Client(headers={"host": "failover.test"}) as client:
        assert client.get(f"{router.url}/status/200").headers["x-router-variant"] == "failing"
        before = repeated(router)
        failed = [client.get(f"{router.url}/status/502") for _ in range(3)]
        assert repeated(router) - before == 3
        assert {each.headers["x-router-variant"] for each in failed} == {"one"}
        # It is out now, which nothing that is remembered may hide.
        answer = client.get(f"{router.url}/status/200")
        assert answer.headers["x-router-variant"] == "one"
        returned = _until(lambda: client.get(f"{router.url}/status/200"), "failing")
    assert returned.status_code == 200


def _until(ask: Any, variant: str) -> httpx.Response:
    deadline = time.monotonic() + 20
    while True:
        answer: httpx.Response = ask()
        if answer.headers["x-router-variant"] == variant or time.monotonic() > deadline:
            return answer
        time.sleep(0.1)


def test_ids_are_new_and_those_of_clients_are_kept(router: Running) -> None:
    url, host = f"{router.url}/ids", {"host": "few.test", "x-user": "ids"}
    given = {"x-request-id": "of-the-client"}
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answers = [httpx.get(url, headers=host) for _ in range(6)]
    ids = {answer.headers["x-request-id"] for answer in answers}
    seen = {answer.json()["headers"]["traceparent"].split("-")[1] for answer in answers}
    assert len(ids) == len(answers)
    assert seen == ids
    assert httpx.get(url, headers=host | given).headers["x-request-id"] == "of-the-client"
    went = httpx.get(url, headers=host | {"traceparent": trace}).json()["headers"]["traceparent"]
    assert went.split("-")[1] == trace.split("-")[1]
    assert went != trace


def test_a_key_that_has_ended_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("ends")
    file, ends = folder / "routes.yaml", datetime.now(UTC) + timedelta(seconds=LASTS_S)
    file.write_text(json.dumps(policy(ends)))
    with running(folder, file) as router, httpx.Client() as client:
        headers = {"host": "keyed.test", "x-api-key": KEY}
        before = time.time()
        while client.get(router.url, headers=headers).status_code == 200:
            assert time.time() < ends.timestamp() + 1
            time.sleep(0.1)
        assert before < ends.timestamp() <= time.time() + 1  # written in whole seconds
        assert repeated(router) >= 1
