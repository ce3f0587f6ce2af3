"""Which policy serves, and what happens when KV changes, over HTTP and real KV."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path

import httpx
import pytest

from policies.language.load import digest_of, load
from router.cli.main import main
from router.dev.config import write_configs
from router.dev.layout import Layout, find_root
from router.dev.local_kv import LocalKv
from router.dev.loopback import free_port
from router.dev.stage import stage
from router.dev.workerd import KV_NAME, router_workers
from tests.support.edge.image import serve_router
from tests.support.edge.kv import kv_of
from tests.support.edge.router import ADMIN_KEY, HERE, Edge, start_edge

FIRST = """\
version: 1
variants:
  one: {binding: ONE, pool: one}
  two: {binding: TWO, pool: two}
routes:
  - name: first
    split: {one: 1}
"""
SECOND = FIRST.replace("name: first", "name: second").replace("{one: 1}", "{two: 1}")
THIRD = FIRST.replace("name: first", "name: third")
BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
WITHIN = 15.0  # seconds: the refresh interval and some
MOST_REQUESTS = 100_000  # of a client under load, so that it ends whatever happens
# Played by a Worker that answers each read late: after the milliseconds of its key.
SLOW_KV = """\
const values = VALUES, delays = DELAYS, reads = {};
export default {
  async fetch(request) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method !== "GET") return new Response(null, { status: 500 });
    const read = (reads[key] = (reads[key] ?? 0) + 1);
    await scheduler.wait((delays[key] ?? [])[read - 1] ?? 0);
    return key in values ? new Response(values[key]) : new Response(null, { status: 404 });
  },
};
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def routed(folder: Path) -> Iterator[Edge]:
    policy = folder / "routes.yaml"
    policy.write_text(FIRST)
    edge = start_edge(folder / "router", policy)
    yield edge
    edge.client.close()
    edge.server.stop()


@pytest.fixture(scope="module")
def kv(routed: Edge) -> Iterator[LocalKv]:
    with kv_of(routed) as kv:
        yield kv


def route(edge: Edge) -> str:
    answer = edge.get("/")
    assert answer.status_code == 200, answer.text
    return answer.headers["x-router-route"]


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.2)
    return False


def status(edge: Edge) -> dict[str, object]:
    document: dict[str, object] = edge.own("status").json()
    return document


def test_empty_kv_serves_the_bundled_policy(routed: Edge) -> None:
    assert route(routed) == "first"
    assert status(routed)["policy"]["source"] == "bundled"  # type: ignore[index]
    assert status(routed)["status"] == "ok"
    told = routed.own("policy").json()
    assert (told["source"], told["serves"], told["digest"]) == (
        "bundled",
        True,
        digest_of(told["text"].encode()),
    )


def test_a_push_shows_under_load_without_one_failed_request(
    routed: Edge, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[list[tuple[int, str]]] = [[], [], []]
    done = threading.Event()

    def load(mine: list[tuple[int, str]]) -> None:
        with httpx.Client(base_url=routed.url, timeout=30) as client:
            while not done.is_set() or len({name for _, name in mine}) < 2:
                answer = client.get("/")
                mine.append((answer.status_code, answer.headers.get("x-router-route", "")))
                if len(mine) > MOST_REQUESTS:
                    return

    clients = [threading.Thread(target=load, args=(mine,)) for mine in seen]
    for client in clients:
        client.start()
    try:
        pushed = folder / "second.yaml"
        pushed.write_text(SECOND)
        state = str(routed.state)
        assert main(["push", str(pushed), "--local", "--persist-to", state, "--note", "why"]) == 0
        assert eventually(lambda: route(routed) == "second")
    finally:
        done.set()
        for client in clients:
            client.join()
    for mine in seen:
        runs = [answer for answer, _ in groupby(mine)]
        assert runs == [(200, "first"), (200, "second")]
    told = capsys.readouterr().out
    assert f"local KV in {routed.state}" in told.replace("\n", "")
    assert "read back" in told


def test_what_a_push_writes(routed: Edge, kv: LocalKv) -> None:
    digest = str(status(routed)["policy"]["digest"])  # type: ignore[index]
    assert kv.get("policy") == SECOND.encode()
    assert eventually(lambda: kv.get("policy/last-good") == SECOND.encode())
    compiled = kv.get(f"policy/compiled/{digest}")
    assert compiled is not None
    assert json.loads(compiled.partition(b"\n")[0])["digest"] == digest
    assert any(key.name.endswith(digest) for key in kv.list("policy/history/2"))


def test_the_page_shows_what_kv_holds(
    routed: Edge, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = routed.own("policy").json()
    digest = status(routed)["policy"]["digest"]  # type: ignore[index]
    assert told == {"digest": digest, "source": "kv", "serves": True, "text": SECOND}
    assert routed.get("/.router/policy").status_code == 401
    monkeypatch.setenv("ROUTER_ADMIN_KEY", ADMIN_KEY)
    pushed, other = folder / "second.yaml", folder / "other.yaml"
    other.write_text(FIRST)
    assert main(["diff", str(pushed), "--url", routed.url]) == 0
    assert main(["diff", str(other), "--persist-to", str(routed.state)]) == 2


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"routes: [", "yaml-syntax"),
        (SECOND.replace("split:", "splitt:").encode(), "unknown-field"),
        (SECOND.encode() + b"#" * 5_000_000, "yaml-too-large"),
        (BOMB.encode(), "yaml-alias-bomb"),
        (b"", "yaml-not-a-mapping"),
    ],
    ids=["broken", "unknown-field", "5-mb", "alias-bomb", "empty"],
)
def test_a_bad_policy_leaves_the_last_good_one(
    routed: Edge, kv: LocalKv, bad: bytes, code: str
) -> None:
    kv.put("policy", bad)

    def refused() -> bool:
        rejected = status(routed)["rejected"]
        return bool(rejected) and code in [f["code"] for f in rejected["findings"]]  # type: ignore[index]

    assert eventually(refused)
    assert route(routed) == "second"
    told = status(routed)
    assert told["status"] == "degraded"
    assert told["policy"]["source"] == "kv"  # type: ignore[index]
    assert routed.get("/.router/health").json() == {"status": "degraded"}
    here = [asdict(finding) for finding in load(bad).findings]
    assert told["rejected"]["findings"] == here  # type: ignore[index]
    page = routed.own("policy").json()
    assert (page["digest"], page["serves"]) == (load(bad).digest, False)


def test_an_isolate_that_starts_with_a_bad_policy_serves_the_last_good_one(
    routed: Edge, kv: LocalKv, folder: Path
) -> None:
    kv.put("policy", b"broken: [")
    folder = folder / "late"
    policy = folder.with_suffix(".yaml")
    policy.write_text(FIRST)
    late = start_edge(folder, policy, state=routed.state)
    try:
        assert route(late) == "second"
        told = status(late)
        assert told["policy"]["source"] == "last-good"  # type: ignore[index]
        assert told["rejected"]["findings"][0]["code"] == "yaml-syntax"  # type: ignore[index]
    finally:
        late.client.close()
        late.server.stop()


def test_plain_yaml_put_by_wrangler_is_a_complete_push(routed: Edge, kv: LocalKv) -> None:
    kv.put("policy", THIRD.encode())  # no metadata, no compiled form
    assert eventually(lambda: route(routed) == "third")
    assert status(routed)["status"] == "ok"
    assert status(routed)["rejected"] is None


def test_a_policy_that_is_taken_away_stays(routed: Edge, kv: LocalKv) -> None:
    kv.delete("policy")
    asked = status(routed)["asked_at"]
    assert eventually(lambda: status(routed)["asked_at"] != asked)
    time.sleep(1)
    assert route(routed) == "third"


@contextmanager
def slow_edge(
    folder: Path, values: dict[str, str], delays: dict[str, list[int]]
) -> Iterator[httpx.Client]:
    """A router that was asked nothing yet, before a KV with `values` that reads late."""
    layout = Layout(find_root(HERE))
    policy, script, port = folder / "routes.yaml", folder / "slow_kv.js", free_port()
    policy.write_text(FIRST)
    told = {"VALUES": json.dumps(values), "DELAYS": json.dumps(delays)}
    script.write_text(SLOW_KV.replace("VALUES", told["VALUES"]).replace("DELAYS", told["DELAYS"]))
    stage(layout.root, policy, folder / "upload")
    write_configs(layout, folder, {"one": "ONE", "two": "TWO"}, echo=True)
    workers = [
        replace(each, modules={script.name: script}) if each.name == KV_NAME else each
        for each in router_workers(layout, folder)
    ]
    server = serve_router(layout, workers, port, folder)
    try:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=60, transport=httpx.HTTPTransport(retries=8)) as it:
            yield it
    finally:
        server.stop()


def routes(client: httpx.Client, count: int) -> list[str]:
    """What `count` requests at once are answered by."""
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda _: client.get("/"), range(count)))
    return [answer.headers["x-router-route"] for answer in answers]


def test_first_requests_at_once_all_get_the_last_good_policy(tmp_path: Path) -> None:
    values = {"policy": "broken: [", "policy/last-good": SECOND}
    delays = {"policy": [300, 100, 200, 100], "policy/last-good": [600, 300, 500]}
    with slow_edge(tmp_path, values, delays) as client:
        assert routes(client, 6) == ["second"] * 6
        log = (tmp_path / "workerd.log").read_text()
        assert log.count("policy-rejected") == log.count("policy-loaded") == 1


def test_a_first_request_that_is_broken_off_spoils_nothing(tmp_path: Path) -> None:
    values = {"policy": "broken: [", "policy/last-good": SECOND}
    with slow_edge(tmp_path, values, {"policy/last-good": [1_900, 0]}) as client:
        for _ in range(60):  # the runtime takes seconds to start
            with suppress(httpx.TimeoutException):
                client.get("/", timeout=1)
            if "policy-rejected" in (tmp_path / "workerd.log").read_text():
                break
        assert routes(client, 1) == ["second"]


def test_kv_that_hangs_delays_only_the_first_requests_and_those_for_two_seconds(
    tmp_path: Path,
) -> None:
    hanging = {"policy": [60_000, 60_000, 60_000]}
    with slow_edge(tmp_path, {"policy": SECOND}, hanging) as client:
        assert routes(client, 3) == ["first"] * 3
        began = time.monotonic()
        assert client.get("/.router/health").json() == {"status": "degraded"}
        assert time.monotonic() - began < 1
        assert eventually(lambda: routes(client, 1) == ["second"])
        assert client.get("/.router/health").json() == {"status": "ok"}
