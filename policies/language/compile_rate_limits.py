"""From the section `rate_limits` to the tables of `policies.decisions.rate_limits`."""

from __future__ import annotations

from typing import Any

from policies.language.model import Policy


def limit_tables(policy: Policy) -> list[dict[str, Any]]:
    """Each limit with its rate, and those of the keys that have one of their own."""
    tables: dict[str, dict[str, Any]] = {}
    for name, limit in policy.rate_limits.items():
        by, _, header = limit.by.partition(":")
        table: dict[str, Any] = {"name": name, "rate": list(limit.rate), "by": by}
        tables[name] = table | {"header": header, "mode": limit.mode, "on_error": limit.on_error}
    for key in policy.auth.keys:
        for name, quota in key.rate_limits.items():
            tables[name].setdefault("keys", {})[key.id] = list(quota.rate)
    return list(tables.values())
