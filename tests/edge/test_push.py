"""`router push --remote`, through the real wrangler, to a stand-in for Cloudflare's API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest

from policies.language.load import digest_of
from router.cli.main import main
from tests.edge.conftest import POLICY

TOKEN = "token-of-the-test"


class Api(ThreadingHTTPServer):
    """Workers KV's values over HTTP; `fail` names keys whose writing fails."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.values: dict[str, bytes] = {}
        self.metadata: dict[str, Any] = {}
        self.writes: list[str] = []
        self.fail = ""
        self.corrupt = False


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_PUT(self) -> None:
        key = self.key()
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.fail and self.server.fail in key:
            return self.answer(500, {"success": False, "errors": [{"code": 1, "message": "no"}]})
        assert self.headers["authorization"] == f"Bearer {TOKEN}"
        parts = self.parts(body)
        self.server.values[key] = parts["value"]
        self.server.metadata[key] = json.loads(parts.get("metadata", b"null"))
        self.server.writes.append(key)
        return self.answer(200, {"success": True, "errors": [], "messages": [], "result": None})

    def do_GET(self) -> None:
        value = self.server.values.get(self.key())
        if value is None:
            return self.answer(404, {"success": False, "errors": [{"code": 10009}]})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(value + b"#" * self.server.corrupt)
        return None

    def key(self) -> str:
        begin = "/accounts/the-account/storage/kv/namespaces/" + "0" * 32 + "/values/"
        assert self.path.startswith(begin), self.path
        return unquote(self.path.removeprefix(begin))

    def parts(self, body: bytes) -> dict[str, bytes]:
        kind = self.headers["content-type"] or ""
        if not kind.startswith("multipart/"):
            return {"value": body}
        message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        found: dict[str, bytes] = {}
        for part in message.get_payload():
            assert isinstance(part, Message)
            name = part.get_param("name", header="content-disposition")
            payload = part.get_payload(decode=True)
            assert isinstance(name, str)
            assert isinstance(payload, bytes)
            found[name] = payload
        return found

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", url)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "the-account")
        yield server
        server.shutdown()
        thread.join()


def test_push_remote(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(POLICY), "--remote", "--note", "first"]) == 0
    data = POLICY.read_bytes()
    digest = digest_of(data)
    history, compiled, last_good, policy = api.writes  # the policy itself last
    assert history.startswith("policy/history/2")
    assert history.endswith(digest)
    assert compiled == f"policy/compiled/{digest}"
    assert (last_good, policy) == ("policy/last-good", "policy")
    assert api.values["policy"] == api.values[last_good] == api.values[history] == data
    about = api.metadata["policy"]
    assert about == api.metadata[history]
    assert (about["digest"], about["note"]) == (digest, "first")
    assert about["author"]
    assert about["time"]
    assert len(json.dumps(about)) < 1024
    told = capsys.readouterr().out
    assert "Cloudflare KV, namespace " + "0" * 32 in told
    assert "read back" in told


def test_a_push_shows_the_difference_and_what_is_not_bound(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.values["policy"] = POLICY.read_bytes().replace(b"version: 1", b"version: 0")
    assert main(["push", str(POLICY), "--remote"]) == 0
    told = capsys.readouterr().out
    assert "\n-version: 0\n+version: 1\n" in told
    assert "wrangler.toml has no service binding UNBOUND" in told


def test_a_note_that_does_not_fit_is_refused(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(POLICY), "--remote", "--note", "ü" * 500]) == 2
    assert "too long by" in capsys.readouterr().err
    assert api.writes == []


def test_what_is_read_back_must_be_what_was_written(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.corrupt = True
    assert main(["push", str(POLICY), "--remote"]) == 1
    assert "not what was written" in capsys.readouterr().err


def test_a_push_that_breaks_off_leaves_the_policy_alone(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.values["policy"] = b"as it was"
    api.fail = "compiled"
    assert main(["push", str(POLICY), "--remote"]) == 1
    assert api.values["policy"] == b"as it was"
    told = capsys.readouterr().err
    assert "cannot write policy/compiled/" in told
    assert "Traceback" not in told
