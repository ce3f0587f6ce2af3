"""A router whose Coordinator is the tests' own Worker, or is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from router.dev.required import OBJECTS
from router.dev.workerd import WorkerdWorker, literal, service, text
from router.edge.isolate.timing import VARIABLE
from tests.support.edge.moody import ROUTES, Router, eventually, running, workers
from tests.support.edge.router import FASTER, HERE

STAND_IN = "test-coordinator"
STARTED_WITHIN = 120.0  # all of them, on a busy machine


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
    with running(folder, _workers(folder, kind, pace)) as router:
        yield router


@contextmanager
def all_coordinated(
    folder: Path, kinds: Sequence[str | None], pace: str
) -> Iterator[dict[str | None, Router]]:
    """The same for each kind, in one workerd; each of the routers has answered."""
    served = {host(kind): _workers(folder, kind, pace) for kind in kinds}
    first, *_ = (router for router, *_ in served.values())
    bindings = {each: service(router.name) for each, (router, *_) in served.items()}
    script = HERE / "workers" / "by_host.js"
    front = WorkerdWorker("front", {script.name: script}, first.compatibility_date, (), bindings)
    every = {each.name: each for workers in served.values() for each in workers}
    with running(folder, [front, *every.values()]) as at, ExitStack() as stack:
        routers = {}
        for kind in kinds:
            headers = {"host": f"{host(kind)}.test"}
            client = httpx.Client(base_url=at.client.base_url, headers=headers, timeout=60)
            routers[kind] = Router(stack.enter_context(client))
            eventually(lambda client=client: answers(client), STARTED_WITHIN)
        yield routers


def host(kind: str | None) -> str:
    return kind or "missing"


def answers(client: httpx.Client) -> bool:
    """Whether it listens, and answers."""
    try:
        return client.get("/.router/health").status_code == 200
    except httpx.TransportError:
        return False


def _workers(folder: Path, kind: str | None, pace: str) -> list[WorkerdWorker]:
    """The router, with a name of its own, before all that it needs."""
    first, *others = workers(folder, POLICY)
    bindings = {name: value for name, value in first.bindings.items() if name not in OBJECTS}
    bindings[VARIABLE] = text(pace)
    if kind:
        stand_in = f"{STAND_IN}-{kind}"
        place = f"(className = {literal('Coordinator')}, serviceName = {literal(stand_in)})"
        bindings["ROUTER_COORDINATOR"] = f"durableObjectNamespace = {place}"
        bindings["HAND"] = service(stand_in)
        script = HERE / "workers" / "coordinator.js"
        modules, date = {script.name: script}, first.compatibility_date
        bound = {"KIND": text(kind)}
        others.append(WorkerdWorker(stand_in, modules, date, (), bound, objects=["Coordinator"]))
    return [replace(first, name=f"router-{host(kind)}", bindings=bindings, objects=()), *others]
