"""Keys that stand for the API keys of a policy, of which it has only hashes.

Every key of a policy gets the same stand-ins in any other policy that has it. They open
what the key opens, in tables made for asking questions, never at the edge.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

Tables = dict[str, Any]


def stand_in(hashed: str, number: int = 0) -> str:
    """What a client presents that has the key of that hash, or the n-th one like it."""
    return f"stand-in-{hashed}-{number}"


def with_stand_ins(tables: Tables, copies: int = 1) -> Tables:
    """The same policy, whose keys are known by so many stand-ins each, too."""
    auth = tables["auth"]
    rows = [
        [name, sha256(stand_in(hashed, number).encode()).hexdigest(), *rest]
        for kind in ("sha256", "hmac_sha256")
        for name, hashed, *rest in auth[kind]
        for number in range(copies)
    ]
    return tables | {"auth": {**auth, "sha256": [*auth["sha256"], *rows]}}


def presenting(header: str, key: str) -> tuple[str, str]:
    """The header that carries a key, by its lower-case name."""
    return header, f"Bearer {key}" if header == "authorization" else key
