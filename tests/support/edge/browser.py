"""What a browser does with a page's request to another origin, as the Fetch standard has it.

- A request that a form could not send is preceded by a preflight (4.8, CORS-preflight fetch).
- The preflight must have an ok status, pass the CORS check, and allow the method and each
  header. `*` allows any, but for `Authorization`, and for requests with credentials.
- The answer must pass the CORS check, or the page learns nothing: a network error.
- Of the answer's headers the page sees the safelisted ones, and those that are exposed.

Cookies and redirects are left out: the API has neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import httpx

SAFE_METHODS = {"GET", "HEAD", "POST"}
SAFE_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
SAFE_ANSWER_HEADERS = {
    *("cache-control", "content-language", "content-length", "content-type", "expires"),
    *("last-modified", "pragma"),
}
NO_WILDCARD = "authorization"
MOST_OF_A_VALUE = 128  # bytes; a longer one is never safe
UNSAFE_BYTES = re.compile(r'[\x00-\x08\x0a-\x1f"():<>?@\[\\\]{}\x7f]')
LANGUAGE = re.compile(r"[0-9A-Za-z *,\-.;=]*")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

Send = Callable[[str, str, Mapping[str, str]], httpx.Response]


class NetworkError(Exception):
    """All that a page learns of a request that it may not make, or whose answer is kept from it."""


class Seen(NamedTuple):
    """An answer as the page sees it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Page:
    """A page of `origin`, whose browser sends requests with `send` (method, path, headers).
    `preflights`: the answers that the browser got and the page does not see."""

    def __init__(self, origin: str, send: Send, *, credentials: bool = False) -> None:
        self.origin = origin
        self.preflights: list[httpx.Response] = []
        self._send = send
        self._credentials = credentials

    def fetch(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> Seen:
        """`fetch(path, {method, headers, mode: "cors"})`."""
        sent = dict(headers or {})
        unsafe = unsafe_names(sent)
        if method not in SAFE_METHODS or unsafe:
            self._preflight(path, method, unsafe)
        answer = self._send(method, path, {**sent, "origin": self.origin})
        self._check(answer)
        return Seen(answer.status_code, self._visible(answer), answer.content)

    def _preflight(self, path: str, method: str, unsafe: list[str]) -> None:
        asked = {
            "accept": "*/*",
            "access-control-request-method": method,
            "origin": self.origin,
        }
        if unsafe:
            asked["access-control-request-headers"] = ",".join(unsafe)
        answer = self._send("OPTIONS", path, asked)
        self.preflights.append(answer)
        self._check(answer)
        if not 200 <= answer.status_code <= 299:
            raise NetworkError(f"the preflight has status {answer.status_code}")
        methods = listed(answer, "access-control-allow-methods") or [method]
        if not (method in methods or method in SAFE_METHODS or self._any(methods)):
            raise NetworkError(f"the method {method} is none of {methods}")
        names = [name.lower() for name in listed(answer, "access-control-allow-headers")]
        for name in unsafe:
            if name not in names and (name == NO_WILDCARD or not self._any(names)):
                raise NetworkError(f"the header {name} is none of {names}")

    def _any(self, names: list[str]) -> bool:
        return "*" in names and not self._credentials

    def _check(self, answer: httpx.Response) -> None:
        """The CORS check. A header that is there twice is one text, and no origin."""
        origin = answer.headers.get("access-control-allow-origin")
        if origin == "*" and not self._credentials:
            return
        if origin != self.origin:
            raise NetworkError(f"{answer.status_code} is for pages of {origin}")
        if self._credentials and answer.headers.get("access-control-allow-credentials") != "true":
            raise NetworkError("the answer is not for requests with credentials")

    def _visible(self, answer: httpx.Response) -> Mapping[str, str]:
        exposed = {name.lower() for name in listed(answer, "access-control-expose-headers")}
        return {
            name.lower(): value
            for name, value in answer.headers.items()
            if name.lower() in SAFE_ANSWER_HEADERS | exposed or self._any(list(exposed))
        }


def unsafe_names(headers: Mapping[str, str]) -> list[str]:
    """The names, in order, of the headers that a form could not send."""
    return sorted(name.lower() for name, value in headers.items() if not is_safe(name, value))


def is_safe(name: str, value: str) -> bool:
    """Whether this is a CORS-safelisted request-header. (`Range` is taken as unsafe.)"""
    if len(value.encode()) > MOST_OF_A_VALUE:
        return False
    match name.lower():
        case "accept":
            return not UNSAFE_BYTES.search(value)
        case "accept-language" | "content-language":
            return LANGUAGE.fullmatch(value) is not None
        case "content-type":
            kind = value.partition(";")[0].strip().lower()
            return not UNSAFE_BYTES.search(value) and kind in SAFE_TYPES
    return False


def listed(answer: httpx.Response, header: str) -> list[str]:
    """The names in a header of the answer; a network error if it is no list of them."""
    names = [name.strip() for name in answer.headers.get(header, "").split(",")]
    found = [name for name in names if name]
    if not all(TOKEN.fullmatch(name) for name in found):
        raise NetworkError(f"{header} is no list of names")
    return found
