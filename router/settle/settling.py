"""Writes the result of a finished rollout into a policy's text.

- The expected values are computed, and the text is changed in a few places. The router's own
  reader must then read the expected values from the new text; otherwise nothing is written.
- Nothing else changes: no comment, no space, no other value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache

from policies.basics.untyped import JsonObject
from policies.language.findings.findings import Path, path_text
from policies.language.yaml.document import Document, read_document
from router.settle.removal import removal
from router.settle.source import SourceText, TextEdit, at
from router.settle.weights import final, weight_changes, weight_of, with_weight
from router.terminal.errors import Failed, UsageError


@dataclass(frozen=True, slots=True)
class FileRollout:
    """A rollout of the file."""

    index: int
    name: str
    routes: tuple[str, ...]
    before: str  # the old pool
    after: str


@dataclass(frozen=True, slots=True)
class WeightChange:
    """A pool's weight in a route, old and new."""

    index: int
    route: str
    pool: str
    old: Decimal
    new: Decimal


def find_rollout(data: bytes, name: str | None) -> FileRollout:
    """Return the rollout with that name, or the only one."""
    rollouts = _value(data).get("rollouts", [])
    names = [str(rollout["name"]) for rollout in rollouts]
    if not names:
        raise Failed("the policy has no rollouts")
    if name is None:
        if len(names) > 1:
            raise UsageError(f"there are several rollouts, name one: {', '.join(names)}")
        name = names[0]
    if name not in names:
        nearest = get_close_matches(name, names, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"it has {', '.join(names)}"
        raise Failed(f"the policy has no rollout {name[:80]}", hint=hint)
    index = names.index(name)
    found = rollouts[index]
    return FileRollout(index, name, tuple(found["routes"]), found["from"], found["to"])


def shares(data: bytes, rollout: FileRollout, percent: Decimal | None) -> list[WeightChange]:
    """Return the weights of both pools in each route; `percent` None: they stay the same."""
    routes = {route["name"]: (n, route) for n, route in enumerate(_value(data)["routes"])}
    found = []
    for name in rollout.routes:
        if name not in routes:
            raise Failed(f"rollout {rollout.name}: the policy has no route {name}")
        index, route = routes[name]
        split = route.get("split", {})
        for pool in (rollout.before, rollout.after):
            if pool not in split:
                raise Failed(f"route {name} has no pool {pool} in its split: add `{pool}: 0`")
        first, second = (weight_of(split[pool]) for pool in (rollout.before, rollout.after))
        new = (first, second) if percent is None else final(first, second, percent)
        found.append(WeightChange(index, name, rollout.before, first, new[0]))
        found.append(WeightChange(index, name, rollout.after, second, new[1]))
    return found


def settle(data: bytes, rollout: FileRollout, wanted: list[WeightChange], remove: bool) -> bytes:
    """Return the file with these weights, and with `remove` without the rollout."""
    changing = [share for share in wanted if share.new != share.old]
    source = SourceText(data.decode())
    changes = [change for share in changing for change in _changes(source, share)]
    if remove:
        changes += removal(source, rollout.index)
    settled = source.changed(changes).encode()
    _compare(settled, _intended(data, rollout, changing, remove))
    return settled


def _changes(source: SourceText, share: WeightChange) -> Iterator[TextEdit]:
    route = at(source.root, "routes").value.value[share.index]
    field = at(at(route, "split").value, share.pool)
    return weight_changes(source, field, share.new)


def _intended(
    data: bytes, rollout: FileRollout, changing: list[WeightChange], remove: bool
) -> object:
    value = json.loads(json.dumps(_value(data)))  # resolves aliases: no object occurs twice
    for share in changing:
        split = value["routes"][share.index]["split"]
        split[share.pool] = with_weight(split[share.pool], share.new)
    if remove:
        del value["rollouts"][rollout.index]
        if not value["rollouts"]:
            del value["rollouts"]
    return value


@lru_cache(maxsize=1)  # reading a large policy takes most of a second
def _value(data: bytes) -> JsonObject:
    document = read_document(data)
    if not isinstance(document, Document):
        raise Failed(f"this is not a policy: {document[0].message}")
    return document.value


def _compare(settled: bytes, intended: object) -> None:
    document = read_document(settled)
    if not isinstance(document, Document):
        finding = document[0]
        raise Failed(
            f"the layout of this file does not let it be changed (line {finding.line}: "
            f"{finding.message}); change it by hand"
        )
    for path in _differing(document.value, intended, ()):
        raise Failed(
            f"this would also change {path_text(path)}, which does not belong to it: write out "
            "what is shared by an alias (`*name`) first"
        )


def _differing(one: object, other: object, path: Path) -> Iterator[Path]:
    """Yield the paths where two values differ, also in the order of fields."""
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        for name in one:
            yield from _differing(one[name], other[name], (*path, name))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from _differing(*pair, (*path, index))
    elif json.dumps(one) != json.dumps(other):
        yield path
