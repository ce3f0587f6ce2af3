"""JSON that somebody has sent: read, but not if it is absurdly deep.

Python's reader calls itself for each level, and at the edge some thousands of levels end the
whole isolate rather than raise an error.
"""

from __future__ import annotations

import json
from typing import Any

MAX_OPENED = 1_000  # brackets; nothing that is asked for has a dozen


def read_json(text: str) -> Any:
    """Raises `ValueError` if this is none."""
    if text.count("[") + text.count("{") > MAX_OPENED:
        raise ValueError(f"more than {MAX_OPENED} brackets")
    return json.loads(text)
