"""What is written raw into KV is read while requests go on (14.18, 14.20), over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from policies.compiled.tables import FORMAT
from policies.language.load import digest_of
from tests.policies.language.costly import HEAD, LONG, ROUTES, drills
from tests.support.edge.memory_kv import MemoryKv, memory_kv
from tests.support.edge.router import ADMIN_KEY, Edge
from tests.support.edge.workerd import running_edge

BUNDLED = (HEAD + ROUTES).encode()
WITHIN = 60.0  # seconds until a policy is taken or refused; the machine may be busy
# What one request may wait more than the longest without any policy to read. It was seconds to
# half a minute, so this says what it must on a slow machine, too.
MOST_MORE = 1.5
BETWEEN = 0.02  # seconds between requests: short beside MOST_MORE, and others have to work, too


def many(number: int, name: str = "m") -> bytes:
    route = "hostnames: [a.test], matches: [{path: {prefix: /%d}, methods: [GET]}], split: {one: 1}"
    routes = "".join(f"  - {{name: {name}{n}, {route % n}}}\n" for n in range(number))
    return f"{HEAD}routes:\n  - {{name: {name}, split: {{one: 1}}}}\n{routes}".encode()


NAMED = [{"name": f"h{n}", "value": "v"} for n in range(1_500)]
SET = {"set": NAMED}
LONG_ROUTE = {"name": "r", "split": {"one": 1}, "filters": {"request_headers": SET}}
HEAVY = {
    "400 drills": drills(400),
    "100 drills": drills(100),
    "one text": (HEAD + "x: |\n" + "  a\n" * 750_000 + ROUTES).encode(),
    "escapes": (HEAD + 'x: "' + "\\u0041" * 500_000 + '"\n' + ROUTES).encode(),
    "many texts": (HEAD + "x:\n" + f"  - '{LONG[:60_000]}'\n" * 50 + ROUTES).encode(),
    "values": (HEAD + "x: [" + "1," * 200_000 + "]\n" + ROUTES).encode(),
    "1,000 routes": many(1_000),
    "one long route": f"{HEAD}routes: [{json.dumps(LONG_ROUTE)}]\n".encode(),
    "brackets": (HEAD + "x: " + "[" * 200_000).encode(),
    "a comment": ("#" + "x" * 3_900_000 + "\n" + HEAD + ROUTES).encode(),
    "25 MB": b"#" * 24_000_000,
}


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("work")
    (folder / "routes.yaml").write_bytes(BUNDLED)
    with running_edge(folder / "router", folder / "routes.yaml") as edge:
        yield edge


@pytest.fixture
def kv(routed: Edge) -> MemoryKv:
    return routed.kv


def longest(edge: Edge, until: Callable[[], bool], seconds: float = WITHIN) -> float:
    """One request after the other until `until`, asked once a second; the longest of them."""
    worst, checked, deadline = 0.0, time.monotonic(), time.monotonic() + seconds
    with httpx.Client(base_url=edge.url, timeout=60) as client:
        while (began := time.monotonic()) < deadline:
            assert client.get("/").status_code == 200
            worst = max(worst, time.monotonic() - began)
            if time.monotonic() - checked > 1:
                checked = time.monotonic()
                if until():
                    return worst
            time.sleep(BETWEEN)
    assert until()
    return worst


def policy_status(edge: Edge) -> tuple[str, str]:
    """The digests of the policy that serves, and of the one that is refused."""
    headers = {"x-api-key": ADMIN_KEY}
    told = httpx.get(f"{edge.url}/.router/status", headers=headers, timeout=60).json()
    return told["policy"]["digest"], (told["rejected"] or {}).get("digest", "")


@pytest.fixture(scope="module")
def idle(routed: Edge) -> float:
    end = time.monotonic() + 5
    return longest(routed, lambda: time.monotonic() > end)


@pytest.mark.parametrize("data", HEAVY.values(), ids=HEAVY)
def test_requests_go_on_while_a_policy_is_read(
    routed: Edge, kv: MemoryKv, idle: float, data: bytes
) -> None:
    kv.put("policy", data)
    worst = longest(routed, lambda: digest_of(data) in policy_status(routed))
    print(f"longest {1000 * worst:.0f} ms, without {1000 * idle:.0f} ms")
    assert worst < idle + MOST_MORE


FORMS = {
    "deep": lambda head: b"[" * 1_000_000,
    "deep in a line": lambda head: head + b"[" * 50_000 + b"]" * 50_000,
    "one line": lambda head: head + b"[[]," + b"[]," * 5_000_000 + b"[]]",
    "many lines": lambda head: head + b'[["routes"],[]]\n' * 900_000,
    "other tables": lambda head: head + b'[[],{"routes":[1],"hosts":{"":1}}]',
    "too large": lambda head: head + b" " * 20_000_000,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_hostile_compiled_form_is_refused_and_the_policy_is_read(
    routed: Edge, kv: MemoryKv, idle: float, form: Callable[[bytes], bytes], request: Any
) -> None:
    """14.18: what is written raw beside the policy holds up nobody and ends no isolate."""
    name = request.node.callspec.id.replace(" ", "-")
    data = many(20, name)
    digest = digest_of(data)
    head = json.dumps({"format": FORMAT, "digest": digest}).encode() + b"\n"
    kv.put(f"policy/compiled/{digest}", form(head))
    kv.put("policy", data)
    worst = longest(routed, lambda: policy_status(routed) == (digest, ""))
    print(f"longest {1000 * worst:.0f} ms, without {1000 * idle:.0f} ms")
    assert worst < idle + MOST_MORE
    assert routed.get("/").headers["x-router-route"] == name
    told = [line for line in log_of(routed).splitlines() if "compiled-refused" in line]
    assert sum(digest in line for line in told) >= 1, told


def log_of(edge: Edge) -> str:
    return edge.server.output()


def test_a_rewrite_every_three_seconds(routed: Edge, kv: MemoryKv, idle: float) -> None:
    """14.20: the whole policy, twenty times a minute."""
    written: list[bytes] = []

    def rewrite() -> bool:
        if len(written) < 10 and (not written or time.monotonic() > due[0]):
            written.append(many(200, f"w{len(written)}-"))
            kv.put("policy", written[-1])
            due[0] = time.monotonic() + 3
        return len(written) == 10 and digest_of(written[-1]) in policy_status(routed)

    due = [0.0]
    worst = longest(routed, rewrite, 2 * WITHIN)
    print(f"longest {1000 * worst:.0f} ms, without {1000 * idle:.0f} ms")
    assert worst < idle + MOST_MORE


def test_an_isolate_that_starts_later_finds_the_compiled_form(routed: Edge, kv: MemoryKv) -> None:
    data = many(1_000, "late")
    kv.put("policy", data)
    longest(routed, lambda: kv.get(f"policy/compiled/{digest_of(data)}") is not None)
    assert policy_status(routed)[0] == digest_of(data)


def test_a_first_request_of_an_isolate_is_answered_by_what_there_is(
    tmp_path: Path,
) -> None:
    """Nothing is compiled, and the policy is large: the bundled one serves meanwhile."""
    (tmp_path / "routes.yaml").write_bytes(BUNDLED)
    data = many(2_000, "large")
    with memory_kv() as own:
        own.put("policy", data)
        with running_edge(tmp_path / "router", tmp_path / "routes.yaml", kv=own) as late:
            assert late.get("/").headers["x-router-route"] in ("r", "large")
            longest(late, lambda: policy_status(late)[0] == digest_of(data))
            assert late.get("/").headers["x-router-route"] == "large"
