"""A page of the router's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Page:
    body: str
    content_type: str = "application/json"
    status: int = 200


def json_page(document: Mapping[str, object], status: int = 200) -> Page:
    return Page(json.dumps(document), status=status)


def iso_time(at_ms: float) -> str | None:
    """ISO 8601 in UTC; None for 0 or -inf, which stand for never."""
    if not at_ms > 0:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
