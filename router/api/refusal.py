"""Why a router refused a drill, in words: who would be left with nothing."""

from __future__ import annotations

from typing import Any


def gap_texts(document: dict[str, Any]) -> list[str]:
    """From the problem document `drill-refused`; nothing if it names no gaps."""
    found = []
    for gap in document.get("gaps", []):
        regions = ", ".join(region or "no region" for region in gap["regions"])
        found.append(f"route {gap['route']}, pool {gap['pool']}, clients of {regions}")
    more = document.get("more")
    return [*found, f"and {more} more"] if more else found
