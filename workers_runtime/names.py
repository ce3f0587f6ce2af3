"""Resolves names with DNS over HTTPS, since a public name may resolve to a private address.

The resolver is queried in the JSON format of Cloudflare and Google. Results are cached for their
TTL, within bounds; a name without an address, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from workers_runtime.json_text import Parsed, read_json
from workers_runtime.networks import is_public_address
from workers_runtime.urls import Address

_READERS: dict[int, type[Address]] = {
    1: IPv4Address,
    28: IPv6Address,
}  # by the type of the record: A, AAAA
NO_ERROR, NO_SUCH_NAME = 0, 3
LEAST_S, MOST_S = 10, 300
MAX_NAMES = 500  # that an isolate keeps


class Resolution(NamedTuple):
    """The addresses of a name, and how long they are valid."""

    addresses: tuple[Address, ...]
    seconds: int

    @property
    def is_public(self) -> bool:
        return all(map(is_public_address, self.addresses))


def questions(resolver: str, name: str) -> tuple[str, str]:
    """The URLs that query both kinds of addresses; `name` as in a `Url`."""
    mark = "&" if "?" in resolver else "?"
    return (f"{resolver}{mark}name={name}&type=A", f"{resolver}{mark}name={name}&type=AAAA")


def read_answers(texts: Iterable[str]) -> Resolution:
    """Raises `ValueError` if the resolver failed, or its answer is malformed."""
    try:
        records = [record for text in texts for record in _records(read_json(text))]
        read = [(_READERS.get(one["type"]), one["data"], int(one["TTL"])) for one in records]
        addresses = tuple(reader(data) for reader, data, _ in read if reader)
    except (LookupError, TypeError, ArithmeticError) as error:
        raise ValueError("no answer that makes sense") from error
    seconds = min((max(LEAST_S, ttl) for *_, ttl in read), default=LEAST_S)
    return Resolution(addresses, min(seconds, MOST_S) if addresses else LEAST_S)


def _records(answer: Parsed) -> list[Parsed]:
    if answer["Status"] not in (NO_ERROR, NO_SUCH_NAME):
        raise ValueError(f"status {answer['Status']}")
    return list(answer.get("Answer") or [])
