"""Signatures by the Standard Webhooks specification: HMAC-SHA256 of id, timestamp and body.

`CALLBACK_SECRET` is `whsec_` and 24 to 64 random bytes in base64; several, with spaces between
them, while one replaces another. All tenants' callbacks are signed with it, so knowing it is enough
to forge them all: a tenant is given a secret of its own, made from it (`secret_of_tenant`), and
messages are signed with both.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import NamedTuple

PREFIX = "whsec_"
LEAST, MOST = 24, 64  # bytes, as the specification has it
NOT_A_SECRET = f"CALLBACK_SECRET is `{PREFIX}` and {LEAST} to {MOST} random bytes in base64"


class Signer(NamedTuple):
    """`secrets`: empty if messages are not signed."""

    secrets: Sequence[bytes] = ()

    @classmethod
    def of(cls, text: str) -> Signer:
        """Raises `ValueError`, which does not repeat the text."""
        return cls(tuple(map(_secret, text.split())))

    def signatures(self, tenant: str, id: str, timestamp: int, body: bytes) -> str:
        """The value of `webhook-signature`; empty without a secret."""
        signed = b".".join((id.encode(), str(timestamp).encode(), body))
        tenants = [_secret_of(secret, tenant) for secret in self.secrets]
        return " ".join(f"v1,{_base64_hmac(key, signed)}" for key in (*tenants, *self.secrets))


def secret_of_tenant(secret: str, tenant: str) -> str:
    """The secret with which a tenant verifies its callbacks; it cannot forge those of others."""
    return PREFIX + b64encode(_secret_of(_secret(secret), tenant)).decode()


def _secret_of(secret: bytes, tenant: str) -> bytes:
    """A secret derived for a tenant. No signature equals it: no message id has a space."""
    return hmac.digest(secret, f"callbacks of {tenant}".encode(), hashlib.sha256)


def _secret(text: str) -> bytes:
    try:
        secret = b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:  # of base64 as well as of what is not ASCII
        secret = b""
    if not text.startswith(PREFIX) or not LEAST <= len(secret) <= MOST:
        raise ValueError(NOT_A_SECRET)
    return secret


def _base64_hmac(key: bytes, signed: bytes) -> str:
    return b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
