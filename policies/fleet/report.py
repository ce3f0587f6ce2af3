"""The report of an isolate to the Coordinator, and the snapshot that it has.

Times are durations, so that clocks need not agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Never

NOTHING: Mapping[str, Never] = MappingProxyType({})


class Tally(NamedTuple):
    """One variant: attempts and failures since the last report, and for how many more milliseconds
    the isolate ejects it (0: it does not)."""

    requests: int = 0
    failures: int = 0
    ejected_ms: int = 0


class Report(NamedTuple):
    """`epoch` and `version` name the isolate's snapshot, `digest` its policy; `rollouts`: its
    counts, as `policies.rollouts.tallies` reads them."""

    isolate: str
    colo: str
    epoch: str | None
    version: int
    digest: str
    variants: Mapping[str, Tally]
    rollouts: Mapping[str, object] = NOTHING


def report_json(report: Report) -> str:
    variants = {name: tally._asdict() for name, tally in report.variants.items()}
    fields = {"variants": variants, "rollouts": dict(report.rollouts)}
    return json.dumps(report._asdict() | fields)


def report_from(text: str) -> Report:
    """Return a report. Raises `ValueError` for any other text."""
    try:
        value = json.loads(text)
        variants = {
            str(name): Tally(*(max(0, int(counts[field])) for field in Tally._fields))
            for name, counts in value["variants"].items()
        }
        isolate, epoch = str(value["isolate"]), value["epoch"]
        known = (epoch if isinstance(epoch, str) else None, int(value["version"]))
        own = isolate, str(value["colo"]), *known, str(value["digest"])
        return Report(*own, variants, dict(value.get("rollouts", NOTHING)))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a report: {error!r}") from error
