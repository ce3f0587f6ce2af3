"""Both ways into the router, on workerd by itself: a handler in JavaScript, which the entry code
is handed, and one in Python, which one variable goes back to (`router/edge/entry.py`).

The tests of others run here both ways; `make entry-check` runs them on the newest workerd.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.edge.failover import (  # noqa: F401
    test_a_body_is_sent_again,
    test_a_body_of_unknown_length_is_sent_again,
    test_the_same_variant_again,
    test_who_answers_in_the_end,
)
from tests.support.edge.forwarding import (  # noqa: F401
    test_a_path_goes_on_in_its_one_spelling_with_its_body,
    test_failures_are_problem_documents,
    test_headers_that_are_removed,
    test_method_path_query_and_body_go_on_unchanged,
    test_other_requests_go_on_while_one_hangs,
    test_redirects_are_the_clients_to_follow,
    test_server_sent_events_arrive_as_they_are_sent,
    test_the_answer_passes_through,
    test_the_variant_sees_where_the_client_is,
    test_websocket,
)
from tests.support.edge.matching import (  # noqa: F401
    test_fixed_answers,
    test_host,
    test_no_route,
    test_no_route_for_the_method,
    test_refused_paths,
)
from tests.support.edge.router import PEPPER, POLICY, Edge
from tests.support.edge.workerd import Running, running

SECRETS = {"ROUTER_KEY_PEPPER": PEPPER}
WAYS = {"javascript": {}, "python": {"ROUTER_ENTRY": "python"}}
REQUESTS = 40
SERVED: dict[str, dict[Path, int]] = {}  # what the first way has served


@pytest.fixture(scope="module", params=list(WAYS))
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def upload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the router stands that is started both ways."""
    return tmp_path_factory.mktemp("entry")


@pytest.fixture(scope="module")
def router(way: str, upload: Path) -> Iterator[Running]:
    with running(upload, POLICY, {**SECRETS, **WAYS[way]}) as started:
        yield started


@pytest.fixture(scope="module")
def edge(router: Running) -> Iterator[Edge]:
    """In place of the one that all tests share."""
    shared = Edge(router.url, Path(), router.server)  # type: ignore[arg-type]
    yield shared
    shared.client.close()


def entries(edge: Edge) -> int:
    """Requests that came in by way of Python."""
    lines = edge.own("metrics").text.splitlines()
    (count,) = (line for line in lines if line.startswith("router_python_entries_total{"))
    return int(count.split(" ")[-1])


def test_the_variable_alone_says_which_way_it_is(edge: Edge, way: str, upload: Path) -> None:
    """Nothing is uploaded anew: both servers serve the same files."""
    before = entries(edge)
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda at: ask(edge.url, at), range(REQUESTS)))
    assert answers == [200] * REQUESTS
    came = entries(edge) - before
    assert came == (REQUESTS + 1 if way == "python" else 0)
    files = {
        path.relative_to(upload): path.stat().st_mtime_ns
        for path in (upload / "upload").rglob("*")
        if path.is_file()
    }
    assert SERVED.setdefault("files", files) == files


def ask(url: str, at: int) -> int:
    headers = {"host": "match.test"}
    return httpx.get(f"{url}/exact?{at}", headers=headers, timeout=30).status_code


def test_own_pages_answer(edge: Edge) -> None:
    assert edge.get("/.router/health").json()["status"]
    assert edge.own("status").status_code == 200
    assert edge.get("/.router/status").status_code == 401
