"""`router explain` without a file: the running router answers, by the policy that serves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.router.drill.standin import KEY, StandIn, stand_in
from tests.support.cli import EXAMPLE, run

URL = "https://api.example.com/"


@pytest.fixture
def router(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[StandIn]:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", KEY)
    with stand_in() as server:
        code, out, _ = run(capsys, "explain", EXAMPLE, "--url", URL, "--json")
        assert code == 0
        server.explanation = json.loads(out)
        yield server


def test_the_running_router_is_asked(
    router: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_URL", router.url)
    request = ("-X", "POST", "-H", "a: 1", "-H", "b: 2", "--country", "FR", "--down", "main-eu")
    code, out, err = run(capsys, "explain", "--url", URL, *request, "--json")
    assert (code, json.loads(out)) == (0, router.explanation)
    assert err == f"the live policy of {router.url}: digest {'ab' * 6}, from KV\n"
    assert router.question == {
        "url": [URL],
        "method": ["POST"],
        "header": ["a: 1", "b: 2"],
        "down": ["main-eu"],
        "country": ["FR"],
    }


def test_it_is_told_as_of_a_file(router: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    by_file = run(capsys, "explain", EXAMPLE, "--url", URL)
    live = run(capsys, "explain", "--url", URL, "--router", router.url)
    assert live[:2] == by_file[:2]
    assert "forwarded to variant" in live[1]


def test_a_question_that_makes_no_sense(
    router: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    router.explanation = None
    code, out, err = run(capsys, "explain", "--url", URL, "--router", router.url, "--down", "x")
    assert (code, out) == (2, "")
    assert err.endswith("router: down: no variant `x`; did you mean `y`?\n")


def test_a_file_and_a_router_are_not_both_asked(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "explain", EXAMPLE, "--url", URL, "--router", "http://a.test")
    assert (code, "leave out FILE" in err) == (2, True)


def test_no_router_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", KEY)
    monkeypatch.setenv("ROUTER_URL", "http://127.0.0.1:9")
    code, out, err = run(capsys, "explain", "--url", URL)
    assert (code, out) == (1, "")
    assert "http://127.0.0.1:9 does not answer" in err
