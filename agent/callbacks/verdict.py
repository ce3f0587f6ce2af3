"""What a response means for a callback, by the Standard Webhooks specification: 2xx is success, 410
ends it, and everything else, redirects included, is a failure that is retried. A receiver under
maintenance answers 404 or 401 for a while; a lost outcome costs more than some requests.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from agent.callbacks.callback import MAX_ATTEMPTS, Verdict
from agent.queue.backoff import Backoff

# The waits between all attempts are 15 to 29 hours together, 22 on average.
FIRST_WAIT_MS, LONGEST_WAIT_MS = 10_000, 21_600_000
RETRIES = Backoff(FIRST_WAIT_MS, LONGEST_WAIT_MS, least=0.5)
MAX_RETRY_AFTER_MS = 3_600_000  # a receiver may ask for a longer wait, up to this
MAX_ERROR = 300  # characters

GONE = 410
HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


class Reply(NamedTuple):
    """The outcome of a request: a status, perhaps with a `Retry-After`, or an error."""

    status: int | None = None
    retry_after: str | None = None
    error: str | None = None


def verdict(answer: Reply, attempt: int, now_ms: int, jitter: float) -> Verdict:
    """`jitter` is a random number from 0 to 1."""
    status = answer.status
    if status is not None and 200 <= status < 300:
        return Verdict("delivered", status)
    why = _why(answer)
    if status == GONE:
        return Verdict("failed", status, why)
    if attempt >= MAX_ATTEMPTS:
        return Verdict("failed", status, f"{why}; that was the last of {MAX_ATTEMPTS} attempts")
    requested = min(retry_after_ms(answer.retry_after, now_ms), MAX_RETRY_AFTER_MS)
    wait = max(requested, RETRIES.wait_ms(attempt, jitter))
    return Verdict("due", status, why, now_ms + wait)


def retry_after_ms(text: str | None, now_ms: int) -> int:
    """The wait that a `Retry-After` asks for, in seconds or as a date; 0 if it is neither."""
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) * 1_000
    try:
        at = datetime.strptime(text, HTTP_DATE).replace(tzinfo=UTC)
    except ValueError:
        return 0
    return max(0, round(at.timestamp() * 1_000) - now_ms)


def _why(answer: Reply) -> str:
    if answer.status is None:
        return (answer.error or "no answer")[:MAX_ERROR]
    if answer.status == GONE:
        return "answered 410: it wants no callbacks any more"
    if 300 <= answer.status < 400:
        return f"answered {answer.status}: redirects are not followed; give the URL they lead to"
    return f"answered {answer.status}"
