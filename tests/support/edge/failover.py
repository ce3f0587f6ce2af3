"""What holds of failing over, whichever way a request comes in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.edge.router import Edge


@pytest.mark.parametrize(
    ("host", "method", "path", "more", "status", "variant"),
    [
        ("failover.test", "GET", "/status/503", {}, 200, "one"),
        ("failover.test", "GET", "/status/502", {}, 200, "one"),
        ("failover.test", "GET", "/throw", {}, 200, "one"),
        ("failover.test", "GET", "/status/500", {}, 500, "failing"),
        ("failover.test", "GET", "/status/404", {}, 404, "failing"),
        ("failover.test", "GET", "/status/200", {}, 200, "failing"),
        ("failover.test", "DELETE", "/status/503", {}, 200, "one"),
        ("failover.test", "POST", "/status/503", {}, 503, "failing"),
        ("failover.test", "POST", "/throw", {"content": b"x"}, 502, "failing"),
        ("failover.test", "PUT", "/status/503", {"content": b"x" * 65_537}, 503, "failing"),
        ("once.test", "GET", "/status/503", {}, 503, "failing"),
        ("once.test", "GET", "/throw", {}, 502, "failing"),
        ("any.failover.test", "POST", "/status/500", {}, 200, "one"),
        ("any.failover.test", "POST", "/throw", {}, 200, "one"),
        ("any.failover.test", "GET", "/status/503", {}, 503, "failing"),
        ("any.failover.test", "POST", "/status/500", {"content": b"x" * 1_025}, 500, "failing"),
        ("late.test", "GET", "/hang", {}, 200, "one"),
        ("brief.test", "GET", "/hang", {}, 504, "failing"),
        # Nobody has got it, so it cannot come twice, whatever it is.
        ("unbound-first.test", "GET", "/", {}, 200, "one"),
        ("unbound-first.test", "POST", "/", {"content": b"x" * 70_000}, 200, "one"),
        ("unbound-first.test", "POST", "/", {"content": iter([b"a", b"b"])}, 200, "one"),
    ],
)
def test_who_answers_in_the_end(
    edge: Edge, host: str, method: str, path: str, more: dict[str, Any], status: int, variant: str
) -> None:
    edge.get("/status/200", host="once.test")  # failures in a row would be hidden
    answer = edge.send(method, path, host=host, **more)
    assert (answer.status_code, answer.headers["x-router-variant"]) == (status, variant)
    if variant == "one":
        assert answer.json()["headers"]["x-router-attempt"] == "2"
        assert answer.json()["headers"]["x-router-variant"] == "one"


@pytest.mark.parametrize("size", [0, 1, 65_536])
@pytest.mark.parametrize("host", ["failover.test", "mirrored.failover.test"])
def test_a_body_is_sent_again(edge: Edge, host: str, size: int) -> None:
    headers = {"idempotency-key": "7"}
    for method, given in (("PUT", {}), ("POST", headers)):
        answer = edge.send(method, "/status/503", host=host, headers=given, content=b"b" * size)
        assert answer.status_code == 200
        assert answer.json()["body_bytes"] == size


@pytest.mark.parametrize("host", ["failover.test", "mirrored.failover.test"])
def test_a_body_of_unknown_length_is_sent_again(edge: Edge, host: str) -> None:
    answer = edge.send("PUT", "/status/503", host=host, content=iter([b"a", b"b"]))
    assert (answer.status_code, answer.json()["body_bytes"]) == (200, 2)


@pytest.mark.parametrize(
    ("times", "status", "came"), [(0, 200, 1), (2, 200, 3), (3, 200, 4), (9, 503, 4)]
)
def test_the_same_variant_again(edge: Edge, times: int, status: int, came: int) -> None:
    path = f"/flaky/same-{times}/{times}"
    answer = edge.send("PUT", path, host="same.test", content=b"once more")
    assert answer.status_code == status
    told = answer.json()
    assert told["came"] == ["once more"] * came
    assert told["attempt"] == (str(came) if came > 1 else None)
