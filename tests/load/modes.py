"""In what ways variants fail under load: a group of three variants for each.

Every group is a pool with a route and a hostname of its own, so all of them can be looked
at at the same time, in one router.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CONTROL = "control"
LETTERS = ("a", "b", "c")


# Long enough for any well variant on a busy machine, shorter than the slow one's three seconds.
TIMEOUTS = {"request": "10s", "backend_request": "2s"}


@dataclass(frozen=True, slots=True)
class Mode:
    """`act`: what a variant does (`workers/patient.js`); `ill`: how many of the three do.
    `timeouts` and `sticky` are the route's."""

    name: str
    told: str
    act: str
    ill: int = 1
    timeouts: Mapping[str, str] = field(default_factory=TIMEOUTS.copy)
    sticky: Sequence[str] = ()

    @property
    def host(self) -> str:
        return f"{self.name}.test"

    @property
    def variants(self) -> list[str]:
        return [f"{self.name}-{letter}" for letter in LETTERS]

    @property
    def bad(self) -> list[str]:
        return self.variants[: self.ill]


ONE_OF_THREE = (
    Mode("throws", "throws", "throw"),
    Mode("unavailable", "answers 503", "unavailable"),
    Mode("bursts", "bursts of 500", "bursts"),
    Mode("hangs", "hangs", "hang"),
    Mode("slow", "answers after 3 s", "slow"),
    Mode("flaps", "flaps each second", "flapping"),
    Mode("cuts", "closes in the middle of a body", "cut"),
)
ALL_OF_THREE = (
    Mode("all-unavailable", "all three answer 503", "unavailable", ill=3),
    Mode("all-throw", "all three throw", "throw", ill=3),
)
MODES = ONE_OF_THREE + ALL_OF_THREE

# Nobody answers, and many requests find out in the same moment.
AT_ONCE = Mode(
    "at-once",
    "all three hang, for a short time each",
    "hang",
    ill=3,
    timeouts={"request": "500ms", "backend_request": "100ms"},
)

# One of three throws, recovers, hangs and recovers (`test_many.py`), while a crowd asks. It is
# given up sooner than the time for which it hangs, and later than a busy machine answers. What is
# decided for a user is remembered; without a user, chance decides, each time anew.
USER = "x-user"
MANY = Mode(
    "many",
    "one throws, then hangs",
    "throw",
    timeouts={"request": "8s", "backend_request": "1500ms"},
    sticky=[f"header:{USER}"],
)


def binding(variant: str) -> str:
    return variant.upper().replace("-", "_")


def policy(health: Mapping[str, Any], modes: Sequence[Mode] = MODES) -> dict[str, Any]:
    """As YAML would read it: `health`, and a route for each of `modes` and for the control."""
    pools = {variant: mode.name for mode in modes for variant in mode.variants}
    variants = {**pools, CONTROL: CONTROL}
    routes = [
        {
            "name": mode.name,
            "hostnames": [mode.host],
            "split": {mode.name: 1},
            "timeouts": dict(mode.timeouts),
            "sticky": list(mode.sticky),
        }
        for mode in modes
    ]
    return {
        "version": 1,
        "variants": {
            name: {"binding": binding(name), "pool": pool} for name, pool in variants.items()
        },
        "health": dict(health),
        "routes": [
            *routes,
            {"name": CONTROL, "hostnames": [f"{CONTROL}.test"], "split": {CONTROL: 1}},
        ],
    }
