"""What one isolate has counted for rollouts, until the Coordinator has got it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from policies.rollouts.analysis import SIDES
from policies.rollouts.counts import Counts, counts_from

MAX_RUNS = 100  # of one report
TalliesDocument = dict[str, dict[str, list[Any]]]  # run, side, counts


class Tallies:
    """By run, then side."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, Counts]] = {}

    def note(self, run: str, side: str, is_error: bool, took_ms: float) -> None:
        self._counts(run, side).note(is_error, took_ms)

    def broke(self, run: str, side: str) -> None:
        self._counts(run, side).broke()

    def keep(self, runs: Collection[str]) -> None:
        """Those of others nobody wants any more."""
        self._runs = {run: sides for run, sides in self._runs.items() if run in runs}

    def report(self) -> TalliesDocument:
        return {
            run: {side: counts.to_json() for side, counts in sides.items()}
            for run, sides in self._runs.items()
        }

    def taken(self, report: TalliesDocument) -> None:
        """The Coordinator has got this report."""
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


def tallies_from(document: Mapping[str, Any]) -> dict[str, dict[str, Counts]]:
    """What `report` has given. Raises `ValueError` if this is something else."""
    try:
        if len(document) > MAX_RUNS:
            raise ValueError(f"not tallies: {len(document)} runs")
        return {
            str(run): {side: counts_from(counts) for side, counts in sides.items() if side in SIDES}
            for run, sides in document.items()
        }
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not tallies: {error!r}") from error
