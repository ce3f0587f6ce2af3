"""Substitutes for the API keys of a policy, which has only their hashes.

A key has the same substitutes in every policy. They are valid only in the tables that are made
here for comparisons, never at the edge.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

Tables = dict[str, Any]


def stand_in(hashed: str, number: int = 0) -> str:
    """Return the n-th substitute for the key with that hash."""
    return f"stand-in-{hashed}-{number}"


def with_stand_ins(tables: Tables, copies: int = 1) -> Tables:
    """Return the tables in which each key also has that number of substitutes."""
    auth = tables["auth"]
    rows = [
        [name, sha256(stand_in(hashed, number).encode()).hexdigest(), *rest]
        for kind in ("sha256", "hmac_sha256")
        for name, hashed, *rest in auth[kind]
        for number in range(copies)
    ]
    return tables | {"auth": {**auth, "sha256": [*auth["sha256"], *rows]}}


def presenting(header: str, key: str) -> tuple[str, str]:
    """Return the headers that carry a key, by lower-case name."""
    return header, f"Bearer {key}" if header == "authorization" else key
