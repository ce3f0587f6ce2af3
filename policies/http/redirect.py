"""Redirects and new paths, as in the Gateway API's HTTPRequestRedirect and HTTPPathModifier.

- A redirect to another scheme, host or port does not take requests that are there already. So
  `redirect: {scheme: https}` takes HTTP requests, and the next route takes the others.
- Nor does one to another path, or with only a status, unless the client comes back with another
  method: after 303 a POST becomes a GET (RFC 9110, section 15.4.4), and there is no loop.
- Only a status that keeps the method is a loop that the policy asks for. It is answered, and a
  finding reports it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from policies.http.answer import DirectResponse
from policies.http.url import RequestTarget

_PORTS = {"http": "80", "https": "443"}
SEE_OTHER = 303
_KEPT_BY_SEE_OTHER = frozenset({"GET", "HEAD"})  # clients keep these methods


class NewPath(NamedTuple):
    """A new path. `text` replaces the whole path, or the matched prefix (no slash at its end)."""

    kind: Literal["full", "prefix"]
    text: str

    def of(self, path: str, taken: int) -> str:
        """Return the new path. `taken`: the length of the matched prefix of `path`."""
        return self.text if self.kind == "full" else (self.text + path[taken:]) or "/"


class Redirect(NamedTuple):
    """A redirect. Fields that are None stay as in the request."""

    scheme: str | None
    host: str | None
    port: int | None
    path: NewPath | None
    status: int

    def location(self, target: RequestTarget, taken: int) -> str:
        """Return where a request for `target` is sent: an absolute URL, so that no path can be read
        as another host (RFC 3986, section 4.2)."""
        scheme, authority, path = self._place(target, taken)
        return f"{scheme}://{authority}{path}{target.query}"

    def takes(self, method: str, target: RequestTarget, taken: int) -> bool:
        """Return whether it answers such a request: it would send it somewhere else."""
        if not (self.scheme or self.host or self.port):
            if self.status == SEE_OTHER and method not in _KEPT_BY_SEE_OTHER:
                return True
            if self.path is None and self.status != SEE_OTHER:
                return True
        return self.moves(target, taken)

    def moves(self, target: RequestTarget, taken: int) -> bool:
        """Return whether it leads to another URL."""
        here = (target.scheme, _authority(target.scheme, target.host, target.port), target.path)
        return self._place(target, taken) != here

    def _place(self, target: RequestTarget, taken: int) -> tuple[str, str, str]:
        scheme = self.scheme or target.scheme
        port = str(self.port) if self.port else "" if self.scheme else target.port
        path = self.path.of(target.path, taken) if self.path else target.path
        return scheme, _authority(scheme, self.host or target.host, port), path

    def answer(self, target: RequestTarget, taken: int) -> DirectResponse:
        return DirectResponse(self.status, (("location", self.location(target, taken)),))


def next_method(status: int, method: str) -> str:
    """Return the method with which a client follows a response of that status."""
    return "GET" if status == SEE_OTHER and method not in _KEPT_BY_SEE_OTHER else method


def _authority(scheme: str, host: str, port: str) -> str:
    return host if port in ("", _PORTS.get(scheme)) else f"{host}:{port}"
