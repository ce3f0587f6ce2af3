"""Compiles `rate_limits`."""

from __future__ import annotations

from policies.access.gcra import Rate
from policies.access.rate_limits import By, Limit, LimitSpec
from policies.language.model.policy import Policy

BY: dict[str, By] = {"ip": "ip", "api_key": "api_key", "route": "route", "header": "header"}


def limits_by_name(policy: Policy) -> dict[str, Limit]:
    """Return each limit, with the rates of keys that have their own."""
    keys: dict[str, dict[str, Rate]] = {name: {} for name in policy.rate_limits}
    for key in policy.auth.keys:
        for name, quota in key.rate_limits.items():
            keys[name][key.id] = Rate(*quota.rate)
    limits: dict[str, Limit] = {}
    for name, limit in policy.rate_limits.items():
        by, _, header = limit.by.partition(":")
        spec = LimitSpec(
            name=name,
            rate=Rate(*limit.rate),
            by=BY[by],
            header=header,
            mode=limit.mode,
            on_error=limit.on_error,
            keys=keys[name],
        )
        limits[name] = Limit(spec)
    return limits
