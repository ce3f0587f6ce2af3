"""Python in the sandbox with a network: what the agent's guard lets through, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.edge.internet import OnTheInternet, on_the_internet

HOSTS = "shop.example echo.example crowd.example calls.example http://localhost:9000"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnTheInternet]:
    folder = tmp_path_factory.mktemp("network")
    given = {"FETCH_HOSTS": HOSTS, "PYTHON_NETWORK": "guarded"}
    with on_the_internet(folder, ["requests==2.34.2"], **given) as started:
        yield started


def python(net: OnTheInternet, code: str, **context: Any) -> Any:
    given = {"code": code, "context": context, "timeout_ms": 30_000}
    return net.result("python-execution", **given)


def test_requests(net: OnTheInternet) -> None:
    code = """
import requests
first = requests.get("https://echo.example/a", params={"b": "1"}, headers={"x-own": "2"}).json()
posted = requests.post("https://echo.example/", json={"c": [3]}).json()
[first["method"], first["url"], first["headers"]["x-own"], posted["method"], posted["body"]]
"""
    for _ in range(2):  # a first isolate, and one that was made ready
        told = python(net, code)
        assert told == [
            *("GET", "https://echo.example/a?b=1", "2", "POST", '{"c": [3]}'),
        ]


def test_urllib3(net: OnTheInternet) -> None:
    code = "import urllib3\nurllib3.request('GET', 'https://echo.example/c').json()['url']"
    assert python(net, code) == "https://echo.example/c"


def test_the_agent_is_named_and_nothing_of_its_own_is_sent(net: OnTheInternet) -> None:
    code = """
import requests
headers = {"user-agent": "me", "x-forwarded-for": "1.2.3.4", "authorization": "Bearer mine"}
requests.get("https://echo.example/", headers=headers).json()["headers"]
"""
    sent = python(net, code)
    assert sent["user-agent"].startswith("fiberwise-agent/")
    assert sent["authorization"] == "Bearer mine"
    assert not [name for name in sent if name.startswith(("x-router", "x-forwarded"))]


REFUSED = {
    "https://json.example/": "requests to https://json.example are not allowed here",
    "http://127.0.0.1/": "`127.0.0.1` is no public host",
    "http://169.254.169.254/latest/meta-data": "`169.254.169.254` is no public host",
    "http://agent/activations": "`agent` is no public host",
    "http://localhost:9001/": "`localhost` is no public host",
}


def test_everything_else_is_refused(net: OnTheInternet) -> None:
    code = """
import requests
answers = [requests.get(url) for url in urls]
[[each.status_code, each.headers["x-agent-refused"], each.text] for each in answers]
"""
    told = python(net, code, urls=list(REFUSED))
    assert told == [[403, "true", why] for why in REFUSED.values()]


def test_no_way_leads_around_it(net: OnTheInternet) -> None:
    code = """
import importlib, socket
run_sync = importlib.import_module("pyodide.ffi").run_sync
js = importlib.import_module("js")
workers = importlib.import_module("workers")
told = [run_sync(run_sync(js.fetch("https://json.example/")).text())]
def tried(what):
    try:
        told.append(str(what()))
    except BaseException as error:
        told.append(type(error).__name__)
def connected():
    sockets = workers.import_from_javascript("cloudflare:sockets")
    made = sockets.connect("127.0.0.1:9000")
    return run_sync(made.opened)
tried(connected)
tried(lambda: socket.create_connection(("127.0.0.1", 9000), 2))
tried(lambda: list(workers.import_from_javascript("cloudflare:workers").env.object_keys()))
told
"""
    refused, *ways, bindings = python(net, code)
    assert "not allowed here" in refused
    assert [way for way in ways if "Exception" in way or "Error" in way] == ways, ways
    assert bindings == "[]"


CROWD = """
import asyncio, importlib
js = importlib.import_module("js")
answers = await asyncio.gather(*[js.fetch("https://crowd.example/") for _ in range(many)])
max([(await each.json()).largest for each in answers])
"""


def test_requests_leave_a_few_at_once(net: OnTheInternet) -> None:
    assert 1 < python(net, CROWD, many=40) <= 6


def test_requests_that_wait_do_not_leave_when_the_time_is_over(net: OnTheInternet) -> None:
    before = net.calls()["crowd.example"]
    many = 2_000
    answer = net.run("python-execution", code=CROWD, context={"many": many}, timeout_ms=1_000)
    assert answer.json()["kind"] == "timeout"
    assert python(net, "1 + 1") == 2
    assert net.calls()["crowd.example"] - before < many / 2


def test_off_unless_the_operator_opens_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    code = "import importlib\njs = importlib.import_module('js')\n"
    code += "await js.fetch('https://echo.example/')"
    with on_the_internet(tmp_path_factory.mktemp("off")) as off:
        told = off.run("python-execution", code=code).json()
        assert "not permitted to access the internet" in told["error"]
    with on_the_internet(tmp_path_factory.mktemp("wrong"), PYTHON_NETWORK="on") as wrong:
        answer = wrong.run("python-execution", code="1")
        assert (answer.status_code, answer.json()["error"]) == (
            503,
            "the agent's variable PYTHON_NETWORK is wrong: write off or guarded",
        )
