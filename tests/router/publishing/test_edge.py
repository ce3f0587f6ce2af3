"""Waiting: what answers mean, and how many of them it takes."""

from __future__ import annotations

from typing import Any

import pytest

from router.api.client import NotReachable
from router.publishing import edge
from router.publishing.edge import IN_A_ROW, PushVerdict, Said, judge, wait

OLD, NEW = "ab" * 32, "cd" * 32
WELL = Said(OLD)
UNBOUND = "variant one is not bound"
UNREAD = "KV cannot be read: TimeoutError"


@pytest.mark.parametrize(
    ("said", "before", "verdict"),
    [
        (Said(OLD), WELL, None),
        (Said(NEW), WELL, PushVerdict.SERVES),
        (Said(NEW), None, PushVerdict.SERVES),
        (Said(NEW, (UNBOUND,)), WELL, PushVerdict.SPOILT),
        (Said(NEW, (UNBOUND,)), Said(OLD, (UNBOUND,)), PushVerdict.SERVES),
        (Said(NEW, (UNBOUND,)), None, PushVerdict.SERVES),
        (Said(NEW, (UNREAD,)), WELL, PushVerdict.SERVES),
        (Said(OLD, (UNBOUND,)), WELL, None),
        (Said(OLD, ("…",), NEW), WELL, PushVerdict.SPOILT),
        (Said(OLD, ("…",), NEW), Said(OLD, ("…",)), PushVerdict.SPOILT),
        (Said(OLD, ("…",), OLD), WELL, None),
    ],
)
def test_what_an_answer_means(said: Said, before: Said | None, verdict: PushVerdict | None) -> None:
    assert judge(said, NEW, before) is verdict


class Router:
    """Answers one after the other, and the last again and again; None: it is away."""

    url = "http://router"

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked = 0

    def get(self, page: str) -> dict[str, Any]:
        assert page == "status"
        self.asked += 1
        digest = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if digest is None:
            raise NotReachable("away")
        return {"policy": {"digest": digest}, "reasons": [], "rejected": None}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only waiting moves."""
    now = [0.0]
    monkeypatch.setattr(edge.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(edge.time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    return now


def test_several_answers_in_a_row_are_needed() -> None:
    router, heard = Router(OLD, NEW, NEW, OLD, NEW, None, NEW, NEW, NEW), list[str]()
    assert wait(router, NEW, WELL, 60, heard.append)[0] is PushVerdict.SERVES  # type: ignore[arg-type]
    assert router.asked == 6 + IN_A_ROW
    assert heard[0] == "http://router serves abababababab, 1m left"
    assert any("does not answer" in line for line in heard)


def test_time_is_up(clock: list[float]) -> None:
    verdict, said = wait(Router(OLD), NEW, WELL, 5, lambda _: None)  # type: ignore[arg-type]
    assert (verdict, said, clock[0]) == (PushVerdict.LATE, WELL, 5.0)
    assert wait(Router(None), NEW, WELL, 5, lambda _: None) == (PushVerdict.LATE, None)  # type: ignore[arg-type]
