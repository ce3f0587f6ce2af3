"""From where a request comes to the region that serves it, over HTTP."""

from __future__ import annotations

import pytest

from tests.support.edge.router import Edge


@pytest.mark.parametrize(
    ("cf", "variant"),
    [
        ({"country": "DE", "continent": "EU", "colo": "FRA"}, "production-eu"),
        ({"country": "BR", "continent": "SA", "colo": "GRU"}, "production-us"),
        ({"country": "JP", "continent": "AS", "colo": "NRT"}, "production-ap"),
        ({"country": "RU", "continent": "EU", "colo": "DME"}, "production-ap"),  # by country
        ({"country": "GB", "continent": "EU", "colo": "LHR"}, "production-us"),  # by colo
        ({"country": "T1", "colo": "AMS"}, "production-us"),  # Tor: the default region
        ({"country": "T1", "continent": "EU", "colo": "AMS"}, "production-eu"),
        ({"colo": "ZZZ"}, "production-us"),
        ({}, "production-us"),
    ],
)
def test_region(edge: Edge, cf: dict[str, str], variant: str) -> None:
    answer = edge.get("/", host="region.test", cf=cf)
    assert answer.json()["variant"] == variant
    assert answer.headers["x-router-variant"] == variant
