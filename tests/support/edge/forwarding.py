"""What holds of forwarding, whichever way a request comes in."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
from typing import Any

import pytest

from tests.support.edge.router import Edge


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
