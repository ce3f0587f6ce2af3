"""What a variant gets and what a client gets back: headers, bodies, streams, failures."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.edge.router import Edge

MIB = 1024 * 1024


def received(edge: Edge, **asked: Any) -> dict[str, Any]:
    asked = {"method": "GET", "path": "/", "host": "forward.test", **asked}
    answer = edge.send(**asked)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_method_path_query_and_body_go_on_unchanged(edge: Edge) -> None:
    got = received(edge, method="PATCH", path="/a/b;c=1?x=%2F&y=1&x=2", content=b"12345")
    assert (got["method"], got["path"], got["query"]) == ("PATCH", "/a/b;c=1", "x=%2F&y=1&x=2")
    assert (got["host"], got["body_bytes"], got["attempt"]) == ("forward.test", 5, 1)


def test_a_path_goes_on_in_its_one_spelling_with_its_body(edge: Edge) -> None:
    got = received(edge, method="POST", path="/%61/%7Eb/%2e/c?q=%61", content=b"123")
    assert (got["path"], got["query"], got["body_bytes"]) == ("/a/~b/c", "q=%61", 3)


@pytest.mark.parametrize("spelling", ["/place", "/%70lace"])
def test_the_variant_sees_where_the_client_is(edge: Edge, spelling: str) -> None:
    place = {"country": "DE", "continent": "EU", "colo": "FRA"}
    got = edge.get(spelling, host="backend.test", cf=place).json()
    assert {name: got[name] for name in place} == place


@pytest.mark.parametrize("spelling", ["/redirect", "/%72edirect"])
def test_redirects_are_the_clients_to_follow(edge: Edge, spelling: str) -> None:
    moved = edge.get(spelling, host="backend.test")
    assert (moved.status_code, moved.headers["location"]) == (302, "/elsewhere")


def test_headers_that_are_set(edge: Edge) -> None:
    headers = received(edge, headers={"x-own": "kept", "accept": "a/b"})["headers"]
    assert headers["x-own"] == "kept"
    assert headers["accept"] == "a/b"
    assert headers["x-router-route"] == "f-one"
    assert headers["x-router-variant"] == "one"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-host"] == "forward.test"
    assert headers["x-forwarded-proto"] == "http"
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", headers["traceparent"])


def test_headers_that_are_removed(edge: Edge) -> None:
    sent = {
        "x-router-key-id": "forged",
        "X-Router-Route": "forged",
        "x-router-anything": "forged",
        "Cloudflare-Workers-Version-Overrides": 'agent="forged"',
        "Cloudflare-Workers-Version-Key": "forged",
        "x-forwarded-for": "6.6.6.6",
        "forwarded": "for=6.6.6.6",
        "te": "trailers",
        "proxy-authorization": "Basic forged",
        "keep-alive": "timeout=5",
    }
    headers = received(edge, headers=sent)["headers"]
    assert "forged" not in json.dumps(headers)
    assert "6.6.6.6" not in json.dumps(headers)
    assert not {"te", "keep-alive", "proxy-authorization", "forwarded"} & set(headers)


def test_the_clients_request_id_and_trace_are_kept(edge: Edge) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = {"x-request-id": "my-request-1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    answer = edge.get("/", host="forward.test", headers=sent)
    headers = answer.json()["headers"]
    assert answer.headers["x-request-id"] == headers["x-request-id"] == "my-request-1"
    assert re.fullmatch(
        rf"00-{trace}-(?!00f067aa0ba902b7)[0-9a-f]{{16}}-01", headers["traceparent"]
    )
    other = edge.get("/", host="forward.test", headers={"x-request-id": "no spaces!"})
    assert other.headers["x-request-id"] != "no spaces!"


def test_a_variant_can_be_a_version_of_a_worker(edge: Edge) -> None:
    headers = received(edge, host="version.test")["headers"]
    assert headers["cloudflare-workers-version-overrides"] == 'agent="7f1c-42"'


def test_a_drained_variant_gets_nothing_new(edge: Edge) -> None:
    assert {received(edge, host="drain.test")["variant"] for _ in range(20)} == {"kept"}


def test_the_answer_passes_through(edge: Edge) -> None:
    answer = edge.get("/status/418", host="backend.test")
    assert (answer.status_code, answer.text) == (418, "status 418")
    assert answer.headers["x-backend"] == "1"
    assert answer.headers["x-router-route"] == "f-backend"  # not what the variant claims
    assert edge.get("/status/204", host="backend.test").status_code == 204
    assert edge.get("/status/503", host="backend.test").text == "status 503"
    cookies = edge.get("/cookies", host="backend.test")
    assert cookies.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]
    assert edge.get("/gzip", host="backend.test").text == "squeezed " * 100
    assert edge.send("HEAD", "/status/200", host="backend.test").status_code == 200


@pytest.mark.parametrize(
    ("host", "path", "status", "code"),
    [
        ("unbound.test", "/", 502, "variant-unbound"),
        ("backend.test", "/throw", 502, "variant-failed"),
        ("impatient.test", "/hang", 504, "variant-timeout"),
        ("each.test", "/hang", 504, "variant-timeout"),
    ],
)
def test_failures_are_problem_documents(
    edge: Edge, host: str, path: str, status: int, code: str
) -> None:
    answer = edge.get(path, host=host)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "SECRET-INSIDE" not in answer.text


def test_other_requests_go_on_while_one_hangs(edge: Edge) -> None:
    hanging = threading.Thread(target=lambda: edge.get("/hang", host="impatient.test"))
    hanging.start()
    answers = [edge.get("/status/200", host="backend.test") for _ in range(5)]
    assert hanging.is_alive()
    hanging.join()
    assert all(answer.status_code == 200 for answer in answers)


def test_a_timeout_does_not_cut_a_stream_that_has_begun(edge: Edge) -> None:
    # Five events, 300 ms apart, outlive the timeout of 1 s.
    answer = edge.get("/events/5", host="impatient.test")
    assert answer.text == "".join(f"data: {number}\n\n" for number in range(5))


def test_server_sent_events_arrive_as_they_are_sent(edge: Edge) -> None:
    request = edge.client.build_request("GET", "/events/4", headers={"host": "patient.test"})
    answer = edge.client.send(request, stream=True)
    assert answer.headers["content-type"] == "text/event-stream"
    pieces = list(answer.iter_raw())
    answer.close()
    assert len(pieces) >= 3  # not all at once
    assert b"".join(pieces).count(b"data:") == 4


def test_websocket(edge: Edge) -> None:
    host, port = edge.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as wire:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /socket HTTP/1.1", "Host: backend.test", "Upgrade: websocket"]
        lines += ["Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += wire.recv(1)
        assert b" 101 " in head.split(b"\r\n")[0]
        assert b"x-router-variant: backend" in head
        assert b"forged" not in head
        mask = b"\1\2\3\4"
        text = bytes(byte ^ mask[at % 4] for at, byte in enumerate(b"hello"))
        wire.sendall(b"\x81" + bytes([0x80 | len(text)]) + mask + text)
        frame = wire.recv(64)
        assert frame == b"\x81\x0aecho hello"


def chunks(total: int) -> Iterator[bytes]:
    for _ in range(total // MIB):
        yield bytes(MIB)


def peak_growth(edge: Edge, work: Any) -> int:
    """By how much memory grew, at most, while `work` ran."""
    before, peak, done = edge.server.resident_bytes(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, edge.server.resident_bytes())
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return peak - before


def test_50_mb_bodies_stream_both_ways(edge: Edge) -> None:
    size = 50 * MIB

    def upload() -> None:
        answer = edge.send("POST", "/count", host="backend.test", content=chunks(size))
        assert answer.json() == {"bytes": size}

    def download() -> None:
        headers = {"host": "backend.test"}
        with edge.client.stream("GET", f"/bytes/{size}", headers=headers) as answer:
            assert sum(len(chunk) for chunk in answer.iter_bytes()) == size

    upload()
    download()
    # Four at once would be 200 MB each way if anything held them.
    for work in (upload, download):
        workers = [threading.Thread(target=work) for _ in range(4)]

        def all_at_once(workers: list[threading.Thread] = workers) -> None:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()

        assert peak_growth(edge, all_at_once) < 2 * size
