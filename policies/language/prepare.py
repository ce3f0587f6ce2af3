"""What a policy has many of, read entry by entry, before the policy is read as a whole.

- pydantic reads a whole policy in one call, for which every request would wait. So routes,
  their alternatives, keys and drills are read one by one, in steps; then the whole has only
  the rest to read, since what is a `Part` already is taken as it is.
- An entry that is wrong stays as it was written: the reading of the whole finds the same
  again, and knows where it stands. After more of them than are told, the rest is left out.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from policies.decisions.steps import STEP_ENTRIES, STEP_RULES, Steps, pause_after
from policies.language.auth import ApiKey
from policies.language.budget import MAX_FINDINGS, Budget
from policies.language.drills import MAX_DRILLS, Drill
from policies.language.found import list_in, mapping_in
from policies.language.model import Match, Route
from policies.language.part import Part


def prepare_steps(policy: object, budget: Budget) -> Steps[object]:
    """The policy with its many entries read."""
    if not isinstance(policy, dict):
        return policy
    made: dict[str, Any] = dict(policy)
    reader = _Reader(budget)
    if list_in(policy, "routes"):
        made["routes"] = yield from reader.routes(policy["routes"])
    if 0 < len(list_in(policy, "drills")) <= MAX_DRILLS:
        made["drills"] = yield from reader.entries(policy["drills"], Drill, STEP_ENTRIES // 4)
    keys = list_in(mapping_in(policy, "auth"), "keys")
    if keys:
        read = yield from reader.entries(keys, ApiKey, STEP_ENTRIES)
        made["auth"] = {**policy["auth"], "keys": read}
    return made


class _Reader:
    """Reads entries within a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._wrong = 0

    def routes(self, values: list[Any]) -> Steps[list[Any]]:
        """Routes, whose alternatives may be many."""
        made: list[Any] = []
        for number, value in enumerate(values):
            matches = list_in(value, "matches")
            if len(matches) > STEP_RULES:
                value = {**value, "matches": (yield from self.entries(matches, Match, STEP_RULES))}
            made.append(self._read(value, Route))
            if self._wrong > MAX_FINDINGS:
                break
            yield from pause_after(number, STEP_ENTRIES)
        return made

    def entries(self, values: list[Any], part: type[Part], each: int) -> Steps[list[Any]]:
        made: list[Any] = []
        for number, value in enumerate(values):
            made.append(self._read(value, part))
            if self._wrong > MAX_FINDINGS:
                break
            yield from pause_after(number, each)
        return made

    def _read(self, value: Any, part: type[Part]) -> Any:
        trial = Budget(steps=self._budget.steps)
        try:
            read = part.model_validate(value, context=trial)
        except ValidationError:
            read = None
        if read is None or trial.failures <= 0:
            self._wrong += 1
            return value
        self._budget.steps = trial.steps
        return read
