"""Where the agent may send requests: to hosts that a variable allows, and to private networks only
if they are named in full.

A variable has patterns, with commas or spaces between them; empty, it allows nothing.

    *                     any public host
    example.com           this host;            *.example.com  those under it, but not itself
    https://example.com   with this scheme;     example.com:22  at this port

A private host must be named in full. A pattern without a port allows the scheme's default port and
those from 1024 on; lower ones belong to mail servers and the like.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from workers_runtime.networks import is_public
from workers_runtime.urls import PORTS, BadUrl, Url, parse_url, read_host

OPEN_PORTS = 1024
_PATTERN = re.compile(r"(?:(https?)://)?(\*\.)?(\*|\[[^\]]*\]|[^:/*\[\]]+)(?::([0-9]{1,5}))?/?")


class Pattern(NamedTuple):
    """`host`: None matches any host; `under`: matches its subdomains instead."""

    scheme: str | None
    host: str | None
    under: bool
    port: int | None

    def allows(self, url: Url) -> bool:
        scheme_fits = self.scheme in (None, url.scheme)
        return scheme_fits and self._fits_host(url.host) and self._fits_port(url)

    def names(self, url: Url) -> bool:
        """Whether it names this host in full; then the host may be private."""
        return self.host is not None and not self.under and self.allows(url)

    def _fits_host(self, host: str) -> bool:
        if self.host is None:
            return True
        return host.endswith(f".{self.host}") if self.under else host == self.host

    def _fits_port(self, url: Url) -> bool:
        if self.port is not None:
            return url.port == self.port
        return url.port == PORTS[url.scheme] or url.port >= OPEN_PORTS


class Egress(NamedTuple):
    patterns: tuple[Pattern, ...]

    @classmethod
    def of(cls, text: str) -> Egress:
        """Raises `ValueError`, which names the pattern that cannot be read."""
        return cls(tuple(map(_pattern, text.replace(",", " ").split())))

    def refused(self, url: str) -> str | None:
        """Why no request may go to `url`; None if it may."""
        try:
            self.check(url)
        except BadUrl as why:
            return str(why)
        return None

    def check(self, url: str) -> Url:
        """The parsed URL; send its `text` rather than the original. Raises `BadUrl`."""
        parsed = parse_url(url)
        if not self.names(parsed):
            if not is_public(parsed.host, parsed.address):
                raise BadUrl(f"`{parsed.host}` is no public host")
            if not any(pattern.allows(parsed) for pattern in self.patterns):
                raise BadUrl(f"requests to {parsed.origin} are not allowed here")
        return parsed

    def names(self, url: Url) -> bool:
        """Whether a pattern names this host in full; then the host may be private."""
        return any(pattern.names(url) for pattern in self.patterns)


def _pattern(text: str) -> Pattern:
    parts = _PATTERN.fullmatch(text.lower())
    if parts is None or (parts[2] and parts[3] == "*"):
        raise ValueError(f"`{text[:80]}` is no pattern of hosts; write *, host or *.domain")
    scheme, under, host, port = parts.groups()
    number = int(port) if port else None
    if number is not None and not 0 < number < 65_536:
        raise ValueError(f"`{text[:80]}` has a port that is none from 1 to 65535")
    if host == "*":
        return Pattern(scheme, None, False, number)
    try:
        return Pattern(scheme, read_host(host)[0], bool(under), number)
    except BadUrl as why:
        raise ValueError(f"`{text[:80]}` is no pattern of hosts: {why}") from None
