"""A change between two policies, and the walk that finds all changes in two views.

`before` and `after` are values in the spelling of `routes.yaml`. None: the value is absent, so
an `added` change has no `before`, and a `removed` one no `after`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from policies.difference.views.spelling import Value, View

Kind = Literal["added", "removed", "changed"]
Path = tuple[str, ...]


class Change(NamedTuple):
    path: Path
    kind: Kind
    before: Value
    after: Value

    @property
    def where(self) -> str:
        return ".".join(self.path)


def changes_between(before: View, after: View, path: Path = ()) -> Iterator[Change]:
    """Yield the changes, mapping by mapping, in the order of the new policy."""
    for name in dict.fromkeys([*after, *before]):
        here = (*path, name)
        if name not in before:
            yield Change(here, "added", None, after[name])
        elif name not in after:
            yield Change(here, "removed", before[name], None)
        elif isinstance(before[name], dict) and isinstance(after[name], dict):
            yield from changes_between(before[name], after[name], here)
        elif before[name] != after[name]:
            yield Change(here, "changed", before[name], after[name])
