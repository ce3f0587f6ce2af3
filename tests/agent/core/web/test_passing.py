"""Requests that code in the sandbox sends, passed on by the agent's guard."""

from __future__ import annotations

import pytest

from agent.core.refused import Refused, Unavailable
from agent.core.web.passing import MARK, Passed, passed_on
from agent.core.web.request import METHODS, Request
from agent.core.web.web import Fetched, Web
from agent.core.web.wire import Body


class PlayedWeb(Web):
    def __init__(self, comes: Fetched | Exception) -> None:
        self.comes, self.sent = comes, list[Request]()

    def fetch(self, request: Request) -> Fetched:
        self.sent.append(request)
        if isinstance(self.comes, Exception):
            raise self.comes
        return self.comes


def fetched(is_cut: bool = False, *headers: tuple[str, str]) -> Fetched:
    return Fetched(201, headers, "https://a.example/", Body(is_cut, "x", "bytes"), 1.0)


def test_what_is_passed_on() -> None:
    web = PlayedWeb(fetched(False, ("content-encoding", "gzip"), ("x-a", "1"), (MARK, "true")))
    headers = {"Host": "b.example", "User-Agent": "me", "X-Own": "1", "CF-Ray": "2"}
    passed = passed_on(web, "POST", "https://a.example/", headers, "body")
    assert passed == Passed(201, (("x-a", "1"),), Body(False, "x", "bytes"))
    (sent,) = web.sent
    assert (sent.method, sent.url, sent.headers, sent.body) == (
        *("POST", "https://a.example/", {"x-own": "1"}, "body"),
    )


@pytest.mark.parametrize(
    ("comes", "status", "why"),
    [
        (Refused("not there"), 403, "not there"),
        (Unavailable("no answer"), 502, "no answer"),
        (fetched(True), 502, "the answer has more bytes than may be read"),
    ],
)
def test_what_is_not(comes: Fetched | Exception, status: int, why: str) -> None:
    passed = passed_on(PlayedWeb(comes), "GET", "https://a.example/", {}, None)
    assert (passed.status, passed.text, dict(passed.headers)[MARK]) == (status, why, "true")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "get"])
def test_other_methods_are_refused(method: str) -> None:
    web = PlayedWeb(fetched())
    passed = passed_on(web, method, "https://a.example/", {}, None)
    assert (passed.status, web.sent) == (403, [])
    assert METHODS[0] in passed.text
