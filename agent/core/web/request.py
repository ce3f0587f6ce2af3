"""A request to the Internet, and how a redirect changes it.

Redirects follow the Fetch standard: 303 becomes GET, 301 and 302 do so after POST. Across origins
the standard drops `authorization` only, but an API key may be in any header: here only headers that
identify nobody are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from agent import PRODUCT, __version__
from agent.core.refused import Refused
from workers_runtime.urls import Url

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BODILESS = ("GET", "HEAD")
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")  # RFC 9110, 9.2.2
REDIRECTS = (301, 302, 303, 307, 308)
USER_AGENT = f"{PRODUCT}/{__version__}"
TIMEOUT_MS, MAX_TIMEOUT_MS = 10_000, 30_000
MAX_ANSWER = 1024 * 1024  # bytes, unpacked
MAX_HEADERS, MAX_HEADER_BYTES = 64, 16_384

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Headers that clients may not set, and their owners, for the message.
_OWN = {
    **dict.fromkeys(("host", "content-length", "accept-encoding", "user-agent"), "the agent's own"),
    **dict.fromkeys(
        ("connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect"),
        "the connection's",
    ),
    **dict.fromkeys(("transfer-encoding", "proxy-authorization", "date"), "the connection's"),
    **dict.fromkeys(("forwarded", "via", "x-real-ip", "true-client-ip", "cdn-loop"), "a proxy's"),
}
_OWN_PREFIXES = {"cf-": "Cloudflare's", "x-router-": "the router's", "x-forwarded-": "a proxy's"}
_ACROSS_ORIGINS = ("accept", "accept-language", "content-type")
_OF_A_BODY = ("content-type", "content-language", "content-encoding", "content-location")


class Request(NamedTuple):
    """`headers` by their lower-case names; `timeout_ms` and `most` (bytes of the answer's body)
    are for all of it, redirects included."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: str | None = None
    timeout_ms: int = TIMEOUT_MS
    most: int = MAX_ANSWER


def read_headers(given: object) -> dict[str, str]:
    """Validates headers. Raises `Refused`."""
    if not isinstance(given, dict):
        raise Refused("`headers` is an object of names and texts")
    read = dict[str, str]()
    for name, value in given.items():
        lower = name.lower()
        if not _NAME.fullmatch(name) or lower in read:
            raise Refused(f"`{name[:80]}` is no name of a header, or there twice")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise Refused(f"the header `{name[:80]}` is no text that HTTP can carry")
        _check_owner(lower)
        read[lower] = value.strip()
    size = sum(len(name) + len(value) for name, value in read.items())
    if len(read) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise Refused(f"more than {MAX_HEADERS} headers, or {MAX_HEADER_BYTES:,} bytes of them")
    return read


def is_owned(name: str) -> bool:
    """Whether only its owner may set this header."""
    return _owner(name.lower()) is not None


def _owner(name: str) -> str | None:
    prefixes = (of for prefix, of in _OWN_PREFIXES.items() if name.startswith(prefix))
    return _OWN.get(name) or next(prefixes, None)


def _check_owner(name: str) -> None:
    owner = _owner(name)
    if owner:
        raise Refused(f"the header `{name[:80]}` is {owner}; leave it out")


def redirected(request: Request, status: int, old: Url, new: Url) -> Request:
    method, headers, body = request.method, dict(request.headers), request.body
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        headers = {name: headers[name] for name in headers if name not in _OF_A_BODY}
    if old.origin != new.origin:
        headers = {name: headers[name] for name in headers if name in _ACROSS_ORIGINS}
    return request._replace(url=new.text, method=method, headers=headers, body=body)
