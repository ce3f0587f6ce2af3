"""Changes of a message's headers: some go, some are set, some are added, in this order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Pairs = list[tuple[str, str]]


class Changes(NamedTuple):
    """Names in lower case. `added` come after whatever has their name."""

    removed: list[str]
    set: dict[str, str]
    added: Pairs

    def then(self, later: Changes) -> Changes:
        """These, and then `later`, which are of other names or come after all of these."""
        return Changes(self.removed + later.removed, self.set | later.set, self.added + later.added)

    def on(self, headers: Iterable[tuple[str, str]]) -> Pairs:
        """The headers of an answer, changed; a name may come repeatedly."""
        gone = {*self.removed, *self.set}
        kept = [pair for pair in headers if pair[0] not in gone]
        return [*kept, *self.set.items(), *self.added]

    def on_mapping(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of a request, changed; repeated ones are joined (RFC 9110, 5.3)."""
        kept = {name: value for name, value in headers.items() if name not in self.removed}
        return joined([*(kept | self.set).items(), *self.added])


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name, repeated ones joined."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def changes_from(table: list[list[Any]] | None) -> Changes | None:
    """From `[names to remove, pairs to set, pairs to add]`."""
    if table is None:
        return None
    removed, first, rest = table
    return Changes(list(removed), dict(first), [(name, value) for name, value in rest])
