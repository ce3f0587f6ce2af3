"""200 clients at once, while a variant fails, hangs and recovers: no crash, no wrong answer.

What is right is in `right.py`. Python's collector is in the state in which the router leaves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from hashlib import sha256

import httpx
import pytest

from tests.load.modes import MANY, USER, policy
from tests.load.right import MAY_ANSWER, Got, wrong
from tests.load.site import Arrival, Site

CLIENTS = 200
PATIENCE = 60.0  # longer than the router's own limit, on however busy a machine
KEY = "a-key-of-the-load-tests-alone"
AUTH = {"id": "load", "sha256": sha256(KEY.encode()).hexdigest(), "scopes": ["router:admin"]}
BY_MEMORY = 'router_decisions_total{source="memory"'
HEALTH = {"passive": {"eject_for": "2s", "slow_start": "1s"}}
WELL, ILL = 1.0, 2.0  # seconds
RECOVERS = 60.0  # at most
POLL = 0.25
(BAD,) = MANY.bad
BODY = "answered, from the first byte to the last\n" * 25

Played = tuple[list[Got], list[Arrival]]
Times = list[tuple[float, float]]  # from when until when the bad variant did each of MAY_ANSWER


async def client(url: str, number: int, stop: asyncio.Event) -> list[Got]:
    """One after the other, GET and POST in turn, until `stop`; every second client has a user.

    At any time, half of the clients send a GET, and half of them a POST.
    """
    answers = list[Got]()
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as asking:
        while not stop.is_set():
            count = len(answers)
            method = "POST" if (number // 2 + count) % 2 else "GET"
            user = {USER: f"user-{number % 8}"} if number % 2 else {}
            answers.append(await ask(asking, method, f"many/{number}/{count}", user))
    return answers


async def ask(asking: httpx.AsyncClient, method: str, name: str, user: dict[str, str]) -> Got:
    headers = {"host": MANY.host, "x-load-id": name, **user}
    content = b"once" if method == "POST" else None
    try:
        answer = await asking.request(method, "/work", headers=headers, content=content)
    except httpx.TransportError:
        return Got(name, method, None)
    return Got(name, method, answer.status_code, answer.headers, answer.text)


async def play(site: Site) -> tuple[Played, Times]:
    stop, arrivals, times = asyncio.Event(), list[Arrival](), Times()
    async with httpx.AsyncClient(timeout=PATIENCE) as control:
        await site.arrivals(control)  # those of other tests
        clients = [asyncio.create_task(client(site.url, n, stop)) for n in range(CLIENTS)]
        try:
            await asyncio.sleep(WELL)
            for act in MAY_ANSWER:
                ill = await site.act(control, [BAD], act)
                await asyncio.sleep(ILL)
                well = await site.act(control, [BAD], "well")
                times.append((ill, well))
                await recovered(site, control, arrivals, well)
        finally:
            stop.set()
            found = await asyncio.gather(*clients)
        arrivals += await site.arrivals(control)
    return ([each for some in found for each in some], arrivals), times


async def recovered(
    site: Site, control: httpx.AsyncClient, arrivals: list[Arrival], since: float
) -> None:
    """Wait until the bad variant gets clients' requests again."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + RECOVERS
    while not any(each.variant == BAD and each.id and each.at > since + 1 for each in arrivals):
        assert loop.time() < deadline, "it is still left alone"
        await asyncio.sleep(POLL)
        arrivals += await site.arrivals(control)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One whose variants are back soon."""
    rules = {**policy(HEALTH, [MANY]), "auth": {"keys": [AUTH]}}
    with Site(tmp_path_factory.mktemp("many"), rules) as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="module")
def run(site: Site) -> tuple[Played, Times]:
    return asyncio.run(play(site))


@pytest.fixture(scope="module")
def played(run: tuple[Played, Times]) -> Played:
    return run[0]


def test_no_answer_is_wrong(played: Played) -> None:
    assert wrong(*played, BAD, BODY) == []


def test_it_was_tried(run: tuple[Played, Times]) -> None:
    """The bad variant was asked while it threw and while it hung, and others answered.

    What clients saw of it is chance: a GET is tried again, and a few failures eject it.
    """
    played, times = run
    answers, arrivals = played
    assert sum(each.status == 200 for each in answers) > 10 * CLIENTS
    asked = [each for each in arrivals if each.id]
    for ill, well in times:
        assert any(each.variant == BAD and ill <= each.at < well for each in asked)
    assert {each.variant for each in asked} == {*MANY.variants}


def test_decisions_were_repeated(played: Played, site: Site) -> None:
    """Those for users; else all of this would be said of Python's decisions alone."""
    assert played
    headers = {"x-api-key": KEY}
    metrics = httpx.get(f"{site.url}/.router/metrics", headers=headers, timeout=PATIENCE).text
    lines = [line for line in metrics.splitlines() if line.startswith(BY_MEMORY)]
    assert sum(float(line.split()[-1]) for line in lines) > CLIENTS, metrics


def test_the_router_stays_well(played: Played, site: Site) -> None:
    assert played
    assert httpx.get(f"{site.url}/.router/health", timeout=PATIENCE).status_code == 200
    for event in ("internal-error", "memory-difference"):
        assert event not in site.output
