"""The Coordinator on the real runtime: probes, votes, restarts. workerd by itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from policies.language.load import load
from router.dev.config import write_configs
from router.dev.layout import Layout, find_root
from router.dev.loopback import free_port
from router.dev.runtime import serve
from router.dev.stage import stage
from router.dev.workerd import (
    DISK,
    WorkerdWorker,
    literal,
    namespace,
    router_workers,
    service,
    text,
)
from tests.support.edge.router import ADMIN_KEY, HERE

WITHIN = 30.0
MOODY = "test-moody"
VERSION = "00000000-0000-4000-8000-000000000000"
ROUTES = """\
routes:
  - {name: work, matches: [{path: {exact: /work}}], split: {p: 1}}
  - {name: hand, split: {hand: 1}}
"""
# How a variant may fail, and what is said about it.
MOODS = {
    "ill": "status 500",
    "strange": "the expected text is not in the body",
    "late": "the expected text is not in the body",
    "throwing": "SECRET-INSIDE",
    "hanging": "500 ms",
    "endless": "500 ms",
    "unbound": "UNBOUND",
}
BAD = "".join(f"  {name}: {{binding: {name.upper()}, pool: bad}}\n" for name in MOODS)
PROBED = f"""\
version: 1
variants:
  good: {{binding: GOOD, pool: p}}
  moody: {{binding: IN_A_MOOD, pool: p, version: {{worker: agent, id: {VERSION}}}}}
  hand: {{binding: HAND, pool: hand}}
{BAD}health:
  active:
    {{path: "/health?deep=1", interval: 1s, timeout: 500ms, unhealthy_after: 2, expect_body: well}}
  passive: {{slow_start: 0s}}
{ROUTES}"""


class Router:
    """A router on workerd, with moody variants behind it. `at`: the way to another one."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def own(self, page: str, at: str = "") -> Any:
        answer = self.client.get(f"{at}/.router/{page}", headers={"x-api-key": ADMIN_KEY})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def variant(self, name: str, at: str = "") -> dict[str, Any]:
        told = self.own("health/variants", at)["variants"]
        found: dict[str, Any] = {each["name"]: each for each in told}[name]
        return found

    def serving(self, at: str = "", query: str = "", number: int = 12) -> set[str]:
        """Which variants answer; none may fail."""
        answers = [self.client.get(f"{at}/work{query}") for _ in range(number)]
        assert [answer.status_code for answer in answers] == [200] * number
        return {answer.json()["variant"] for answer in answers}

    def eject(self, name: str, at: str = "") -> bool:
        """Let it answer a few requests badly; whether that was enough for one isolate."""
        self.serving(at, f"?ill={name}")
        told = self.own("health/variants?local=1", at)["variants"]
        return any(each["name"] == name and each["state"] == "ejected" for each in told)

    def mood(self, name: str, word: str) -> None:
        assert self.client.get(f"/mood/{name}/{word}").json() == word

    def probes(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"/probes/{name}").json()
        return found


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def workers(folder: Path, policy: str) -> list[WorkerdWorker]:
    """The router with `policy`, in `folder`, and moody variants behind it."""
    layout = Layout(find_root(HERE))
    folder.mkdir(exist_ok=True)
    (folder / "routes.yaml").write_text(policy)
    loaded = load(policy.encode())
    assert loaded.policy, loaded.findings
    stage(layout.root, folder / "routes.yaml", folder / "upload")
    bindings = {name: variant.binding for name, variant in loaded.policy.variants.items()}
    write_configs(layout, folder, bindings, echo=True)
    router, *others = router_workers(layout, folder)
    bound = {**router.bindings, "ROUTER_ADMIN_KEY": text(ADMIN_KEY)}
    bound |= {binding: service(MOODY, {"name": name}) for name, binding in bindings.items()}
    bound.pop("UNBOUND", None)
    script = HERE / "workers" / "moody.js"
    moody = WorkerdWorker(MOODY, {script.name: script}, router.compatibility_date)
    return [replace(router, bindings=bound), *others, moody]


@contextmanager
def running(folder: Path, served: list[WorkerdWorker]) -> Iterator[Router]:
    """The first of `served`, once it answers; what it stores stays in `folder`."""
    port = free_port()
    server = serve(Layout(find_root(HERE)), served, port, folder)
    transport = httpx.HTTPTransport(retries=10)  # until it listens
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=60, transport=transport) as client:
            yield Router(client)
        assert "internal-error" not in server.output()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folder = tmp_path_factory.mktemp("probed")
    with running(folder, workers(folder, PROBED)) as router:
        yield router


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


PLACES = ("", "/b", "/c")
WAYS = "".join(
    f"  - {{name: to-{name}, matches: [{{path: {{prefix: /{name}}}}}], split: {{{name}: 1}}, "
    "filters: {rewrite: {path: {prefix: /}}}}\n"
    for name in "bc"
)
VOTED = f"""\
version: 1
variants:
  good: {{binding: GOOD, pool: p}}
  moody: {{binding: IN_A_MOOD, pool: p}}
  hand: {{binding: HAND, pool: hand}}
  b: {{binding: B, pool: b}}
  c: {{binding: C, pool: c}}
{ROUTES}{WAYS}"""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """Three isolates of the router, two of them behind the first; one Coordinator."""
    folder = tmp_path_factory.mktemp("three")
    first, *others = workers(folder, VOTED)
    bound: Mapping[str, str] = {**first.bindings, "B": service("b"), "C": service("c")}
    place = f"(className = {literal('Coordinator')}, serviceName = {literal(first.name)})"
    far = {name: value for name, value in bound.items() if value != namespace("Limiter")} | {
        "ROUTER_COORDINATOR": f"durableObjectNamespace = {place}"
    }
    more = [replace(first, name=name, bindings=far, objects=()) for name in "bc"]
    with running(folder, [replace(first, bindings=bound), *more, *others]) as router:
        yield router


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
