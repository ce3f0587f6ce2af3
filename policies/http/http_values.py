"""Numbers, dates and waits in HTTP headers (RFC 9110); None if malformed.

The other side may send anything, so only short values are read.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_DIGITS = 10
MAX_SECONDS = 2**31  # greater numbers count as this (RFC 9111, section 1.2.2)
MAX_DATE = 40  # the longest of the three forms has 33 characters
MAX_WAIT_MS = 86_400_000.0  # longer waits count as a day


def seconds(text: str) -> int | None:
    """Return the value of `delay-seconds`: only digits, at most MAX_SECONDS."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return min(int(digits or "0"), MAX_SECONDS) if len(digits) <= MAX_DIGITS else MAX_SECONDS


def date_ms(text: str) -> float | None:
    """Return an HTTP date in any of its three forms (section 5.6.7) as milliseconds since 1970."""
    if len(text) > MAX_DATE:
        return None
    try:
        time = parsedate_to_datetime(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def retry_after_ms(text: str, now_ms: float) -> float | None:
    """Return how long `Retry-After` asks to wait (section 10.2.3); 0 for a time that has passed."""
    wait = seconds(text)
    if wait is not None:
        return min(1000.0 * wait, MAX_WAIT_MS)
    until = date_ms(text)
    return None if until is None else min(max(0.0, until - now_ms), MAX_WAIT_MS)
