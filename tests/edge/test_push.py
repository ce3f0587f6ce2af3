"""Publishing with `--remote`, through the real wrangler, to a stand-in for Cloudflare's API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies.language.load import digest_of
from router.cli.main import main
from router.dev.layout import find_root
from tests.support.edge.cloudflare import ID, Api, clone, cloudflare
from tests.support.edge.router import POLICY

DATA = POLICY.read_bytes()
DIGEST = digest_of(DATA)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    monkeypatch.chdir(clone(tmp_path / "clone"))
    with cloudflare(monkeypatch) as server:
        yield server


def test_push_history_rollback_and_pull(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    former = DATA.replace(b"version: 1", b"version: 0")
    api.values["policy"] = former  # not valid any more, and by no push
    assert main(["push", str(POLICY), "--remote", "--note", "first"]) == 0
    kept, history, compiled, last_good, policy = api.writes  # the policy itself last
    assert api.values[kept] == former
    assert history.startswith("policy/history/2")
    assert history.endswith(DIGEST)
    assert compiled == f"policy/compiled/{DIGEST}"
    assert (last_good, policy) == ("policy/last-good", "policy")
    assert api.values["policy"] == api.values[last_good] == api.values[history] == DATA
    about = api.metadata["policy"]
    assert about == api.metadata[history]
    assert (about["digest"], about["parent"]) == (DIGEST, digest_of(former))
    assert about["note"] == "first"
    assert len(json.dumps(about)) < 1024
    told = capsys.readouterr().out
    assert "\n-version: 0\n+version: 1\n" in told
    assert "wrangler.toml has no service binding UNBOUND" in told
    assert f"Cloudflare KV, namespace {ID}" in told
    assert "not waited for a router: no --url was given" in told

    assert main(["history", "--remote", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert [(each["key"], each["live"]) for each in entries] == [(history, True), (kept, False)]

    assert main(["rollback", "--remote"]) == 1
    assert "is not valid by the current rules" in capsys.readouterr().err

    assert main(["pull", "--remote"]) == 0
    assert Path("routes.yaml").read_bytes() == DATA
    assert [path.read_text() for path in Path(".router").iterdir()] == [f"{DIGEST}\n"]


@pytest.mark.parametrize("writes", [0, 3])  # tests/router/publishing has all of them
def test_a_push_that_breaks_off_leaves_the_policy_alone(
    api: Api, capsys: pytest.CaptureFixture[str], writes: int
) -> None:
    api.values |= {"policy": b"as it was", "policy/last-good": DATA}
    key = f"policy/history/20261124T001639Z-{digest_of(b'as it was')}"
    api.values[key] = b"as it was"
    api.writes_left = writes
    assert main(["push", str(POLICY), "--remote", "--json"]) == 1
    assert (api.values["policy"], api.values["policy/last-good"]) == (b"as it was", DATA)
    told = capsys.readouterr()
    assert "cannot write policy" in told.err
    assert "Traceback" not in told.err
    assert json.loads(told.out)["result"] == "failed"


def test_keys_that_everybody_knows_are_refused(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(find_root(POLICY) / "routes.yaml"), "--remote"]) == 1
    told = capsys.readouterr().err
    assert "core (example-core-key), worker (example-worker-key)" in told
    assert "`router keys new`" in told
    assert api.writes == []


def test_an_id_of_zeros_is_refused(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Path("wrangler.toml")
    settings.write_text(settings.read_text().replace(ID, "0" * 32))
    assert main(["push", str(POLICY), "--remote"]) == 1
    assert "wrangler.toml: the id of POLICIES is only zeros: " in capsys.readouterr().err
    assert api.writes == []
