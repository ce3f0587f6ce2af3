"""A URL, read once: what is checked is what is sent.

Browsers and runtimes parse URLs by the WHATWG standard, which accepts a lot: IPv4 addresses in
every base, full-width digits, backslashes. This parser returns the same host or refuses the URL:
spellings that the standard accepts and nobody intends are refused. `text` is plain ASCII, and every
parser reads it alike.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple
from unicodedata import category
from urllib.parse import quote

from workers_runtime.hosts import MAX_HOST, host_in_ascii

MAX_URL = 8_000  # characters
PORTS = {"http": 80, "https": 443}
Address = IPv4Address | IPv6Address

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#\\]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.I | re.S)
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_JOINERS = "\u200c\u200d"  # invisible, but letters of some scripts need them
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# What the standard leaves as it is in paths and queries; `%` too, so that nothing is
# encoded twice.
_SAFE = "!$%&'()*+,-./:;=@_~|[]^`{}"


class BadUrl(ValueError):
    """The URL must not be sent. The message is for its author."""


class Url(NamedTuple):
    """`host`: lower case, without a final dot; IPv6 addresses without brackets. `rest`: path
    and query; the fragment is gone."""

    scheme: str
    host: str
    port: int
    rest: str
    address: Address | None

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def text(self) -> str:
        return self.origin + self.rest


def parse_url(text: str) -> Url:
    """Return the parts of a URL. Raises `BadUrl`."""
    text = text.strip(" ")
    if len(text) > MAX_URL:
        raise BadUrl(f"the URL has more than {MAX_URL:,} characters")
    if _CONTROL.search(text):
        raise BadUrl("the URL has control characters")
    parts = _URL.fullmatch(text)
    if parts is None:
        raise BadUrl("this is no whole URL; write one such as https://example.com/path")
    scheme, authority, path, query = parts.groups(default="")
    if scheme.lower() not in PORTS:
        raise BadUrl(f"the URL begins with {scheme[:20]}://; only http:// and https:// are sent")
    if "\\" in path:
        raise BadUrl("the URL has a backslash; write / or %5C")
    host, address, port = _authority(authority, PORTS[scheme.lower()])
    rest = quote(path or "/", safe=_SAFE) + quote(query, safe=_SAFE + "?\\")
    return Url(scheme.lower(), host, port, rest, address)


def read_host(text: str) -> tuple[str, Address | None]:
    """Return a name, or an address in one spelling. Raises `BadUrl`."""
    if text.startswith("["):
        return _ipv6(text.strip("[]"))
    try:
        if any(category(character) == "Cf" and character not in _JOINERS for character in text):
            raise ValueError  # invisible: the standard drops it, which nobody intends
        name = host_in_ascii(text).removesuffix(".")
    except ValueError:
        raise BadUrl(f"`{text[:80]}` is no host name") from None
    labels = name.split(".")
    if len(name) > MAX_HOST or not all(map(_LABEL.fullmatch, labels)):
        raise BadUrl(f"`{text[:80]}` is no host name; write one such as example.com")
    if _NUMBER.fullmatch(labels[-1]):  # then the standard takes it for an address
        address = _ipv4(labels)
        return str(address), address
    return name, None


def _authority(text: str, usual: int) -> tuple[str, Address | None, int]:
    if "@" in text:
        raise BadUrl("the URL has a user name or password; send a header `authorization` instead")
    parts = _AUTHORITY.fullmatch(text)
    if parts is None or not parts[1]:
        raise BadUrl("the URL has no host, or a port that is no number")
    port = int(parts[2]) if parts[2] and len(parts[2]) < 6 else usual if not parts[2] else 0
    if not 0 < port < 65_536:
        raise BadUrl("the URL's port is none from 1 to 65535")
    return (*read_host(parts[1]), port)


def _ipv6(text: str) -> tuple[str, Address]:
    try:
        if "%" in text:
            raise ValueError
        address = IPv6Address(text)
    except ValueError:
        raise BadUrl(f"`[{text[:80]}]` is no IPv6 address") from None
    return address.compressed, address


def _ipv4(labels: list[str]) -> IPv4Address:
    """Return an address of decimal, octal or hexadecimal numbers; the last one fills the rest, as
    in 127.1."""
    try:
        *first, last = map(_number, labels)
        room: int = 256 ** (4 - len(first))
        if len(first) > 3 or max(first, default=0) > 255 or last >= room:
            raise ValueError
    except ValueError:
        raise BadUrl(f"`{'.'.join(labels)[:80]}` is no IPv4 address") from None
    return IPv4Address(sum(n * 256 ** (3 - at) for at, n in enumerate(first)) + last)


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)
