"""Compiles `rate_limits` to the tables that `policies.access.rate_limits` reads."""

from __future__ import annotations

from typing import Any

from policies.language.model.policy import Policy


def limit_tables(policy: Policy) -> list[dict[str, Any]]:
    """Return each limit with its rate and the rates of keys that have their own."""
    tables: dict[str, dict[str, Any]] = {}
    for name, limit in policy.rate_limits.items():
        by, _, header = limit.by.partition(":")
        table: dict[str, Any] = {"name": name, "rate": list(limit.rate), "by": by}
        tables[name] = table | {"header": header, "mode": limit.mode, "on_error": limit.on_error}
    for key in policy.auth.keys:
        for name, quota in key.rate_limits.items():
            tables[name].setdefault("keys", {})[key.id] = list(quota.rate)
    return list(tables.values())
