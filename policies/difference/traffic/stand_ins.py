"""Substitutes for the API keys of a policy, which has only their hashes.

A key has the same substitutes in every policy. They are valid only in the tables that are made
here for comparisons, never at the edge.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from policies.compiled.tables import PolicyTables


def stand_in(hashed: str, number: int = 0) -> str:
    """Return the n-th substitute for the key with that hash."""
    return f"stand-in-{hashed}-{number}"


def with_stand_ins(tables: PolicyTables, copies: int = 1) -> PolicyTables:
    """Return the tables in which each key also has that number of substitutes."""
    auth = tables.auth
    more = [
        key._replace(digest=sha256(stand_in(key.digest.hex(), number).encode()).digest())
        for key in (*auth.sha256, *auth.hmac_sha256)
        for number in range(copies)
    ]
    return replace(tables, auth=replace(auth, sha256=(*auth.sha256, *more)))


def presenting(header: str, key: str) -> tuple[str, str]:
    """Return the headers that carry a key, by lower-case name."""
    return header, f"Bearer {key}" if header == "authorization" else key
