"""Checks of API keys and of the routes that require them; see `check.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from policies.language.findings.findings import Path, shown
from policies.language.findings.found import Found, Names, list_in, mapping_in, routes_of
from policies.language.model.auth import ApiKey
from policies.language.model.policy import Policy
from policies.language.values.written import flow
from policies.routing.override import OVERRIDE_SCOPE

EXPIRES_SOON_MS = 14 * 24 * 3_600_000
DAY_MS = 24 * 3_600_000


def _scopes(policy: object) -> Iterator[Found]:
    """Yield scopes that a route requires and no key has, not even a disabled one."""
    keys = list_in(mapping_in(policy, "auth"), "keys")
    known = {held for key in keys for held in list_in(key, "scopes") if isinstance(held, str)}
    for index, route in routes_of(policy) if keys else ():
        for scope in list_in(mapping_in(route, "auth"), "scopes"):
            if not isinstance(scope, str) or scope in known:
                continue
            message = f"no key has the scope `{shown(scope)}`, so no client may use this route"
            wide = next((held for held in sorted(known) if _looks_wider(held, scope)), None)
            hint: str | Names = Names("scope", scope, known)
            if wide:
                hint = f"add `{shown(scope)}` to a key: `{shown(wide)}` is compared literally"
            elif not known:
                hint = f"give a key `scopes: {flow([scope])}`"
            yield "no-key-for-route", ("routes", index, "auth"), message, hint


def _looks_wider(scope: str, wanted: str) -> bool:
    return scope.endswith("*") and wanted.startswith(scope.rstrip("*"))


def doubtful_keys(policy: Policy, now_ms: float | None) -> Iterator[Found]:
    """Yield findings about duplicate and expiring keys, and routes or overrides without keys."""
    yield from _twice(policy.auth.keys)
    if now_ms is not None:
        yield from _expiring(policy.auth.keys, now_ms)
    yield from _closed_routes(policy)
    yield from _unused_overrides(policy)


def _twice(keys: list[ApiKey]) -> Iterator[Found]:
    hashes: dict[tuple[str, str], int] = {}
    lasting: dict[str, int] = {}
    for index, key in enumerate(keys):
        path: Path = ("auth", "keys", index)
        kind, hashed = ("sha256", key.sha256) if key.sha256 else ("hmac_sha256", key.hmac_sha256)
        first = hashes.setdefault((kind, str(hashed)), index)
        if first != index:
            message = f"this is the same key as keys[{first}] (`{shown(keys[first].id)}`), "
            message += "which takes precedence"
            hint = "give each client its own key: `router keys new`"
            yield "duplicate-key", (*path, kind), message, hint
        elif key.not_after is None and lasting.setdefault(key.id, index) != index:
            message = f"keys[{lasting[key.id]}] has the same id `{shown(key.id)}`, and "
            message += "neither key expires"
            hint = (
                "to replace a client's key, give the old one `not_after`; for another client, "
                "use another id"
            )
            yield "duplicate-key", (*path, "id"), message, hint


def _expiring(keys: list[ApiKey], now_ms: float) -> Iterator[Found]:
    lasts = now_ms + EXPIRES_SOON_MS
    replaced = {
        key.id
        for key in keys
        if not key.disabled and (key.not_after is None or key.not_after >= lasts)
    }
    for index, key in enumerate(keys):
        if key.disabled or key.not_after is None or key.id in replaced:
            continue
        left = key.not_after - now_ms
        if key.not_after < lasts:
            when = datetime.fromtimestamp(key.not_after / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
            days = f"in {left / DAY_MS:.0f} days" if left >= DAY_MS else "within a day"
            state = f"expires {days}" if left > 0 else "has expired"
            message = f"the key of `{shown(key.id)}` {state} ({when})"
            hint = "add a second key with the same id, give it to the client, then remove this one"
            yield "key-expires", ("auth", "keys", index, "not_after"), message, hint


def _closed_routes(policy: Policy) -> Iterator[Found]:
    held = {frozenset(key.scopes) for key in policy.auth.keys if not key.disabled}
    for index, route in enumerate(policy.routes):
        if route.auth and not any(scopes.issuperset(route.auth.scopes) for scopes in held):
            wanted = ", ".join(f"`{scope}`" for scope in route.auth.scopes[:5])
            lack = f"no key has the scopes {wanted}" if held else "the policy has no keys"
            message = f"{lack}, so no client may use this route"
            hint = "add a key (`router keys new`), or add the scopes to one"
            yield "no-key-for-route", ("routes", index, "auth"), message, hint


def _unused_overrides(policy: Policy) -> Iterator[Found]:
    if any(OVERRIDE_SCOPE in key.scopes for key in policy.auth.keys if not key.disabled):
        return
    for index, route in enumerate(policy.routes):
        if route.override:
            message = f"no key has the scope `{OVERRIDE_SCOPE}`, so the header has no effect"
            hint = "add a key with this scope (`router keys new`), or leave out `override`"
            yield "no-key-for-override", ("routes", index, "override"), message, hint


KEY_RULES: tuple[Callable[[object], Iterator[Found]], ...] = (_scopes,)
