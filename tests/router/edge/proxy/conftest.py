"""The driver with a real isolate, and what only exists at the edge put in its place."""

from __future__ import annotations

import importlib
import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from policies.compiled.policy import CompiledPolicy
from tests.policies.proxy.journey import BEGAN, policy

STAND_IN = "router.edge.runtime.bridge"
EDGE = "router.edge."


class Modules:
    """What `router.edge` consists of, over a bridge that leads nowhere but to a clock."""

    def __init__(self) -> None:
        self.clock = SimpleNamespace(now_ms=BEGAN)
        bridge = ModuleType(STAND_IN)
        vars(bridge).update(
            JsException=Exception,
            now_ms=lambda: self.clock.now_ms,
            __getattr__=lambda name: None,
        )
        package = vars(importlib.import_module(EDGE.rstrip(".")))
        others = {name: each for name, each in sys.modules.items() if name.startswith(EDGE)}
        children = dict(package)
        for name in others:
            del sys.modules[name]
        sys.modules[STAND_IN] = bridge
        try:
            self.isolate: Any = importlib.import_module("router.edge.isolate.isolate")
            self.driver: Any = importlib.import_module("router.edge.proxy.driver")
        finally:
            for name in [name for name in sys.modules if name.startswith(EDGE)]:
                del sys.modules[name]
            sys.modules.update(others)
            package.clear()
            package.update(children)


class Edge:
    """What `driver.js` does, by hand."""

    def __init__(
        self, modules: Modules, made: CompiledPolicy, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.driver_module = modules.driver
        self.now_ms = modules.clock.now_ms = BEGAN
        self.isolate = modules.isolate.Isolate(made, "")
        self.isolate.seed()
        self.isolate.store.ready = True
        self.isolate.chores = lambda now_ms: ""  # nothing is due
        self.dropped: list[int] = []  # templates that JavaScript repeats no more
        self.lent: dict[int, int] = {}  # what JavaScript has left of leases, by their purses
        self.remember_at_most(2_000)
        self._capsys = capsys

    def remember_at_most(self, most: int) -> None:
        """Begin anew, with so many templates at most."""
        calls = (lambda looked: None, self._drop, lambda purse: self.lent.pop(purse, 0))
        repeating = self.driver_module.Repeating(self.isolate, *calls, most=most)
        self.driver = self.driver_module.Driver(self.isolate, repeating)

    def _drop(self, numbers: str) -> None:
        self.dropped += map(int, numbers.split())

    def decide(
        self, url: str = "https://h/", notes: str = "", *, method: str = "GET", **headers: str
    ) -> list[Any]:
        """The effect for a request that has just come."""
        return self.decided(self.request(url, method=method, **headers), notes)[-1]

    def request(self, url: str = "https://h/", *, method: str = "GET", **headers: str) -> str:
        """As it is read by `memory.js`."""
        lines = [str(self.now_ms), method, url, "FRA", "DE", "EU", ""]
        names = [name.replace("_", "-") for name in headers]
        return "\n".join([*lines, " ".join(names), *headers.values()])

    def decided(self, request: str, notes: str = "") -> tuple[str, list[Any]]:
        """The chores for a request, as it is read by `memory.js`, and the effect."""
        chores, _, _, effect = self.driver.decide(request, notes, -1).split("\n", 3)
        return chores, read(effect)

    def remembered(self, method: str = "GET", notes: str = "", **headers: str) -> list[Any]:
        """How a decision that has just been made may be repeated."""
        request = self.request(method=method, **headers)
        told = self.driver.decide(request, notes, -1).split("\n", 3)[2]
        found: list[Any] = json.loads(told)
        return found

    def retake(self, template: int, outcome: Any, method: str = "GET") -> list[Any]:
        """What is next after a repeated decision, for a request of the id `own`."""
        request, told = self.request(method=method), json.dumps(outcome)
        return read(self.driver.retake(template, request, "own\n00-own-own-00\n", told, ""))

    def resume(self, number: int, outcome: Any, notes: str = "") -> list[Any]:
        return read(self.driver.resume(number, json.dumps(outcome), notes))

    def came(self, status: int, error: str = "") -> list[Any]:
        """An answer as `driver.js` tells it."""
        return [self.now_ms, status, None, error, error, False, False, []]

    def ok(self, number: int, status: int = 200) -> str:
        """The note that its client has the answer."""
        return f"ok {number} {status} {self.now_ms:.0f}"

    @property
    def requests(self) -> dict[tuple[str, str, int], int]:
        return dict(self.isolate.metrics.requests)

    @property
    def under_way(self) -> int:
        return len(self.driver._under_way)

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


def read(effect: str) -> list[Any]:
    """Its name, its number, and more: of a `send` the binding."""
    if effect.startswith("send\n"):
        name, number, binding, *_ = effect.split("\n")
        return [name, int(number), binding]
    found: list[Any] = json.loads(effect)
    return found


def with_policy(sections: dict[str, Any] | None = None, **route: Any) -> pytest.MarkDecorator:
    """For a test: the policy of its `edge`, as in `journey.policy`."""
    return pytest.mark.parametrize("edge", [policy(sections, **route)], indirect=True, ids=[""])


@pytest.fixture(scope="session")
def edge_modules() -> Modules:
    return Modules()


@pytest.fixture
def edge(
    request: pytest.FixtureRequest, edge_modules: Modules, capsys: pytest.CaptureFixture[str]
) -> Edge:
    """With the policy that `with_policy` gives, or one that says nothing special."""
    return Edge(edge_modules, getattr(request, "param", None) or policy(), capsys)
