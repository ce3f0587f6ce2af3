"""One router for all tests under load, with times of health that are short enough for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.load.modes import AT_ONCE, MODES, policy
from tests.load.site import Site

HEALTH: dict[str, Any] = {
    "active": {"path": "/health", "interval": "1s", "timeout": "900ms"},
    "passive": {"slow_start": "5s"},
}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("load")
    with Site(folder, policy(HEALTH, (*MODES, AT_ONCE))) as running:
        running.wait_ready()
        yield running
