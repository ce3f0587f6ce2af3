"""The timing of a deployment is the one that is documented, whatever a variable says."""

from __future__ import annotations

import pytest

from router.edge.isolate.timing import DEFAULTS, parse_timing


def test_the_defaults_are_what_is_documented() -> None:
    assert DEFAULTS._asdict() == {
        "refresh_ms": 10_000,
        "lag_ms": 60_000,
        "report_ms": 5_000,
        "hurry_ms": 1_000,
    }


@pytest.mark.parametrize("value", ["0.1", "1", "0.01", "10"])
def test_locally_a_variable_multiplies_all(value: str) -> None:
    found = parse_timing(value, is_local=True)
    assert found == pytest.approx([each * float(value) for each in DEFAULTS])


@pytest.mark.parametrize("value", ["0.1", "1", "10"])
def test_anywhere_else_it_says_nothing(value: str) -> None:
    assert parse_timing(value, is_local=False) is DEFAULTS


@pytest.mark.parametrize(
    "value", [None, "", "a tenth", "0", "-1", "0.001", "11", "nan", "inf", "{}", object()]
)
def test_what_is_no_such_number_says_nothing(value: object) -> None:
    assert parse_timing(value, is_local=True) is DEFAULTS
