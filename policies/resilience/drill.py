"""A drill: a planned failure of a region, a variant or a pool.

It has an end from the start, so nobody needs to stop it. What it does to one attempt is a fault:
`down` (no response), `errors:30%` (that share of attempts is answered with 503), `latency:2s` (an
attempt waits that long first).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, cast

from policies.basics.durations import duration_ms, duration_text
from policies.basics.untyped import JsonMapping

if TYPE_CHECKING:
    from policies.api import drills as api

Kind = Literal["region", "variant", "pool"]
Mode = Literal["down", "errors", "latency"]
KINDS: tuple[Kind, ...] = ("region", "variant", "pool")
MAX_LATENCY_MS = 5 * 60_000  # clients do not wait longer
MIN_MS, MAX_MS = 1_000, 24 * 3_600_000  # of a drill; other lengths are mistakes

MODE_PATTERN = r"down|errors:([0-9]{1,3}(?:\.[0-9]{1,3})?)%|latency:([0-9a-z]{2,50})"
_MODE = re.compile(MODE_PATTERN, re.ASCII)
HOW_TO_WRITE_A_MODE = "write `down`, `errors:30%` or `latency:2s`"


InFront = Literal["down", "errors"] | int | None  # a failure, or a wait in ms


class NotAMode(ValueError):
    """The text is not a mode. The message says why."""


class Fault(NamedTuple):
    """What a drill does to an attempt. `amount`: the share of attempts that fail, or milliseconds
    of waiting."""

    mode: Mode
    amount: float

    @property
    def text(self) -> str:
        """Return the mode as it is written."""
        if self.mode == "errors":
            return f"errors:{self.amount * 100:.10g}%"
        return f"latency:{duration_text(int(self.amount))}" if self.mode == "latency" else "down"


def fault_from(text: str) -> Fault:
    """Return the fault of `down`, `errors:30%` or `latency:2s`. Raises `NotAMode`."""
    mode = _MODE.fullmatch(text)
    if mode is None:
        raise NotAMode(f"`{text[:80]}` is no mode of a drill")
    share, wait = mode.groups()
    if share is not None:
        if not 0 < float(share) <= 100:
            raise NotAMode(f"`{text}` is out of range: more than 0 % and at most 100 %")
        return Fault("errors", float(share) / 100)
    if wait is None:
        return Fault("down", 0)
    milliseconds = duration_ms(wait)
    if milliseconds is None:
        raise NotAMode(f"`{wait}` is not a duration")
    if not 0 < milliseconds <= MAX_LATENCY_MS:
        raise NotAMode(f"`{text}` is out of range: at most {duration_text(MAX_LATENCY_MS)}")
    return Fault("latency", milliseconds)


class TargetVariant(Protocol):
    """A variant, as the target of a drill."""

    @property
    def name(self) -> str: ...
    @property
    def pool(self) -> str: ...
    @property
    def region(self) -> str | None: ...


class Target(NamedTuple):
    """What a drill affects: the variants of a region, one variant, or those of a pool."""

    kind: Kind
    name: str

    def covers(self, variant: TargetVariant) -> bool:
        own = variant.name if self.kind == "variant" else getattr(variant, self.kind)
        return bool(own == self.name)

    def to_dict(self) -> api.Targeted:
        return cast("api.Targeted", {self.kind: self.name})

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class ScheduledDrill(NamedTuple):
    """A drill of the policy. `schedule`: five cron fields, in UTC."""

    name: str
    target: Target
    fault: Fault
    for_ms: int
    schedule: str

    def to_dict(self) -> api.ScheduledDrill:
        """Return JSON without the time of the next run."""
        return {
            "name": self.name,
            **self.target.to_dict(),
            "mode": self.fault.text,
            "for": duration_text(self.for_ms),
            "schedule": self.schedule,
            "next_at": None,
        }


class Drill(NamedTuple):
    """A drill that was started. `by`: the id of the API key that started it, `secret`, or
    `schedule`; `name`: that of the policy's drill, if it is one. Times are milliseconds since
    1970."""

    id: str
    target: Target
    fault: Fault
    starts_ms: int
    ends_ms: int
    by: str
    forced: bool = False
    name: str | None = None

    def covers(self, variant: TargetVariant) -> bool:
        return self.target.covers(variant)

    @property
    def in_front(self) -> InFront:
        """The fault in front of the bindings that it covers."""
        mode, amount = self.fault
        return int(amount) if mode == "latency" else mode

    def is_on(self, now_ms: float) -> bool:
        return self.starts_ms <= now_ms < self.ends_ms

    def to_dict(self) -> api.Drill:
        """Return JSON, for programs and people."""
        return {
            "id": self.id,
            **self.target.to_dict(),
            "mode": self.fault.text,
            "started_at": time_text(self.starts_ms),
            "ends_at": time_text(self.ends_ms),
            "by": self.by,
            "forced": self.forced,
            "name": self.name,
        }


def drill_from(document: JsonMapping) -> Drill:
    """Return the drill that `to_dict` described."""
    (kind,) = [kind for kind in KINDS if kind in document]
    return Drill(
        document["id"],
        Target(kind, document[kind]),
        fault_from(document["mode"]),
        _time_ms(document["started_at"]),
        _time_ms(document["ends_at"]),
        document["by"],
        document["forced"],
        document["name"],
    )


def time_text(at_ms: float) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _time_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def drills_from(documents: Iterable[JsonMapping]) -> tuple[Drill, ...]:
    """Return the drills of a list. Raises `ValueError` if one cannot be read."""
    try:
        return tuple(drill_from(document) for document in documents)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not drills: {error!r}") from error


class Faults(NamedTuple):
    """The strongest drill of each mode that affects a variant now."""

    down: Drill | None
    errors: Drill | None
    latency: Drill | None

    @property
    def worst(self) -> Drill | None:
        return self.down or self.errors or self.latency

    def draw(self, rng: Random) -> Drill | None:
        """Return the drill that one attempt meets: down before errors before latency."""
        if self.down:
            return self.down
        if self.errors and rng.random() < self.errors.fault.amount:
            return self.errors
        return self.latency


def faults_of(drills: Sequence[Drill], variant: TargetVariant, now_ms: float) -> Faults:
    """Return the faults of a variant: of overlapping drills, the most errors and the longest
    wait."""
    on = [drill for drill in drills if drill.is_on(now_ms) and drill.covers(variant)]
    return Faults(*(_strongest(on, mode) for mode in ("down", "errors", "latency")))


def _strongest(drills: Iterable[Drill], mode: Mode) -> Drill | None:
    of_mode = [drill for drill in drills if drill.fault.mode == mode]
    return max(of_mode, key=lambda drill: drill.fault.amount, default=None)
