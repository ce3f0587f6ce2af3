"""Describes why a router refused a drill: the clients that no variant would be left for."""

from __future__ import annotations

from policies.basics.untyped import JsonObject


def gap_texts(document: JsonObject) -> list[str]:
    """Return a text for each gap of a problem document `drill-refused`; empty if it has none."""
    found = []
    for gap in document.get("gaps", []):
        regions = ", ".join(region or "no region" for region in gap["regions"])
        found.append(f"route {gap['route']}, pool {gap['pool']}, clients of {regions}")
    more = document.get("more")
    return [*found, f"and {more} more"] if more else found
