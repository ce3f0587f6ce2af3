"""The vectors on CPython."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.vectors import VECTORS, check, explained, name


@pytest.mark.parametrize("vector", VECTORS, ids=name)
def test_vector(vector: dict[str, Any]) -> None:
    check(vector, explained(vector))
