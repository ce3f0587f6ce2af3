"""Authentication: the API key of a request, and whether it may use a route.

A policy has hashes of keys, never keys. The hash of the presented key is looked up and compared in
constant time, so that the time shows neither the number of keys nor a likeness to one. An unknown,
disabled, expired or not yet valid key gets the same response; only the log distinguishes them (RFC
6750 for the form of responses).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Literal, NamedTuple

from policies.basics.steps import Steps, finished, pause_after
from policies.http.problems import Problem

HEADERS = ("authorization", "x-api-key")
ADMIN_SCOPE = "router:admin"
STEP_KEYS = 500  # keys that are added in one unit of work
# Visible ASCII (RFC 9110, section 5.6.2) except the comma, which joins repeated headers.
PRESENTABLE = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,512}")
_BEARER = "bearer "
_REALM = 'Bearer realm="router"'

Reason = Literal[
    "missing", "ambiguous", "unknown", "disabled", "expired", "not-yet-valid", "out-of-scope"
]


class ApiKey(NamedTuple):
    """A key by its hash. Times in milliseconds since 1970; `not_after_ms` is the first moment when
    it is no longer valid, None for never. `metadata`: JSON for the variants, "" for none."""

    id: str
    digest: bytes
    scopes: frozenset[str] = frozenset()
    not_before_ms: float = 0
    not_after_ms: float | None = None
    disabled: bool = False
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class KeyTables:
    """The keys of a policy by the kind of their hash, and the headers that carry them."""

    headers: tuple[str, ...] = HEADERS
    sha256: tuple[ApiKey, ...] = ()
    hmac_sha256: tuple[ApiKey, ...] = ()


class Needs(NamedTuple):
    """What a route requires of a key: all of these scopes. `forward`: variants get the key."""

    scopes: frozenset[str]
    forward: bool


class Identity(NamedTuple):
    """The client, by its key. `carried`: the headers that carried the key."""

    key: ApiKey
    carried: tuple[str, ...]


class Denied(NamedTuple):
    """Authentication failed. The reason, and the id of the key if it is known, are for the log."""

    reason: Reason
    key_id: str
    problem: Problem


class Presented(NamedTuple):
    """The key that a request presents: `text`, "" for none. `ambiguous`: it presents several."""

    text: str
    carried: tuple[str, ...]
    ambiguous: bool


_NO_KEY = Presented("", (), False)


def presented_key(headers: Mapping[str, str], names: tuple[str, ...]) -> Presented:
    """Return the key in the headers `names`; in `authorization`, it is the token after `Bearer`."""
    found: dict[str, str] = {}
    for name in names:
        value = _key_in(headers, name) if name in headers else ""
        if value:
            found[name] = value
    if not found:
        return _NO_KEY
    text = next(iter(found.values()))
    # Repeated headers are joined with a comma, which no key contains.
    ambiguous = "," in text or any(other != text for other in found.values())
    return Presented(text, tuple(found), ambiguous)


def first_key(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the text of the presented key."""
    for name in names:
        value = _key_in(headers, name) if name in headers else ""
        if value:
            return value
    return ""


def _key_in(headers: Mapping[str, str], name: str) -> str:
    value = headers[name]
    if name == "authorization":
        value = value[len(_BEARER) :] if value[: len(_BEARER)].lower() == _BEARER else ""
    return value.strip(" \t")


_NONE = KeyTables()


class Keys:
    """The keys of a policy, by hash. `names`: the headers that carry keys."""

    __slots__ = ("_hashed", "_keyed", "names")

    def __init__(self, tables: KeyTables = _NONE) -> None:
        finished(self._build(tables))

    @classmethod
    def in_steps(cls, tables: KeyTables) -> Steps[Keys]:
        """Build the keys in steps."""
        keys = cls.__new__(cls)
        yield from keys._build(tables)
        return keys

    def _build(self, tables: KeyTables) -> Steps[None]:
        self.names = tables.headers
        self._hashed = yield from _by_digest(tables.sha256)
        self._keyed = yield from _by_digest(tables.hmac_sha256)

    def __len__(self) -> int:
        return len(self._hashed) + len(self._keyed)

    @property
    def needs_pepper(self) -> bool:
        """Whether some keys have a keyed hash, which needs the secret."""
        return bool(self._keyed)

    def find(self, text: str, pepper: bytes) -> ApiKey | None:
        """Return the key with this text; without a pepper, none with a keyed hash."""
        if not PRESENTABLE.fullmatch(text):
            return None
        data = text.encode("ascii")
        found = _match(self._hashed, sha256(data).digest())
        if found is None and self._keyed and pepper:
            found = _match(self._keyed, hmac_digest(pepper, data, "sha256"))
        return found


def _match(keys: dict[bytes, ApiKey], digest: bytes) -> ApiKey | None:
    key = keys.get(digest)
    return key if key is not None and compare_digest(key.digest, digest) else None


def _by_digest(tables: Iterable[ApiKey]) -> Steps[dict[bytes, ApiKey]]:
    keys: dict[bytes, ApiKey] = {}
    for number, key in enumerate(tables):
        yield from pause_after(number, STEP_KEYS)
        keys.setdefault(key.digest, key)
    return keys


def authenticate(
    keys: Keys, needs: Needs, headers: Mapping[str, str], now_ms: float, pepper: bytes
) -> Identity | Denied:
    """Return the identity of the client, or why it may not use the route."""
    presented = presented_key(headers, keys.names)
    if not presented.carried:
        return Denied("missing", "", _MISSING)
    if presented.ambiguous:
        return Denied("ambiguous", "", _AMBIGUOUS)
    key = keys.find(presented.text, pepper)
    if key is None:
        return Denied("unknown", "", _INVALID)
    if key.disabled:
        return Denied("disabled", key.id, _INVALID)
    if now_ms < key.not_before_ms:
        return Denied("not-yet-valid", key.id, _INVALID)
    if key.not_after_ms is not None and now_ms >= key.not_after_ms:
        return Denied("expired", key.id, _INVALID)
    if not needs.scopes <= key.scopes:
        return Denied("out-of-scope", key.id, _out_of_scope(needs))
    return Identity(key, presented.carried)


def _challenge(code: str, detail: str, parameters: str = "") -> Problem:
    return Problem(code, detail, (("www-authenticate", _REALM + parameters),))


def _out_of_scope(needs: Needs) -> Problem:
    scopes = " ".join(sorted(needs.scopes))
    parameters = f', error="insufficient_scope", scope="{scopes}"'
    return _challenge("forbidden", "The API key lacks a scope that is needed here.", parameters)


_MISSING = _challenge("unauthorized", "This path needs an API key.")
_INVALID = _challenge("unauthorized", "The API key is not valid.", ', error="invalid_token"')
_AMBIGUOUS = Problem("bad-request", "The request carries several API keys that differ.")
