"""Mirrors on the wire: copies arrive, and can do nothing to the real request."""

from __future__ import annotations

import time
import uuid

import pytest

from tests.support.edge.mirrored import seen, settled
from tests.support.edge.router import Edge

KIB = 1024


def test_a_copy_is_the_request_as_it_was_forwarded(edge: Edge) -> None:
    name = uuid.uuid4().hex
    sent = {"x-own": "1", "x-router-mirror": "forged", "x-router-key-id": "forged"}
    answer = edge.get(f"/record/{name}?a=1", host="mirror.test", headers=sent)
    assert answer.headers["x-router-variant"] == "one"
    real = answer.json()
    assert "x-router-mirror" not in real["headers"]
    (copy,) = seen(edge, name, 1)
    assert (copy["method"], copy["url"]) == ("GET", f"http://mirror.test/record/{name}?a=1")
    headers = copy["headers"]
    assert (headers["x-own"], headers["x-filtered"], headers["x-router-mirror"]) == ("1", "1", "1")
    assert (headers["x-router-route"], headers["x-router-variant"]) == ("x-mirror", "backend")
    assert headers["x-request-id"] == real["headers"]["x-request-id"]
    assert "x-router-key-id" not in headers


@pytest.mark.parametrize(
    ("method", "copied"), [("HEAD", 1), ("OPTIONS", 1), ("POST", 0), ("PUT", 0), ("DELETE", 0)]
)
def test_only_safe_methods_are_copied(edge: Edge, method: str, copied: int) -> None:
    name = uuid.uuid4().hex
    assert edge.send(method, f"/record/{name}", host="mirror.test").status_code == 200
    assert len(seen(edge, name, 1) if copied else settled(edge, name)) == copied


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("size", "copied"),
    [(0, True), (1, True), (64 * KIB, True), (64 * KIB + 1, False), (900 * KIB, False)],
)
def test_bodies_are_copied_if_they_are_small(
    edge: Edge, size: int, copied: bool, chunked: bool
) -> None:
    name = uuid.uuid4().hex
    body = b"x" * size
    content = iter([body[:10], body[10:]]) if chunked else body
    answer = edge.send("POST", f"/copy/record/{name}", host="copies.test", content=content)
    real = answer.json()
    assert (real["body_bytes"], real["path"]) == (size, f"/record/{name}")
    if not chunked:
        assert real["headers"]["content-length"] == str(size)
    found = seen(edge, name, 1) if copied else settled(edge, name)
    assert [len(each["body"]) for each in found] == [size] * copied


@pytest.mark.parametrize("path", ["/hang", "/throw", "/status/500", "/unread", "/events/200"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_mirror_that_misbehaves_is_nobodys_concern(edge: Edge, method: str, path: str) -> None:
    host, prefix = ("mirror.test", "") if method == "GET" else ("copies.test", "/copy")
    body = b"x" * (30 * KIB) * (method == "POST")
    begun = time.monotonic()
    answer = edge.send(method, f"{prefix}{path}", host=host, content=body)
    assert (answer.status_code, answer.headers["x-router-variant"]) == (200, "one")
    assert (answer.json()["path"], answer.json()["body_bytes"]) == (path, len(body))
    assert time.monotonic() - begun < 5  # a hanging mirror would take ten minutes


def test_the_real_variant_need_not_read_the_body_that_is_copied(edge: Edge) -> None:
    answer = edge.send("POST", "/real/unread", host="copies.test", content=b"x" * KIB)
    assert (answer.status_code, answer.text) == (200, "unread")


def test_a_real_failure_is_told_although_a_mirror_is_well(edge: Edge) -> None:
    answer = edge.send("POST", "/real/throw", host="copies.test", content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (502, "variant-failed")


def test_a_mirror_that_is_not_bound_does_not_matter(edge: Edge) -> None:
    assert edge.get("/", host="nobody.test").status_code == 200


def test_a_fraction_is_drawn_for_each_request(edge: Edge) -> None:
    name, total = uuid.uuid4().hex, 200
    for _ in range(total):
        edge.get(f"/record/{name}", host="half.test")
    copied = len(settled(edge, name))
    assert abs(copied - total / 2) < 5 * 7.1  # five standard deviations


def test_copies_are_counted(edge: Edge) -> None:
    edge.get("/record/counted", host="mirror.test")
    text = edge.own("metrics").text
    assert 'router_mirrored_total{route="x-mirror",variant="backend"' in text
