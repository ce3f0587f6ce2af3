"""The Coordinator on the real runtime: probes, votes, restarts. workerd by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from router.dev.workerd import (
    DISK,
)
from tests.support.edge.moody import Router, eventually, running, workers
from tests.support.edge.probed import (
    MOODS,
    PLACES,
    PROBED,
    VERSION,
)
from tests.support.edge.router import ADMIN_KEY


def test_a_variant_whose_health_fails_is_left_out_and_comes_back(probed: Router) -> None:
    eventually(lambda: probed.serving() == {"good", "moody"})
    probed.mood("moody", "ill")
    eventually(lambda: probed.serving() and probed.variant("moody")["state"] == "unhealthy")
    assert probed.serving() == {"good"}
    told = probed.variant("moody")
    assert (told["share"], told["reason"], told["active"]) == (0, "probes", "unhealthy")
    probed.mood("moody", "well")
    eventually(lambda: probed.serving() == {"good", "moody"})
    assert probed.variant("moody")["active"] == "healthy"


@pytest.mark.parametrize("mood", MOODS)
def test_whatever_a_bad_variant_does_its_probe_fails(probed: Router, mood: str) -> None:
    eventually(lambda: probed.variant(mood)["active"] == "unhealthy")
    assert MOODS[mood] in probed.variant(mood)["probe"]["reason"]


def test_who_hangs_holds_up_neither_the_probes_of_others_nor_reports(probed: Router) -> None:
    eventually(lambda: probed.variant("hanging")["active"] == "unhealthy")
    number, version = len(probed.probes("good")), probed.own("status")["coordinator"]["version"]
    eventually(lambda: len(probed.probes("good")) >= number + 3)
    assert probed.variant("good")["active"] == "healthy"
    probed.mood("moody", "ill")
    eventually(lambda: probed.own("status")["coordinator"]["version"] > version)
    probed.mood("moody", "well")
    assert probed.own("status")["coordinator"]["error"] is None


def test_a_probe_says_who_it_is(probed: Router) -> None:
    eventually(lambda: probed.probes("moody"))
    for name, override in (("good", None), ("moody", f'agent="{VERSION}"')):
        probe = probed.probes(name)[-1]
        assert probe["url"] == f"https://{name}.internal/health?deep=1"
        assert probe["headers"]["user-agent"] == "fiberwise-router-health/1"
        assert probe["headers"].get("cloudflare-workers-version-overrides") == override


def test_the_page_of_the_variants(probed: Router) -> None:
    eventually(lambda: probed.own("health/variants")["coordinator"]["reachable"])
    probed.serving()
    eventually(lambda: probed.variant("good")["requests"] > 0)
    page = probed.own("health/variants")
    assert page["isolates"] == 1
    assert page["coordinator"]["version"] > 0
    assert page["coordinator"]["age_ms"] >= 0
    good = next(each for each in page["variants"] if each["name"] == "good")
    assert good.keys() >= {
        *("name", "pool", "region", "state", "share", "reason", "ejected_for_ms", "active"),
        *("drill", "requests", "failures"),
    }
    assert (good["pool"], good["region"], good["drill"]) == ("p", None, None)
    local = probed.own("health/variants?local=1")
    assert local["coordinator"]["reachable"] is True
    names = [each["name"] for each in local["variants"]]
    assert names == ["good", "moody", "hand", *MOODS]
    wrong = probed.client.get("/.router/health/variants?all", headers={"x-api-key": ADMIN_KEY})
    assert wrong.status_code == 400


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a Coordinator stored that knew `moody` to be unhealthy."""
    folder = tmp_path_factory.mktemp("kept")
    with running(folder, workers(folder, PROBED)) as router:
        router.mood("moody", "ill")
        eventually(lambda: router.serving() and router.variant("moody")["state"] == "unhealthy")
    return folder / DISK


def test_what_is_known_survives_a_restart(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept, tmp_path / DISK)
    # Its mood is good again. But one good answer is not enough, and the second is far away.
    policy = PROBED.replace("interval: 1s", "interval: 1h")
    with running(tmp_path, workers(tmp_path, policy)) as router:
        eventually(lambda: router.serving() == {"good"})
        eventually(lambda: router.variant("moody")["probe"])
        assert router.variant("moody")["probe"]["status"] == 200
        assert router.variant("moody")["state"] == "unhealthy"


def test_a_damaged_state_is_begun_anew(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept, tmp_path / DISK)
    damaged = 0
    for path in (tmp_path / DISK).rglob("*.sqlite*"):
        if b'{"format"' in path.read_bytes():
            path.write_bytes(path.read_bytes().replace(b'{"format"', b'["format"'))
            damaged += 1
    assert damaged
    with running(tmp_path, workers(tmp_path, PROBED)) as router:
        eventually(lambda: router.serving() and router.variant("moody")["active"] == "healthy")
        assert router.serving(number=40) == {"good", "moody"}
        assert "coordinator-state-unread" in (tmp_path / "workerd.log").read_text()


def test_isolates_that_disagree_go_on_until_more_than_half_agree(three: Router) -> None:
    for at in PLACES:
        eventually(lambda at=at: three.serving(at) == {"good", "moody"})
    eventually(lambda: three.own("health/variants")["isolates"] == 3)
    # One isolate has bad luck, and decides for itself alone.
    eventually(lambda: three.eject("moody"))
    eventually(lambda: three.serving() and three.variant("moody")["voters"] == 1)
    assert three.variant("moody")["state"] == "ejected"
    assert three.serving("/c") == {"good", "moody"}
    # When another one agrees, the third leaves it out, too.
    eventually(lambda: three.eject("moody", "/b"))
    eventually(lambda: three.serving("/b") and three.serving("/c") == {"good"})
    told = three.variant("moody", "/c")
    assert (told["state"], told["reason"]) == ("ejected", "other isolates")
    assert told["voters"] == 2
    assert told["failures"] >= 10
