"""Policies that would take long to read."""

from __future__ import annotations

from policies.language.yaml.composer import MAX_TEXT

HEAD = "version: 1\nvariants:\n  one: {binding: ONE, pool: one}\n  two: {binding: TWO, pool: two}\n"


ROUTES = "routes: [{name: r, split: {one: 1, two: 1}}]\n"


def drills(number: int, schedule: str = "0 0 1 1 *") -> bytes:
    drill = f'variant: one, mode: down, for: 10s, schedule: "{schedule}"'
    entries = "".join(f"  - {{name: d{n}, {drill}}}\n" for n in range(number))
    return f"{HEAD}drills:\n{entries}{ROUTES}".encode()


LONG = "x" * (MAX_TEXT + 10)
