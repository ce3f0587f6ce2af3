"""The Worker's secrets, from this machine's environment."""

from __future__ import annotations

import os

from policies.access.given import cookie_secret
from policies.proxy.decide import Surroundings

PEPPER, ADMIN_KEY = "ROUTER_KEY_PEPPER", "ROUTER_ADMIN_KEY"


def surroundings_here(now_ms: float) -> Surroundings:
    """Return the surroundings of a decision in a Worker with the same secrets."""
    pepper, admin = (os.environ.get(name, "").encode() for name in (PEPPER, ADMIN_KEY))
    return Surroundings(now_ms, pepper, cookie_secret=cookie_secret(pepper, admin))
