"""The Gateway API cases over HTTP: a router that serves what their manifests are imported to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.edge.router import Edge
from tests.support.edge.workerd import running_edge
from tests.support.gateway_cases import CASES, Case, imported, name

MIRRORED_WITHIN = 10.0  # seconds: copies are sent after the answer


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """A router of its own: its policy is the imported one."""
    folder = tmp_path_factory.mktemp("gateway")
    policy = folder / "imported.yaml"
    text = imported().text
    assert text
    policy.write_text(text, encoding="utf-8")
    with running_edge(folder, policy) as started:
        yield started


def asked(gateway: Edge, case: Case, **more: str) -> httpx.Response:
    headers = {key: str(value) for key, value in case.get("headers", {}).items()} | more
    return gateway.send(case["method"], case["path"], host=case["host"], headers=headers)


OVER_HTTP = [case for case in CASES if "scheme" not in case]


@pytest.mark.parametrize("case", OVER_HTTP, ids=name)
def test_case(gateway: Edge, case: Case) -> None:
    for _ in range(case.get("times", 1)):
        own = f"gateway-{time.monotonic_ns()}"  # which fails so often anew
        check_case(gateway, {**case, "path": case["path"].replace("gateway-", f"{own}-")})


def check_case(gateway: Edge, case: Case) -> None:
    if "seen" in case:
        case = {**case, "path": f"{case['path']}/{time.monotonic_ns()}"}
    answer = asked(gateway, case)
    if answer.status_code == 500 and "refused" in case:
        assert answer.json()["code"] == "no-backend"
        return
    assert answer.status_code == (504 if case.get("late") else case.get("status", 200))
    if "route" in case:
        assert answer.headers["x-router-route"] == case["route"]
    served = answer.headers.get("x-router-variant")
    if "backend" in case:
        assert served == case["backend"] or case.get("late")
    if "shares" in case:
        assert served in case["shares"]
    for wanted in (case.get("answer", {}), case.get("client", {})):
        check_headers(wanted, answer.headers)
    if "forwarded" in case:
        check_forwarded(case["forwarded"], answer.json())
    if "seen" in case:
        check_seen(gateway, case)


def check_forwarded(wanted: dict[str, Any], got: dict[str, Any]) -> None:
    for key in ("path", "query", "host"):
        if key in wanted:
            assert got[key] == wanted[key]
    check_headers(wanted.get("headers", {}), got["headers"])


def check_headers(wanted: dict[str, str | None], got: Any) -> None:
    for key, value in wanted.items():
        assert got.get(key) == value, key


def check_seen(gateway: Edge, case: Case) -> None:
    """`backend` has recorded so many copies; it is asked through a route of the same host."""
    *_, what, number = case["path"].split("/")
    path = f"/seen/{what}"
    deadline = time.monotonic() + MIRRORED_WITHIN
    while True:
        copies = gateway.get(path, host=case["host"]).json()
        copies = [each for each in copies if each["url"].endswith(number)]
        if len(copies) == case["seen"]:
            assert all(each["method"] == case["method"] for each in copies)
            return
        assert len(copies) < case["seen"]
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("case", [c for c in CASES if len(c.get("shares", ())) > 1], ids=name)
def test_shares(gateway: Edge, case: Case) -> None:
    """Every backend with a weight is asked, and none without one."""
    answers = [asked(gateway, case) for _ in range(60)]
    seen = {each.headers["x-router-variant"] for each in answers if each.is_success}
    refused = set(case.get("refused", ()))
    assert seen == set(case["shares"]) - refused
    assert any(each.status_code == 500 for each in answers) is bool(refused)


@pytest.mark.parametrize("case", [case for case in CASES if "sticky" in case], ids=name)
def test_sessions(gateway: Edge, case: Case) -> None:
    first = asked(gateway, case)
    cookie = first.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith(f"{case['sticky']}=")
    assert "Max-Age=3600" in first.headers["set-cookie"]
    again = {asked(gateway, case, cookie=cookie).headers["x-router-variant"] for _ in range(20)}
    assert again == {first.headers["x-router-variant"]}
