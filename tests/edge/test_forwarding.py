"""What a variant gets and what a client gets back: headers, bodies, streams, failures."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.support.edge.forwarding import (  # noqa: F401
    received,
    test_a_path_goes_on_in_its_one_spelling_with_its_body,
    test_failures_are_problem_documents,
    test_headers_that_are_removed,
    test_method_path_query_and_body_go_on_unchanged,
    test_other_requests_go_on_while_one_hangs,
    test_redirects_are_the_clients_to_follow,
    test_server_sent_events_arrive_as_they_are_sent,
    test_the_answer_passes_through,
    test_the_variant_sees_where_the_client_is,
    test_websocket,
)
from tests.support.edge.router import Edge

MIB = 1024 * 1024


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


def test_a_timeout_does_not_cut_a_stream_that_has_begun(edge: Edge) -> None:
    # Five events, 300 ms apart, outlive the timeout of 1 s.
    answer = edge.get("/events/5", host="impatient.test")
    assert answer.text == "".join(f"data: {number}\n\n" for number in range(5))


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
