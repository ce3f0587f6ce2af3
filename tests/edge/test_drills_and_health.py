"""Drills and health: a drilled variant is found ill, left out, and comes back, as a real one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.edge.moody import ROUTES, Router, eventually, running, workers
from tests.support.edge.probed import PLACES
from tests.support.edge.router import ADMIN_KEY

KEY = {"x-api-key": ADMIN_KEY}


def start(router: Router, at: str = "", **asked: Any) -> str:
    document = {"variant": "moody", "for": "1h", **asked}
    answer = router.client.post(f"{at}/.router/drills", headers=KEY, json=document)
    assert answer.status_code == 201, answer.text
    told: str = answer.json()["id"]
    return told


def stop(router: Router, at: str = "") -> None:
    assert router.client.delete(f"{at}/.router/drills", headers=KEY).status_code == 200


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("down", "a drill has it down"),
        ("errors:100%", "status 503"),
        ("latency:2s", "500 ms"),
    ],
)
def test_probes_find_it_ill_and_well_again(probed: Router, mode: str, reason: str) -> None:
    eventually(lambda: probed.serving() == {"good", "moody"})
    number = len(probed.probes("moody"))
    drill = start(probed, mode=mode)
    assert probed.variant("moody")["drill"] == drill
    eventually(lambda: probed.variant("moody")["active"] == "unhealthy")
    assert reason in probed.variant("moody")["probe"]["reason"]
    eventually(lambda: probed.serving() == {"good"} and probed.variant("moody")["share"] == 0)
    if mode != "latency:2s":  # one may have been on its way
        assert len(probed.probes("moody")) <= number + 1
    stop(probed)
    assert probed.variant("moody")["drill"] is None
    eventually(lambda: probed.serving() == {"good", "moody"})


@pytest.fixture(scope="module")
def unprobed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """Nobody is asked how it is; an ejection is short."""
    policy = f"""\
version: 1
variants:
  good: {{binding: GOOD, pool: p}}
  moody: {{binding: IN_A_MOOD, pool: p}}
  hand: {{binding: HAND, pool: hand}}
health: {{passive: {{eject_for: 500ms, max_eject_for: 1s, slow_start: 0s}}}}
{ROUTES}"""
    folder = tmp_path_factory.mktemp("unprobed")
    with running(folder, workers(folder, policy)) as router:
        yield router


@pytest.mark.parametrize("mode", ["down", "errors:100%"])
def test_requests_find_it_ill_and_well_again(unprobed: Router, mode: str) -> None:
    eventually(lambda: unprobed.serving() == {"good", "moody"})
    start(unprobed, mode=mode)
    assert unprobed.serving() == {"good"}  # by failover, until it is left out
    eventually(lambda: unprobed.serving() and unprobed.variant("moody")["state"] != "healthy")
    assert unprobed.serving(number=30) == {"good"}  # also by the probe requests that it is given
    stop(unprobed)
    eventually(lambda: unprobed.serving() == {"good", "moody"})


def test_it_ends_when_the_other_fails_in_earnest(probed: Router) -> None:
    drill = start(probed, mode="latency:10ms")
    probed.mood("good", "ill")
    try:
        eventually(lambda: drill not in [each["id"] for each in probed.own("drills")["active"]])
        (past,) = [each for each in probed.own("drills")["past"] if each["id"] == drill]
        assert (past["why"], past["ended_by"]) == ("nothing left", None)
        refused = probed.client.post(
            "/.router/drills", headers=KEY, json={"pool": "p", "mode": "down", "for": "1m"}
        )
        assert refused.status_code == 409
    finally:
        probed.mood("good", "well")
    eventually(lambda: probed.variant("good")["active"] == "healthy")


def test_every_isolate_learns_of_it(three: Router) -> None:
    for at in PLACES:
        eventually(lambda at=at: three.serving(at) == {"good", "moody"})
    drill = start(three, "/b", mode="errors:100%")
    assert three.variant("moody", "/b")["drill"] == drill
    assert three.serving("/b") == {"good"}  # at once, where it was started
    eventually(lambda: all(held(three, at) == drill for at in PLACES))
    assert all(three.serving(at) == {"good"} for at in PLACES)
    stop(three, "/c")
    assert held(three, "/c") is None
    eventually(lambda: not any(held(three, at) for at in PLACES))


def held(router: Router, at: str) -> str | None:
    """The drill of `moody` that the isolate at `at` holds, after requests came to it."""
    router.serving(at)
    drill: str | None = router.variant("moody", at)["drill"]
    return drill
