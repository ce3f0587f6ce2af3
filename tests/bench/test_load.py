"""What the load generator sends, seen by a server that keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Thread

import pytest

from bench.load import (
    CROWD,
    HEADERS,
    MANY_PATHS,
    MANY_USERS,
    PLACES,
    POSTS,
    USUAL,
    Traffic,
    load,
)
from bench.rows import example, written
from bench.server import Serving
from policies.balancing.choose import Forward, read_target
from policies.compiled.policy import CompiledPolicy
from policies.http.problems import Problem
from policies.http.request import Client, Request
from policies.language.compile.compile import compile_policy
from policies.language.load import load as load_policy
from policies.proxy.decide import Surroundings, decide
from router.dev.layout import Layout, SetupError, find_root

pytestmark = pytest.mark.slow

LAYOUT = Layout(find_root())
Seen = tuple[str, str, str, int]  # method, path, user, bytes of the body


class Here(Serving):
    """Keeps what it is asked."""

    cpu_seconds = 1.0

    def __init__(self, port: int, seen: list[Seen]) -> None:
        super().__init__(f"http://127.0.0.1:{port}", 0, Path("none"))
        self.seen = seen

    def sent(self, traffic: Traffic, amount: int, first: int = 0) -> list[Seen]:
        self.seen.clear()
        assert load(LAYOUT, self, traffic, amount=amount, first=first).answered == amount
        return list(self.seen)

    def stop(self) -> None:
        """Nothing was started."""


@contextmanager
def keeping(status: int = 200) -> Iterator[Here]:
    seen: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def keep(self) -> None:
            size = len(self.rfile.read(int(self.headers.get("content-length", 0))))
            seen.append((self.command, self.path, self.headers["x-worker-id"], size))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST = keep

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Here(server.server_port, seen)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    with keeping() as server:
        yield server


def test_usual_requests_are_of_sixty_users_and_one_path(here: Here) -> None:
    seen = here.sent(USUAL, 600)
    assert {(method, path, size) for method, path, _, size in seen} == {
        ("GET", "/execute?wait=0", 0)
    }
    users = Counter(user for _, _, user, _ in seen)
    assert len(users) == 60
    assert max(users.values()) <= 2 * min(users.values())


def test_many_users_differ_until_all_have_asked(here: Here) -> None:
    begun, gone_on = here.sent(MANY_USERS, 640), here.sent(MANY_USERS, 640, first=640)
    users = [user for _, _, user, _ in begun + gone_on]
    assert len(set(users)) == len(users)
    assert MANY_USERS.users == 10_000
    # After the last one the first one asks again.
    last = {user for _, _, user, _ in here.sent(MANY_USERS, 32, first=9_984)}
    assert last == {f"worker-{number % 10_000}" for number in range(9_984, 10_016)}


def test_many_paths_differ_and_stand_in_all_places(here: Here) -> None:
    paths = [path for _, path, _, _ in here.sent(MANY_PATHS, 640)]
    assert len(set(paths)) == len(paths)
    beginnings = Counter(path.split("/")[1] for path in paths)
    assert set(beginnings) == {place.split("/")[1] for place in PLACES}
    assert MANY_PATHS.paths == 10_000


def test_a_post_brings_two_kib(here: Here) -> None:
    assert {(method, size) for method, _, _, size in here.sent(POSTS, 64)} == {("POST", 2048)}


def test_a_crowd_never_asks_the_same_again(here: Here) -> None:
    number = CROWD.users
    begun, again = here.sent(CROWD, 320), here.sent(CROWD, 320, first=number)
    assert {user for _, _, user, _ in begun} == {user for _, _, user, _ in again}
    pairs = [(path, user) for _, path, user, _ in begun + again]
    assert len(set(pairs)) == len(pairs)


def test_a_run_with_failed_requests_measures_nothing() -> None:
    with keeping(status=503) as failing, pytest.raises(SetupError, match="32 requests failed"):
        load(LAYOUT, failing, amount=32)


def test_different_paths_are_on_every_route_that_forwards_a_get(tmp_path: Path) -> None:
    loaded = load_policy(written(example(LAYOUT), tmp_path).read_bytes())
    assert loaded.policy is not None
    policy = CompiledPolicy(compile_policy(loaded.policy, loaded.digest))
    headers = HEADERS | {"x-worker-id": "worker-1"}
    taken = set()
    for place in PLACES:
        target = read_target(policy, f"https://example.com{place.replace('#', '17')}", headers)
        assert not isinstance(target, Problem)
        request = Request("GET", target, headers, Client("192.0.2.17", "", "", "EU"))
        outcome = decide(policy, request, Random(1), Surroundings(0.0)).outcome
        assert isinstance(outcome, Forward), place
        taken.add(outcome.route.name)
    # `workers` and `long-polls` take POSTs and polls that wait, `preview` a header.
    assert taken == {"agents", "execute", "default"}
