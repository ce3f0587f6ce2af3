"""The driver with a real isolate, and what only exists at the edge put in its place."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from policies.decisions.policy import CompiledPolicy
from tests.policies.proxy.journey import BEGAN, policy

STAND_IN = "router.edge.bridge"
EDGE = "router.edge."


class Edge:
    """What `driver.js` does, by hand. `log`: what the Worker has logged."""

    def __init__(self, made: CompiledPolicy, capsys: pytest.CaptureFixture[str]) -> None:
        module = importlib.import_module("router.edge.isolate")
        self.driver_module: Any = importlib.import_module("router.edge.proxy.driver")
        self.now_ms = BEGAN
        self.isolate = module.Isolate(made)
        self.isolate.seed()
        self.isolate.store.ready = True
        self.isolate.chores = lambda now_ms: ""  # nothing is due
        self.driver = self.driver_module.Driver(self.isolate)
        self._capsys = capsys

    def decide(
        self, url: str = "https://h/", notes: str = "", *, method: str = "GET", **headers: str
    ) -> list[Any]:
        """The effect for a request that has just come."""
        lines = [str(self.now_ms), method, url, "FRA", "DE", "EU", ""]
        for name, value in headers.items():
            lines += (name.replace("_", "-"), value)
        chores, _, effect = self.driver.decide("\n".join(lines), notes).partition("\n")
        assert not chores
        return read(effect)

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


@pytest.fixture
def edge(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Edge]:
    """With the policy that `with_policy` gives, or one that says nothing special."""
    there = {name for name in sys.modules if name.startswith(EDGE)}
    bridge, clock = ModuleType(STAND_IN), SimpleNamespace(now_ms=lambda: BEGAN)
    vars(bridge).update(
        JsException=Exception,
        JsObject=Any,
        KvNamespace=None,
        ask_coordinator=None,
        in_background=None,
        now_ms=lambda: clock.now_ms(),
    )
    monkeypatch.setitem(sys.modules, STAND_IN, bridge)
    for name in ("isolate", "coordinating", "proxy.driver"):
        monkeypatch.delitem(sys.modules, f"{EDGE}{name}", raising=False)
    made = Edge(getattr(request, "param", None) or policy(), capsys)
    clock.now_ms = lambda: made.now_ms
    yield made
    for name in [name for name in sys.modules if name.startswith(EDGE)]:
        if name not in there:
            del sys.modules[name]
