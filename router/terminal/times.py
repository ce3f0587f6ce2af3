"""Times and durations as text; times are in UTC, as in logs and schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from policies.basics.durations import duration_text


def time_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def clock(text: str | None) -> str:
    """`2026-11-24 11:41:15`; `-` for None."""
    time = time_of(text)
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else "-"


def ago(text: str | None, at: datetime) -> str:
    """`2m10s ago`; `at the start` for None, which was there from the beginning."""
    time = time_of(text)
    return f"{span(at - time)} ago" if time else "at the start"


def span(length: timedelta) -> str:
    """Return whole seconds, or whole minutes from one hour on; negative lengths are 0."""
    seconds = max(0, round(length.total_seconds()))
    return duration_text((seconds - seconds % 60 if seconds >= 3_600 else seconds) * 1000)
