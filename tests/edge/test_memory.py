"""Decisions that are repeated without Python, on workerd by itself: the same as Python's, in the
same shares, within the same limits, and forgotten when something changes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest

from router.edge.isolate.timing import VARIABLE
from tests.support.edge.router import PEPPER, POLICY
from tests.support.edge.sending import SENT, sent
from tests.support.edge.workerd import Running, running

# The times of a deployment: what an isolate learns makes it decide anew.
PACE = {VARIABLE: "1"}
BY_MEMORY = 'router_decisions_total{source="memory"'
KEY = "a-key-that-ends-soon"
LASTS_S = 15
ADDRESS = "cf-connecting-ip"
LONG = "/long" * 20  # longer than the shortest limit of a URL allows
SPLIT = {"one": 9, "two": 1}


def policy(ends: datetime) -> dict[str, Any]:
    return {
        "version": 1,
        "variants": {
            "one": {"binding": "ONE", "pool": "one"},
            "two": {"binding": "TWO", "pool": "two"},
            "failing": {"binding": "BACKEND", "pool": "failing"},
            "frail": {"binding": "BACKEND_FRAIL", "pool": "frail"},
            "other": {"binding": "OTHER", "pool": "other"},
        },
        "pools": {
            "failing": {"fallback": ["one"]},
            "frail": {"fallback": ["other"]},
        },
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
        "rate_limits": {
            "few": {"limit": "20/60s", "by": "header:x-user", "mode": "leased"},
            "visitor": {"limit": "900/60s", "by": f"header:{ADDRESS}", "mode": "leased"},
        },
        "routes": [
            {"name": "split", "hostnames": ["split.test"], "split": SPLIT},
            {"name": "few", "hostnames": ["few.test"], "split": {"one": 1}, "rate_limits": ["few"]},
            {
                "name": "visited",
                "hostnames": ["visited.test"],
                "split": {"one": 1},
                "rate_limits": ["visitor"],
            },
            {
                "name": "told",
                "hostnames": ["told.test"],
                "split": {"one": 1},
                "filters": {"response_headers": {"set": [{"name": "RateLimit", "value": "ours"}]}},
            },
            {
                "name": "short",
                "hostnames": ["short.test"],
                "split": {"one": 1},
                "limits": {"url": "60B"},
            },
            {
                "name": "rewritten",
                "hostnames": ["rewritten.test"],
                "matches": [{"path": {"prefix": "/status"}}, {"path": {"prefix": "/flaky/a"}}],
                "split": {
                    "frail": 1,
                    "other": {
                        "weight": 0,
                        "filters": {"rewrite": {"path": {"prefix": "/new"}}},
                    },
                },
                "failover": {"attempts": 1},
            },
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
    with running(folder, file, PACE) as started:
        yield started


def repeated(router: Running) -> float:
    return router.metrics().get(BY_MEMORY, 0)


def test_every_repeated_decision_is_pythons(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("checked")
    variables = {"ROUTER_KEY_PEPPER": PEPPER, "ROUTER_MEMORY": "check"} | PACE
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


def statuses(router: Running, user: str, path: str) -> list[int]:
    """Of 25 requests, of which 20 may pass."""
    with httpx.Client(headers={"host": "few.test", "x-user": user}) as client:
        return [client.get(f"{router.url}{path}/{at % 3}").status_code for at in range(25)]


def test_a_lease_is_used_up_by_requests_that_are_never_repeated(router: Running) -> None:
    assert statuses(router, "long", LONG) == [200] * 20 + [429] * 5


def test_a_lease_is_used_up_without_the_memory(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("off")
    file = folder / "routes.yaml"
    file.write_text(json.dumps(policy(datetime.now(UTC) + timedelta(days=1))))
    with running(folder, file, {"ROUTER_MEMORY": "off"}) as router:
        assert statuses(router, "off", "/off") == [200] * 20 + [429] * 5
        assert repeated(router) == 0


def test_the_clients_address_goes_on_whoever_looks_at_it(router: Running) -> None:
    before, host = repeated(router), {"host": "visited.test"}
    with httpx.Client(headers=host) as client:
        for address in ["192.0.2.7"] * 6 + ["192.0.2.8"] * 6:
            seen = client.get(router.url, headers={ADDRESS: address}).json()["headers"]
            assert seen["x-forwarded-for"] == address
    assert repeated(router) > before


def test_an_unknown_address_is_not_said_to_be_empty(router: Running) -> None:
    with httpx.Client(headers={"host": "split.test"}) as client:
        for address in ["192.0.2.7", ""] * 20:
            seen = client.get(f"{router.url}/who", headers={ADDRESS: address}).json()["headers"]
            assert seen.get("x-forwarded-for", "") == address
            assert ("x-forwarded-for" in seen) == bool(address)


def test_what_the_policy_says_about_limits_stays(router: Running) -> None:
    before = repeated(router)
    with httpx.Client(headers={"host": "told.test"}) as client:
        told = {client.get(router.url).headers["ratelimit"] for _ in range(5)}
    assert told == {"ours"}
    assert repeated(router) - before >= 3


def test_another_attempt_is_written_anew_by_the_rule_that_took_its_request(
    router: Running,
) -> None:
    """Two rules of one route are decided alike, but for the prefix that a fallback replaces."""
    with httpx.Client(headers={"host": "rewritten.test"}) as client:
        for path in ("/status/200", "/flaky/a/0"):
            assert client.get(router.url + path).headers["x-router-variant"] == "frail"
        before = repeated(router)
        answers = [client.get(f"{router.url}{path}") for path in ("/status/502", "/flaky/a/9")]
        assert repeated(router) - before == 2
    assert [answer.json()["path"] for answer in answers] == ["/new/502", "/new/9"]


def test_who_breaks_answers_off_is_out_soon(router: Running) -> None:
    """Python learns of it with the next request, although that could be repeated."""
    with httpx.Client(headers={"host": "failover.test"}) as client:
        _until(lambda: client.get(f"{router.url}/status/200"), "failing")
        for _ in range(5):
            with suppress(httpx.TransportError):
                client.get(f"{router.url}/broken")
        answer = client.get(f"{router.url}/status/200")
        assert answer.headers["x-router-variant"] == "one"
        _until(lambda: client.get(f"{router.url}/status/200"), "failing")


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
    with running(folder, file, PACE) as router, httpx.Client() as client:
        headers = {"host": "keyed.test", "x-api-key": KEY}
        before = time.time()
        while client.get(router.url, headers=headers).status_code == 200:
            assert time.time() < ends.timestamp() + 1
            time.sleep(0.1)
        assert before < ends.timestamp() <= time.time() + 1  # written in whole seconds
        assert repeated(router) >= 1
