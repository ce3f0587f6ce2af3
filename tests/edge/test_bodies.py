"""Bodies on the wire, in pieces and broken off, sent raw to workerd itself."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.edge.router import HERE
from tests.support.edge.workerd import Running, running

KIB = 1024
WAIT = 20.0


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("bodies"), HERE / "bodies.yaml") as started:
        yield started
        assert started.server.alive, started.server.output()
        assert "internal-error" not in started.server.output()


class Upload:
    """A request whose body is sent in pieces; `length`: what is announced of it."""

    def __init__(
        self, router: Running, method: str, path: str, length: int | None, host: str = "any.test"
    ) -> None:
        self.is_chunked = length is None
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", framing, "Connection: close"]
        self.wire = router.connect(WAIT)
        self.wire.sendall("\r\n".join([*lines, "", ""]).encode())

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def send(self, data: bytes) -> None:
        self.wire.sendall(b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data)

    def end(self) -> None:
        if self.is_chunked:
            self.wire.sendall(b"0\r\n\r\n")

    def break_off(self) -> None:
        """Send no more, but read on."""
        self.wire.shutdown(socket.SHUT_WR)

    def answer(self) -> tuple[int, Any]:
        """Its status, and its body as JSON or text."""
        received = b""
        while chunk := self.wire.recv(65_536):
            received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        text = body.decode()
        status = int(head.split(b" ")[1])
        return status, json.loads(text) if b"json" in head else text


def seen(router: Running, name: str, wanted: int = 1) -> list[dict[str, Any]]:
    """What was recorded under `name`, when so many requests have come."""
    deadline = time.monotonic() + WAIT
    while True:
        found: list[dict[str, Any]] = router.get(f"/seen/{name}").json()
        if len(found) >= wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_body_goes_on_while_it_arrives(router: Running, method: str) -> None:
    name = uuid.uuid4().hex
    with Upload(router, method, f"/record/{name}", None) as upload:
        upload.send(b"begin")
        (entry,) = seen(router, name)
        assert entry["body"] is None
        upload.send(b", end")
        upload.end()
        assert upload.answer() == (200, "recorded")
    assert [each["body"] for each in seen(router, name)] == ["begin, end"]


@pytest.mark.parametrize("size", [0, 1, 32 * KIB])
def test_a_body_of_unknown_length_is_sent_again(router: Running, size: int) -> None:
    with Upload(router, "PUT", f"/flaky/{uuid.uuid4().hex}/1", None) as upload:
        for at in range(0, size, 5_000):
            upload.send(b"x" * min(5_000, size - at))
        upload.end()
        status, told = upload.answer()
    assert (status, [len(each) for each in told["came"]]) == (200, [size, size])
    assert told["attempt"] == "2"


@pytest.mark.parametrize("length", [None, 300 * KIB])
def test_a_long_body_is_sent_once(router: Running, length: int | None) -> None:
    with Upload(router, "PUT", f"/flaky/{uuid.uuid4().hex}/9", length) as upload:
        for _ in range(300):
            upload.send(b"x" * KIB)
        upload.end()
        status, told = upload.answer()
    assert (status, [len(each) for each in told["came"]]) == (503, [300 * KIB])


def test_what_has_come_of_a_body_is_sent_again_and_the_rest_after_it(router: Running) -> None:
    name = uuid.uuid4().hex
    with Upload(router, "PUT", f"/refuse-first/{name}", None) as upload:
        upload.send(b"begin")
        upload.send(b", middle")
        assert len(seen(router, name, 2)) == 2  # the first variant, then the second
        for _ in range(100):
            upload.send(b"x" * KIB)
        upload.end()
        assert upload.answer() == (200, {"begins": "begin, middlexx", "bytes": 13 + 100 * KIB})


@pytest.mark.parametrize("length", [None, 1_000, 100 * KIB])
@pytest.mark.parametrize("method", ["PUT", "POST", "GET"])
@pytest.mark.parametrize("what", ["record", "unhappy"])
def test_a_client_that_breaks_off_is_no_fault_of_the_variant(
    router: Running, method: str, length: int | None, what: str
) -> None:
    name = uuid.uuid4().hex
    for _ in range(20):  # so many failures in a row would eject it
        with Upload(router, method, f"/{what}/{name}", length, "blamed.test") as upload:
            upload.send(b"begin")
            upload.break_off()
            status, problem = upload.answer()
        assert method == "GET" or (status, problem["code"]) == (400, "bad-request")
    # No variant takes what came for the whole.
    assert {entry["body"] for entry in seen(router, name, 0)} <= {None}
    assert router.metrics()['router_variant_share{variant="blamed"'] == 1


@pytest.mark.parametrize("host", ["blamed.test", "limited.test"])
def test_no_variant_hears_of_a_short_body_that_breaks_off(router: Running, host: str) -> None:
    name = uuid.uuid4().hex
    with Upload(router, "POST", f"/record/{name}", 1_000, host) as upload:
        upload.send(b"begin")
        upload.break_off()
        status, problem = upload.answer()
    assert (status, problem["code"]) == (400, "bad-request")
    assert seen(router, name, 0) == []


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("length", [1_000, 20 * KIB, 300 * KIB, None])
def test_a_body_that_does_not_come_in_time_is_no_fault_of_the_variant(
    router: Running, method: str, length: int | None
) -> None:
    """Read before it is sent, or streamed, with its length or without; kept or not."""
    name = uuid.uuid4().hex
    uploads = [
        Upload(router, method, f"/record/{name}", length, "hasty.test")
        for _ in range(20)  # so many failures in a row would eject it
    ]
    for upload in uploads:
        upload.send(b"begin")
    for upload in uploads:
        with upload:
            status, problem = upload.answer()
        assert (status, problem["code"]) == (408, "body-incomplete")
    assert {entry["body"] for entry in seen(router, name, 0)} <= {None}
    assert router.metrics()['router_variant_share{variant="blamed"'] == 1


def test_a_body_that_took_most_of_the_time_is_no_fault_of_the_variant(router: Running) -> None:
    """It comes whole, in time, and leaves the variant too little of it."""
    lengths = (1_000, 20 * KIB, 300 * KIB, None)
    cases = [(method, length) for method in ("POST", "PUT") for length in lengths]
    uploads = [
        Upload(router, method, "/read-and-hang", length, "fair.test") for method, length in cases
    ]
    for upload in uploads:
        upload.send(b"begin")
    time.sleep(2.8)
    for upload, (_, length) in zip(uploads, cases, strict=True):
        upload.send(b"x" * ((length or KIB) - 5))
        upload.end()
    answers = {}
    for upload, case in zip(uploads, cases, strict=True):
        with upload:
            status, problem = upload.answer()
        answers[case] = status, problem["code"]
    assert answers == dict.fromkeys(cases, (408, "body-incomplete"))


def test_a_variant_that_has_the_whole_body_and_hangs_is_too_late(router: Running) -> None:
    """All at once, since each of them waits for as long as its route does."""
    lengths = (1_000, 20 * KIB, 300 * KIB, None)
    cases = [(method, length) for method in ("POST", "PUT") for length in lengths]
    uploads = [
        Upload(router, method, "/read-and-hang", length, "slow.test") for method, length in cases
    ]
    for upload, (_, length) in zip(uploads, cases, strict=True):
        upload.send(b"x" * (length or KIB))
        upload.end()
    answers = {}
    for upload, case in zip(uploads, cases, strict=True):
        with upload:
            status, problem = upload.answer()
        answers[case] = status, problem["code"]
    assert answers == dict.fromkeys(cases, (504, "variant-timeout"))


@pytest.mark.parametrize("size", [1, 16 * KIB, 16 * KIB + 1])
def test_a_body_arrives_whole_whether_it_is_read_before_or_not(router: Running, size: int) -> None:
    name = uuid.uuid4().hex
    with Upload(router, "POST", f"/record/{name}", size) as upload:
        upload.send(b"x" * (size // 2))
        upload.send(b"x" * (size - size // 2))
        assert upload.answer() == (200, "recorded")
    assert [len(each["body"]) for each in seen(router, name)] == [size]


@pytest.mark.parametrize("length", [None, 5])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "DELETE"])
def test_other_methods_may_have_bodies(router: Running, method: str, length: int | None) -> None:
    with Upload(router, method, "/count", length) as upload:
        upload.send(b"begin")
        upload.end()
        assert upload.answer() == (200, {"bytes": 5})


@pytest.mark.parametrize("length", [None, 5])
def test_a_get_with_a_body_is_sent_once(router: Running, length: int | None) -> None:
    with Upload(router, "GET", f"/flaky/{uuid.uuid4().hex}/9", length) as upload:
        upload.send(b"begin")
        upload.end()
        status, told = upload.answer()
    assert (status, told["came"]) == (503, ["begin"])


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "DELETE", "PUT"])
def test_an_empty_body_is_no_body(router: Running, method: str) -> None:
    with Upload(router, method, f"/flaky/{uuid.uuid4().hex}/1", 0) as upload:
        status, told = upload.answer()
    assert (status, told["came"], told["attempt"]) == (200, ["", ""], "2")


@pytest.mark.parametrize(("length", "status"), [(5, 200), (None, 413)])
def test_a_get_must_tell_the_length_of_its_body_where_that_is_limited(
    router: Running, length: int | None, status: int
) -> None:
    with Upload(router, "GET", "/count", length, "limited.test") as upload:
        upload.send(b"begin")
        assert upload.answer()[0] == status


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_no_variant_takes_the_beginning_of_a_body_that_is_too_large_for_the_whole(
    router: Running, method: str
) -> None:
    name = uuid.uuid4().hex
    with Upload(router, method, f"/record/{name}", None, "limited.test") as upload:
        upload.send(b"x" * KIB)
        assert len(seen(router, name)) == 1
        upload.send(b"x")
        status, problem = upload.answer()
    assert (status, problem["code"]) == (413, "body-too-large")
    assert [entry["body"] for entry in seen(router, name)] == [None]


def fetched(
    router: Running, host: str, path: str, until: bytes | None = None
) -> tuple[bytes, bytes]:
    """Head and body of an answer as they are on the wire, to the end or `until` that came."""
    with router.connect(WAIT) as wire:
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", "", ""]
        wire.sendall("\r\n".join(lines).encode())
        received = b""
        while until is None or until not in received:
            chunk = wire.recv(65_536)
            if not chunk:
                break
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return head.lower(), body


@pytest.mark.parametrize(
    ("path", "length"),
    [
        ("/memory/0", 0),
        ("/memory/10", 10),
        ("/memory/200000", 200_000),
        ("/announced/10", 10),
        ("/announced/200000", 200_000),
        ("/bytes/200000", None),
    ],
)
def test_the_length_of_an_answer_stays_announced(
    router: Running, path: str, length: int | None
) -> None:
    head, body = fetched(router, "any.test", path)
    assert head.startswith(b"http/1.1 200")
    if length is None:
        assert b"transfer-encoding: chunked" in head
        assert body.endswith(b"\r\n0\r\n\r\n")
    else:
        assert b"content-length: %d" % length in head
        assert len(body) == length


def test_an_answer_that_breaks_off_counts_against_the_variant(router: Running) -> None:
    for _ in range(10):
        head, body = fetched(router, "cut.test", "/broken")
        assert b"transfer-encoding: chunked" in head
        assert not body.endswith(b"0\r\n\r\n"), "the client must see that it is not whole"
        head, body = fetched(router, "cut.test", "/cut/100000")
        assert b"content-length: 100000" in head
        assert len(body) == 36
    found = router.metrics()
    assert found['router_broken_answers_total{variant="cut"'] == 20
    assert found['router_ejections_total{variant="cut",reason="broken answer"'] == 1
    assert found['router_variant_share{variant="cut"'] == 0


@pytest.mark.parametrize("host", ["left.test", "busy.left.test"])
@pytest.mark.parametrize("path", ["/endless/9", "/endless/100000"])
def test_a_client_that_goes_away_is_no_fault_of_the_variant(
    router: Running, host: str, path: str
) -> None:
    for _ in range(20):
        head, _ = fetched(router, host, path, until=b"data")
        assert head.startswith(b"http/1.1 200")
    for _ in range(20):  # whatever is noticed is told with one of the next requests
        assert router.get("/status/200", "left.test").status_code == 200
    found = router.metrics()
    assert 'router_broken_answers_total{variant="left"' not in found
    assert found['router_variant_share{variant="left"'] == 1


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("length", [None, 100 * KIB])
def test_nor_is_what_becomes_of_an_answer_when_the_client_breaks_off(
    router: Running, method: str, length: int | None
) -> None:
    for _ in range(20):
        with Upload(router, method, "/echo", length, "left.test") as upload:
            upload.send(b"begin")
            received = upload.wire.recv(65_536)
            assert received.startswith(b"HTTP/1.1 200")
            upload.break_off()
            while chunk := upload.wire.recv(65_536):
                received += chunk
        assert not received.endswith(b"0\r\n\r\n")
    assert router.get("/status/200", "left.test").status_code == 200
    assert 'router_broken_answers_total{variant="left"' not in router.metrics()
