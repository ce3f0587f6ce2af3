"""Servers that several files share. `tests/conftest.py` has all of these files run by one process.

One router with `policy.yaml` serves all tests that only ask; tests that change KV start one of
their own. One with the agent's variants serves all tests of the agent that need its policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.edge.agents import Agents, router_with_agents
from tests.support.edge.installed import installed, wheel
from tests.support.edge.probed import probed, three
from tests.support.edge.router import POLICY, Edge
from tests.support.edge.workerd import running_edge

__all__ = ["edge", "installed", "probed", "three", "wheel"]


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """The router that all reading tests share."""
    with running_edge(tmp_path_factory.mktemp("edge"), POLICY) as started:
        yield started


@pytest.fixture(scope="session")
def router_of_agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    with router_with_agents(tmp_path_factory.mktemp("agents")) as started:
        yield started


@pytest.fixture(scope="module")
def agents(router_of_agents: Agents) -> Agents:
    """As if it had just started: with empty tables."""
    router_of_agents.forget()
    return router_of_agents
