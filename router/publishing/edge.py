"""Finds out whether a running router serves a policy, from its page `status`.

Each response comes from one isolate, and others may be behind, so several equal responses in a
row are required. They are compared with the response before the push: a push is not blamed for
a router that was already degraded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from policies.basics.durations import duration_text
from router.api.client import AdminClient, Refused
from router.edge.isolate.store import UNREAD
from router.publishing.history import SHORT
from router.terminal.errors import Failed

IN_A_ROW = 3
EVERY_S = 0.5


class Said(NamedTuple):
    """A response: the digest that serves, why the router is degraded, the refused digest."""

    digest: str
    reasons: tuple[str, ...] = ()
    refused: str = ""


class PushVerdict(Enum):
    SERVES = "serves"
    SPOILT = "degraded"
    LATE = "late"


class Edge(NamedTuple):
    """The router to wait for; without a client, `why` is the reason not to wait."""

    client: AdminClient | None
    before: Said | None
    within_s: float
    why: str = ""


Heard = Callable[[str], None]


def ask(client: AdminClient) -> Said:
    status: dict[str, Any] = client.get("status")
    rejected = status.get("rejected") or {}
    reasons = tuple(map(str, status.get("reasons", ())))
    return Said(str(status["policy"]["digest"]), reasons, str(rejected.get("digest", "")))


def judge(said: Said, digest: str, before: Said | None) -> PushVerdict | None:
    """Return what one response means for the policy `digest`; None: it does not serve yet."""
    if said.refused == digest:
        return PushVerdict.SPOILT
    if said.digest != digest:
        return None
    is_new = before is not None and not before.reasons
    # A failure to read KV is temporary, and not caused by the policy.
    if is_new and any(not reason.startswith(UNREAD) for reason in said.reasons):
        return PushVerdict.SPOILT
    return PushVerdict.SERVES


def wait(
    client: AdminClient, digest: str, before: Said | None, within_s: float, heard: Heard
) -> tuple[PushVerdict, Said | None]:
    """Poll until the result is clear, or the time is over."""
    deadline = time.monotonic() + within_s
    row: list[PushVerdict | None] = []
    said: Said | None = None
    while True:
        try:
            said = ask(client)
            verdict, text = judge(said, digest, before), f"serves {said.digest[:SHORT]}"
        except Failed as error:  # it, or a proxy before it, is temporarily unavailable
            if isinstance(error, Refused) and error.status < 500:
                raise
            verdict, text = None, "does not answer"
        row = [*row[1 - IN_A_ROW :], verdict]
        if verdict and row == [verdict] * IN_A_ROW:
            return verdict, said
        left = deadline - time.monotonic()
        if left <= 0:
            return PushVerdict.LATE, said
        heard(f"{client.url} {text}, {duration_text(round(left) * 1000)} left")
        time.sleep(min(EVERY_S, left))
