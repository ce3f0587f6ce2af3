"""The language of `routes.yaml`, version 1, as pydantic models.

Field names follow the Gateway API where it has the thing. An unknown field is an error:
nothing is accepted and then ignored. Descriptions are what `docs/language.md` and the
JSON Schema of editors say. What concerns several values at once is in `check.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from policies.language import respelled
from policies.language.auth import Auth, RouteAuth
from policies.language.conditions import HeaderMatch, QueryParamMatch
from policies.language.drills import MAX_DRILLS, Drill
from policies.language.failover import Failover
from policies.language.filters import Backend, Filters, HeaderValue
from policies.language.health import Health
from policies.language.limits import Limits, RouteLimits
from policies.language.part import Part, one_of
from policies.language.rate_limits import RateLimit
from policies.language.rollouts import MAX_ROLLOUTS, Rollout
from policies.language.values import (
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

DEFAULT_REQUEST_TIMEOUT_MS = 100_000  # as long as Cloudflare's own proxy waits for an origin
DEFAULT_COOKIE_AGE_MS = 30 * 24 * 3_600_000


class WorkerVersion(Part):
    """One version of a Worker: reached with Cloudflare's version override header."""

    worker: WorkerName = Field(description="Name of the Worker, as in its own `wrangler.toml`.")
    id: Name = Field(description="Version id, as `wrangler versions list` prints it.")


class Variant(Part):
    """A Worker that can answer, reached through a service binding."""

    binding: Binding = Field(description="Service binding in `wrangler.toml`.")
    pool: Name = Field(description="The pool it belongs to.")
    region: Name | None = Field(
        None, description="Where it runs: a name from `regions`. Without one it serves everywhere."
    )
    weight: Weight = Field(
        1,
        description="Its share among variants of equal rank. 0: no traffic, unless no other "
        "variant of the pool can serve.",
    )
    drain: bool = Field(False, description="`true`: new requests go to other variants.")
    version: WorkerVersion | None = Field(
        None, description="Ask for this version of the Worker, so a canary can be a version."
    )


class Pool(Part):
    """What holds for all variants of a pool."""

    fallback: list[Name] | None = Field(
        None,
        description="Pools to use, in order, when none of its variants can serve. "
        "By default the first pool of the route's split, which itself has none.",
    )
    affinity: Literal["prefer", "strict"] = Field(
        "prefer",
        description="`prefer`: the variants of other regions come last. `strict`: only variants "
        "in the client's region and in that region's `fallback` may serve.",
    )


class Region(Part):
    """From where requests come to this region, and where they go without it."""

    continents: list[Continent] = Field(
        default_factory=list, description="Continent codes: AF AN AS EU NA OC SA."
    )
    countries: list[Country] = Field(
        default_factory=list,
        description="Country codes (ISO 3166-1 alpha-2, `T1` for Tor); beat continents.",
    )
    colos: list[Colo] = Field(
        default_factory=list, description="Cloudflare locations, such as FRA; beat countries."
    )
    fallback: list[Name] = Field(
        default_factory=list, description="Regions to use next, in this order."
    )


class PathMatch(Part):
    """One way to match the path."""

    exact: UrlPath | None = Field(None, description="The whole path, to the letter.")
    prefix: UrlPath | None = Field(
        None, description="Whole segments: `/v2` takes `/v2`, `/v2/`, `/v2/x`, but not `/v2x`."
    )
    regex: PathRegex | None = Field(
        None,
        description="The whole path, as a regular expression (RE2 syntax, linear time); a path "
        "of more than 4,096 characters matches none.",
    )

    def check(self) -> None:
        one_of(self, ("exact", "prefix", "regex"))


class Match(Part):
    """All that is named must match; without a path any path does."""

    scheme: Literal["http", "https"] | None = Field(
        None, description="How the client came: by `http` or by `https`; without it both match."
    )
    path: PathMatch | None = Field(None, description="One of `exact`, `prefix`, `regex`.")
    methods: list[Method] | None = Field(None, min_length=1, description="Any of these methods.")
    headers: list[HeaderMatch] = Field(default_factory=list, description="All of these headers.")
    query_params: list[QueryParamMatch] = Field(
        default_factory=list, description="All of these query parameters."
    )


def _read_sticky(value: object) -> object:
    """`cookie:name`, `header:name`, `api_key`, `ip` as the mapping they stand for."""
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
    """Where a request's sticky key comes from."""

    cookie: Token | None = Field(None, description="A cookie's value.")
    header: Token | None = Field(None, description="A header's value.")
    api_key: Yes | None = Field(None, description="The API key the client presents.")
    ip: Yes | None = Field(
        None, description="The client's address; of an IPv6 address its /64 network."
    )
    set: bool = Field(
        False,
        description="Only with `cookie`: a client that no source gives a key gets this cookie.",
    )
    max_age: Duration = Field(
        DEFAULT_COOKIE_AGE_MS, description="How long such a cookie lives.", examples=["30d"]
    )

    def check(self) -> None:
        one_of(self, ("cookie", "header", "api_key", "ip"))
        for name in ("set", "max_age"):
            if name in self.model_fields_set and self.cookie is None:
                message = f"`{name}` is only for cookies and would have no effect here"
                raise problem("unused-field", message, "leave it out")
        if "max_age" in self.model_fields_set and not self.set:
            message = "`max_age` is for cookies that the router sets, and it sets none here"
            raise problem("unused-field", message, "add `set: true`, or leave it out")
        if self.set and self.max_age < 1_000:
            message = "a cookie cannot live for less than a second"
            raise problem("bad-duration", message, "write a longer `max_age`, such as `30d`")


Sticky = Annotated[StickySource, BeforeValidator(_read_sticky)]


class Timeouts(Part):
    """How long an answer may take to begin; `0s` means forever."""

    request: Duration = Field(
        DEFAULT_REQUEST_TIMEOUT_MS,
        description="From the request's arrival to the beginning of the answer, all attempts.",
        examples=["100s"],
    )
    backend_request: Duration = Field(
        0, description="The same for each attempt alone.", examples=["0s"]
    )


class Respond(Part):
    """A fixed answer."""

    status: int = Field(503, ge=200, le=599, description="Its status code.")
    headers: list[HeaderValue] = Field(default_factory=list, description="Its headers.")
    body: str = Field("", description="Its body; `text/plain` unless a header says otherwise.")


class Route(Part):
    """What to match, and what to do with a match."""

    name: Name = Field(description="Unique; told in `x-router-route`, logs and metrics.")
    hostnames: list[Hostname] = Field(
        default_factory=list,
        description="Exact names or `*.example.com` (one label or more); without any: all hosts.",
    )
    matches: list[Match] = Field(
        default_factory=list, description="Alternatives; without any: every request."
    )
    first: bool = Field(
        False,
        description="`true`: asked before every route without it, whatever their hostnames and "
        "paths.",
    )
    auth: RouteAuth | None = Field(
        None,
        description="`required`: any API key of the policy. Or what the key must be good for. "
        "Without it everybody may use the route.",
    )
    rate_limits: list[Name] = Field(
        default_factory=list,
        description="Names from `rate_limits`: all must allow, and the first that does not "
        "answers. Those by key come after the others.",
    )
    limits: RouteLimits | None = Field(None, description="How large its requests may be.")
    filters: Filters | None = Field(
        None, description="What happens to requests and answers on their way."
    )
    split: dict[Name, Backend] | None = Field(
        None, description="Pool to weight, or to weight and filters."
    )
    sticky: list[Sticky] = Field(
        default_factory=list,
        description="Sources of a client's key, the first that has one: clients with one key "
        "stay in one pool. Without any the choice is random.",
    )
    override: Token | None = Field(
        None,
        description="The header in which a client whose API key has the scope `router:override` "
        "names the pool or variant that its request goes to.",
        examples=["x-router-override"],
    )
    seed: Seed | None = Field(
        None,
        description="Routes with one seed send a client to the same side; default: the name.",
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long to wait.")
    failover: Failover = Field(
        default_factory=Failover, description="When and where a request is tried again."
    )
    respond: Respond | None = Field(
        None, description="Answer at the edge instead of forwarding, for example for maintenance."
    )


class Policy(Part):
    """`routes.yaml` whole."""

    version: LanguageVersion = Field(description="The version of the language: 1.")
    variants: dict[Name, Variant] = Field(min_length=1, description="Name to variant.")
    pools: dict[Name, Pool] = Field(default_factory=dict, description="Name to pool.")
    regions: dict[Name, Region] = Field(default_factory=dict, description="Name to region.")
    default_region: Name | None = Field(
        None, description="The region of clients that no other region claims."
    )
    auth: Auth = Field(default_factory=Auth, description="The API keys of clients.")
    rate_limits: dict[Name, RateLimit] = Field(
        default_factory=dict, description="Name to rate limit; routes that name one share it."
    )
    merge_slashes: bool = Field(
        False, description="`true`: repeated slashes in a path count as one, and go on as one."
    )
    identify: bool = Field(
        True, description="`false`: answers carry no `x-router-route` and `x-router-variant`."
    )
    limits: Limits = Field(default_factory=Limits, description="How large requests may be.")
    health: Health = Field(
        default_factory=Health, description="How the router finds out which variants can serve."
    )
    drills: list[Drill] = Field(
        default_factory=list,
        max_length=MAX_DRILLS,
        description="Failures by schedule, which end by themselves.",
    )
    rollouts: list[Rollout] = Field(
        default_factory=list,
        max_length=MAX_ROLLOUTS,
        description="Traffic that moves from one pool to another, step by step, while it is "
        "judged.",
    )
    routes: list[Route] = Field(min_length=1, description="The routes; order matters only in ties.")
