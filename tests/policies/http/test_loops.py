"""Requests that come back to the router."""

from __future__ import annotations

import pytest

from policies.http.loops import HOPS, MAX_HOPS, hops_of, loop_problem


@pytest.mark.parametrize("number", range(1, MAX_HOPS))
def test_so_many_hops_are_no_loop(number: int) -> None:
    headers = {HOPS: str(number)}
    assert hops_of(headers) == number
    assert loop_problem(headers) is None


def test_one_more_is_a_loop() -> None:
    found = loop_problem({HOPS: str(MAX_HOPS)})
    assert found
    assert (found.code, found.status) == ("loop-detected", 508)


@pytest.mark.parametrize("made_up", ["", "0", "-1", "01", "1, 2", "99999", "x", "1.0", "²"])
def test_what_the_router_does_not_write_is_no_hop(made_up: str) -> None:
    assert hops_of({HOPS: made_up}) == 0
    assert loop_problem({HOPS: made_up}) is None
    assert loop_problem({}) is None
