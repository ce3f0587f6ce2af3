"""The share of requests that two policies handle differently.

There is a row for each route, with the share of its requests that changes, what changes (route,
pool, first variant, status), and the flows between outcomes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from policies.basics.untyped import JsonObject
from policies.difference.traffic.interval import wilson
from policies.difference.traffic.outcomes import (
    FIELDS,
    DecidedOutcome,
    Judge,
    Outcomes,
    TrafficRequest,
    field_moved,
    moved,
)

MAX_EXAMPLES = 5
Basis = Literal["sample", "log"]


class ExampleRequest(NamedTuple):
    """`part`: the share of such clients, where the router chooses at random."""

    sent: TrafficRequest
    label: str
    before: str
    after: str
    part: float


@dataclass(slots=True)
class TrafficRow:
    """`changed` is a sum of probabilities, like the values of `fields` and `flows`."""

    requests: int = 0
    changed: float = 0.0
    fields: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    flows: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    def document(self) -> JsonObject:
        number = max(self.requests, 1)
        share = self.changed / number
        low, high = wilson(share, self.requests)
        return {
            "requests": self.requests,
            "changed": {"share": share, "low": low, "high": high},
            "by": {name: self.fields[name] / number for name in FIELDS},
        }

    def flow_list(self) -> list[JsonObject]:
        """The largest first."""
        number = max(self.requests, 1)
        ranked = sorted(self.flows.items(), key=lambda item: (-item[1], item[0]))
        return [{"from": a, "to": b, "share": part / number} for (a, b), part in ranked]


class Traffic:
    """`rows` by the name of the route, in the order of their first requests."""

    def __init__(self, basis: Basis) -> None:
        self.basis: Basis = basis
        self.rows: dict[str, TrafficRow] = {}
        self.examples: list[ExampleRequest] = []
        self._shown: Counter[tuple[str, str, str]] = Counter()

    def row(self, name: str) -> TrafficRow:
        return self.rows.setdefault(name, TrafficRow())

    def add(
        self, name: str, sent: TrafficRequest, label: str, before: Outcomes, after: Outcomes
    ) -> None:
        """Add the outcomes of one request."""
        row = self.row(name)
        row.requests += 1
        if before == after:
            return
        for source, target, part in moved(before, after):
            row.changed += part
            from_to = _told_apart(source, target)
            row.flows[from_to] += part
            self._show(name, ExampleRequest(sent, label, *from_to, part))
        for name in FIELDS:
            row.fields[name] += field_moved(before, after, name)

    def _show(self, name: str, example: ExampleRequest) -> None:
        """Keep the first example of each kind, up to `MAX_EXAMPLES`."""
        kind = name, example.before, example.after
        self._shown[kind] += 1
        if self._shown[kind] == 1 and len(self.examples) < MAX_EXAMPLES:
            self.examples.append(example)

    @property
    def total(self) -> TrafficRow:
        total = TrafficRow()
        for row in self.rows.values():
            total.requests += row.requests
            total.changed += row.changed
            for name, part in row.fields.items():
                total.fields[name] += part
            for from_to, part in row.flows.items():
                total.flows[from_to] += part
        return total

    def document(self) -> JsonObject:
        total = self.total
        return {
            "basis": self.basis,
            **total.document(),
            "flows": total.flow_list(),
            "routes": [
                {"route": name or None, **row.document(), "flows": row.flow_list()}
                for name, row in self.rows.items()
            ],
            "examples": [_example_to_dict(example) for example in self.examples],
        }


def _told_apart(source: DecidedOutcome, target: DecidedOutcome) -> tuple[str, str]:
    """Return the texts of two outcomes; if they are equal, with a field that differs."""
    before, after = source.text, target.text
    if before == after:
        field = next(name for name in ("route", "pool", "status") if _differ(source, target, name))
        before, after = (f"{e.text} ({field} {getattr(e, field)})" for e in (source, target))
    return before, after


def _differ(source: DecidedOutcome, target: DecidedOutcome, field: str) -> bool:
    return bool(getattr(source, field) != getattr(target, field))


def _example_to_dict(example: ExampleRequest) -> JsonObject:
    sent, label, before, after, part = example
    request = {"method": sent.method, "url": sent.url, "client": label or None}
    return request | {"from": before, "to": after, "share": part}


def logged(before: Judge, after: Judge, log: Iterable[TrafficRequest]) -> Traffic:
    """What becomes of the requests of a log, by the route that has them now."""
    traffic = Traffic("log")
    for sent in log:
        was, source = before.outcomes(sent)
        now, _ = after.outcomes(sent)
        label = ""
        if source and source.kind in ("header", "ip"):  # other sources are secrets of clients
            label = sent.client.ip if source.kind == "ip" else sent.headers.get(source.name, "")
        traffic.add(next(iter(was)).route, sent, label, was, now)
    return traffic
