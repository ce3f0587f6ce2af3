"""The filters of routes and of single backends, as pydantic models.

Names and meanings are the Gateway API's HTTPRoute filters, without its `type` tags. What
concerns several values at once is in `check_filters.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from policies.language.part import Part, at_least_one, one_of
from policies.language.values import (
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

DEFAULT_REDIRECT_STATUS: Literal[302] = (
    302  # the Gateway API's: nothing that browsers keep for ever
)
# What says something without a new place: 303 turns a POST into a GET, the others keep it.
STATUSES_ALONE = frozenset({303, 307, 308})
DEFAULT_MAX_AGE_MS = 5_000  # the Gateway API's, and the Fetch standard's
MAX_MIRRORS = 8  # Cloudflare allows a request 32 invocations of Workers in all
MIN_TTL_MS = 1_000


class HeaderValue(Part):
    """A header with its value."""

    name: Token = Field(description="The header's name; case does not matter.")
    value: FieldValue = Field(description="Its value.")


class HeaderChanges(Part):
    """What becomes of headers: first `set`, then `add`; `remove` is for other names."""

    set: list[HeaderValue] = Field(
        default_factory=list, description="Headers that replace those of the same name."
    )
    add: list[HeaderValue] = Field(
        default_factory=list, description="Headers that come after those of the same name."
    )
    remove: list[Token] = Field(default_factory=list, description="Names of headers to delete.")

    def check(self) -> None:
        at_least_one(self)


class NewPath(Part):
    """What replaces the path."""

    full: UrlPath | None = Field(None, description="Replaces the whole path.")
    prefix: NewPrefix | None = Field(
        None, description="Replaces the prefix that the route matched; the rest stays."
    )

    def check(self) -> None:
        one_of(self, ("full", "prefix"))


class Redirect(Part):
    """Send the client elsewhere; what is not given stays as in the request, as does the query."""

    scheme: Literal["http", "https"] | None = Field(None, description="The new scheme.")
    hostname: PlainHostname | None = Field(None, description="The new host, without a port.")
    port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="The new port; default: the new scheme's, else the request's.",
    )
    path: NewPath | None = Field(None, description="The new path.")
    status: Literal[301, 302, 303, 307, 308] = Field(
        DEFAULT_REDIRECT_STATUS,
        description="The answer's status code; 303, 307 and 308 can stand alone.",
    )

    def check(self) -> None:
        if self.status not in STATUSES_ALONE:
            at_least_one(self, ("scheme", "hostname", "port", "path"))


class Rewrite(Part):
    """Send the request on with another host or path."""

    hostname: PlainHostname | None = Field(
        None, description="The host that the variant sees; `x-forwarded-host` has the client's."
    )
    path: NewPath | None = Field(None, description="The path that the variant sees.")

    def check(self) -> None:
        at_least_one(self)


class Fraction(Part):
    """A part of all requests."""

    numerator: int = Field(ge=0, le=1_000_000, description="So many …")
    denominator: int = Field(100, ge=1, le=1_000_000, description="… of so many.")

    def check(self) -> None:
        if self.numerator > self.denominator:
            hint = "make `numerator` at most `denominator`"
            raise problem("out-of-range", "the fraction is more than all requests", hint)


class Mirror(Part):
    """Send a copy of requests to another pool, too; its answers are ignored."""

    pool: Name = Field(description="Where the copies go.")
    percent: float = Field(
        100, ge=0, le=100, description="How many of the requests, drawn at random."
    )
    fraction: Fraction | None = Field(None, description="The same, finer than `percent`.")
    unsafe_methods: bool = Field(
        False,
        description="`true`: not only GET, HEAD and OPTIONS. Bodies of more than 64 KiB are "
        "not mirrored.",
    )

    def check(self) -> None:
        if {"percent", "fraction"} <= self.model_fields_set:
            hint = "write one of the two"
            raise problem("one-of", "`percent` and `fraction` are given", hint)


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
        default_factory=list, description="Headers of answers that pages may read; or `*`."
    )
    allow_credentials: bool = Field(
        False, description="`true`: requests may carry cookies and the like."
    )
    max_age: Duration = Field(
        DEFAULT_MAX_AGE_MS,
        description="How long a browser may remember what it may do, in whole seconds.",
        examples=["5s"],
    )

    def check(self) -> None:
        if self.allow_credentials and "*" in self.expose_headers:
            message = "with credentials, browsers do not understand `*` in `expose_headers`"
            raise problem("unused-field", message, "name the headers")


class Cache(Part):
    """Keep answers at the edge."""

    ttl: Duration = Field(
        description="How long an answer is fresh, at most; it may itself say less.",
        examples=["60s"],
    )
    vary: list[Token] = Field(
        default_factory=list,
        description="Headers of requests that answers depend on. Requests with credentials "
        "are only cached if their header is named here.",
    )
    stale_while_revalidate: Duration = Field(
        0,
        description="How long after that it may still be given, while a new one is fetched.",
        examples=["0s"],
    )

    def check(self) -> None:
        if self.ttl < MIN_TTL_MS:
            message = "an answer cannot be kept for less than a second"
            raise problem("bad-duration", message, "write a longer `ttl`, such as `10s`")


class BackendFilters(Part):
    """Filters of one backend; they come after the route's."""

    request_headers: HeaderChanges | None = Field(
        None, description="Headers that variants get otherwise than clients send them."
    )
    response_headers: HeaderChanges | None = Field(
        None, description="Headers that clients get otherwise than variants send them."
    )
    rewrite: Rewrite | None = Field(None, description="Another host or path for the variant.")
    mirrors: list[Mirror] = Field(
        default_factory=list,
        max_length=MAX_MIRRORS,
        description="Pools that get a copy of the requests.",
    )

    def check(self) -> None:
        at_least_one(self)


class Filters(BackendFilters):
    """What happens to a route's requests and answers on their way."""

    redirect: Redirect | None = Field(None, description="Answer with a redirect.")
    cors: Cors | None = Field(None, description="Which web pages of other origins may call.")
    cache: Cache | None = Field(None, description="Keep answers at the edge.")


class Share(Part):
    """A pool's part in a split; a number alone is its weight."""

    weight: Weight = Field(1, description="Share is weight / sum of weights.")
    filters: BackendFilters | None = Field(
        None, description="For requests that this pool's variants serve, after the route's."
    )
    backend: Literal["none"] | None = Field(
        None,
        description="`none`: nobody serves this part of the requests; they are answered 500.",
    )

    def check(self) -> None:
        if self.backend and self.filters:
            message = "nothing is sent where there is no backend, so `filters` have no effect"
            raise problem("unused-field", message, "leave one of the two out")


def _read_share(value: object) -> object:
    """`9` as the mapping it stands for."""
    return value if isinstance(value, dict | Share) else {"weight": read_weight(value)}


Backend = Annotated[Share, BeforeValidator(_read_share)]
