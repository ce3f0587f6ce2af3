"""What the worker can do: a function for each capability.

A function gets the job's `input`, and the whole job as `/poll` told it. What it returns, any
JSON, is the result. An exception fails the attempt, and the job is tried again; one with
`retry = False` fails the job.
"""

from __future__ import annotations

import hashlib
from typing import Any


class Refused(Exception):
    """The job itself is wrong, so trying again does not help."""

    retry = False


def checksum(given: dict[str, Any], job: dict[str, Any]) -> str:
    text = given.get("text")
    if not isinstance(text, str):
        raise Refused("`text` is missing: send text")
    return hashlib.sha256(text.encode()).hexdigest()


HANDLERS = {"checksum": checksum}
