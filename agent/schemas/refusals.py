"""Error responses: of the agent as JSON, of the router as a problem document."""

from __future__ import annotations

from typing import NamedTuple

from agent.core.http.responses import JSON
from agent.schemas.components.values import Schema, an_id, either, one_of, ref, text, whole
from agent.schemas.operations import Operation

PROBLEM = "application/problem+json"


class Refusal(NamedTuple):
    """`of_agent`: schemas of the agent's response, empty if only the router sends it. `of_router`:
    whether the router does. `headers`: those that come with it, True if always."""

    name: str
    about: str
    of_agent: tuple[str, ...] = ()
    of_router: bool = True
    headers: tuple[tuple[str, bool], ...] = ()

    @property
    def spoken(self) -> tuple[str, ...]:
        """All shapes of the status. Clients made from the document look at the status and not
        at the media type, so the router's shape is named beside the agent's."""
        return (*self.of_agent, *(("Problem",) if self.of_router else ()))


_LATER = (("retry-after", False),)
REFUSALS: dict[int, Refusal] = {
    400: Refusal(
        "BadRequest", "It cannot be read; `error` says what, and how to mend it", ("Error",)
    ),
    401: Refusal("Unauthorized", "It needs a key", ("Error",)),
    403: Refusal("Forbidden", "The key has not the scope for it", ("Error",)),
    404: Refusal("NotFound", "There is none", ("Error",)),
    405: Refusal(
        "MethodNotAllowed", "The path takes other methods", ("Error",), False, (("allow", True),)
    ),
    409: Refusal("Conflict", "It stands otherwise", ("Conflict", "Error"), False),
    412: Refusal(
        "PreconditionFailed",
        "The agent has another version than `if-match` says",
        ("Error",),
        False,
    ),
    413: Refusal("TooLarge", "The body, or what it holds, is too large", ("Error",)),
    414: Refusal("UriTooLong", "The URL is too long"),
    422: Refusal(
        "JobFailed",
        "Its capability does not take this, or it failed, or nobody can run it",
        ("JobFailed", "Error"),
        False,
    ),
    429: Refusal(
        "TooManyRequests",
        "The route has a rate limit, or the key has as many jobs or workers as it may",
        ("LimitReached", "Error"),
        headers=_LATER,
    ),
    431: Refusal("HeadersTooLarge", "The headers are too large"),
    500: Refusal("ServerError", "The agent, or the router, could not handle it", ("Error",)),
    502: Refusal("BadGateway", "No variant of the agent answered"),
    503: Refusal(
        "Unavailable",
        "The queue, or what a job needs, does not answer: try again",
        ("JobFailed", "Error"),
        headers=_LATER,
    ),
    504: Refusal("GatewayTimeout", "The agent took too long"),
}
ANY = (400, 405, 414, 429, 431, 500, 502, 503, 504)
WITH_A_KEY = (401, 403)
WITH_A_BODY = (413,)
HEADERS: dict[str, Schema] = {
    "allow": text("the methods that the path takes", examples=["GET, POST, HEAD"]),
    "retry-after": whole("seconds"),
    "x-cache": one_of(("HIT", "MISS", "BYPASS"), "whether the result was kept from before"),
    "age": whole("seconds; of a result that was kept"),
    "x-job-id": an_id("of a job whose answer is a stream"),
    "etag": text("the version in quotes", examples=['"3"']),
    "x-request-id": text("of the router; the same as in its logs", pattern="^[0-9a-f]{32}$"),
}


def refused(operation: Operation) -> list[int]:
    """The statuses of all that an operation may be answered instead."""
    keyed = () if operation.is_open else WITH_A_KEY
    sent = WITH_A_BODY if operation.takes else ()
    return sorted({*ANY, *keyed, *sent, *operation.refuses})


def responses() -> dict[str, Schema]:
    return {refusal.name: _response(refusal) for refusal in REFUSALS.values()}


def header(name: str, is_always: bool) -> Schema:
    about = HEADERS[name]
    schema = {key: value for key, value in about.items() if key != "description"}
    return {"description": about["description"], "required": is_always, "schema": schema}


def _response(refusal: Refusal) -> Schema:
    content: Schema = {}
    if refusal.of_agent:
        schemas = [ref(name) for name in refusal.spoken]
        content[JSON] = {"schema": schemas[0] if len(schemas) == 1 else either(*schemas)}
    if refusal.of_router:
        content[PROBLEM] = {"schema": ref("Problem")}
    headers = {name: header(name, is_always) for name, is_always in refusal.headers}
    headers["x-request-id"] = {"$ref": "#/components/headers/x-request-id"}
    return {"description": refusal.about, "headers": headers, "content": content}
