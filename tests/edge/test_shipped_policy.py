"""The shipped policy over HTTP, with its limits as they are: who may ask how often, and from
which pages. An address of its own for each test, since the limits count by address."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from ipaddress import ip_address
from itertools import count
from typing import Any

import httpx
import pytest

from tests.support.edge.agents import CORE, WORKER, Agents, router_with_agents
from tests.support.edge.browser import NetworkError, Page, listed

APP = "https://app.fiberwise.ai"
FOREIGN = ("https://app.fiberwise.ai.example.com", "http://app.fiberwise.ai", "null")
A_MINUTE, WORKERS_MINUTE = 100, 600
MOST = 800  # requests that a test sends until one is denied
BEARER = {"authorization": f"Bearer {CORE}"}
JSON = {"content-type": "application/json"}
_ADDRESSES = count(int(ip_address("198.51.100.1")))


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    with router_with_agents(tmp_path_factory.mktemp("shipped"), shipped_limits=True) as started:
        yield started


@pytest.fixture
def address() -> str:
    """Nobody has come from there yet."""
    return str(ip_address(next(_ADDRESSES)))


def ask(agents: Agents, ip: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    headers = {"cf-connecting-ip": ip, **more.pop("headers", {})}
    try:
        return agents.ask(method, path, headers=headers, **more)
    except httpx.RemoteProtocolError:  # wrangler's proxy closes a connection that it kept, once
        return agents.ask(method, path, headers=headers, **more)


def left(answer: httpx.Response, limit: str = "per-client") -> int | None:
    """How many requests the limit leaves; None if the limiter was not heard in time, and the
    request passed uncounted."""
    found = re.search(rf'"{limit}";r=(\d+)', answer.headers.get("ratelimit", ""))
    return int(found[1]) if found else None


def exhaust(agents: Agents, ip: str) -> tuple[httpx.Response, list[httpx.Response]]:
    """The first denial, and the answers before it."""
    paths = ("/health", "/heartbeat", "/activations?state=failed", "/nothing", "/openapi.json")
    passed: list[httpx.Response] = []
    for number in range(MOST):
        key = (CORE, "no-such-key")[number % 2]
        answer = ask(agents, ip, paths[number % len(paths)], key=key)
        if answer.status_code == 429:
            return answer, passed
        assert answer.status_code in (200, 401, 404), answer.text
        passed.append(answer)
    raise AssertionError(f"{MOST} requests have passed")


def test_an_address_has_100_requests_a_minute_over_all_routes(agents: Agents, address: str) -> None:
    begun = time.monotonic()
    denied, passed = exhaust(agents, address)
    spent = time.monotonic() - begun
    counted = [answer for answer in passed if left(answer) is not None]
    assert len(passed) >= A_MINUTE
    # A burst of 100, and one for each 0.6 s that they took.
    assert len(counted) <= A_MINUTE + int(spent / 0.6) + 1
    assert denied.json()["code"] == "rate-limited"
    assert denied.headers["content-type"] == "application/problem+json"
    assert denied.headers["ratelimit-policy"] == '"per-client";q=100;w=60'
    assert left(denied) == 0
    assert int(denied.headers["retry-after"]) >= 1
    assert {answer.status_code for answer in passed} == {200, 401, 404}


def test_a_denial_ends_when_it_says_and_concerns_nobody_else(agents: Agents, address: str) -> None:
    denied, _ = exhaust(agents, address)
    other = str(ip_address(next(_ADDRESSES)))
    assert ask(agents, other, "/health").status_code == 200
    for _ in range(20):
        time.sleep(int(denied.headers["retry-after"]))
        again = ask(agents, address, "/health")
        if again.status_code == 200:
            return
        denied = again
    raise AssertionError(denied.text)


def test_workers_can_report_when_their_address_is_exhausted(agents: Agents, address: str) -> None:
    """Several of them, and others, may stand behind one address."""
    job = {"capability": "text-processing", "dispatch": "poll", "input": {"text": "a"}}
    sent = {"activation_id": f"behind-{address}", "activation_data": job}
    assert agents.post("/activations", json=sent).status_code == 200
    exhaust(agents, address)
    lease = {"worker_id": address, "attempt": 1, "tenant": "core"}
    working = {"key": WORKER, "method": "POST"}
    poll = "/poll?wait=5&tenant=core&capabilities=text-processing"
    polled = ask(agents, address, f"{poll}&worker_id={address}", key=WORKER)
    assert [each["job_id"] for each in polled.json()["jobs"]] == [sent["activation_id"]]
    for word, more in (("extend", {"lease": 60}), ("complete", {"result": 1})):
        path = f"/activations/{sent['activation_id']}/{word}"
        told = ask(agents, address, path, json=lease | more, **working)
        assert told.status_code == 200, told.text
        assert told.headers["ratelimit-policy"] == '"workers";q=600;w=60'
    exhaust(agents, address)  # again: a request may come back every 0.6 s
    assert ask(agents, address, "/heartbeat", **working).status_code == 200


def test_what_workers_say_is_limited_too(agents: Agents, address: str) -> None:
    """Otherwise keys could be guessed there as often as anybody likes."""
    path, begun = "/activations/none/complete", time.monotonic()
    answers = [ask(agents, address, path, "POST", key="wrong", json={}) for _ in range(30)]
    assert {answer.status_code for answer in answers} == {401}
    rests = [rest for rest in (left(answer, "workers") for answer in answers) if rest is not None]
    assert rests
    spent = time.monotonic() - begun
    assert min(rests) <= WORKERS_MINUTE - len(rests) + int(spent / 0.1) + 1


def test_a_network_of_ipv6_is_one_client(agents: Agents) -> None:
    for network in count(1):
        first, second = f"2001:db8:0:{network:x}::1", f"2001:db8:0:{network:x}:a:b:c:d"
        other = f"2001:db8:1:{network:x}::1"
        rests = [left(ask(agents, ip, "/health")) for ip in (first, second, other)]
        if None not in rests:  # else a limiter was too busy to be heard
            assert rests == [99, 98, 99]
            return
        assert network < 10


def test_the_routers_own_pages_and_probes_are_not_limited(agents: Agents, address: str) -> None:
    exhaust(agents, address)
    assert ask(agents, address, "/.router/health").status_code == 200
    until = time.monotonic() + 60
    while True:
        variants = agents.own("health/variants").json()["variants"]
        if all((each["probe"] or {}).get("status") == 200 for each in variants):
            return
        assert time.monotonic() < until, variants
        time.sleep(0.5)


OPEN = ("/", "/health", "/openapi.json")


def test_without_a_key_little_is_open(agents: Agents, address: str) -> None:
    """The routes of the policy cover all that the agent says there is."""
    described = ask(agents, address, "/openapi.json", key=None).json()["paths"]
    assert set(OPEN) <= set(described)
    paths = [path.replace("{", "").replace("}", "") for path in described if path not in OPEN]
    assert len(paths) > 5
    for path in paths:
        assert ask(agents, address, path, key=None).status_code == 401, path
        for odd in (f"/{path}", path.upper(), f"{path}%20"):
            whole = f"{agents.server.url}{odd}"  # else `//` would begin a host's name
            assert ask(agents, address, whole, key=None).status_code in (401, 404), odd


@pytest.fixture
def page(agents: Agents, address: str) -> Page:
    return page_of(agents, APP, address)


def page_of(agents: Agents, origin: str, ip: str, *, credentials: bool = False) -> Page:
    def send(method: str, path: str, headers: Mapping[str, str]) -> httpx.Response:
        return ask(agents, ip, path, method, headers=headers, key=None)

    return Page(origin, send, credentials=credentials)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/health", {}, 200),
        ("GET", "/activations", BEARER, 200),
        ("GET", "/activations", {"x-api-key": CORE}, 200),
        ("POST", "/execute", BEARER | JSON, 400),
        ("POST", "/execute", BEARER | JSON | {"cache-control": "no-cache"}, 400),
        ("POST", "/activations", BEARER | JSON | {"idempotency-key": "a"}, 400),
        ("POST", "/activations", BEARER | JSON | {"x-preview": "1"}, 400),
        ("POST", "/activations/none/cancel", BEARER, 404),
        ("DELETE", "/activations/none", BEARER, 404),
        ("POST", "/activations/none/complete", BEARER | JSON | {"x-worker-id": "w"}, 400),
        ("GET", "/poll?wait=0.1", BEARER | {"x-worker-id": "w"}, 200),
        ("GET", "/nothing", {}, 404),
        ("GET", "/activations", {}, 401),
        ("POST", "/activations", {"authorization": "Bearer wrong"} | JSON, 401),
        ("PUT", "/agents/a", JSON, 401),
        ("GET", "/apps/a/agents/activations/b", {}, 401),
        ("GET", "/v0/users", {}, 503),
    ],
)
def test_a_page_of_the_app_can_read_what_comes_of_its_requests(
    page: Page, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    seen = page.fetch(path, method, headers)
    assert seen.status == status, seen
    assert re.fullmatch("[0-9a-f]{32}", seen.headers["x-request-id"])
    assert len(page.preflights) == (method not in ("GET", "POST") or bool(headers))
    assert all("ratelimit" not in each.headers for each in page.preflights)
    if path != "/v0/users":
        assert "ratelimit-policy" in seen.headers


def test_a_page_reads_a_denial_and_when_to_come_back(
    agents: Agents, address: str, page: Page
) -> None:
    exhaust(agents, address)
    for _ in range(20):
        seen = page.fetch("/activations", "GET", BEARER)
        if seen.status == 429:
            break
    assert seen.status == 429
    assert b"rate-limited" in seen.body
    assert int(seen.headers["retry-after"]) >= 1
    assert seen.headers["ratelimit"].startswith('"per-client";r=0;')
    assert page.preflights[-1].status_code == 204


def test_a_page_reads_that_its_body_is_too_large(agents: Agents, address: str) -> None:
    """An announced length is enough for that, so the body itself is not sent."""
    connection = HTTPConnection(agents.client.base_url.netloc.decode(), timeout=60)
    headers = {"origin": APP, "cf-connecting-ip": address, "content-length": "3000000"}
    connection.request("POST", "/execute", headers=headers)
    refused = connection.getresponse()
    assert (refused.status, json.loads(refused.read())["code"]) == (413, "body-too-large")
    assert refused.getheader("access-control-allow-origin") == APP
    connection.close()


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_origin_learns_nothing(agents: Agents, address: str, origin: str) -> None:
    page = page_of(agents, origin, address)
    for method, headers in (("GET", {}), ("GET", BEARER), ("POST", JSON), ("DELETE", BEARER)):
        with pytest.raises(NetworkError):
            page.fetch("/activations", method, headers)


@pytest.mark.parametrize(
    ("method", "headers"), [("PATCH", BEARER), ("GET", BEARER | {"x-router-key-id": "core"})]
)
def test_what_the_api_does_not_have_a_page_cannot_send(
    page: Page, method: str, headers: dict[str, str]
) -> None:
    with pytest.raises(NetworkError, match="is none of"):
        page.fetch("/activations", method, headers)


def test_a_page_that_sends_cookies_is_refused(agents: Agents, address: str) -> None:
    """Keys are all that counts, so a page that carries somebody's cookies gets nothing."""
    page = page_of(agents, APP, address, credentials=True)
    with pytest.raises(NetworkError, match="credentials"):
        page.fetch("/activations", "GET", BEARER)


def test_a_preflight_says_all_that_pages_may_send(page: Page) -> None:
    page.fetch("/activations", "GET", BEARER)
    [answer] = page.preflights
    methods = listed(answer, "access-control-allow-methods")
    assert methods == ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    assert {*listed(answer, "access-control-allow-headers")} >= {
        *("authorization", "content-type", "x-api-key"),
    }
    assert answer.headers["access-control-max-age"] == "600"
