"""Loops: requests that come back to the router through a variant whose URL leads to it.

Each request to a URL counts its hops in a header. After MAX_HOPS the router refuses it, with a
status that is never retried, so a loop ends and does not multiply. Several routers in a row are
fewer hops. A client that sends a number of its own harms only its own request.
"""

from __future__ import annotations

from collections.abc import Mapping

from policies.http.problems import Problem

HOPS = "x-router-hops"
MAX_HOPS = 4
_COUNTED = {str(number): number for number in range(1, MAX_HOPS + 1)}


def hops_of(headers: Mapping[str, str]) -> int:
    """Return the number of hops of a request; 0 if its header is not the router's."""
    return _COUNTED.get(headers.get(HOPS, ""), 0)


def loop_problem(headers: Mapping[str, str]) -> Problem | None:
    if hops_of(headers) < MAX_HOPS:
        return None
    return Problem("loop-detected", f"The request has come through the router {MAX_HOPS} times.")
