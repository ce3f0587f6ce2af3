"""A router whose Coordinator is the tests' own Worker, or is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from router.dev.workerd import WorkerdWorker, literal, service, text
from router.edge.isolate.timing import VARIABLE
from tests.support.edge.moody import ROUTES, Router, running, workers
from tests.support.edge.router import FASTER, HERE

STAND_IN = "test-coordinator"


POLICY = f"""\
version: 1
variants:
  good: {{binding: GOOD, pool: p}}
  moody: {{binding: IN_A_MOOD, pool: p}}
  hand: {{binding: HAND, pool: hand}}
{ROUTES}"""


@contextmanager
def coordinated(folder: Path, kind: str | None, pace: str = FASTER) -> Iterator[Router]:
    """A router whose Coordinator is of that kind, or does not exist; `pace`: ROUTER_TIMING."""
    first, *others = workers(folder, POLICY)
    bindings = {name: value for name, value in first.bindings.items() if "ORDINATOR" not in name}
    bindings[VARIABLE] = text(pace)
    if kind:
        place = f"(className = {literal('Coordinator')}, serviceName = {literal(STAND_IN)})"
        bindings["ROUTER_COORDINATOR"] = f"durableObjectNamespace = {place}"
        bindings["HAND"] = service(STAND_IN)
        script = HERE / "workers" / "coordinator.js"
        modules, date = {script.name: script}, first.compatibility_date
        bound = {"KIND": text(kind)}
        others.append(WorkerdWorker(STAND_IN, modules, date, (), bound, objects=["Coordinator"]))
    with running(folder, [replace(first, bindings=bindings), *others]) as router:
        yield router
