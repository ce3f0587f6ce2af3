"""A limiter that fails: `on_error` decides, soon, and at once while it is left alone.

workerd by itself, with the tests' own Worker for the limiters.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from router.dev.config import write_configs
from router.dev.layout import Layout, find_root
from router.dev.loopback import free_port
from router.dev.process import ServerProcess
from router.dev.stage import stage
from router.dev.workerd import WorkerdWorker, literal, router_workers, text
from tests.support.edge.image import serve_router
from tests.support.edge.router import ADMIN_KEY, HERE

KINDS = ("throw", "hang", "nonsense", "nothing", "short", "unbound")
DECIDED_WITHIN = 0.25
STARTED_WITHIN = 60.0
LIMITER = "test-limiter"


def policy() -> str:
    """A route for each way to fail and each decision, and two for limiters that recover."""
    names = [f"{kind}-{decision}" for kind in KINDS for decision in ("allow", "deny")]
    names += ["recover-deny", "slow-deny", "late-deny", "late-allow"]
    limits = "".join(
        f"  {name}: {{limit: 42/1s, by: route, mode: {'exact' if 'deny' in name else 'leased'}, "
        f"on_error: {name.partition('-')[2]}}}\n"
        for name in names
    )
    routes = "".join(
        f"  - {{name: {name}, matches: [{{path: {{exact: /{name}}}}}], split: {{p: 1}}, "
        f"rate_limits: [{name}]}}\n"
        for name in names
    )
    routes += "  - {name: free, split: {p: 1}}\n"
    return (
        "version: 1\nvariants: {main: {binding: MAIN, pool: p}}\n"
        f"rate_limits:\n{limits}routes:\n{routes}"
    )


def start(folder: Path, bound: bool) -> tuple[httpx.Client, ServerProcess]:
    layout = Layout(find_root(HERE))
    folder.mkdir(exist_ok=True)
    (folder / "routes.yaml").write_text(policy())
    stage(layout.root, folder / "routes.yaml", folder / "upload")
    write_configs(layout, folder, {"main": "MAIN"}, echo=True)
    router, *others = router_workers(layout, folder)
    bindings = {**router.bindings, "ROUTER_ADMIN_KEY": text(ADMIN_KEY)}
    if bound:
        value = f"(className = {literal('Limiter')}, serviceName = {literal(LIMITER)})"
        bindings["ROUTER_LIMITER"] = f"durableObjectNamespace = {value}"
    else:
        del bindings["ROUTER_LIMITER"]
    script = HERE / "workers" / "limiter.js"
    modules, date = {script.name: script}, router.compatibility_date
    others.append(WorkerdWorker(LIMITER, modules, date, objects=["Limiter"]))
    port = free_port()
    server = serve_router(layout, [replace(router, bindings=bindings), *others], port, folder)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    deadline = time.monotonic() + STARTED_WITHIN
    while True:
        assert server.alive, server.output()
        assert time.monotonic() < deadline, server.output()
        try:
            assert client.get("/free").status_code == 200
            return client, server
        except httpx.TransportError:
            time.sleep(0.1)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    client, server = start(tmp_path_factory.mktemp("failing"), bound=True)
    yield client
    client.close()
    server.stop()


@pytest.fixture(scope="module")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    client, server = start(tmp_path_factory.mktemp("unbound"), bound=False)
    yield client
    client.close()
    server.stop()


def first_answer(client: httpx.Client, path: str) -> tuple[httpx.Response, float]:
    """An answer, and the seconds it took, over a connection that is there."""
    client.get("/free")
    begun = time.monotonic()
    answer = client.get(path)
    return answer, time.monotonic() - begun


@pytest.mark.parametrize("decision", ["allow", "deny"])
@pytest.mark.parametrize("kind", KINDS)
def test_on_error_decides_soon(request: pytest.FixtureRequest, kind: str, decision: str) -> None:
    client: httpx.Client = request.getfixturevalue("unbound" if kind == "unbound" else "failing")
    # A busy machine may make anything late; it is not so three times.
    answer, spent = first_answer(client, f"/{kind}-{decision}")
    for _ in range(2):
        if spent >= DECIDED_WITHIN:
            time.sleep(1.1)  # until the limiter is asked again
            answer, spent = first_answer(client, f"/{kind}-{decision}")
    assert spent < DECIDED_WITHIN
    assert answer.headers["ratelimit-policy"] == f'"{kind}-{decision}";q=42;w=1'
    assert "ratelimit" not in answer.headers  # nobody knows
    if decision == "allow":
        assert answer.status_code == 200
        assert answer.json()["variant"] == "main"
    else:
        assert answer.status_code == 429
        assert answer.json()["code"] == "limiter-unavailable"
        assert answer.headers["retry-after"] == "1"
        assert "SECRET" not in answer.text


def test_while_it_is_away_nobody_waits_for_it(failing: httpx.Client) -> None:
    failing.get("/hang-allow")
    begun = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: failing.get("/hang-allow").status_code, range(40)))
    spent = time.monotonic() - begun
    assert found == [200] * 40
    assert spent < 40 * 0.15 / 4  # what it took if each of them waited
    told = failing.get("/.router/metrics", headers={"x-api-key": ADMIN_KEY}).text.splitlines()
    counts = {
        line.partition(",isolate")[0]: float(line.rpartition(" ")[2])
        for line in told
        if "{" in line
    }
    assert counts['router_rate_limits_total{limit="hang-allow",decision="error"'] >= 41
    assert counts['router_limiter_calls_total{limit="hang-allow"'] < 10


@pytest.mark.parametrize("name", ["recover-deny", "slow-deny"])
def test_it_is_asked_again_after_a_moment(failing: httpx.Client, name: str) -> None:
    assert failing.get(f"/{name}").status_code == 429
    deadline = time.monotonic() + 10
    while failing.get(f"/{name}").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    answer = failing.get(f"/{name}")
    assert answer.status_code == 200
    assert answer.headers["ratelimit"] == f'"{name}";r=41;t=1'


@pytest.mark.parametrize(("decision", "returned"), [("deny", 7), ("allow", 6)])
def test_what_it_grants_too_late_goes_back_to_it(
    failing: httpx.Client, decision: str, returned: int
) -> None:
    """All but the request that has passed meanwhile."""
    assert failing.get(f"/late-{decision}").status_code == (429 if decision == "deny" else 200)
    deadline = time.monotonic() + 10
    told = ""
    while told != f'"late-{decision}";r={returned};t=1':
        assert time.monotonic() < deadline, told
        time.sleep(0.2)
        told = failing.get(f"/late-{decision}").headers.get("ratelimit", "")
