"""The section `auth`, and the field `auth` of routes. The policy has hashes, never keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from policies.language.model.part import Part
from policies.language.model.rate_limits import Quota
from policies.language.values import respelled
from policies.language.values.keys import HOW_TO_HASH, SCOPE, KeyHash, KeyId, Scope, Time
from policies.language.values.values import Name, Token, problem
from policies.language.values.written import flow

MAX_METADATA = 1_024  # characters, as they go to variants in a header
_PLAINTEXT = ("api_key", "key", "password", "plaintext", "secret", "token", "value")


def _read_header(value: object) -> object:
    """Return a list for a single name."""
    return [value] if isinstance(value, str) else value


def _read_needs(value: object) -> object:
    """Return an empty mapping for `required`."""
    if not isinstance(value, str):
        return value
    if value != "required":
        message = f"`{value[:80]}` is not possible here"
        hint = "write `required`, or `scopes` with a list"
        is_scope = SCOPE.fullmatch(value) and respelled.one_of(value, ("required",)) is None
        scopes = f"write `required`, or `auth: {flow({'scopes': [value]})}`"
        raise problem("unknown-value", message, scopes if is_scope else hint)
    return {}


class ApiKey(Part):
    """A client's key. Two keys may have the same `id`, so that a client can change its key."""

    id: KeyId = Field(description="The client's name, for variants, limits and the log.")
    sha256: KeyHash | None = Field(None, description="SHA-256 of the key, in lower-case hex.")
    hmac_sha256: KeyHash | None = Field(
        None, description="HMAC-SHA-256 of the key, keyed with the secret `ROUTER_KEY_PEPPER`."
    )
    scopes: list[Scope] = Field(default_factory=list, description="What the key may be used for.")
    not_before: Time | None = Field(None, description="Valid from this time on (RFC 3339).")
    not_after: Time | None = Field(None, description="Valid until just before this time.")
    disabled: bool = Field(False, description="`true`: refused, like an unknown key.")
    rate_limits: dict[Name, Quota] = Field(
        default_factory=dict, description="The key's own rates, by the name of the limit."
    )
    metadata: dict[Name, str] = Field(
        default_factory=dict, description="Sent to the variants in `x-router-key-metadata`."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_plaintext(cls, value: object) -> object:
        for name in _PLAINTEXT:
            if isinstance(value, dict) and name in value:
                message = f"`{name}` looks like a key in plain text; only its hash is allowed here"
                raise problem(
                    "plaintext-key",
                    message,
                    f"{HOW_TO_HASH}; then replace the key, since it is no longer secret",
                )
        return value

    def check(self) -> None:
        if (self.sha256 is None) == (self.hmac_sha256 is None):
            hint = f"write one of `sha256` and `hmac_sha256`; {HOW_TO_HASH}"
            raise problem("one-of", "a key has exactly one hash", hint)
        begins, ends = self.not_before, self.not_after
        if begins is not None and ends is not None and begins >= ends:
            message = "the key ends (`not_after`) before it begins (`not_before`)"
            raise problem("time-order", message, "give it a later end, or remove it")
        if sum(len(name) + len(text) + 6 for name, text in self.metadata.items()) > MAX_METADATA:
            message = f"the metadata of a key may have at most {MAX_METADATA:,} characters"
            raise problem("out-of-range", message, "keep it where the variants can look it up")


class Auth(Part):
    """The API keys, and the headers that carry them."""

    header: Annotated[list[Token], BeforeValidator(_read_header)] = Field(
        default_factory=lambda: ["Authorization", "X-API-Key"],
        min_length=1,
        description="The headers that carry keys: one name or several. `Authorization` carries "
        "`Bearer <key>`.",
    )
    keys: list[ApiKey] = Field(default_factory=list, description="The clients' keys.")


class Needs(Part):
    """What a route requires of the client's key."""

    scopes: list[Scope] = Field(
        default_factory=list,
        description="The key must have all of them; empty: any key is accepted.",
    )
    forward_credentials: bool = Field(
        False, description="`true`: variants get the key; `false`: it is removed from the request."
    )


RouteAuth = Annotated[Needs, BeforeValidator(_read_needs)]
