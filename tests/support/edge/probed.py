"""Routers that tests of the Coordinator share: one that probes, and three isolates that vote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from router.dev.workerd import (
    literal,
    namespace,
    service,
)
from tests.support.edge.moody import ROUTES, Router, running, workers

VERSION = "00000000-0000-4000-8000-000000000000"


# How a variant may fail, and what is said about it.
MOODS = {
    "ill": "status 500",
    "strange": "the expected text is not in the body",
    "late": "the expected text is not in the body",
    "throwing": "SECRET-INSIDE",
    "hanging": "500 ms",
    "endless": "500 ms",
    "unbound": "UNBOUND",
}


BAD = "".join(f"  {name}: {{binding: {name.upper()}, pool: bad}}\n" for name in MOODS)


PROBED = f"""\
version: 1
variants:
  good: {{binding: GOOD, pool: p}}
  moody: {{binding: IN_A_MOOD, pool: p, version: {{worker: agent, id: {VERSION}}}}}
  hand: {{binding: HAND, pool: hand}}
{BAD}health:
  active:
    {{path: "/health?deep=1", interval: 1s, timeout: 500ms, unhealthy_after: 2, expect_body: well}}
  passive: {{slow_start: 0s}}
{ROUTES}"""


@pytest.fixture(scope="session")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folder = tmp_path_factory.mktemp("probed")
    with running(folder, workers(folder, PROBED)) as router:
        yield router


PLACES = ("", "/b", "/c")


WAYS = "".join(
    f"  - {{name: to-{name}, matches: [{{path: {{prefix: /{name}}}}}], split: {{{name}: 1}}, "
    "filters: {rewrite: {path: {prefix: /}}}}\n"
    for name in "bc"
)


VOTED = f"""\
version: 1
variants:
  good: {{binding: GOOD, pool: p}}
  moody: {{binding: IN_A_MOOD, pool: p}}
  hand: {{binding: HAND, pool: hand}}
  b: {{binding: B, pool: b}}
  c: {{binding: C, pool: c}}
{ROUTES}{WAYS}"""


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """Three isolates of the router, two of them behind the first; one Coordinator."""
    folder = tmp_path_factory.mktemp("three")
    first, *others = workers(folder, VOTED)
    bound: Mapping[str, str] = {**first.bindings, "B": service("b"), "C": service("c")}
    place = f"(className = {literal('Coordinator')}, serviceName = {literal(first.name)})"
    far = {name: value for name, value in bound.items() if value != namespace("Limiter")} | {
        "ROUTER_COORDINATOR": f"durableObjectNamespace = {place}"
    }
    more = [replace(first, name=name, bindings=far, objects=()) for name in "bc"]
    with running(folder, [replace(first, bindings=bound), *more, *others]) as router:
        yield router
