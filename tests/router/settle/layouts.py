"""Policies with rollouts, written in every layout that YAML has for them.

What a comment is about is known, and where a weight stands is left open, so a test can
say what the text must be afterwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

from router.settle.settling import WeightChange
from router.settle.weights import weight_text

PLACE = re.compile(r"<<(\S+) (\S+?)>>")
POOLS = ["production", "canary", "third", "p-4"]
FILTERS = {"request_headers": {"remove": ["x-a"]}}
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Open:
    """A weight: where it stands, and how it was written."""

    route: str
    pool: str
    spelling: str

    @property
    def text(self) -> str:
        return f"<<{self.route} {self.pool}>>"


@dataclass
class Written:
    """A policy's text with open weights, and what each comment is about."""

    policy: dict[str, Any]
    text: str = ""
    comments: dict[str, Path] = field(default_factory=dict)
    weights: dict[tuple[str, str], str] = field(default_factory=dict)

    def data(self, wanted: list[WeightChange] = ()) -> bytes:  # type: ignore[assignment]
        """As it was, or with what is wanted: a weight that stays is not written anew."""
        new = {(s.route, s.pool): weight_text(s.new) for s in wanted if s.new != s.old}
        spelt = self.weights | new
        return PLACE.sub(lambda match: spelt[match[1], match[2]], self.text).encode()


def spelling(rng: Random) -> str:
    number = rng.choice([0, 1, 5, 95, 100, 0.5, 2.25])
    if number == 95:
        return rng.choice(["95", "95.0", "9.5e1", "0x5F", "+95"])
    return str(number)


def entry(rng: Random, route: str, pool: str) -> Any:
    weight = Open(route, pool, spelling(rng))
    mapping: list[tuple[str, Any]] = [("weight", weight)]
    if rng.random() < 0.6:
        mapping.append(("filters", FILTERS))
    rng.shuffle(mapping)
    if rng.random() < 0.3:
        mapping = [each for each in mapping if each[0] != "weight"]
    return weight if rng.random() < 0.5 else dict(mapping)


def rollout(rng: Random, number: int, names: list[str]) -> dict[str, Any]:
    steps: list[Any] = [{"weight": 5, "pause": True}, {"key": ["ann"]}, {"weight": 100}]
    made = {"name": f"r-{number}", "routes": names, "from": "production", "to": "canary"}
    return made | {"steps": steps[: rng.randint(1, 3)]}


@st.composite
def policies(draw: st.DrawFn) -> Written:
    rng = draw(st.randoms(use_true_random=False))
    names = [f"route-{n}" for n in range(rng.randint(1, 4))]
    routes = []
    for name in names:
        pools = POOLS[: rng.randint(2, 4)]
        rng.shuffle(pools)
        split = {pool: entry(rng, name, pool) for pool in pools}
        routes.append({"name": name, "split": split, "sticky": ["ip"]})
    rollouts = [
        rollout(rng, n, rng.sample(names, rng.randint(1, len(names))))
        for n in range(rng.randint(1, 3))
    ]
    variants = {f"v-{pool}": {"binding": "B", "pool": pool} for pool in POOLS}
    policy = {"version": 1, "variants": variants, "routes": routes, "rollouts": rollouts}
    items = list(policy.items())
    rng.shuffle(items)
    return Writer(rng, Written(dict(items))).write()


class Writer:
    """Writes a value in a layout that is drawn by lot."""

    def __init__(self, rng: Random, written: Written) -> None:
        self.rng = rng
        self.written = written
        self.many_comments = rng.random()

    def write(self) -> Written:
        lines = ["# the file", *self.block(self.written.policy, 0, ())]
        if self.chance(0.3):
            lines += ["", self.comment(("end",))]
        end = self.rng.choice(["\n", "\r\n"])
        mark = "\ufeff" if self.chance(0.1) else ""
        self.written.text = mark + end.join(lines) + (end if self.chance(0.8) else "")
        return self.written

    def chance(self, part: float) -> bool:
        return self.rng.random() < part

    def comment(self, about: Path) -> str:
        text = f"# comment-{len(self.written.comments)}."
        self.written.comments[text] = about
        return text

    def behind(self, about: Path) -> str:
        """A comment at the end of a line, or nothing."""
        if not self.chance(self.many_comments / 2):
            return ""
        return " " * self.rng.randint(1, 3) + self.comment(about)

    def above(self, indent: int, about: Path) -> list[str]:
        lines = [""] * self.rng.choice([0, 0, 0, 1, 2])
        for _ in range(self.rng.choice([0, 1, 2]) if self.chance(self.many_comments) else 0):
            lines.append(" " * indent + self.comment(about))
        return lines

    def scalar(self, value: Any) -> str:
        if isinstance(value, Open):
            self.written.weights[value.route, value.pool] = value.spelling
            return value.text
        if isinstance(value, bool):
            return str(value).lower()
        quote = self.rng.choice(["", "", "'", '"']) if isinstance(value, str) else ""
        return f"{quote}{value}{quote}"

    def block(self, value: Any, indent: int, path: Path) -> list[str]:
        """The lines of a collection, its entries in column `indent`."""
        lines = []
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            inner = (*path, key)
            lines += self.above(indent, inner)
            entry = self.field if isinstance(value, dict) else self.item
            lines += entry(key, part, indent, inner)
        return lines

    def field(self, key: str, part: Any, indent: int, path: Path) -> list[str]:
        head = " " * indent + self.scalar(key) + ":"
        if isinstance(part, dict | list) and part and self.chance(0.6):
            deeper = self.rng.randint(int(isinstance(part, dict)), 4)
            return [head + self.behind(path), *self.block(part, indent + deeper, path)]
        first, *more = self.flow(part, indent + self.rng.randint(1, 4), path)
        space = " " * self.rng.randint(1, 3)
        return [f"{head}{space}{first}", *more]

    def item(self, _: int, part: Any, indent: int, path: Path) -> list[str]:
        dash, space = " " * indent + "-", self.rng.randint(1, 4)
        if isinstance(part, dict | list) and part and self.chance(0.7):
            column = indent + 1 + space
            lines = self.block(part, column, path)
            if lines[0].strip() and not lines[0].lstrip().startswith("#") and self.chance(0.8):
                return [dash + lines[0][indent + 1 :], *lines[1:]]
            return [dash + self.behind(path), *lines]
        first, *more = self.flow(part, indent + space, path)
        return [f"{dash}{' ' * space}{first}", *more]

    def flow(self, value: Any, indent: int, path: Path) -> list[str]:
        """A value in brackets, in one line or an entry a line; or a scalar."""
        if not isinstance(value, dict | list):
            return [self.scalar(value) + (self.behind(path) if len(path) else "")]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        if not value or self.chance(0.6):
            return [self.in_line(value) + self.behind(path)]
        lines = [opening + self.behind(path)]
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for number, (key, part) in enumerate(pairs, start=1):
            inner = (*path, key)
            head = f"{self.scalar(key)}: " if isinstance(value, dict) else ""
            comma = "," if number < len(value) or self.chance(0.5) else ""
            lines += self.above(indent, inner)
            lines.append(f"{' ' * indent}{head}{self.in_line(part)}{comma}{self.behind(inner)}")
        return [*lines, " " * indent + closing]

    def in_line(self, value: Any) -> str:
        if not isinstance(value, dict | list):
            return self.scalar(value)
        space = " " * self.rng.randint(0, 2)
        comma = self.rng.choice([",", ", ", " , ", ",  "]) if space else ", "
        if isinstance(value, list):
            return f"[{space}{comma.join(map(self.in_line, value))}{space}]"
        parts = (f"{self.scalar(key)}: {self.in_line(part)}" for key, part in value.items())
        return f"{{{space}{comma.join(parts)}{space}}}"


def spelt(entry: Any) -> Decimal:
    """The weight of an entry of a split, before."""
    weight = entry.get("weight") if isinstance(entry, dict) else entry
    if weight is None:
        return Decimal(1)
    text = weight.spelling
    return Decimal(int(text, 16) if text.startswith("0x") else text)
