"""The client of a router's own pages: JSON, or one clear complaint that tells no key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from router.api.client import AdminClient, NotReachable, Refused, client_of
from router.dev.loopback import free_port
from router.terminal.errors import Failed, UsageError

KEY = "only-for-this-test"


class Router(BaseHTTPRequestHandler):
    """Answers as a path of the test says; tells what came."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        status, text = ANSWERS.get(self.path, (200, ""))
        came = [self.command, self.path, self.headers["authorization"], body]
        self.send_response(status)
        self.send_header("location", "/.router/elsewhere")
        self.end_headers()
        self.wfile.write((text or json.dumps(came)).encode())

    do_POST = do_DELETE = do_GET

    def log_message(self, *_: Any) -> None:
        pass


def problem(status: int, code: str, detail: str) -> tuple[int, str]:
    return status, json.dumps({"code": code, "detail": detail})


ANSWERS = {
    "/.router/wrong-key": problem(401, "unauthorized", "A valid API key is needed."),
    "/.router/no-scope": problem(403, "forbidden", "…"),
    "/.router/refused": problem(409, "drill-refused", "Nothing would be left."),
    "/.router/page": (200, "<html>"),
    "/.router/moved": (302, "{}"),
    "/.router/other": (404, "[]"),
}


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Router)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_json_in_json_out(url: str) -> None:
    client = AdminClient(f"{url}/", KEY)
    bearer = f"Bearer {KEY}"
    assert client.get("keys") == ["GET", "/.router/keys", bearer, ""]
    assert client.get("a/b", local="1") == ["GET", "/.router/a/b?local=1", bearer, ""]
    assert client.post("drills", {"a": 1}) == ["POST", "/.router/drills", bearer, '{"a":1}']
    assert client.delete("drills/d-1") == ["DELETE", "/.router/drills/d-1", bearer, ""]


@pytest.mark.parametrize(
    ("page", "status", "code", "said"),
    [
        ("wrong-key", 401, "unauthorized", "refuses: it does not know the key"),
        ("no-scope", 403, "forbidden", "lacks the scope router:admin"),
        ("refused", 409, "drill-refused", "refuses: Nothing would be left."),
    ],
)
def test_a_refusal_carries_its_problem(
    url: str, page: str, status: int, code: str, said: str
) -> None:
    with pytest.raises(Refused, match=said) as raised:
        AdminClient(url, KEY).get(page)
    assert (raised.value.status, raised.value.code) == (status, code)


@pytest.mark.parametrize("page", ["page", "moved", "other"])
def test_what_is_no_router_is_told(url: str, page: str) -> None:
    with pytest.raises(Failed, match=f"{url} is not a router: /.router/{page} answers"):
        AdminClient(url, KEY).get(page)


def test_nobody_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NotReachable, match=f"{url} does not answer: .*refused"):
        AdminClient(url, KEY).get("status")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8787",
        "ftp://localhost",
        "",
        "http://",
        "http://[",
        "http://a:99999",
        "http://a/?b",
    ],
)
def test_a_url_of_no_router(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", KEY)
    with pytest.raises(UsageError, match="is not the URL of a router"):
        client_of(url)


@pytest.mark.parametrize("url", ["https://me:hush@a.test", "https://hush@a.test:1/base"])
def test_a_url_with_a_password_is_not_repeated(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """It would be sent in place of the key."""
    monkeypatch.setenv("ROUTER_ADMIN_KEY", KEY)
    with pytest.raises(UsageError, match="has a user name or password: leave it out") as raised:
        client_of(url)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(("key", "said"), [("", "is not set"), ("two\nlines", "is not a key")])
def test_the_key_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", key)
    with pytest.raises(Failed, match=said) as raised:
        client_of("http://localhost")
    assert not key or key not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "url", "key"),
    [
        (None, "http://localhost:8787", "of-this-machine"),
        (None, "http://[::1]:8787", "of-this-machine"),
        ("mine", "http://localhost:8787", "mine"),
        ("", "http://localhost:8787", None),
        (None, "https://router.example.com", None),
    ],
)
def test_the_key_of_this_machine_is_for_this_machine(
    variable: str | None,
    url: str,
    key: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / ".dev.vars").write_text(
        "A=b\nROUTER_ADMIN_KEY = 'of-this-machine'\n# ROUTER_ADMIN_KEY=x\n"
    )
    monkeypatch.chdir(tmp_path / "inner")
    monkeypatch.delenv("ROUTER_ADMIN_KEY", raising=False)
    if variable is not None:
        monkeypatch.setenv("ROUTER_ADMIN_KEY", variable)
    if key is None:
        with pytest.raises(Failed, match="is not set"):
            client_of(url)
    else:
        with client_of(url) as client:
            assert client._client.headers["authorization"] == f"Bearer {key}"


def test_a_refusal_says_where_the_key_came_from(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another project's `.dev.vars` has the key of another router."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROUTER_ADMIN_KEY", raising=False)
    hint = r"or go to the router's folder, whose \.dev\.vars has the key"
    with pytest.raises(Failed, match=hint):
        client_of(url)
    (tmp_path / ".dev.vars").write_text(f"ROUTER_ADMIN_KEY={KEY}\n")
    place = f"the key in ROUTER_ADMIN_KEY of {tmp_path / '.dev.vars'}"
    with pytest.raises(Refused, match=f"it does not know {place}$"), client_of(url) as client:
        client.get("wrong-key")
    monkeypatch.setenv("ROUTER_ADMIN_KEY", KEY)
    with (
        pytest.raises(Refused, match=r"does not know the key in ROUTER_ADMIN_KEY$"),
        client_of(url) as client,
    ):
        client.get("wrong-key")


@pytest.mark.parametrize(
    "page", ["status", "policy", "rollouts", "rollouts/a", "rollouts/a/history"]
)
@pytest.mark.parametrize("text", ["[1]", '{"status": "ok"}'])
def test_another_servers_json_is_no_routers(
    url: str, monkeypatch: pytest.MonkeyPatch, page: str, text: str
) -> None:
    monkeypatch.setitem(ANSWERS, f"/.router/{page}", (200, text))
    with pytest.raises(Failed, match=f"{url} is not a router: /.router/{page} has no"):
        AdminClient(url, KEY).get(page)
