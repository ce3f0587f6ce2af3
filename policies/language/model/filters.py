"""The filters of routes and of single backends, as pydantic models.

Names and meanings are those of the Gateway API's HTTPRoute filters, without `type` tags.
Checks of several values at once are in `check/filters.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from policies.language.model.part import Part, at_least_one, one_of
from policies.language.values.values import (
    CorsMethod,
    CorsName,
    Duration,
    FieldValue,
    Name,
    NewPrefix,
    Origin,
    PlainHostname,
    Token,
    UrlPath,
    Weight,
    problem,
    read_weight,
)

DEFAULT_REDIRECT_STATUS: Literal[302] = 302  # the Gateway API's default: browsers do not cache it
# These make sense without a new URL: 303 turns a POST into a GET, the others keep the method.
STATUSES_ALONE = frozenset({303, 307, 308})
DEFAULT_MAX_AGE_MS = 5_000  # the Gateway API's, and the Fetch standard's
MAX_MIRRORS = 8  # Cloudflare allows 32 invocations of Workers per request
MIN_TTL_MS = 1_000


class HeaderValue(Part):
    """A header."""

    name: Token = Field(description="The name, case-insensitive.")
    value: FieldValue = Field(description="The value.")


class HeaderChanges(Part):
    """Changes of headers: first `set`, then `add`; `remove` is for other names."""

    set: list[HeaderValue] = Field(
        default_factory=list, description="Headers that replace those with the same name."
    )
    add: list[HeaderValue] = Field(
        default_factory=list, description="Headers that are added after those with the same name."
    )
    remove: list[Token] = Field(default_factory=list, description="Names of headers to delete.")

    def check(self) -> None:
        at_least_one(self)


class NewPath(Part):
    """A new path."""

    full: UrlPath | None = Field(None, description="Replaces the whole path.")
    prefix: NewPrefix | None = Field(
        None, description="Replaces the prefix that the route matched; the rest is kept."
    )

    def check(self) -> None:
        one_of(self, ("full", "prefix"))


class Redirect(Part):
    """Redirect the client. Parts of the URL that are not given stay, and so does the query."""

    scheme: Literal["http", "https"] | None = Field(None, description="The new scheme.")
    hostname: PlainHostname | None = Field(None, description="The new host, without a port.")
    port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="The new port; default: that of the new scheme, else the request's.",
    )
    path: NewPath | None = Field(None, description="The new path.")
    status: Literal[301, 302, 303, 307, 308] = Field(
        DEFAULT_REDIRECT_STATUS,
        description="The status code; 303, 307 and 308 need no other field.",
    )

    def check(self) -> None:
        if self.status not in STATUSES_ALONE:
            at_least_one(self, ("scheme", "hostname", "port", "path"))


class Rewrite(Part):
    """Forward the request with another host or path."""

    hostname: PlainHostname | None = Field(
        None, description="The host that the variant gets; `x-forwarded-host` has the client's."
    )
    path: NewPath | None = Field(None, description="The path that the variant gets.")

    def check(self) -> None:
        at_least_one(self)


class Fraction(Part):
    """A fraction of all requests."""

    numerator: int = Field(ge=0, le=1_000_000, description="The numerator.")
    denominator: int = Field(100, ge=1, le=1_000_000, description="The denominator.")

    def check(self) -> None:
        if self.numerator > self.denominator:
            hint = "make `numerator` at most `denominator`"
            raise problem("out-of-range", "the fraction is more than all requests", hint)


class Mirror(Part):
    """Send copies of requests to another pool; its responses are ignored."""

    pool: Name = Field(description="The pool that gets the copies.")
    percent: float = Field(
        100,
        ge=0,
        le=100,
        description="The percentage of requests that are copied, chosen at random.",
    )
    fraction: Fraction | None = Field(None, description="The same as a fraction, for finer shares.")
    unsafe_methods: bool = Field(
        False,
        description="`true`: mirror other methods than GET, HEAD and OPTIONS, too. Requests with "
        "bodies of more than 64 KiB are not mirrored.",
    )

    def check(self) -> None:
        if {"percent", "fraction"} <= self.model_fields_set:
            hint = "write one of the two"
            raise problem("one-of", "both `percent` and `fraction` are given", hint)


class Cors(Part):
    """Which web pages of other origins may use the route (Fetch standard)."""

    allow_origins: list[Origin] = Field(
        description="Origins such as `https://app.example.com`, `https://*.example.com` (one "
        "label or more), `http://localhost:3000`; or `*`. `[]`: no page of another origin.",
    )
    allow_methods: list[CorsMethod] = Field(
        default_factory=list, description="Methods that pages may use; or `*`."
    )
    allow_headers: list[CorsName] = Field(
        default_factory=list, description="Headers that pages may send; or `*`."
    )
    expose_headers: list[CorsName] = Field(
        default_factory=list, description="Response headers that pages may read; or `*`."
    )
    allow_credentials: bool = Field(
        False, description="`true`: requests may carry credentials such as cookies."
    )
    max_age: Duration = Field(
        DEFAULT_MAX_AGE_MS,
        description="How long browsers may cache the preflight response, in whole seconds.",
        examples=["5s"],
    )

    def check(self) -> None:
        if self.allow_credentials and "*" in self.expose_headers:
            message = "with credentials, browsers do not take `*` in `expose_headers` as a wildcard"
            raise problem("unused-field", message, "list the headers")


class Cache(Part):
    """Cache responses at the edge."""

    ttl: Duration = Field(
        description="How long a response is fresh, at most; its own headers may say less.",
        examples=["60s"],
    )
    vary: list[Token] = Field(
        default_factory=list,
        description="Request headers that responses depend on. Responses to requests with "
        "credentials are only cached if the header of the credentials is listed here.",
    )
    stale_while_revalidate: Duration = Field(
        0,
        description="How long a stale response may still be served while a new one is fetched.",
        examples=["0s"],
    )

    def check(self) -> None:
        if self.ttl < MIN_TTL_MS:
            message = "a response cannot be cached for less than a second"
            raise problem("bad-duration", message, "write a longer `ttl`, such as `10s`")


class BackendFilters(Part):
    """Filters of one backend; they are applied after the route's."""

    request_headers: HeaderChanges | None = Field(None, description="Changes of request headers.")
    response_headers: HeaderChanges | None = Field(None, description="Changes of response headers.")
    rewrite: Rewrite | None = Field(None, description="Another host or path for the variant.")
    mirrors: list[Mirror] = Field(
        default_factory=list,
        max_length=MAX_MIRRORS,
        description="Pools that get a copy of the requests.",
    )

    def check(self) -> None:
        at_least_one(self)


class Filters(BackendFilters):
    """Changes of a route's requests and responses."""

    redirect: Redirect | None = Field(None, description="Answer with a redirect.")
    cors: Cors | None = Field(
        None, description="Which web pages of other origins may use the route."
    )
    cache: Cache | None = Field(None, description="Cache responses at the edge.")


class Share(Part):
    """A pool's share of a split; a number alone is its weight."""

    weight: Weight = Field(1, description="The share is weight / sum of weights.")
    filters: BackendFilters | None = Field(
        None, description="Filters for requests to this pool, applied after the route's."
    )
    backend: Literal["none"] | None = Field(
        None,
        description="`none`: these requests have no backend; they get 500.",
    )

    def check(self) -> None:
        if self.backend and self.filters:
            message = "without a backend, `filters` have no effect"
            raise problem("unused-field", message, "leave out one of the two")


def _read_share(value: object) -> object:
    """Return `{"weight": 9}` for `9`."""
    return value if isinstance(value, dict | Share) else {"weight": read_weight(value)}


Backend = Annotated[Share, BeforeValidator(_read_share)]
