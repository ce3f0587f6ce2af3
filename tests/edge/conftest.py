"""One router with `policy.yaml` serves all tests that only ask; tests that change KV start one of
their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.edge.probed import probed, three
from tests.support.edge.router import POLICY, Edge, start_edge

__all__ = ["edge", "probed", "three"]


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """The router that all reading tests share."""
    started = start_edge(tmp_path_factory.mktemp("edge"), POLICY)
    yield started
    started.client.close()
    started.server.stop()
