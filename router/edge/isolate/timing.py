"""How often the router does what it does beside requests, in one value.

1. The defaults are what the documentation says, and what every deployment has.
2. For development alone, the variable ROUTER_TIMING multiplies all of them: with `0.1` the router
   does in a second what takes ten. It counts only where the Worker has LOCAL_FLAG, which
   Cloudflare deploys for nobody; anywhere else, and if it is no such number, it is ignored.
"""

from __future__ import annotations

from typing import NamedTuple

VARIABLE = "ROUTER_TIMING"
LEAST, MOST = 0.01, 10.0


class Timing(NamedTuple):
    """All in milliseconds."""

    refresh_ms: float = 10_000  # until KV is asked for the policy again
    lag_ms: float = 60_000  # how long a location may read from KV what has been replaced
    report_ms: float = 5_000  # until the next report to the Coordinator
    hurry_ms: float = 1_000  # until the next one at least, however urgent it is


DEFAULTS = Timing()


def timing_from(value: object, *, is_local: bool) -> Timing:
    """The timing that the variable asks for, or the defaults."""
    try:
        factor = float(str(value))
    except ValueError:
        return DEFAULTS
    if not is_local or not LEAST <= factor <= MOST:
        return DEFAULTS
    return Timing(*(each * factor for each in DEFAULTS))
