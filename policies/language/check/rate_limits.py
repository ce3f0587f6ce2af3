"""Checks that concern several values of rate limits; see `check.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from policies.language.findings.findings import Path, shown
from policies.language.findings.found import Found, KeyOf, list_in, mapping_in, routes_of, unknown
from policies.language.model.policy import Policy


def _periods(policy: object) -> Iterator[Found]:
    """The period is either in `limit` or in `per`."""
    for path, quota in _quotas(policy):
        stated = isinstance(quota.get("limit"), str)
        if stated and "per" in quota:
            hint = "leave it out, or write the number alone as `limit`"
            yield "unused-field", (*path, KeyOf("per")), "`limit` has a period already", hint
        if not stated and "limit" in quota and "per" not in quota:
            hint = f"write `limit: {shown(quota['limit'])}/1m`, or add `per: 1m`"
            yield (
                "missing-field",
                (*path, "per"),
                "the limit has no period",
                hint,
            )


def _quotas(policy: object) -> Iterator[tuple[Path, dict[str, object]]]:
    for name, limit in mapping_in(policy, "rate_limits").items():
        if isinstance(limit, dict):
            yield ("rate_limits", name), limit
    for index, key in enumerate(list_in(mapping_in(policy, "auth"), "keys")):
        for name, quota in mapping_in(key, "rate_limits").items():
            if isinstance(quota, dict):
                yield ("auth", "keys", index, "rate_limits", name), quota


def _keys(policy: object) -> Iterator[Found]:
    """A key's own rates belong to limits that count by key, and are the same for one id."""
    limits = mapping_in(policy, "rate_limits")
    first: dict[tuple[str, str], tuple[int, object]] = {}
    for index, key in enumerate(list_in(mapping_in(policy, "auth"), "keys")):
        for name, quota in mapping_in(key, "rate_limits").items():
            path: Path = ("auth", "keys", index, "rate_limits", KeyOf(name))
            yield from unknown("rate-limit", name, set(limits), path)
            by = mapping_in(limits, name).get("by", "api_key")
            if by != "api_key":
                message = (
                    f"`{shown(name)}` does not count by key, so keys cannot have their own rate"
                )
                yield "unused-field", path, message, "leave it out, or count `by: api_key`"
            key_id = key.get("id") if isinstance(key, dict) else None
            if isinstance(key_id, str):
                at, other = first.setdefault((key_id, name), (index, quota))
                if other != quota:
                    message = f"auth.keys[{at}] has the same id and another rate"
                    hint = "keys with the same id are counted together: give all the same rate"
                    yield "rate-limit-conflict", path, message, hint


def _routes(policy: object) -> Iterator[Found]:
    limits = mapping_in(policy, "rate_limits")
    for index, route in routes_of(policy):
        names = list_in(route, "rate_limits")
        for at, name in enumerate(names):
            path: Path = ("routes", index, "rate_limits", at)
            yield from unknown("rate-limit", name, set(limits), path)
            if not isinstance(name, str):
                continue
            if name in names[:at]:
                message = f"`{shown(name)}` is listed twice, and counts once"
                yield "unused-field", path, message, "remove one"
            if mapping_in(limits, name).get("by") == "api_key" and "auth" not in route:
                message = f"`{shown(name)}` counts by key, but this route requires no key"
                yield "limit-without-auth", path, message, "add `auth: required` to the route"


def unused_limits(policy: Policy) -> Iterator[Found]:
    """Yield a finding for each limit that no route uses."""
    used = {name for route in policy.routes for name in route.rate_limits}
    for name in policy.rate_limits:
        if name not in used:
            message = f"no route uses the limit `{shown(name)}`"
            hint = f"add `rate_limits: [{shown(name)}]` to a route, or remove the limit"
            yield "unused-rate-limit", ("rate_limits", KeyOf(name)), message, hint


LIMIT_RULES: tuple[Callable[[object], Iterator[Found]], ...] = (_periods, _keys, _routes)
