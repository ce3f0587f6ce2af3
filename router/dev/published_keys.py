"""The public keys of the shipped `routes.yaml`, which are for trying it out."""

from __future__ import annotations

from hashlib import sha256

from policies.language.model.policy import Policy

KEYS = ("example-core-key", "example-worker-key")
_HASHES = {sha256(key.encode()).hexdigest(): key for key in KEYS}


def published_keys(policy: Policy) -> list[str]:
    """Return the ids of public keys in a policy, with the keys."""
    keys = [key for key in policy.auth.keys if not key.disabled]
    known = [(key.id, _HASHES.get(key.sha256 or "")) for key in keys]
    return [f"{id} ({text})" for id, text in known if text]


def refusal(policy: Policy) -> str | None:
    """Return why a policy with public keys is refused; None if it has none."""
    found = published_keys(policy)
    if not found:
        return None
    hint = "create your own with `router keys new`, or disable these"
    return f"the keys of {', '.join(found)} are public: {hint}"
