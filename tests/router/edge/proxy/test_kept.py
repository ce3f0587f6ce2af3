"""What Python keeps of requests that are over: nothing, whatever their clients choose."""

from __future__ import annotations

import gc
import sys

import pytest

from tests.router.edge.proxy.conftest import Edge, with_policy

WARM, MORE = 300, 2_000
MAY_STAY = 200  # blocks of memory; a single one for each request would be ten times that
LONG = 2_000


def ask(edge: Edge, first: int, number: int, *, long: bool) -> None:
    """Requests of as many users and paths, each over when the next one comes."""
    notes = ""
    for at in range(first, first + number):
        headers = {"cf_connecting_ip": "192.0.2.1", "x_user": f"user-{at}"}
        if long:
            headers |= {
                "idempotency_key": f"{at}".zfill(LONG),
                f"x_{at}".ljust(LONG, "n"): "v" * LONG,
            }
        _, (_, way, _) = edge.decided(edge.request(f"https://h/at/{at}", **headers), notes)
        notes = edge.ok(way)
        edge.now_ms += 1


@with_policy(sticky=["header:x-user"])
@pytest.mark.parametrize("long", [False, True])
def test_a_crowd_leaves_nothing_behind(edge: Edge, long: bool) -> None:
    ask(edge, 0, WARM, long=long)
    gc.collect()
    before = sys.getallocatedblocks()
    ask(edge, WARM, MORE, long=long)
    gc.collect()
    assert sys.getallocatedblocks() - before < MAY_STAY
