"""Problems: the router's responses when it cannot forward (RFC 9457).

One table has all codes; `docs/problems.md` has a heading for each, held by a test. `detail` is for
the client, and reveals nothing of the inside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

CONTENT_TYPE = "application/problem+json"

# code: (status, title)
PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-path": (400, "The path is malformed"),
    "bad-request": (400, "The request is malformed"),
    "unknown-override": (400, "The override names nothing"),
    "unauthorized": (401, "A valid API key is needed"),
    "forbidden": (403, "The API key may not do this"),
    "no-route": (404, "No route matches"),
    "no-route-for-method": (404, "No route matches"),
    "not-found": (404, "There is no such resource"),
    "method-not-allowed": (405, "The method is not allowed here"),
    "body-incomplete": (408, "The body did not come in time"),
    "drill-refused": (409, "The drill would leave nothing"),
    "rollout-refused": (409, "The rollout is left as it is"),
    "body-too-large": (413, "The body is too large"),
    "url-too-long": (414, "The URL is too long"),
    "rate-limited": (429, "Too many requests"),
    "limiter-unavailable": (429, "A rate limit cannot be checked"),
    "headers-too-large": (431, "The headers are too large"),
    "internal-error": (500, "The router failed"),
    "no-backend": (500, "There is no backend"),
    "variant-failed": (502, "The backend failed"),
    "variant-unbound": (502, "The backend is not connected"),
    "no-variant": (503, "No backend can be tried"),
    "coordinator-unavailable": (503, "The Coordinator does not answer"),
    "variant-timeout": (504, "The backend took too long"),
    "loop-detected": (508, "The request comes back to the router"),
}

RETRY_AFTER_S = 5  # half of the time between two reads of the policy


@dataclass(frozen=True, slots=True)
class Problem:
    """A code of the table with the details of one request. `more`: extra fields of the document,
    for programs."""

    code: str
    detail: str
    headers: tuple[tuple[str, str], ...] = ()
    more: Mapping[str, object] | None = None

    @property
    def status(self) -> int:
        return PROBLEMS[self.code][0]

    def after(self, seconds: int) -> Problem:
        """Return the same with `Retry-After`."""
        return replace(self, headers=(*self.headers, ("retry-after", str(seconds))))

    def body(self, request_id: str) -> str:
        status, title = PROBLEMS[self.code]
        return json.dumps(
            {
                "type": f"urn:fiberwise-router:problem:{self.code}",
                "title": title,
                "status": status,
                "detail": self.detail,
                "code": self.code,
                "request_id": request_id,
                **(self.more or {}),
            }
        )
