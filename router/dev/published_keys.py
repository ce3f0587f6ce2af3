"""Keys that everybody knows: those that the shipped `routes.yaml` has for trying out."""

from __future__ import annotations

from hashlib import sha256

from policies.language.model import Policy

KEYS = ("example-core-key", "example-worker-key")
_HASHES = {sha256(key.encode()).hexdigest(): key for key in KEYS}


def published_keys(policy: Policy) -> list[str]:
    """The ids of keys that open it to everybody, and which keys these are."""
    keys = [key for key in policy.auth.keys if not key.disabled]
    known = [(key.id, _HASHES.get(key.sha256 or "")) for key in keys]
    return [f"{id} ({text})" for id, text in known if text]


def refusal(policy: Policy) -> str | None:
    """Why a policy with such keys goes to nobody else's machine; None if it has none."""
    found = published_keys(policy)
    if not found:
        return None
    hint = "make your own with `router keys new`, or disable these"
    return f"everybody knows the keys of {', '.join(found)}: {hint}"
