"""The intervals of the router's background work, in one value.

1. The defaults are documented, and every deployment has them.
2. For development alone, the variable ROUTER_TIMING multiplies all of them: with `0.1` the router
   does in a second what takes ten. It is used only if the Worker has LOCAL_FLAG, which cannot be
   deployed to Cloudflare; otherwise, or if it is not a number in range, it is ignored.
"""

from __future__ import annotations

from typing import NamedTuple

VARIABLE = "ROUTER_TIMING"
LEAST, MOST = 0.01, 10.0


class Timing(NamedTuple):
    """All in milliseconds."""

    refresh_ms: float = 10_000  # between two reads of the policy from KV
    lag_ms: float = 60_000  # how long a location may read a replaced value from KV
    report_ms: float = 5_000  # between two reports to the Coordinator
    hurry_ms: float = 1_000  # the least time between two reports, however urgent


DEFAULTS = Timing()


def parse_timing(value: object, *, is_local: bool) -> Timing:
    """The timing that the variable asks for, or the defaults."""
    try:
        factor = float(str(value))
    except ValueError:
        return DEFAULTS
    if not is_local or not LEAST <= factor <= MOST:
        return DEFAULTS
    return Timing(*(default * factor for default in DEFAULTS))
