"""What an isolate tells the Coordinator: one value, and what it has heard already.

Times are told as durations, so that no two clocks need agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Tally(NamedTuple):
    """About one variant: attempts and failures since the last report, and how much longer
    the isolate has it ejected, in milliseconds (0: it has not)."""

    requests: int = 0
    failures: int = 0
    ejected_ms: int = 0


class Report(NamedTuple):
    """`epoch` and `version` name the snapshot that the isolate has, `digest` its policy;
    `rollouts`: what it has counted for them, as `policies.rollouts.tallies` reads it."""

    isolate: str
    colo: str
    epoch: str | None
    version: int
    digest: str
    variants: Mapping[str, Tally]
    rollouts: Mapping[str, Any] = NOTHING


def report_json(report: Report) -> str:
    variants = {name: tally._asdict() for name, tally in report.variants.items()}
    fields = {"variants": variants, "rollouts": dict(report.rollouts)}
    return json.dumps(report._asdict() | fields)


def report_from(text: str) -> Report:
    """Raises `ValueError` if it is none."""
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
