"""Sends requests to the Internet on behalf of users who are not trusted.

Each target, also of a redirect, is checked by its spelling (`Egress`) and by the addresses of its
name (`names.py`). Time and size are limited.

A failure that another attempt may overcome is `Unavailable`, and the job is retried. A POST without
an answer may have been executed: that is `Refused`, so that nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urljoin

from agent import PRODUCT
from agent.core.refused import Refused, Unavailable
from agent.core.web.charsets import USUAL, is_text
from agent.core.web.egress import Egress
from agent.core.web.expiring import ExpiringCache
from agent.core.web.request import IDEMPOTENT, REDIRECTS, Request, redirected
from agent.core.web.robots import Robots, read_robots
from agent.core.web.wire import Body, ResponseHead, Wire, WireError
from workers_runtime.names import MAX_NAMES, Resolution, questions, read_answers
from workers_runtime.urls import BadUrl, Url

MAX_REDIRECTS = 5
RESOLVED_WITHIN_MS = 5_000
# decoded by the runtime; other encodings stay as they are
UNPACKED = ("", "identity", "gzip", "br")
TOO_LATE = "TimeoutError"
MAX_ROBOTS = 512 * 1024  # bytes of a robots.txt; RFC 9309 wants 500 KiB to be read
ROBOTS_WITHIN_MS = 5_000
ROBOTS_KEPT_S, MAX_SITES = 3_600, 200


class Fetched(NamedTuple):
    """An answer; `url` is its URL after all redirects."""

    status: int
    headers: tuple[tuple[str, str], ...]
    url: str
    held: Body
    took_ms: float

    def header(self, name: str) -> str:
        return ", ".join(value for header, value in self.headers if header == name)

    @property
    def is_text(self) -> bool:
        is_open = self.header("content-encoding").strip().lower() in UNPACKED
        return is_open and is_text(self.header("content-type"), self.held.start)


class WebCaches:
    """The caches of an isolate: addresses of names, and rules of `robots.txt`."""

    def __init__(self) -> None:
        self.names = ExpiringCache[Resolution](MAX_NAMES)
        self.robots = ExpiringCache[Robots](MAX_SITES)


class Web:
    """`resolver`: the URL of DNS over HTTPS; without one names are not looked up. `clock` gives
    milliseconds."""

    def __init__(
        self,
        wire: Wire,
        egress: Egress,
        resolver: str,
        known: WebCaches,
        clock: Callable[[], float],
    ) -> None:
        self._wire = wire
        self._egress = egress
        self._resolver = resolver
        self._known = known
        self._clock = clock

    def fetch(self, request: Request) -> Fetched:
        """Raises `Refused` or `Unavailable`."""
        began = self._clock()
        url, hop = self._allowed(request.url, "", request, began), request
        for _ in range(MAX_REDIRECTS + 1):
            head = self._send(hop._replace(url=url.text), request, began)
            location = dict(head.headers).get("location")
            if head.status not in REDIRECTS or location is None:
                held = self._read(head, request.most, request, began)
                return Fetched(head.status, head.headers, url.text, held, self._clock() - began)
            self._read(head, 0, request, began)
            where = _joined(url, location)
            target = self._allowed(where, f"{url.origin} redirects: ", request, began)
            hop, url = redirected(hop, head.status, url, target), target
        raise Refused(f"more than {MAX_REDIRECTS} redirects, the last one to {url.origin}")

    def check_robots(self, request: Request) -> None:
        """Raises `Refused` if the site's `robots.txt` disallows the page, and `Unavailable` if it
        cannot be read."""
        url = self._allowed(request.url, "", request, self._clock())
        robots = self._known.robots.get(url.origin, self._clock())
        if robots is None:
            robots = self._robots(url.origin, request.timeout_ms)
            self._known.robots.keep(url.origin, robots, self._clock(), ROBOTS_KEPT_S)
        if not robots.allow(url.rest):
            raise Refused(f"{url.origin}/robots.txt asks robots not to read this page")

    def _robots(self, origin: str, timeout_ms: int) -> Robots:
        within = min(timeout_ms, ROBOTS_WITHIN_MS)
        request = Request(f"{origin}/robots.txt", timeout_ms=within, most=MAX_ROBOTS)
        try:
            answer = self.fetch(request)
        except Refused:  # it redirects to a forbidden host: treated as missing
            return Robots()
        if answer.status == 429 or answer.status >= 500:
            message = f"{origin}/robots.txt answered with status {answer.status}"
            raise Unavailable(message, status_code=answer.status)
        is_there = 200 <= answer.status < 300 and answer.is_text
        return read_robots(self.text(answer.held, USUAL), PRODUCT) if is_there else Robots()

    def text(self, held: Body, charset: str) -> str:
        try:
            return self._wire.text(held, charset)
        except WireError:  # no charset that the runtime knows
            return self._wire.text(held, USUAL)

    def _allowed(self, text: str, where: str, request: Request, began: float) -> Url:
        try:
            url = self._egress.check(text)
        except BadUrl as why:
            raise Refused(where + str(why)) from None
        if self._resolver and url.address is None and not self._egress.names(url):
            self._look_up(url.host, where, request, began)
        return url

    def _look_up(self, name: str, where: str, request: Request, began: float) -> None:
        found = self._known.names.get(name, self._clock())
        if found is None:
            try:
                within = min(self._left(request, began), RESOLVED_WITHIN_MS)
                found = read_answers(self._wire.ask(questions(self._resolver, name), within))
            except (WireError, ValueError) as error:
                message = f"{where}`{name}` could not be looked up"
                raise _lost(request, message, was_sent=bool(where)) from error
            self._known.names.keep(name, found, self._clock(), found.seconds)
        if not found.addresses:
            raise Refused(f"{where}there is no host `{name}`")
        if not found.is_public:
            raise Refused(f"{where}`{name}` leads to an address that is not public")

    def _send(self, hop: Request, request: Request, began: float) -> ResponseHead:
        try:
            return self._wire.send(hop, self._left(request, began))
        except WireError as error:
            raise _failed(error, request) from error

    def _read(self, head: ResponseHead, most: int, request: Request, began: float) -> Body:
        try:
            return self._wire.read(head, most, self._left(request, began))
        except WireError as error:
            raise _failed(error, request) from error

    def _left(self, request: Request, began: float) -> int:
        left = int(request.timeout_ms - (self._clock() - began))
        if left <= 0:
            raise WireError(TOO_LATE, "no time is left")
        return left


def _joined(url: Url, location: str) -> str:
    try:
        return urljoin(url.text, location.strip())
    except ValueError:
        return location


def _failed(error: WireError, request: Request) -> Exception:
    if error.name == TOO_LATE:
        return _lost(request, f"no whole answer within {request.timeout_ms:,} ms")
    return _lost(request, "the connection failed, or broke off")


def _lost(request: Request, message: str, was_sent: bool = True) -> Exception:
    """The error if there is no answer: retried, unless the request may have been executed."""
    if request.method in IDEMPOTENT or not was_sent:
        return Unavailable(message)
    return Refused(f"{message}; the {request.method} may have been done, so it is not repeated")
