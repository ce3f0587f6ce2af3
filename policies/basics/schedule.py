"""Schedules: five cron fields, in UTC.

`cronsim` computes them. It is imported only if there is a schedule, since every import delays the
first response of an isolate.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice, pairwise
from math import inf

FIELDS = 5
MAX_LENGTH = 100  # characters; usual are 10 to 30
RUNS_COMPARED = 200  # to find two that follow each other closely,
COMPARED_MS = 430 * 24 * 3_600_000  # and how far ahead: a year has every day of a schedule
SCHEDULES_KEPT = 128  # whose shortest gaps are known when a policy is read again
SOME_DAY_MS = 1_704_067_200_000  # 1 January 2024: a leap year, so no date is far away


class NotASchedule(ValueError):
    """The text is not a schedule. The message says why."""


def check_schedule(text: str) -> None:
    """Raise `NotASchedule` if the text is malformed, or never runs."""
    if len(text) > MAX_LENGTH:
        raise NotASchedule(f"it has more than {MAX_LENGTH} characters")
    if len(text.split()) != FIELDS:
        raise NotASchedule(f"it has {len(text.split())} fields where {FIELDS} are wanted")
    if next(_runs(text, SOME_DAY_MS), None) is None:
        raise NotASchedule("there is no such day")


def next_run_ms(text: str, after_ms: float) -> int | None:
    """Return the first run after that time; None if there is none for 50 years."""
    return next(_runs(text, after_ms), None)


def last_run_ms(text: str, until_ms: float) -> int | None:
    """Return the last run at or before that time."""
    return next(_runs(text, until_ms + 1_000, backwards=True), None)


@lru_cache(SCHEDULES_KEPT)
def shortest_gap_ms(text: str) -> int | None:
    """Return the shortest time between two of the next runs; None without two runs. The search ends
    after COMPARED_MS, so a schedule that seldom runs costs no more."""
    runs = islice(_runs(text, SOME_DAY_MS, COMPARED_MS), RUNS_COMPARED)
    return min((after - before for before, after in pairwise(runs)), default=None)


def _runs(
    text: str, from_ms: float, within_ms: float = inf, *, backwards: bool = False
) -> Iterator[int]:
    from cronsim import CronSim, CronSimError

    begin = datetime.fromtimestamp(int(from_ms) // 1000, UTC)
    try:
        times = CronSim(text, begin, reverse=backwards)
    except CronSimError as error:
        raise NotASchedule(str(error)[:1].lower() + str(error)[1:]) from None
    for at in times:
        run_ms = int(at.timestamp() * 1000)
        if abs(run_ms - from_ms) > within_ms:
            return
        yield run_ms
