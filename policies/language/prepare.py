"""Reads the long lists of a policy entry by entry, before the policy is read as a whole.

- pydantic reads a policy in one call, which would block all requests. So routes, keys and
  drills are read one by one, and the parts of large ones first, at any depth. The call for the
  whole policy takes each finished `Part` as it is. A step ends after a number of values.
- An invalid entry stays as it was written, except its valid parts: reading the whole policy
  finds the same errors again, with their places. After more invalid entries than can be
  reported, the rest is left out.
"""

from __future__ import annotations

from typing import TypeGuard, get_args, get_origin

from pydantic import ValidationError

from policies.basics.steps import STEP_VALUES, Steps
from policies.basics.untyped import Annotation, Parsed, ParsedMapping
from policies.language.findings.found import list_in, mapping_in
from policies.language.meant import bare
from policies.language.model.auth import ApiKey
from policies.language.model.drills import MAX_DRILLS, Drill
from policies.language.model.part import UNBOUNDED, Part
from policies.language.model.policy import Route
from policies.language.yaml.budget import MAX_ENTRIES, MAX_FINDINGS, Budget

MUCH = 2 * STEP_VALUES  # values of a large entry, whose parts are read first
DRILL_VALUES = STEP_VALUES // 4  # the cost of a drill, whose schedule is searched


def prepare_steps(policy: object, budget: Budget) -> Steps[object]:
    """Return the policy with the entries of its long lists read."""
    if not isinstance(policy, dict):
        return policy
    prepared: ParsedMapping = dict(policy)
    reader = _Reader(budget)
    if list_in(policy, "routes"):
        prepared["routes"] = yield from reader.entries(policy["routes"], Route)
    if 0 < len(list_in(policy, "drills")) <= MAX_DRILLS:
        prepared["drills"] = yield from reader.entries(policy["drills"], Drill, DRILL_VALUES)
    keys = list_in(mapping_in(policy, "auth"), "keys")
    if keys:
        prepared["auth"] = {**policy["auth"], "keys": (yield from reader.entries(keys, ApiKey))}
    return prepared


class _Reader:
    """Reads entries within a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._wrong = 0
        self._values = 0  # read in this step

    def entries(self, values: list[object], part: type[Part], more: int = 0) -> Steps[list[object]]:
        """Read a list of entries. `more`: the additional cost of each entry, in values."""
        parts: list[object] = []
        for value in values:
            if self._wrong > MAX_FINDINGS:
                break
            parts.append((yield from self._entry(value, part, more)))
        return parts

    def _entry(self, value: object, part: type[Part], more: int = 0) -> Steps[object]:
        number, wrong = _values_in(value), self._wrong
        if number > MUCH and isinstance(value, dict):
            value = yield from self._parts(value, part)
            number = _values_in(value)
        read = self._read(value, part)
        if read is None and self._wrong == wrong:
            self._wrong += 1
        self._values += number + more
        if self._values >= STEP_VALUES:
            yield self._values // STEP_VALUES
            self._values %= STEP_VALUES
        return value if read is None else read

    def _parts(self, value: ParsedMapping, part: type[Part]) -> Steps[ParsedMapping]:
        """Return the mapping with its parts read."""
        prepared = dict(value)
        for name, field in part.model_fields.items():
            key = field.alias or name
            inner, kind = value.get(key), bare(field.annotation)
            if isinstance(inner, dict) and _is_part(kind):
                prepared[key] = yield from self._entry(inner, kind)
            if not isinstance(inner, list | dict) or get_origin(kind) is not type(inner):
                continue
            kind = bare(get_args(kind)[-1])
            if _is_part(kind) and (len(inner) <= MAX_ENTRIES or name in UNBOUNDED):
                prepared[key] = yield from self._several(inner, kind)
        return prepared

    def _several(self, values: Parsed, part: type[Part]) -> Steps[object]:
        """Read a list or mapping of parts; skips short forms, which are not mappings."""
        prepared = values.copy()
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            if isinstance(value, dict) and self._wrong <= MAX_FINDINGS:
                prepared[key] = yield from self._entry(value, part)
        return prepared

    def _read(self, value: object, part: type[Part]) -> Part | None:
        attempted = Budget(steps=self._budget.steps)
        try:
            read = part.model_validate(value, context=attempted)
        except ValidationError:
            return None
        if attempted.failures <= 0:
            return None
        self._budget.steps = attempted.steps
        return read


def _is_part(kind: Annotation) -> TypeGuard[type[Part]]:
    return isinstance(kind, type) and issubclass(kind, Part)


def _values_in(value: object) -> int:
    """Return the number of values in it, with keys, that are not read yet."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(_values_in, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_values_in, value))
    return 0 if isinstance(value, Part) else 1
