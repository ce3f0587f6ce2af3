"""The key that keeps a client on its side of a split: the first source that has one.

A cookie that the router sets holds the key and, behind a mark, a seal (`given.py`), which is
no part of the key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from policies.decisions.authenticate import presented_key
from policies.decisions.request import Request

MARK = "~"  # between key and seal; no key of the router's own has it


@dataclass(frozen=True, slots=True)
class Source:
    """`cookie`, `header`, `api_key` (whose name is the headers that keys come in, separated
    by spaces) or `ip`; `set_for`: seconds that a cookie set by the
    router lives, 0 for one that it never sets."""

    kind: str
    name: str
    set_for: int


def network_of(ip: str) -> str:
    """An IPv4 address as it is; of an IPv6 address its /64, which is one subscriber's."""
    if ":" not in ip:
        return ip
    try:
        packed = ip_address(ip.partition("%")[0]).packed
    except ValueError:
        return ip
    return packed[:8].hex()


_READERS: dict[str, Callable[[Request, str], str]] = {
    "cookie": lambda request, name: request.cookie(name),
    "header": lambda request, name: request.headers.get(name, ""),
    "api_key": lambda request, names: presented_key(request.headers, tuple(names.split())).text,
    "ip": lambda request, _: network_of(request.client.ip),
}


def sticky_key(sources: tuple[Source, ...], request: Request) -> tuple[str, Source | None]:
    """The key and the source it comes from; `("", None)` if no source has one."""
    for source in sources:
        key = _READERS[source.kind](request, source.name)
        if source.set_for and MARK in key:
            key = key.rpartition(MARK)[0]
        if key:
            return key, source
    return "", None
