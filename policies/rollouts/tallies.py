"""The counts of one isolate for rollouts, until the Coordinator has them."""

from __future__ import annotations

from collections.abc import Collection

from policies.basics.json import Json
from policies.basics.untyped import JsonMapping
from policies.rollouts.analysis import SIDES
from policies.rollouts.counts import Counts, counts_from

MAX_RUNS = 100  # in one report
TalliesDocument = dict[str, dict[str, list[Json]]]  # run, side, counts


class Tallies:
    """Counts by run, then side."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, Counts]] = {}

    def note(self, run: str, side: str, is_error: bool, took_ms: float) -> None:
        self._counts(run, side).note(is_error, took_ms)

    def broke(self, run: str, side: str) -> None:
        self._counts(run, side).broke()

    def keep(self, runs: Collection[str]) -> None:
        """Keep only the counts of these runs."""
        self._runs = {run: sides for run, sides in self._runs.items() if run in runs}

    def report(self) -> TalliesDocument:
        return {
            run: {side: counts.to_json() for side, counts in sides.items()}
            for run, sides in self._runs.items()
        }

    def taken(self, report: TalliesDocument) -> None:
        """Remove the counts of a report that the Coordinator has got."""
        for run, sides in tallies_from(report).items():
            for side, counts in sides.items():
                own = self._runs.get(run, {}).get(side)
                if own:
                    own.add(counts, -1)
        self._runs = {
            run: sides
            for run, sides in self._runs.items()
            if any(counts.requests or counts.errors for counts in sides.values())
        }

    def _counts(self, run: str, side: str) -> Counts:
        return self._runs.setdefault(run, {}).setdefault(side, Counts())


def tallies_from(document: JsonMapping) -> dict[str, dict[str, Counts]]:
    """Return what `report` wrote. Raises `ValueError` for anything else."""
    try:
        if len(document) > MAX_RUNS:
            raise ValueError(f"not tallies: {len(document)} runs")
        return {
            str(run): {side: counts_from(counts) for side, counts in sides.items() if side in SIDES}
            for run, sides in document.items()
        }
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not tallies: {error!r}") from error
