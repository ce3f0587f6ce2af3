"""Variants with a URL on workerd, and real servers behind them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from router.dev.config import ALLOW_PRIVATE, OUTBOUND, RESOLVER
from router.dev.loopback import HOST
from router.dev.workerd import External, Network
from tests.policies.making import policy_text
from tests.support.edge.moody import eventually
from tests.support.edge.origin import (
    AUTHORITY,
    ELSEWHERE,
    Origin,
    masked_frame,
    origin,
    read_frame,
)
from tests.support.edge.router import ADMIN_KEY, SECRETS, Edge
from tests.support.edge.workerd import running_edge

KEY = "a-key-of-the-tests"


class Site(NamedTuple):
    """The router, and the servers behind it: `old` and its equal `twin` over TLS, and `plain`."""

    edge: Edge
    old: Origin
    twin: Origin
    plain: Origin


def route(name: str, split: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "hostnames": [f"{name}.test"], "split": split, **more}


def policy(
    old: Origin, twin: Origin, plain: Origin, distrusted: Origin, refusing: socket.socket
) -> bytes:
    failing = {"failover": {"attempts": 2, "on": ["connect", "timeout", 503]}}
    urls = {
        "old": f"{old.url}/base",
        "twin": twin.url,
        "plain": plain.url,
        "refused": f"http://{HOST}:{refusing.getsockname()[1]}",
        "distrusted": distrusted.url,
        "misnamed": distrusted.url.replace("localhost", HOST),
        "not-tls": plain.url.replace("http:", "https:"),
        "no-name": "https://nobody.invalid",
        "probed": plain.url,
    }
    variants = {name: {"url": url, "pool": name} for name, url in urls.items()}
    variants |= {
        "slow": {"url": f"{plain.url}/slow", "pool": "hedged", "weight": 1_000_000},
        "fast": {"url": twin.url, "pool": "hedged", "weight": 0.000_001},
    }
    variants["spare"] = {"binding": "SPARE", "pool": "spare"}
    broken = ("refused", "distrusted", "not-tls", "no-name")
    return policy_text(
        variants=variants,
        pools={name: {"fallback": ["spare"]} for name in broken},
        auth={"keys": [{"id": "tester", "sha256": sha256(KEY), "scopes": ["a"]}]},
        routes=[
            route("old", {"old": 1}, failover={"attempts": 1}),
            route("twin", {"twin": 1}, failover={"attempts": 2, "on": ["connect", 503]}),
            route("plain", {"plain": 1}),
            route("keyed", {"plain": 1}, auth="required"),
            route("cached", {"plain": 1}, filters={"cache": {"ttl": "60s"}}),
            route("mirrored", {"spare": 1}, filters={"mirrors": [{"pool": "old"}]}),
            route("hedged", {"hedged": 1}, failover={"attempts": 2, "hedge": "100ms"}),
            route("brief", {"plain": 1}, timeouts={"request": "300ms"}),
            route("small", {"plain": 1}, limits={"body": "10B"}),
            route("rewritten", {"old": 1}, filters={"rewrite": {"path": {"full": "/other"}}}),
            *[route(name, {name: 1}, **failing) for name in broken],
            *[route(f"only-{name}", {name: 1, "spare": 0}) for name in ("misnamed",)],
        ],
    )


def sha256(key: str) -> str:
    import hashlib

    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("upstreams")
    with (
        origin("localhost") as old,
        origin("localhost") as twin,
        origin() as plain,
        origin("self-signed") as distrusted,
        socket.socket() as refusing,
    ):
        refusing.bind((HOST, 0))  # and does not listen; until it is closed, nobody else can
        file = folder / "routes.yaml"
        file.write_bytes(policy(old, twin, plain, distrusted, refusing))
        variables = {**SECRETS, ALLOW_PRIVATE: "1"}
        network = Network(["public", "private"], [AUTHORITY])
        with running_edge(folder, file, variables, others=[network]) as edge:
            yield Site(edge, old, twin, plain)


def told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_a_server_gets(site: Site) -> None:
    sent = {
        "x-own": "1",
        "cf-ray": "1",
        "cf-access-jwt-assertion": "secret",
        "x-router-key-id": "a",
    }
    answer = site.edge.send("POST", "/a%7Eb/c?d=e", host="old.test", headers=sent, content=b"12345")
    got = told(answer)
    assert (got["method"], got["path"], got["query"]) == ("POST", "/base/a~b/c", "d=e")
    assert got["body_bytes"] == 5
    headers = got["headers"]
    assert headers["host"] == f"localhost:{site.old.port}"
    assert headers["x-forwarded-host"] == "old.test"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-for"] == HOST
    assert headers["x-own"] == "1"
    assert headers["x-request-id"] == answer.headers["x-request-id"]
    own = [name for name in headers if name.startswith(("cf-", "x-router-"))]
    assert (own, headers["x-router-hops"]) == (["x-router-hops"], "1")
    assert answer.headers["x-router-variant"] == "old"


def test_a_server_learns_no_key(site: Site) -> None:
    answer = site.edge.get("/", host="keyed.test", headers={"x-api-key": KEY})
    assert not {"x-api-key", "x-router-key-id"} & set(told(answer)["headers"])


@pytest.mark.parametrize("path", ["//evil.example/x", "/%2e%2e/x", "/./a/../../b", "/@evil.test"])
def test_no_path_leaves_the_base(site: Site, path: str) -> None:
    got = told(site.edge.get(path, host="old.test"))
    assert got["path"].startswith("/base/")
    assert ".." not in got["path"]
    assert got["headers"]["host"] == f"localhost:{site.old.port}"


def test_a_rewritten_path_is_put_behind_the_base(site: Site) -> None:
    assert told(site.edge.get("/a?b=c", host="rewritten.test"))["path"] == "/base/other"


def test_connections_are_used_again(site: Site) -> None:
    ports = {told(site.edge.get("/", host="old.test"))["connection"] for _ in range(20)}
    assert len(ports) < 20


def test_decisions_are_remembered(site: Site) -> None:
    def remembered() -> float:
        text = site.edge.own("metrics").text
        lines = [each for each in text.splitlines() if 'decisions_total{source="memory"' in each]
        return float(lines[0].rpartition(" ")[2]) if lines else 0

    site.edge.get("/some/page", host="plain.test")
    before = remembered()
    for number in range(30):
        got = told(site.edge.get("/some/page", host="plain.test"))
        assert got["path"] == "/some/page", number
    assert remembered() > before


def test_a_loop_ends(site: Site) -> None:
    """Also where decisions are remembered: each is made for its own number of hops."""
    for came in ["", "1", "2", "3"] * 10:
        answer = site.edge.get("/hops", host="plain.test", headers={"x-router-hops": came or "x"})
        assert told(answer)["headers"]["x-router-hops"] == str(int(came or 0) + 1)
        over = site.edge.get("/hops", host="plain.test", headers={"x-router-hops": "4"})
        assert (over.status_code, over.json()["code"]) == (508, "loop-detected")


def test_redirects_are_the_clients(site: Site) -> None:
    answer = site.edge.get("/redirect", host="old.test", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, ELSEWHERE)


def test_packed_answers_stay_packed(site: Site) -> None:
    answer = site.edge.get("/gzip", host="old.test", headers={"accept-encoding": "gzip"})
    assert answer.text == "packed " * 100


@pytest.mark.parametrize("variant", ["refused", "distrusted", "not-tls", "no-name"])
def test_who_cannot_be_reached_fails_over(site: Site, variant: str) -> None:
    for _ in range(3):
        answer = site.edge.get("/", host=f"{variant}.test")
        assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "spare")

    def is_out() -> bool:
        site.edge.get("/", host=f"{variant}.test")
        return bool(view(site, variant)["state"] != "healthy")

    eventually(is_out)


def view(site: Site, variant: str) -> dict[str, Any]:
    variants = site.edge.own("health/variants").json()["variants"]
    found: dict[str, Any] = next(each for each in variants if each["name"] == variant)
    return found


def test_without_another_variant_it_is_a_502_without_details(site: Site) -> None:
    answer = site.edge.get("/", host="only-misnamed.test")
    assert (answer.status_code, answer.json()["code"]) == (502, "variant-failed")
    assert "connect" not in answer.text
    eventually(lambda: "connect-failure" in site.edge.server.output())


def test_cloudflares_own_statuses_are_no_answers(site: Site) -> None:
    site.twin.statuses = [521, 525]
    answer = site.edge.get("/", host="twin.test")
    assert (answer.status_code, answer.json()["code"]) == (502, "variant-failed")
    site.twin.statuses = [524]
    answer = site.edge.get("/", host="twin.test")
    assert (answer.status_code, answer.json()["code"]) == (504, "variant-timeout")
    site.twin.statuses = []


@pytest.mark.parametrize("status", [101, 600, 999])
def test_a_status_that_no_worker_can_give_on_is_a_502(site: Site, status: int) -> None:
    site.old.statuses = [status]
    answer = site.edge.get("/", host="old.test")
    assert (answer.status_code, answer.json()["code"]) == (502, "variant-failed")
    told = f"bad-status: the server answers {status}"
    eventually(lambda: told in site.edge.server.output())


def test_a_late_answer_is_a_504(site: Site) -> None:
    site.plain.go.clear()
    answer = site.edge.get("/slow", host="brief.test")
    assert (answer.status_code, answer.json()["code"]) == (504, "variant-timeout")
    site.plain.go.set()


def test_a_hedge_overtakes_a_slow_server(site: Site) -> None:
    site.plain.go.clear()
    answer = site.edge.get("/hedged", host="hedged.test")
    site.plain.go.set()
    assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "fast")


def test_answers_stream(site: Site) -> None:
    site.old.go.clear()
    with site.edge.client.stream("GET", "/stream", headers={"host": "old.test"}) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"first"
        site.old.go.set()
        assert b"".join(pieces) == b"second"


def test_bodies_stream(site: Site) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    answer = site.edge.send("POST", "/up", host="plain.test", content=pieces())
    assert told(answer)["body_bytes"] == 64 * 65_536


@pytest.mark.parametrize("length", [None, 1_000_000])
def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(
    site: Site, length: int | None
) -> None:
    path = f"/cut-{length}"
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    url = httpx.URL(site.edge.url)
    with socket.create_connection((HOST, url.port or 0), timeout=10) as client:
        head = f"POST {path} HTTP/1.1\r\nhost: plain.test\r\n{framing}\r\n\r\n"
        client.sendall(head.encode() + (b"3\r\nabc\r\n" if length is None else b"abc"))
        eventually(lambda: path in site.plain.begun)
    eventually(lambda: path in site.plain.broken)
    assert not site.plain.at(path)


def test_a_body_that_is_too_large_is_a_413(site: Site) -> None:
    answer = site.edge.send(
        "POST", "/", host="small.test", content=iter([b"12345", b"67890", b"1"])
    )
    assert answer.status_code == 413


def test_websockets_pass(site: Site) -> None:
    url = httpx.URL(site.edge.url)
    with socket.create_connection((HOST, url.port or 0), timeout=10) as client:
        client.sendall(
            b"GET /socket HTTP/1.1\r\nhost: old.test\r\nconnection: upgrade\r\n"
            b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        stream = client.makefile("rb")
        assert stream.readline().split()[1] == b"101"
        while stream.readline().strip():
            pass
        for message in (b"hello", b"again"):
            client.sendall(masked_frame(message))
            assert read_frame(stream) == message


def test_answers_go_through_the_cache(site: Site) -> None:
    answer = site.edge.get("/count", host="cached.test")
    assert (answer.text, answer.headers["x-cache"]) == ("1", "MISS")


def test_copies_go_out_too(site: Site) -> None:
    assert site.edge.get("/copied", host="mirrored.test").status_code == 200
    eventually(lambda: site.old.at("/base/copied"))
    (copy,) = site.old.at("/base/copied")
    assert copy["headers"]["x-router-mirror"] == "1"
    assert "x-router-variant" not in copy["headers"]


def test_a_drill_stands_in_front_of_it(site: Site) -> None:
    key = {"x-api-key": ADMIN_KEY}
    drill = {"variant": "plain", "mode": "errors:100%", "for": "60s", "force": True}
    began = site.edge.client.post("/.router/drills", json=drill, headers=key)
    assert began.status_code in (200, 201), began.text
    eventually(lambda: site.edge.get("/drilled", host="plain.test").status_code == 503)
    site.edge.client.delete("/.router/drills", headers=key)
    eventually(lambda: site.edge.get("/drilled", host="plain.test").status_code == 200)


def test_the_status_tells_urls(site: Site) -> None:
    variants = {each["name"]: each for each in site.edge.own("status").json()["variants"]}
    old = variants["old"]
    assert (old["binding"], old["url"], old["bound"]) == (None, f"{site.old.url}/base", True)
    explained = site.edge.own("explain", params={"url": "https://old.test/a"}).json()
    assert explained["forwarded"]["host"] == f"localhost:{site.old.port}"
    assert explained["forwarded"]["path"] == "/base/a"


# Names that lead somewhere, as a resolver says that is told by the tests.
PUBLIC = "93.184.215.14"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Edge, Origin]]:
    """A router that looks names up, in front of an Internet that is one server."""
    folder = tmp_path_factory.mktemp("guarded")
    with origin() as internet:
        internet.names = {
            "public.example": [PUBLIC, "2606:4700::1111"],
            "private.example": ["10.0.0.7"],
            "mixed.example": [PUBLIC, "127.0.0.1"],
            "rebound.example": [PUBLIC],
        }
        names = ("public", "private", "mixed", "rebound", "unknown")
        variants = {name: {"url": f"https://{name}.example", "pool": name} for name in names} | {
            "spare": {"binding": "SPARE", "pool": "spare"}
        }
        failing = {"failover": {"attempts": 2, "on": ["connect"]}}
        file = folder / "routes.yaml"
        file.write_bytes(
            policy_text(
                variants=variants,
                health={"active": {"path": "/status/200", "interval": "5s"}},
                pools={name: {"fallback": ["spare"]} for name in ("private", "mixed")},
                routes=[route(name, {name: 1}, **failing) for name in names],
            )
        )
        variables = {**SECRETS, RESOLVER: "https://dns.example/dns"}
        others = [External(OUTBOUND, f"{HOST}:{internet.port}")]
        with running_edge(folder, file, variables, others=others) as edge:
            yield edge, internet


def test_a_public_name_is_asked(guarded: tuple[Edge, Origin]) -> None:
    edge, _ = guarded
    got = told(edge.get("/here", host="public.test"))
    assert (got["path"], got["headers"]["host"]) == ("/here", "public.example")


@pytest.mark.parametrize("name", ["private", "mixed"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_that_leads_to_a_private_address_is_not(
    guarded: tuple[Edge, Origin], name: str, method: str
) -> None:
    """Nothing was sent, so another variant may have even a POST."""
    edge, internet = guarded
    body = {"content": b"the body"} if method == "POST" else {}
    answer = edge.send(method, f"/{name}", host=f"{name}.test", **body)
    assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "spare")
    assert answer.json()["body_bytes"] == len(body.get("content", b""))
    asked = [each for each in internet.told if each["headers"]["host"] == f"{name}.example"]
    assert asked == []


def test_a_name_that_is_not_there_is_a_502(guarded: tuple[Edge, Origin]) -> None:
    edge, internet = guarded
    answer = edge.get("/", host="unknown.test")
    assert (answer.status_code, answer.json()["code"]) == (502, "variant-failed")
    told = "dns-failure: there is no host unknown.example"
    eventually(lambda: told in edge.server.output())
    assert not [each for each in internet.told if each["headers"]["host"] == "unknown.example"]


def test_health_checks_pass_the_guard_too(guarded: tuple[Edge, Origin]) -> None:
    edge, internet = guarded

    def probes(name: str) -> dict[str, Any]:
        variants = edge.own("health/variants").json()["variants"]
        found: dict[str, Any] = next(each for each in variants if each["name"] == name)
        return found

    eventually(lambda: "is not public" in json.dumps(probes("private")))
    eventually(lambda: internet.at("/status/200"))
    hosts = {each["headers"]["host"] for each in internet.at("/status/200")}
    assert "private.example" not in hosts
