"""Times and lengths of time, as people read them: in UTC, as logs and schedules are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from policies.decisions.durations import duration_text


def time_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def clock(text: str | None) -> str:
    """`2026-11-24 11:41:15`; `-` for none."""
    time = time_of(text)
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else "-"


def ago(text: str | None, at: datetime) -> str:
    """`2m10s ago`; `at the start` for what was there from the beginning."""
    time = time_of(text)
    return f"{span(at - time)} ago" if time else "at the start"


def span(length: timedelta) -> str:
    """Whole seconds, without seconds where there are hours; nothing is shorter than none."""
    seconds = max(0, round(length.total_seconds()))
    return duration_text((seconds - seconds % 60 if seconds >= 3_600 else seconds) * 1000)
