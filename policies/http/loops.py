"""Requests that come back to the router, through a variant whose URL leads to it.

Each request to a URL tells how many hops it has behind it. After MAX_HOPS the router refuses it,
with a status that no attempt is repeated for: so a loop ends, and does not multiply. Several
routers in a row are fewer hops. A client that makes up a number harms only its own request.
"""

from __future__ import annotations

from collections.abc import Mapping

from policies.http.problems import Problem

HOPS = "x-router-hops"
MAX_HOPS = 4
_COUNTED = {str(number): number for number in range(1, MAX_HOPS + 1)}


def hops_of(headers: Mapping[str, str]) -> int:
    """How many hops a request has behind it; 0 if it does not say so as the router does."""
    return _COUNTED.get(headers.get(HOPS, ""), 0)


def loop_problem(headers: Mapping[str, str]) -> Problem | None:
    if hops_of(headers) < MAX_HOPS:
        return None
    return Problem("loop-detected", f"The request has come through the router {MAX_HOPS} times.")
