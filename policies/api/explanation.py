"""`/.router/explain`: what becomes of a request, and why."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from policies.api.values import Digest, about


class ExplainedLimit(TypedDict):
    """A rate limit that the request is charged to."""

    name: str
    by: str
    key: str
    limit: Annotated[int, about("Requests in `per_ms`")]
    per_ms: int
    burst: int
    mode: Literal["exact", "leased"]
    on_error: str


class ForwardedRequest(TypedDict):
    method: str
    host: str
    path: str
    query: str
    headers: dict[str, str]


class OwnAnswer(TypedDict):
    """An answer that the router gives itself."""

    status: int
    headers: dict[str, str]
    code: NotRequired[Annotated[str, about("Of the problem document")]]
    detail: NotRequired[str]
    body: NotRequired[str]


class ResponseHeaders(TypedDict):
    """What is done to the headers of the variant's answer."""

    set: dict[str, str]
    add: Annotated[list[list[str]], about("Pairs of name and value")]
    remove: list[str]


class ExplainedMirror(TypedDict):
    pool: str
    variant: str | None
    percent: float


class ExplainedStep(TypedDict):
    step: str
    text: str


class Explanation(TypedDict):
    status: Annotated[int, about("What the client gets; 200 stands for what the variant answers")]
    digest: Digest
    route: str | None
    rule: str | None
    region: str | None
    rollout: str | None
    pool: str | None
    variant: str | None
    candidates: Annotated[list[str], about("Variants in the order in which they are tried")]
    key_id: str | None
    rate_limits: list[ExplainedLimit]
    forwarded: ForwardedRequest | None
    answer: OwnAnswer | None
    response_headers: ResponseHeaders
    mirrors: list[ExplainedMirror]
    steps: list[ExplainedStep]
