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
