"""The sticky key of a request: that of the first source which has one.

A cookie that the router sets holds the key and, after a mark, a seal (`given.py`). The seal is not
part of the key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal

from policies.access.authenticate import first_key
from policies.http.request import Request

SOURCES_REMEMBERED = 100  # policies have only a few
MARK = "~"  # between key and seal; no key of the router's own has it


@dataclass(frozen=True, slots=True)
class Source:
    """A source of sticky keys: `cookie`, `header`, `api_key` (`name`: the headers that carry keys,
    separated by spaces) or `ip`. `set_for`: the lifetime in seconds of a cookie that the router
    sets, 0 for never."""

    kind: Literal["cookie", "header", "api_key", "ip"]
    name: str = ""
    set_for: int = 0


# Prefixes of IPv6 addresses that contain an IPv4 address, and where that begins:
# mapped (RFC 4291, section 2.5.5.2), translated (RFC 2765), NAT64 (RFC 6052), and
# 6to4 (RFC 3056), whose networks are all one subscriber's.
_IPV4_AT = (
    (bytes(10) + b"\xff\xff", 12),
    (bytes(8) + b"\xff\xff\x00\x00", 12),
    (b"\x00\x64\xff\x9b" + bytes(8), 12),
    (b"\x20\x02", 2),
)
_TEREDO = b"\x20\x01\x00\x00"  # the client's address is at the end, inverted (RFC 4380)


def network_of(ip: str) -> str:
    """Return an IPv4 address as it is, also if an IPv6 address contains it; of any other IPv6
    address its /64, which belongs to one subscriber."""
    if ":" not in ip:
        return ip
    try:
        packed = ip_address(ip.partition("%")[0]).packed
    except ValueError:
        return ip
    for begin, at in _IPV4_AT:
        if packed.startswith(begin):
            return ".".join(map(str, packed[at : at + 4]))
    if packed.startswith(_TEREDO):
        return ".".join(str(255 - byte) for byte in packed[12:])
    if packed.startswith(bytes(12)) and packed[12:] > b"\x00\xff\xff\xff":
        return ".".join(map(str, packed[12:]))  # compatible; not `::` and `::1`
    return packed[:8].hex()


@lru_cache(SOURCES_REMEMBERED)
def _names(names: str) -> tuple[str, ...]:
    return tuple(names.split())


_READERS: dict[str, Callable[[Request, str], str]] = {
    "cookie": Request.cookie,
    "header": lambda request, name: request.headers.get(name, ""),
    "api_key": lambda request, names: first_key(request.headers, _names(names)),
    "ip": lambda request, _: network_of(request.client.ip),
}


def sticky_key(sources: tuple[Source, ...], request: Request) -> tuple[str, Source | None]:
    """Return the key and its source; `("", None)` if no source has one."""
    for source in sources:
        key = _READERS[source.kind](request, source.name)
        if source.set_for and MARK in key:
            key = key.rpartition(MARK)[0]
        if key:
            return key, source
    return "", None
