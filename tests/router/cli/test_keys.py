"""`router keys`: a key is printed once, its hash fits the policy, and nothing repeats it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from policies.language.load import load
from tests.support import cli

POLICY = """\
version: 1
variants: {one: {binding: ONE, pool: one}}
routes: [{name: r, auth: required, split: {one: 1}}]
"""
PEPPER = "only for this test"


def run(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *args: str,
    stdin: str = "",
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
    return cli.run(capsys, *args)


@pytest.mark.parametrize("pepper", [False, True])
def test_a_new_key_opens_what_its_hash_is_pasted_into(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    pepper: bool,
) -> None:
    monkeypatch.setenv("ROUTER_KEY_PEPPER", PEPPER)
    flag = ["--pepper"] if pepper else []
    code, out, _ = run(capsys, monkeypatch, "keys", "new", "acme", "--scope", "a:b", *flag)
    assert code == 0
    key = out.split()[1]
    pasted = POLICY + out[out.index("auth:") :]
    assert load(pasted.encode()).findings == ()
    assert key not in pasted
    file = tmp_path / "routes.yaml"
    file.write_text(pasted)
    check = ("keys", "check", str(file))
    code, out, _ = run(capsys, monkeypatch, *check, "--json", stdin=f"{key}\n")
    assert (code, json.loads(out)["id"]) == (0, "acme")
    code, out, _ = run(capsys, monkeypatch, *check, "--scope", "other", stdin=key)
    assert code == 1
    assert out.startswith("out-of-scope key of acme")
    code, out, _ = run(capsys, monkeypatch, *check, stdin=key[:-1])
    assert code == 1
    assert out.startswith("unknown")
    code, out, _ = run(capsys, monkeypatch, "keys", "hash", *flag, stdin=f"{key}\r\n")
    assert code == 0
    assert out.strip() in pasted
    monkeypatch.delenv("ROUTER_KEY_PEPPER")
    code, out, _ = run(capsys, monkeypatch, *check, stdin=key)
    assert code == int(pepper)
    assert ("which is not set here" in out) == pepper


def test_keys_differ(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    made = {run(capsys, monkeypatch, "keys", "new", "a", "--json")[1] for _ in range(20)}
    assert len({json.loads(each)["key"] for each in made}) == 20


@pytest.mark.parametrize(
    ("args", "stdin", "code", "said"),
    [
        (["keys"], "", 2, "new | hash | check"),
        (["keys", "new", "a b"], "", 2, "is not a name"),
        (["keys", "new", "a", "--scope", "a b"], "", 2, "is not a scope"),
        (["keys", "new", "a", "--pepper"], "", 1, "ROUTER_KEY_PEPPER is not set"),
        (["keys", "hash"], "", 2, "this is not a key"),
        (["keys", "hash"], "two words", 2, "this is not a key"),
        (["keys", "check", "no-such-file"], "k", 2, "cannot read"),
    ],
)
def test_wrong_use_is_told(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    stdin: str,
    code: int,
    said: str,
) -> None:
    monkeypatch.delenv("ROUTER_KEY_PEPPER", raising=False)
    found, out, err = run(capsys, monkeypatch, *args, stdin=stdin)
    assert found == code
    assert said in out + err
    if stdin:
        assert stdin not in out + err or len(stdin) == 1
