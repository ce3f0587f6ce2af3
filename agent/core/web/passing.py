"""Forwards requests of sandboxed code, under the same rules as the agent's own.

They go only where `Web` allows; redirects are followed here, each of them checked. The code always
gets a response: a refusal is 403 and a failure 502, with the reason as text and the header
`x-agent-refused`, which tells it from the site's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agent.core.refused import Refused, Unavailable
from agent.core.web.request import MAX_TIMEOUT_MS, METHODS, Request, is_owned, read_headers
from agent.core.web.web import Web
from agent.core.web.wire import Body

MARK = "x-agent-refused"
# They describe the answer as it was received; the body is forwarded decompressed, and whole.
_LEFT_OUT = (
    *("content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive"),
    MARK,
)


class Passed(NamedTuple):
    """An answer; its body is `held`, or else `text`."""

    status: int
    headers: tuple[tuple[str, str], ...]
    held: Body | None = None
    text: str = ""


def passed_on(
    web: Web, method: str, url: str, headers: Mapping[str, str], body: str | None
) -> Passed:
    """Forward a request, without the headers about the client and its connection."""
    try:
        if method not in METHODS:
            raise Refused(f"the method is one of {', '.join(METHODS)}")
        own = read_headers({name: headers[name] for name in headers if not is_owned(name)})
        fetched = web.fetch(Request(url, method, own, body, MAX_TIMEOUT_MS))
    except Refused as why:
        return refusal_response(403, str(why))
    except Unavailable as why:
        return refusal_response(502, str(why))
    if fetched.held.is_cut:
        return refusal_response(502, "the answer has more bytes than may be read")
    forwarded = tuple(header for header in fetched.headers if header[0] not in _LEFT_OUT)
    return Passed(fetched.status, forwarded, fetched.held)


def refusal_response(status: int, why: str) -> Passed:
    headers = (("content-type", "text/plain;charset=utf-8"), (MARK, "true"))
    return Passed(status, headers, None, why)
