"""The seal of a sticky cookie, by which the router recognizes its own cookies.

1. A cookie is `<key>~<when>.<seal>`: the key that decides, the second when it was set
   (hexadecimal), and an HMAC-SHA-256 of the cookie's name, the key and the time.
2. A value without a seal is a key like any other: it decides a split, and proves nothing. The same
   holds for a cookie that a client has kept beyond its time.
3. The seal's key comes from a secret of the Worker. Without a secret there is no seal: cookies hold
   only the key, and prove nothing.
"""

from __future__ import annotations

import re
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import NamedTuple

from policies.access.sticky import MARK, Source

_PURPOSE = b"\0sticky cookie"  # no API key begins so: no seal is the hash of a key
_SEALED = re.compile(rf"(.*){MARK}([0-9a-f]{{1,12}})\.([0-9a-f]{{32}})", re.DOTALL)
_BYTES = 16  # of the seal: half of an HMAC cannot be guessed


def cookie_secret(*secrets: bytes) -> bytes:
    """Return the key of the seal, from the first of the Worker's `secrets` that exists; empty if
    none does."""
    secret = next(filter(None, secrets), b"")
    return hmac_digest(secret, _PURPOSE, "sha256") if secret else b""


class Sealing(NamedTuple):
    """What a seal depends on besides the cookie. Without a `secret` nothing is sealed."""

    secret: bytes = b""
    now_ms: float = 0.0

    def sealed(self, source: Source, key: str) -> str:
        """Return the cookie's value for a client that gets `key` now."""
        if not self.secret:
            return key
        when = f"{int(self.now_ms // 1000):x}"
        return f"{key}{MARK}{when}.{self._seal(source.name, key, when)}"

    def is_given(self, source: Source, value: str) -> bool:
        """Return whether the router set this value, and its time is not over."""
        found = _SEALED.fullmatch(value) if source.set_for and self.secret else None
        if found is None:
            return False
        key, when, seal = found.groups()
        if self.now_ms >= (int(when, 16) + source.set_for) * 1000:
            return False
        return compare_digest(seal, self._seal(source.name, key, when))

    def _seal(self, name: str, key: str, when: str) -> str:
        text = "\n".join((name, key, when)).encode(errors="surrogateescape")
        return hmac_digest(self.secret, text, "sha256")[:_BYTES].hex()


UNSEALED = Sealing()
