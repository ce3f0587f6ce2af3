"""HTTPRoutes of the Kubernetes Gateway API, and parts shared with others, as pydantic models.

Names, types, defaults and required fields are those of the API's `httproute_types.go`
and `shared_types.go`. An item of a list that is None was invalid: it has been reported, and is
kept so that the others keep their numbers. `policies.language` validates the values after they
are converted.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from policies.gateway.models.values import (
    Flag,
    GatewayDuration,
    Label,
    Numbered,
    ObjectName,
    Subdomain,
    Timestamp,
)
from policies.language.model.part import Part
from policies.language.values.values import Hostname, problem

GROUP = "gateway.networking.k8s.io"
DEFAULT_NAMESPACE = "default"  # `kubectl`'s default


class Object(Part):
    """A mapping of the Gateway API, whose names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)

    @property
    def named(self) -> set[str]:
        """Return the names of the given fields, as in manifests."""
        return {to_camel(name) for name in self.model_fields_set}


# The field that goes with each type.
FILTER_FIELDS = {
    "RequestHeaderModifier": "request_header_modifier",
    "ResponseHeaderModifier": "response_header_modifier",
    "RequestMirror": "request_mirror",
    "RequestRedirect": "request_redirect",
    "URLRewrite": "url_rewrite",
    "CORS": "cors",
    "ExternalAuth": "external_auth",
    "ExtensionRef": "extension_ref",
}
_PATH_FIELDS = {
    "ReplaceFullPath": "replace_full_path",
    "ReplacePrefixMatch": "replace_prefix_match",
}


def _only_chosen(part: Object, chosen: str, fields: dict[str, str]) -> None:
    """Require the field of the chosen type, and refuse those of other types."""
    for type_, name in fields.items():
        field, given = to_camel(name), name in part.model_fields_set
        if given and type_ != chosen:
            message = f"`{field}` has no effect with `type: {chosen}`"
            raise problem("unused-field", message, f"leave it out, or write `type: {type_}`")
        if not given and type_ == chosen:
            message = f"`type: {chosen}` needs `{field}`, which is missing"
            raise problem("missing-field", message, f"add `{field}`")


class Metadata(Object):
    """The identity and the age of an object; other metadata does not affect requests."""

    name: Subdomain
    namespace: Label = DEFAULT_NAMESPACE
    creation_timestamp: Timestamp | None = None
    annotations: dict[str, object] = Field(default_factory=dict)
    labels: object = None
    uid: object = None
    generation: object = None
    generate_name: object = None
    resource_version: object = None
    managed_fields: object = None
    owner_references: object = None
    finalizers: object = None
    self_link: object = None
    deletion_timestamp: object = None
    deletion_grace_period_seconds: object = None


class ParentRef(Object):
    """The Gateway, and optionally the listener, of a route."""

    group: str = GROUP
    kind: str = "Gateway"
    namespace: Label | None = None
    name: ObjectName
    section_name: ObjectName | None = None
    port: Numbered | None = None


class ObjectRef(Object):
    """A backend; a Service by default."""

    group: str = ""
    kind: str = "Service"
    namespace: Label | None = None
    name: ObjectName
    port: Numbered | None = None


class PathMatch(Object):
    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: str = "/"


class ValueMatch(Object):
    """A header or query parameter."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: str = Field(min_length=1, max_length=256)
    value: str = Field(min_length=1)


class Match(Object):
    path: PathMatch | None = None
    headers: list[ValueMatch] = Field(default_factory=list)
    query_params: list[ValueMatch] = Field(default_factory=list)
    method: str | None = None


class Header(Object):
    name: str
    value: str


class HeaderModifier(Object):
    set: list[Header] = Field(default_factory=list)
    add: list[Header] = Field(default_factory=list)
    remove: list[str] = Field(default_factory=list)


class PathModifier(Object):
    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: str | None = None
    replace_prefix_match: str | None = None

    def check(self) -> None:
        _only_chosen(self, self.type, _PATH_FIELDS)


class RequestRedirect(Object):
    scheme: str | None = None
    hostname: str | None = None
    path: PathModifier | None = None
    port: int | None = None
    status_code: int | None = None


class UrlRewrite(Object):
    hostname: str | None = None
    path: PathModifier | None = None


class Fraction(Object):
    numerator: int = Field(ge=0)
    denominator: int = Field(100, ge=1)


class RequestMirror(Object):
    backend_ref: ObjectRef
    percent: int | None = Field(None, ge=0, le=100)
    fraction: Fraction | None = None


class Cors(Object):
    allow_origins: list[str] = Field(default_factory=list)
    allow_credentials: Flag = False
    allow_methods: list[str] = Field(default_factory=list)
    allow_headers: list[str] = Field(default_factory=list)
    expose_headers: list[str] = Field(default_factory=list)
    max_age: int = Field(5, ge=1)


class Filter(Object):
    """A filter; `type` says which."""

    type: Literal[
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestMirror",
        "RequestRedirect",
        "URLRewrite",
        "CORS",
        "ExternalAuth",
        "ExtensionRef",
    ]
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None
    request_mirror: RequestMirror | None = None
    request_redirect: RequestRedirect | None = None
    url_rewrite: UrlRewrite | None = None
    cors: Cors | None = None
    external_auth: object = None
    extension_ref: object = None

    def check(self) -> None:
        _only_chosen(self, self.type, FILTER_FIELDS)


class BackendRef(ObjectRef):
    """A backend of a rule, with its weight."""

    weight: int = Field(1, ge=0, le=1_000_000)
    filters: list[Filter | None] = Field(default_factory=list)


class Timeouts(Object):
    request: GatewayDuration | None = None
    backend_request: GatewayDuration | None = None


class Retry(Object):
    codes: list[int] = Field(default_factory=list)
    attempts: int | None = Field(None, ge=0)
    backoff: GatewayDuration | None = None


class CookieConfig(Object):
    name: str | None = None
    path: str | None = None
    lifetime_type: Literal["Permanent", "Session"] = "Session"


class HeaderConfig(Object):
    name: str


class SessionPersistence(Object):
    """Session persistence. Up to API version 1.5, the name is `sessionName` and the cookie's
    settings are `cookieConfig`; since then, `cookie` and `header` have both."""

    session_name: str | None = None
    absolute_timeout: GatewayDuration | None = None
    idle_timeout: GatewayDuration | None = None
    type: Literal["Cookie", "Header"] = "Cookie"
    cookie_config: CookieConfig | None = None
    cookie: CookieConfig | None = None
    header: HeaderConfig | None = None


class Rule(Object):
    name: ObjectName | None = None
    matches: list[Match | None] = Field(default_factory=list)
    filters: list[Filter | None] = Field(default_factory=list)
    backend_refs: list[BackendRef | None] = Field(default_factory=list)
    timeouts: Timeouts | None = None
    retry: Retry | None = None
    session_persistence: SessionPersistence | None = None


def _one_rule() -> list[Rule | None]:
    """A rule; the API's default matches every request and has no backend."""
    return [Rule()]


class RouteSpec(Object):
    """The fields that both kinds of routes have."""

    parent_refs: list[ParentRef | None] = Field(default_factory=list)
    use_default_gateways: Literal["All", "None"] = "None"
    hostnames: list[Hostname | None] = Field(default_factory=list)


class HttpRouteSpec(RouteSpec):
    rules: list[Rule | None] = Field(default_factory=_one_rule, min_length=1)


class HttpRoute(Object):
    api_version: object = None
    kind: object = None
    metadata: Metadata
    spec: HttpRouteSpec
    status: object = None
