"""Size limits on the wire: URLs, headers, bodies with and without a length."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx
import pytest

from tests.support.edge.router import Edge

KIB = 1024


def refused(edge: Edge, status: int, code: str, path: str = "/status/200", **asked: object) -> None:
    answer = edge.send(str(asked.pop("method", "GET")), path, **asked)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["x-request-id"]


def chunks(total: int) -> Iterator[bytes]:
    for at in range(0, total, 4 * KIB):
        yield b"x" * min(4 * KIB, total - at)


def test_long_urls(edge: Edge) -> None:
    short = len("http://forward.test/?q=")
    fits = edge.get("/?q=" + "x" * (8 * KIB - short), host="forward.test")
    assert fits.status_code == 200
    refused(edge, 414, "url-too-long", "/?q=" + "x" * (8 * KIB - short + 1), host="forward.test")


def test_a_routes_own_limit_of_the_url(edge: Edge) -> None:
    assert edge.send("PUT", "/count?q=" + "x" * 9 * KIB, host="body.test").status_code == 200
    refused(edge, 414, "url-too-long", "/count?q=" + "x" * 11 * KIB, host="body.test")
    refused(edge, 414, "url-too-long", "/status/200?q=" + "x" * 80, host="body.test")
    assert edge.get("/status/200?q=" + "x" * 20, host="body.test").status_code == 200


def test_many_headers(edge: Edge) -> None:
    few = {f"x-{number}": "1" for number in range(40)}
    assert edge.get("/", host="forward.test", headers=few).status_code == 200
    many = {f"x-{number}": "1" for number in range(64)}
    refused(edge, 431, "headers-too-large", "/", host="forward.test", headers=many)
    refused(edge, 431, "headers-too-large", "/.router/health", headers=many)


def test_large_headers(edge: Edge) -> None:
    ok = {"x-large": "x" * 20 * KIB}
    assert edge.get("/", host="forward.test", headers=ok).status_code == 200
    large = {"x-a": "x" * 12 * KIB, "x-b": "x" * 12 * KIB}
    refused(edge, 431, "headers-too-large", "/", host="forward.test", headers=large)


@pytest.mark.parametrize("size", [0, 1, 40 * KIB])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_within_the_limit(edge: Edge, size: int, chunked: bool) -> None:
    content = chunks(size) if chunked else b"x" * size
    answer = edge.send("POST", "/count", host="body.test", content=content)
    assert answer.json() == {"bytes": size}


@pytest.mark.parametrize("path", ["/count", "/unread", "/hang", "/throw"])
def test_an_announced_body_is_refused_at_once(edge: Edge, path: str) -> None:
    content = b"x" * (40 * KIB + 1)
    refused(edge, 413, "body-too-large", path, host="body.test", method="POST", content=content)


# Small ones: if nobody reads to the end, `wrangler dev` may lose the answer to a large body.
@pytest.mark.parametrize("size", [KIB + 1, 4 * KIB])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_without_length_is_broken_off(edge: Edge, method: str, size: int) -> None:
    content = chunks(size)
    refused(
        edge, 413, "body-too-large", "/count/cors", host="body.test", method=method, content=content
    )


def test_an_answer_that_has_begun_ends_with_the_body(edge: Edge) -> None:
    # The variant answers each chunk at once, so it has begun when the limit is met.
    request = edge.client.build_request(
        "POST", "/echo", headers={"host": "body.test"}, content=chunks(90 * KIB)
    )
    with contextlib.suppress(httpx.HTTPError):  # however the connection ends
        answer = edge.client.send(request)
        assert answer.status_code in (200, 413)
        assert len(answer.content) <= 50 * KIB


def test_limit_mirror_and_cors_together(edge: Edge) -> None:
    origin = {"origin": "https://a.test"}
    for content in (b"x" * KIB, chunks(KIB)):
        fits = edge.send("POST", "/count/cors", host="body.test", headers=origin, content=content)
        assert (fits.json(), fits.headers["access-control-allow-origin"]) == ({"bytes": KIB}, "*")
    for content in (b"x" * (KIB + 1), chunks(4 * KIB)):
        large = edge.send("POST", "/count/cors", host="body.test", headers=origin, content=content)
        assert (large.status_code, large.headers["access-control-allow-origin"]) == (413, "*")
