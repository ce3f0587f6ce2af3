"""What a run under load showed, in figures: pure functions of what was sent and what came.

What came is counted at the variants. A request is *idempotent* if it is a GET; the POSTs
have no `Idempotency-Key`. Times are seconds since 1970, on one machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.load.clients import Sent
from tests.load.modes import Mode
from tests.load.site import Arrival

GRACE = 1.0  # from when on no idempotent request may fail,
LEFT = 5.0  # and hardly any reach a bad variant
WINDOW = 5.0  # in which a share is taken,
ENOUGH = 0.8  # and so much of a fair share is one that is back


@dataclass(frozen=True, slots=True)
class Story:
    """A group's run: `arrivals` in the order of time, probes too; `probe_requests`: those sent
    to bad variants to see whether they are well, in the time that `in_bad` looks at."""

    mode: Mode
    sent: Sequence[Sent]
    arrivals: Sequence[Arrival]
    failed_at: float
    healed_at: float
    probe_requests: int = 0

    @property
    def requests(self) -> list[Arrival]:
        """The arrivals that are no probes."""
        return [arrival for arrival in self.arrivals if arrival.id is not None]


def failed(story: Story, method: str, since: float) -> list[Sent]:
    """Requests sent after `since` without a good answer; not those that broke off."""
    return [
        each
        for each in story.sent
        if each.method == method and each.begun >= since and not each.is_good and not each.is_broken
    ]


def broken(story: Story) -> list[Sent]:
    return [each for each in story.sent if each.is_broken]


def repeated_posts(story: Story) -> list[str]:
    """POSTs that variants got more than once, which they must not."""
    came = Counter(arrival.id for arrival in story.requests if arrival.method == "POST")
    return [name or "" for name, count in came.items() if count > 1]


def needless(story: Story) -> list[Sent]:
    """POSTs that failed although no bad variant had got them, so that they could have been
    sent to a good one."""
    came = {arrival.id for arrival in story.requests if arrival.variant in story.mode.bad}
    return [each for each in failed(story, "POST", 0) if each.id not in came]


def first_in_bad(story: Story) -> set[str]:
    """The first requests that came to bad variants: an answer of 500 is taken as it is until
    two have failed in a row, and meanwhile a third may be on its way."""
    ill = [each for each in story.requests if each.at >= story.failed_at]
    bad = [each.id for each in ill if each.variant in story.mode.bad]
    return {name for name in bad[:3] if name}


def in_bad(story: Story) -> tuple[int, int]:
    """From when the bad variants must be left until they heal: requests that came to them,
    probe requests left out, and requests sent."""
    begin, end = story.failed_at + LEFT, story.healed_at
    came = sum(
        begin <= arrival.at < end and arrival.variant in story.mode.bad
        for arrival in story.requests
    )
    return max(0, came - story.probe_requests), sum(
        begin <= each.begun < end for each in story.sent
    )


def extra(story: Story) -> float:
    """Requests that reached variants beyond those that were sent, as a part of these, while
    the bad ones failed."""
    sent = {each.id for each in story.sent if story.failed_at <= each.begun < story.healed_at}
    came = sum(arrival.id in sent for arrival in story.requests)
    return came / len(sent) - 1


def returned_after(story: Story) -> float | None:
    """Seconds from healing to the end of the first window in which every bad variant had
    its share; None if there was none."""
    times = [(arrival.at, arrival.variant) for arrival in story.requests]
    fair = ENOUGH / len(story.mode.variants)
    at = story.healed_at
    last = times[-1][0] if times else at
    while at + WINDOW <= last:
        came = Counter(variant for when, variant in times if at <= when < at + WINDOW)
        total = sum(came.values())
        if total and all(came[variant] >= fair * total for variant in story.mode.bad):
            return at + WINDOW - story.healed_at
        at += WINDOW / 10
    return None
