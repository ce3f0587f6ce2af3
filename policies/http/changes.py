"""Changes of a message's headers: some go, some are set, some are added, in this order.

Several values of one header are joined with commas (RFC 9110, section 5.3), but for those in
SEPARATORS, which have a grammar of their own. At the edge headers.js joins, by the same table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

Pairs = list[tuple[str, str]]
# Cookie: RFC 6265, section 4.2.1. User-Agent, Server: RFC 9110, sections 10.1.5 and 10.2.4.
# Set-Cookie cannot be joined (RFC 9110, section 5.3): a line each.
SEPARATORS: Mapping[str, str] = {
    "cookie": "; ",
    "user-agent": " ",
    "server": " ",
    "set-cookie": "\n",
}


class Changes(NamedTuple):
    """Changes of headers, by lower-case name. `added` come after headers of the same name."""

    removed: list[str]
    set: dict[str, str]
    added: Pairs

    def then(self, later: Changes) -> Changes:
        """Return these changes followed by `later`, which have other names or come after all of
        these."""
        return Changes(self.removed + later.removed, self.set | later.set, self.added + later.added)

    def on(self, headers: Iterable[tuple[str, str]]) -> Pairs:
        """Return the headers of a response, changed; a name may occur several times."""
        gone = {*self.removed, *self.set}
        kept = [pair for pair in headers if pair[0] not in gone]
        return [*kept, *self.set.items(), *self.added]

    def on_mapping(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of a request, changed; repeated ones are joined."""
        kept = {name: value for name, value in headers.items() if name not in self.removed}
        return joined([*(kept | self.set).items(), *self.added])

    def value(self, name: str, headers: Mapping[str, str]) -> str | None:
        """Return the value of `name` after the changes, for a request with these headers; None if
        absent."""
        first = self.set.get(name, None if name in self.removed else headers.get(name))
        found = [] if first is None else [(name, first)]
        found += [pair for pair in self.added if pair[0] == name]
        return joined(found).get(name)


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers by name, repeated ones joined."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = with_added(name, found[name], value) if name in found else value
    return found


def with_added(name: str, before: str, value: str) -> str:
    """Return the value of a header with another value added."""
    separator = SEPARATORS.get(name)
    if separator is None:
        return f"{before}, {value}"
    return f"{before}{separator}{value}" if before else value
