"""A router's admin pages as lines of text: its policy, variants, drills, rollouts.

Ages and remaining times use the router's clock, which may differ from this machine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.text import Text

from policies.basics.callers import caller_text
from policies.basics.untyped import JsonMapping, JsonObject
from policies.resilience.drill import drill_from
from router.cli.rollout_texts import STATES as ROLLOUT_STATES
from router.cli.rollout_texts import place_text, pools_text
from router.terminal.console import Part, counted, line_of
from router.terminal.tables import columns
from router.terminal.times import ago, span, time_of

if TYPE_CHECKING:
    from policies.api.drills import Drills
    from policies.api.health import VariantsHealth
    from policies.api.rollouts import Rollouts
    from policies.api.status import Status

STATES = {
    "healthy": "green",
    "returning": "cyan",
    "half-open": "yellow",
    "ejected": "bold red",
    "unhealthy": "bold red",
    "drained": "dim",
}
HEAD = ("variant", "pool", "region", "state", "share", "requests", "failures", "probes", "drill")
NUMBERS = frozenset({4, 5, 6})


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of the router; None for a page that it does not have."""

    url: str
    status: Status
    health: VariantsHealth | None
    drills: Drills | None
    rollouts: Rollouts | None

    @property
    def is_ok(self) -> bool:
        return bool(self.status["status"] == "ok")

    def document(self) -> JsonObject:
        names = ("status", "health", "drills", "rollouts")
        return {"url": self.url, **{name: getattr(self, name) for name in names}}


def lines(pages: Pages, now: datetime) -> Iterator[Text]:
    """Yield the whole view. `now`: this machine's clock, for a router without a time of its own."""
    at = time_of(pages.health["at"] if pages.health else None) or now
    yield from columns(_facts(pages, at))
    yield Text()
    yield from _variants(pages)
    if pages.drills is not None:
        yield Text()
        yield from _drills(pages.drills, at)
    if pages.rollouts is not None:
        yield from _rollouts(pages.rollouts)


def _facts(pages: Pages, at: datetime) -> Iterator[tuple[Part, Part]]:
    status, policy = pages.status, pages.status["policy"]
    word = ("ok", "green") if pages.is_ok else (status["status"], "bold red")
    yield ("router", "bold"), pages.url
    yield ("status", "bold"), word
    for reason in status["reasons"]:
        yield "", (reason, "yellow")
    text = f"{policy['digest'][:12]} from {policy['source']}, loaded {ago(policy['loaded_at'], at)}"
    routes, variants = counted(policy["routes"], "route"), counted(policy["variants"], "variant")
    yield ("policy", "bold"), f"{text}: {routes}, {variants}"
    if rejected := status["rejected"]:
        number = counted(len(rejected["findings"]), "finding")
        when = ago(rejected["at"], at)
        yield ("rejected", "bold"), (f"{rejected['digest'][:12]}, {when}: {number}", "red")
    if pages.health:
        yield ("coordinator", "bold"), _coordinator(pages.health)


def _coordinator(health: VariantsHealth) -> Part:
    line = health["coordinator"]
    if not line["reachable"]:
        return "not reachable: these are the numbers of one isolate", "yellow"
    heard = line["age_ms"]
    age = "not heard yet" if heard is None else f"heard {span(timedelta(milliseconds=heard))} ago"
    return f"{age}, {counted(health['isolates'], 'isolate')} within a minute"


def _variants(pages: Pages) -> Iterator[Text]:
    bound = {variant["name"]: variant["bound"] for variant in pages.status["variants"]}
    rows: list[list[Part]] = [[(name, "bold") for name in (*HEAD, "")]]
    variants: Iterable[JsonMapping] = pages.status["variants"]
    for variant in pages.health["variants"] if pages.health else variants:
        why = variant.get("reason") or ""
        if not bound.get(variant["name"], True):
            why = f"{why}; no binding".removeprefix("; ")
        rows.append([*_variant(variant), (why, "yellow")])
    yield from columns(rows, NUMBERS)


def _variant(variant: JsonMapping) -> list[Part]:
    """Return a row; a missing value stays empty."""
    state = variant.get("state") or ("drained" if variant["drain"] else "")
    share = f"{variant['share']:.0%}" if "share" in variant else ""
    failures, active = variant.get("failures"), variant.get("active") or ""
    return [
        variant["name"],
        variant["pool"],
        variant["region"] or "",
        (state, STATES.get(state, "")),
        share,
        _number(variant.get("requests")),
        (_number(failures), "red" if failures else ""),
        (active, STATES.get(active, "dim")),
        (variant.get("drill") or "", "yellow"),
    ]


def _drills(drills: Drills, at: datetime) -> Iterator[Text]:
    rows: list[list[Part]] = []
    for document in drills["active"]:
        drill = drill_from(document)
        left = span((time_of(document["ends_at"]) or at) - at)
        by = f"by {caller_text(drill.by)}" + (", forced" if drill.forced else "")
        rows.append([(drill.id, "yellow"), str(drill.target), drill.fault.text, f"{left} left", by])
    yield line_of(("drills", "bold"), "" if rows else "  none")
    if rows:
        yield from columns(rows)


def _rollouts(rollouts: Rollouts) -> Iterator[Text]:
    """Yield a table of the started rollouts; nothing if there are none."""
    rows: list[list[Part]] = []
    for rollout in rollouts["rollouts"]:
        state = rollout["state"]
        if state != "waiting":
            word = state, ROLLOUT_STATES.get(state, "")
            what = place_text(rollout), pools_text(rollout), (rollout["reason"] or "", "yellow")
            rows.append([(rollout["name"], "bold"), word, *what])
    if rows:
        yield Text()
        yield line_of(("rollouts", "bold"))
        yield from columns(rows)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
