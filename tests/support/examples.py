"""How many examples a property is tried with: all, or a tenth with `make test-fast`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

IS_FAST = bool(os.environ.get("TEST_FAST"))
DEFAULT = 100  # hypothesis's own
FASTER = 10


def examples(number: int) -> settings:
    """For a property that takes `number` examples to be trusted, on however slow a machine."""
    return settings(
        max_examples=max(FASTER, number // FASTER) if IS_FAST else number,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
