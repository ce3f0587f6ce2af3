"""The operations of `/.router/*`: one for each path and method.

`REFUSED` has the statuses that any operation may refuse a request with; each operation names its
own others.
"""

from __future__ import annotations

from typing import NamedTuple

from router.edge.admin.limits import ACTIONS, EVENTS, EXPLAIN_PARAMETERS, MAX_EVENTS
from workers_runtime.prometheus import CONTENT_TYPE

Schema = dict[str, object]
TAGS = {
    "status": "The router, its policy and its variants",
    "drills": "Planned failures, and the audit log",
    "rollouts": "Canaries that grow in steps",
}
_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_EVENTS, "default": EVENTS}
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
PARAMETERS: dict[str, Schema] = {
    "id": {**_TEXT, "description": "the id of a running drill, such as `d-43dd`"},
    "name": {**_TEXT, "description": "the name of the rollout in the policy"},
    "action": {"type": "string", "enum": list(ACTIONS), "description": "what to do"},
    "limit": {**_LIMIT, "description": "how many events"},
    "local": {"type": "string", "enum": ["1"], "description": "the view of this isolate alone"},
    "url": {**_TEXT, "description": "the URL of the request; required"},
    "method": {**_TEXT, "default": "GET"},
    "header": {**_TEXTS, "description": "`Name: value`; may be repeated"},
    "down": {**_TEXTS, "description": "a variant to treat as unavailable; may be repeated"},
    "ip": {**_TEXT, "description": "the client's address"},
    "colo": {**_TEXT, "description": "Cloudflare's location, such as `FRA`"},
    "country": {**_TEXT, "description": "the client's country, such as `DE`"},
    "continent": {**_TEXT, "description": "the client's continent, such as `EU`"},
}
TEXT = CONTENT_TYPE
# Any operation that needs a key may answer these; 405 is for other methods of its path.
REFUSED = {
    400: "The path, a parameter or the body is malformed",
    401: "The key is missing or not valid",
    403: "The key lacks the scope `router:admin`",
    405: "The path does not take this method; the header `Allow` lists its methods",
    500: "The router failed",
}
SOME = {
    404: "Nothing has that name",
    409: "The request is refused, and nothing was changed",
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
    Operation(
        "GET",
        "/health",
        "health",
        "status",
        "Whether the router is healthy",
        "Health",
        is_open=True,
    ),
    Operation(
        "GET",
        "/status",
        "status",
        "status",
        "The serving policy and the state of the router",
        "Status",
    ),
    Operation(
        *("GET", "/policy", "policy", "status", "The policy in KV, else the uploaded one"),
        "PolicyText",
    ),
    Operation(
        *("GET", "/explain", "explain", "status", "How a request would be routed", "Explanation"),
        query=EXPLAIN_PARAMETERS,
    ),
    Operation("GET", "/metrics", "metrics", "status", "The metrics of the answering isolate", TEXT),
    Operation(
        *("GET", "/health/variants", "variants", "status", "The health of every variant"),
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
        *("GET", "/audit", "audit", "drills", "The audit log of drills and rollouts", "Audit"),
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
        *("The history of a rollout", "RolloutEvents"),
        query=("limit",),
        refuses=(_UNKNOWN, _NO_COORDINATOR),
    ),
    Operation(
        *("POST", "/rollouts/{name}/{action}", "command", "rollouts"),
        *("Sends a command to a rollout", "Rollout", "RolloutCommand"),
        takes_nothing=True,
        refuses=(_UNKNOWN, (409, "RolloutRefused"), _TOO_LARGE, _NO_COORDINATOR),
    ),
)
