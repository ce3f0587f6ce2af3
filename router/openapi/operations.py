"""All that can be asked of `/.router/*`: an operation for each path and method.

What only some operations are refused with stands with them; what any may be, in `REFUSED`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from router.edge.admin.limits import ACTIONS, EVENTS, EXPLAIN_PARAMETERS, MAX_EVENTS

Schema = dict[str, Any]
TAGS = {
    "status": "The router, its policy and its variants",
    "drills": "Planned failures, and the audit log",
    "rollouts": "Canaries that grow in steps",
}
_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_EVENTS, "default": EVENTS}
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
PARAMETERS: dict[str, Schema] = {
    "id": {**_TEXT, "description": "the id of a drill that is running, such as `d-43dd`"},
    "name": {**_TEXT, "description": "the rollout, as the policy names it"},
    "action": {"type": "string", "enum": list(ACTIONS), "description": "what to do"},
    "limit": {**_LIMIT, "description": "how many events"},
    "local": {"type": "string", "enum": ["1"], "description": "only what this isolate knows"},
    "url": {**_TEXT, "description": "the request's; it must be there"},
    "method": {**_TEXT, "default": "GET"},
    "header": {**_TEXTS, "description": "`Name: value`; may be there several times"},
    "down": {**_TEXTS, "description": "a variant that is taken to be out; several times, too"},
    "ip": {**_TEXT, "description": "the client's address"},
    "colo": {**_TEXT, "description": "Cloudflare's location, such as `FRA`"},
    "country": {**_TEXT, "description": "the client's, such as `DE`"},
    "continent": {**_TEXT, "description": "the client's, such as `EU`"},
}
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# Any operation that needs a key may be refused so; 405 is for other methods of its path.
REFUSED = {
    400: "The path, a parameter or the body is malformed",
    401: "There is no valid key",
    403: "The key lacks the scope `router:admin`",
    405: "The path does not take this method; the header `Allow` has those that it takes",
    500: "The router failed",
}
SOME = {
    404: "There is none of that name",
    409: "It is refused, and nothing was done",
    413: "The body is too large",
    503: "The Coordinator does not answer; the header `Retry-After` says when to ask again",
}


class Operation(NamedTuple):
    """`gives`, `takes`: schemas, or a media type of text. `refuses`: statuses of `SOME`, each
    with the schema of its document. `is_open`: no key is needed."""

    method: str
    path: str
    id: str
    tag: str
    about: str
    gives: str
    takes: str = ""
    takes_nothing: bool = False  # the body may be missing
    query: tuple[str, ...] = ()
    refuses: tuple[tuple[int, str], ...] = ()
    is_open: bool = False
    status: int = 200


_NO_COORDINATOR = (503, "Problem")
_UNKNOWN = (404, "Problem")
_TOO_LARGE = (413, "Problem")

OPERATIONS = (
    Operation("GET", "/health", "health", "status", "Whether it is well", "Health", is_open=True),
    Operation("GET", "/status", "status", "status", "Which policy serves, and how", "Status"),
    Operation(
        *("GET", "/policy", "policy", "status", "What KV holds", "PolicyText"),
        refuses=(_UNKNOWN,),
    ),
    Operation(
        *("GET", "/explain", "explain", "status", "What becomes of a request", "Explanation"),
        query=EXPLAIN_PARAMETERS,
    ),
    Operation("GET", "/metrics", "metrics", "status", "The answering isolate's counts", TEXT),
    Operation(
        *("GET", "/health/variants", "variants", "status", "How every variant is"),
        "VariantsHealth",
        query=("local",),
    ),
    Operation(
        *("GET", "/drills", "drills", "drills", "All drills", "Drills"),
        refuses=(_NO_COORDINATOR,),
    ),
    Operation(
        *("POST", "/drills", "startDrill", "drills", "Starts a drill", "Drill", "DrillRequest"),
        refuses=((409, "DrillRefused"), _TOO_LARGE, _NO_COORDINATOR),
        status=201,
    ),
    Operation(
        *("DELETE", "/drills", "stopDrills", "drills", "Ends all drills", "StoppedDrills"),
        refuses=(_NO_COORDINATOR,),
    ),
    Operation(
        *("DELETE", "/drills/{id}", "stopDrill", "drills", "Ends a drill", "StoppedDrills"),
        refuses=(_UNKNOWN, _NO_COORDINATOR),
    ),
    Operation(
        *("GET", "/audit", "audit", "drills", "What has happened to drills and rollouts", "Audit"),
        query=("limit",),
        refuses=(_NO_COORDINATOR,),
    ),
    Operation(
        *("GET", "/rollouts", "rollouts", "rollouts", "All rollouts", "Rollouts"),
        refuses=(_NO_COORDINATOR,),
    ),
    Operation(
        *("GET", "/rollouts/{name}", "rollout", "rollouts", "A rollout", "OneRollout"),
        refuses=(_UNKNOWN, _NO_COORDINATOR),
    ),
    Operation(
        *("GET", "/rollouts/{name}/history", "rolloutHistory", "rollouts"),
        *("What has become of a rollout", "RolloutEvents"),
        query=("limit",),
        refuses=(_UNKNOWN, _NO_COORDINATOR),
    ),
    Operation(
        *("POST", "/rollouts/{name}/{action}", "command", "rollouts"),
        *("Does something with a rollout", "Rollout", "RolloutCommand"),
        takes_nothing=True,
        refuses=(_UNKNOWN, (409, "RolloutRefused"), _TOO_LARGE, _NO_COORDINATOR),
    ),
)
