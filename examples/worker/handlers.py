"""The capabilities of the worker: a function for each.

A function gets the job's `input`, and the whole job as `/poll` returned it. It returns the result,
any JSON. An exception fails the attempt, and the job is retried. An exception with `retry = False`
fails the job for good.
"""

from __future__ import annotations

import hashlib
from typing import Any


class Refused(Exception):
    """The job itself is wrong, so a retry would not help."""

    retry = False


def checksum(data: dict[str, Any], job: dict[str, Any]) -> str:
    text = data.get("text")
    if not isinstance(text, str):
        raise Refused("`text` is missing: send text")
    return hashlib.sha256(text.encode()).hexdigest()


HANDLERS = {"checksum": checksum}
