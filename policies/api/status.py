"""`/.router/health`, `/.router/status` and `/.router/policy`."""

from __future__ import annotations

from typing import Annotated, Literal

from typing_extensions import TypedDict

from policies.api.values import Digest, Time, about

Word = Literal["ok", "degraded"]


class Health(TypedDict):
    status: Annotated[Word, about("`degraded`: it serves, but something is wrong")]


class ServingPolicy(TypedDict):
    """The policy that serves at the answering isolate."""

    digest: Digest
    source: Annotated[
        Literal["kv", "last-good", "bundled"],
        about("KV; the last valid one in KV; the one that was uploaded with the router"),
    ]
    loaded_at: Annotated[Time | None, about("Since when it serves here")]
    routes: Annotated[int, about("How many", ge=0)]
    variants: Annotated[int, about("How many", ge=0)]
    identify: Annotated[bool, about("Whether answers tell route and variant in headers")]


class CoordinatorLine(TypedDict):
    """What the answering isolate last heard of the Coordinator."""

    reachable: bool
    age_ms: Annotated[int | None, about("How long ago; null: never")]
    version: Annotated[int, about("Of what the Coordinator tells", ge=0)]
    error: Annotated[str | None, about("Why it could not be asked the last time")]


class Finding(TypedDict):
    """A mistake in a policy."""

    code: Annotated[str, about("Its heading in the diagnostics")]
    path: Annotated[str, about("Where in the document")]
    line: Annotated[int, about("From 1")]
    column: Annotated[int, about("From 1")]
    message: str
    hint: Annotated[str, about("How to mend it")]
    severity: Literal["error", "warning"]


class Rejected(TypedDict):
    """The policy that KV holds, and that is refused."""

    digest: Digest
    at: Annotated[Time | None, about("When it was refused")]
    findings: Annotated[list[Finding], about("Empty: the compiler failed")]


class BoundVariant(TypedDict):
    name: str
    pool: str
    region: str | None
    binding: Annotated[str | None, about("The service binding of `wrangler.toml`; null: a URL")]
    url: Annotated[str | None, about("The server's URL; null: a service binding")]
    bound: Annotated[bool, about("Whether the upload has that binding; true for a URL")]
    drain: Annotated[bool, about("Whether it gets no new clients")]


class Status(TypedDict):
    status: Word
    reasons: Annotated[list[str], about("Why it is degraded")]
    policy: ServingPolicy
    asked_at: Annotated[Time | None, about("When KV was last asked")]
    coordinator: CoordinatorLine
    rejected: Rejected | None
    variants: list[BoundVariant]


class PolicyText(TypedDict):
    """What KV holds at this moment; without a policy there, what was uploaded with the Worker."""

    digest: Digest
    source: Annotated[Literal["kv", "bundled"], about("`bundled`: KV holds no policy")]
    serves: Annotated[bool, about("Whether it serves at the answering isolate")]
    text: Annotated[str, about("The YAML")]
