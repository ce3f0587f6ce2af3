"""The language of `routes.yaml`, version 1, as pydantic models.

Field names follow the Gateway API where it has an equivalent. An unknown field is an error:
nothing is accepted and then ignored. The descriptions appear in `docs/language.md` and in the
JSON Schema for editors. Checks of several values at once are in `check.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from policies.language.model.auth import Auth, RouteAuth
from policies.language.model.conditions import HeaderMatch, QueryParamMatch
from policies.language.model.drills import MAX_DRILLS, Drill
from policies.language.model.failover import Failover
from policies.language.model.filters import Backend, Filters, HeaderValue
from policies.language.model.health import Health
from policies.language.model.limits import Limits, RouteLimits
from policies.language.model.part import Part, one_of
from policies.language.model.rate_limits import RateLimit
from policies.language.model.rollouts import MAX_ROLLOUTS, Rollout
from policies.language.values import respelled
from policies.language.values.upstreams import UpstreamUrl
from policies.language.values.values import (
    Binding,
    Colo,
    Country,
    Duration,
    Hostname,
    LanguageVersion,
    Method,
    Name,
    PathRegex,
    Seed,
    Token,
    UrlPath,
    Weight,
    WorkerName,
    Yes,
    how_to_write,
    problem,
)

Continent = Literal["AF", "AN", "AS", "EU", "NA", "OC", "SA"]

DEFAULT_REQUEST_TIMEOUT_MS = 100_000  # as Cloudflare's own proxy waits for an origin
DEFAULT_COOKIE_AGE_MS = 30 * 24 * 3_600_000


class WorkerVersion(Part):
    """One version of a Worker, selected with Cloudflare's version override header."""

    worker: WorkerName = Field(description="Name of the Worker, as in its own `wrangler.toml`.")
    id: Name = Field(description="Version id, as `wrangler versions list` prints it.")


class Variant(Part):
    """A Worker that serves requests, reached through a service binding, or a server on the
    Internet, reached by its URL."""

    binding: Binding | None = Field(
        None, description="Service binding in `wrangler.toml`. Required unless `url` is given."
    )
    url: UpstreamUrl | None = Field(
        None,
        description="The server's URL, instead of `binding`: `https://`, a host name, and "
        "optionally a port and a path, which is put before the path of each request.",
        examples=["https://old.example.com"],
    )
    pool: Name = Field(description="The pool it belongs to.")
    region: Name | None = Field(
        None,
        description="Its region: a name from `regions`. Without one, it serves clients of all "
        "regions.",
    )
    weight: Weight = Field(
        1,
        description="Its share among variants of the same rank. 0: no traffic, unless no other "
        "variant of the pool can serve.",
    )
    drain: bool = Field(False, description="`true`: new requests go to other variants.")
    version: WorkerVersion | None = Field(
        None,
        description="Selects this version of the Worker, so that a canary can be a version. Only "
        "with `binding`.",
    )

    def check(self) -> None:
        one_of(self, ("binding", "url"))
        if self.url and self.version:
            message = "a server that is reached by its URL has no versions"
            raise problem("unused-field", message, "leave out `version`, or write `binding`")


class Pool(Part):
    """Settings for all variants of a pool."""

    fallback: list[Name] | None = Field(
        None,
        description="Pools to use, in order, when none of its variants can serve. "
        "Default: the first pool of the route's split, which itself has no fallback.",
    )
    affinity: Literal["prefer", "strict"] = Field(
        "prefer",
        description="`prefer`: the variants of other regions come last. `strict`: only variants "
        "in the client's region and in that region's `fallback` may serve.",
    )


class Region(Part):
    """A region: its clients, and the regions that serve them if it cannot."""

    continents: list[Continent] = Field(
        default_factory=list, description="Continent codes: AF AN AS EU NA OC SA."
    )
    countries: list[Country] = Field(
        default_factory=list,
        description="Country codes (ISO 3166-1 alpha-2, `T1` for Tor); take precedence over "
        "continents.",
    )
    colos: list[Colo] = Field(
        default_factory=list,
        description="Cloudflare locations, such as FRA; take precedence over countries.",
    )
    fallback: list[Name] = Field(
        default_factory=list, description="Regions to use next, in this order."
    )


class PathMatch(Part):
    """A condition on the path."""

    exact: UrlPath | None = Field(None, description="The whole path, compared literally.")
    prefix: UrlPath | None = Field(
        None, description="Whole segments: `/v2` matches `/v2`, `/v2/` and `/v2/x`, but not `/v2x`."
    )
    regex: PathRegex | None = Field(
        None,
        description="The whole path, as a regular expression (RE2 syntax, linear time); a path "
        "of more than 4,096 characters matches none.",
    )

    def check(self) -> None:
        one_of(self, ("exact", "prefix", "regex"))


class Match(Part):
    """A set of conditions; all must match. Without `path`, any path matches."""

    scheme: Literal["http", "https"] | None = Field(
        None, description="The client's scheme: `http` or `https`; without it, both match."
    )
    path: PathMatch | None = Field(None, description="One of `exact`, `prefix`, `regex`.")
    methods: list[Method] | None = Field(None, min_length=1, description="Any of these methods.")
    headers: list[HeaderMatch] = Field(default_factory=list, description="All of these headers.")
    query_params: list[QueryParamMatch] = Field(
        default_factory=list, description="All of these query parameters."
    )


def _read_sticky(value: object) -> object:
    """Return the mapping for `cookie:name`, `header:name`, `api_key` or `ip`."""
    if not isinstance(value, str):
        return value
    kind, colon, name = value.partition(":")
    if kind in ("cookie", "header") and name:
        return {kind: name}
    if kind in ("api_key", "ip") and not colon:
        return {kind: True}
    hint = "write `cookie:<name>`, `header:<name>`, `api_key` or `ip`"
    kind, mark, name = value[:300].partition("=" if "=" in value else ":")
    kind, name = kind.strip().lower(), name.strip()
    other = respelled.one_of(value, ("api_key", "ip"))
    other = f"{kind}:{name}" if mark and name and kind in ("cookie", "header") else other
    hint = how_to_write(other, hint)
    raise problem("bad-sticky-source", f"`{value[:80]}` is not a source of a sticky key", hint)


class StickySource(Part):
    """A source of a request's sticky key."""

    cookie: Token | None = Field(None, description="A cookie's value.")
    header: Token | None = Field(None, description="A header's value.")
    api_key: Yes | None = Field(None, description="The API key the client presents.")
    ip: Yes | None = Field(None, description="The client's IP address; for IPv6 the /64 network.")
    set: bool = Field(
        False,
        description="Only with `cookie`: clients without a sticky key get this cookie.",
    )
    max_age: Duration = Field(
        DEFAULT_COOKIE_AGE_MS, description="The lifetime of this cookie.", examples=["30d"]
    )

    def check(self) -> None:
        one_of(self, ("cookie", "header", "api_key", "ip"))
        for name in ("set", "max_age"):
            if name in self.model_fields_set and self.cookie is None:
                message = f"`{name}` has an effect only with `cookie`"
                raise problem("unused-field", message, "leave it out")
        if "max_age" in self.model_fields_set and not self.set:
            message = "`max_age` has an effect only with `set: true`"
            raise problem("unused-field", message, "add `set: true`, or leave it out")
        if self.set and self.max_age < 1_000:
            message = "a cookie cannot live for less than a second"
            raise problem("bad-duration", message, "write a longer `max_age`, such as `30d`")


Sticky = Annotated[StickySource, BeforeValidator(_read_sticky)]


class Timeouts(Part):
    """Timeouts until a response starts; `0s`: no timeout."""

    request: Duration = Field(
        DEFAULT_REQUEST_TIMEOUT_MS,
        description="From the request's arrival to the start of the response, for all attempts "
        "together.",
        examples=["100s"],
    )
    backend_request: Duration = Field(0, description="The same for each attempt.", examples=["0s"])


class Respond(Part):
    """A fixed response."""

    status: int = Field(503, ge=200, le=599, description="The status code.")
    headers: list[HeaderValue] = Field(default_factory=list, description="The headers.")
    body: str = Field("", description="The body; `text/plain` unless a header says otherwise.")


class Route(Part):
    """A route: what it matches, and what happens to matching requests."""

    name: Name = Field(description="Unique; used in `x-router-route`, logs and metrics.")
    hostnames: list[Hostname] = Field(
        default_factory=list,
        description="Exact names or `*.example.com` (one label or more); empty: all hosts.",
    )
    matches: list[Match] = Field(
        default_factory=list,
        description="Alternatives, of which one must match; empty: every request matches.",
    )
    first: bool = Field(
        False,
        description="`true`: takes precedence over all routes without it, whatever their hostnames "
        "and paths.",
    )
    auth: RouteAuth | None = Field(
        None,
        description="`required`: any API key of the policy; or the scopes that the key must have. "
        "Without it, no key is needed.",
    )
    rate_limits: list[Name] = Field(
        default_factory=list,
        description="Names from `rate_limits`. All must allow the request; the first that does not "
        "answers it. Limits by key are checked after the others.",
    )
    limits: RouteLimits | None = Field(None, description="Maximum sizes of its requests.")
    filters: Filters | None = Field(None, description="Changes of requests and responses.")
    split: dict[Name, Backend] | None = Field(
        None, description="The weight of each pool, or its weight and filters."
    )
    sticky: list[Sticky] = Field(
        default_factory=list,
        description="Sources of the sticky key; the first that has one counts. Requests with the "
        "same key go to the same pool. Without a key, the choice is random.",
    )
    override: Token | None = Field(
        None,
        description="The header with which clients choose the pool or variant of a request; their "
        "API key needs the scope `router:override`.",
        examples=["x-router-override"],
    )
    seed: Seed | None = Field(
        None,
        description="Routes with the same seed send a sticky key to the same pool; default: the "
        "route's name.",
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, description="Timeouts.")
    failover: Failover = Field(
        default_factory=Failover, description="When and where a request is retried."
    )
    respond: Respond | None = Field(
        None, description="A fixed response instead of forwarding, for example during maintenance."
    )


class Policy(Part):
    """The file `routes.yaml`."""

    version: LanguageVersion = Field(description="The version of the language: 1.")
    variants: dict[Name, Variant] = Field(min_length=1, description="The variants by name.")
    pools: dict[Name, Pool] = Field(default_factory=dict, description="Settings of pools by name.")
    regions: dict[Name, Region] = Field(default_factory=dict, description="The regions by name.")
    default_region: Name | None = Field(
        None, description="The region of clients that belong to no other region."
    )
    auth: Auth = Field(default_factory=Auth, description="The API keys of clients.")
    rate_limits: dict[Name, RateLimit] = Field(
        default_factory=dict,
        description="The rate limits by name; the routes that use one share it.",
    )
    merge_slashes: bool = Field(
        False,
        description="`true`: repeated slashes in a path are merged to one, also in the forwarded "
        "path.",
    )
    identify: bool = Field(
        True, description="`false`: responses have no `x-router-route` and `x-router-variant`."
    )
    limits: Limits = Field(default_factory=Limits, description="Maximum sizes of requests.")
    health: Health = Field(
        default_factory=Health, description="How the router detects unhealthy variants."
    )
    drills: list[Drill] = Field(
        default_factory=list,
        max_length=MAX_DRILLS,
        description="Scheduled failures, which end by themselves.",
    )
    rollouts: list[Rollout] = Field(
        default_factory=list,
        max_length=MAX_ROLLOUTS,
        description="Moves traffic from one pool to another, step by step, with automatic "
        "analysis.",
    )
    routes: list[Route] = Field(min_length=1, description="The routes; order matters only in ties.")
