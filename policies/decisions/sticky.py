"""The key that keeps a client on its side of a split: the first source that has one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from policies.decisions.request import Request


@dataclass(frozen=True, slots=True)
class Source:
    """`cookie`, `header`, `api_key` or `ip`; `set_for`: seconds that a cookie set by the
    router lives, 0 for one that it never sets."""

    kind: str
    name: str
    set_for: int


def presented_api_key(request: Request) -> str:
    """What the client presents: `Authorization: Bearer` (RFC 6750), else `X-API-Key`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("x-api-key", "")


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
    "api_key": lambda request, _: presented_api_key(request),
    "ip": lambda request, _: network_of(request.client.ip),
}


def sticky_key(sources: tuple[Source, ...], request: Request) -> tuple[str, Source | None]:
    """The key and the source it comes from; `("", None)` if no source has one."""
    for source in sources:
        key = _READERS[source.kind](request, source.name)
        if key:
            return key, source
    return "", None
