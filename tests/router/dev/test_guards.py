"""What must not go to production, and that each way there is refused alike."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from policies.language.load import load
from policies.language.model.policy import Policy
from router.dev.guards import ONLY_TRIED, WRANGLERS, Kind, is_deployment, objections
from router.dev.published_keys import KEYS
from tests.support.cli import run
from tests.support.project import FILES, write_project

CONFIG = tomllib.loads(FILES["router/wrangler.toml"])
TEXT = FILES["router/routes.yaml"]


def policy(text: str = TEXT) -> Policy:
    loaded = load(text.encode())
    assert loaded.policy, loaded.findings
    return loaded.policy


def with_key(key: str) -> str:
    return f"{TEXT}auth: {{keys: [{{id: k-1, sha256: {sha256(key.encode()).hexdigest()}}}]}}\n"


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in CONFIG.items() if each != name}


def zeros(**more: Any) -> dict[str, Any]:
    return {**CONFIG, **more}


D1 = {"binding": "DB", "database_id": "00000000-0000-0000-0000-000000000000"}
OBJECTED: dict[str, tuple[str, dict[str, Any], list[tuple[Kind, str]]]] = {
    "nothing": (TEXT, CONFIG, []),
    "a published key": (
        with_key(KEYS[0]),
        CONFIG,
        [(Kind.KEY, f"routes.yaml: the keys of k-1 ({KEYS[0]}) are public: create your own")],
    ),
    "a key of one's own": (with_key("mine"), CONFIG, []),
    "an id of zeros": (
        TEXT,
        zeros(kv_namespaces=[{"binding": "POLICIES", "id": "0" * 32}]),
        [(Kind.ID, "wrangler.toml: the id of POLICIES is only zeros: `npx wrangler kv namespace")],
    ),
    "of another kind": (
        TEXT,
        zeros(d1_databases=[D1]),
        [(Kind.ID, "wrangler.toml: the database_id of DB is only zeros: write your own")],
    ),
    "a variant without binding": (
        TEXT.replace("binding: API}", "binding: APPI}").replace("binding: API,", "binding: APPI,"),
        CONFIG,
        [(Kind.UNBOUND, "wrangler.toml has no service binding APPI: requests for variant produc")],
    ),
    "a variant with a URL": (
        TEXT.replace("binding: API_NEXT", 'url: "https://next.example.com"'),
        CONFIG,
        [],
    ),
    "no KV": (
        TEXT,
        without("kv_namespaces"),
        [
            (
                Kind.LACKING,
                "wrangler.toml: no KV namespace POLICIES: write `kv_namespaces = [{",
            )
        ],
    ),
    "no Durable Objects": (
        TEXT,
        without("durable_objects"),
        [
            (
                Kind.LACKING,
                "wrangler.toml: no binding ROUTER_LIMITER: write `durable_objects = ",
            ),
            (Kind.LACKING, "wrangler.toml: no binding ROUTER_COORDINATOR: write `durable"),
        ],
    ),
}


@pytest.mark.parametrize(("text", "config", "told"), OBJECTED.values(), ids=OBJECTED.keys())
def test_objections(text: str, config: dict[str, Any], told: list[tuple[Kind, str]]) -> None:
    found = objections(policy(text), "routes.yaml", config, "wrangler.toml")
    assert [each.kind for each in found] == [kind for kind, _ in told]
    for each, (_, begins) in zip(found, told, strict=True):
        assert each.message.startswith(begins)
        assert "\n" not in each.message


DEPLOYMENTS = {
    "by hand": ({}, True),
    "wrangler deploy": ({WRANGLERS: "deploy"}, True),
    "versions upload": ({WRANGLERS: "versions upload"}, True),
    "wrangler dev": ({WRANGLERS: "dev"}, False),
    "a trial": ({WRANGLERS: "deploy", ONLY_TRIED: "1"}, False),
}


@pytest.mark.parametrize(("given", "is_one"), DEPLOYMENTS.values(), ids=DEPLOYMENTS.keys())
def test_what_is_a_deployment(
    given: dict[str, str], is_one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (ONLY_TRIED, WRANGLERS):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert is_deployment() is is_one


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (ONLY_TRIED, WRANGLERS, "ROUTER_ENV", "CLOUDFLARE_ENV"):
        monkeypatch.delenv(name, raising=False)
    folder = write_project(tmp_path)
    monkeypatch.chdir(folder)
    return folder


def spoil(project: Path) -> None:
    (project / "routes.yaml").write_text(with_key(KEYS[0]).replace("API_NEXT", "NONE"))
    config = project / "wrangler.toml"
    config.write_text(config.read_text().replace("0123456789abcdef", "0" * 16))


WAYS = (("stage",), ("deploy",), ("push", "routes.yaml", "--remote", "--yes"))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[0])
def test_each_way_to_production_is_refused(
    way: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(project)
    code, out, err = run(capsys, *way)
    assert code == 1
    said = out + err
    assert "the keys of k-1" in said
    assert "the id of POLICIES is only zeros" in said
    assert "no service binding NONE" in said
    assert not (project / "build").exists()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[0])
def test_no_way_to_production_takes_a_private_url(
    way: tuple[str, ...],
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ROUTER_ALLOW_PRIVATE", "1")
    private = TEXT.replace("binding: API_NEXT", 'url: "http://127.0.0.1:3000"')
    (project / "routes.yaml").write_text(private)
    assert run(capsys, "validate", "routes.yaml")[0] == 0
    code, _, err = run(capsys, *way)
    assert (code, "private-upstream" in err) == (1, True)
    assert not (project / "build").exists()


def test_a_policy_with_findings_is_not_staged(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "routes.yaml").write_text(TEXT.replace("split", "spilt"))
    code, _, err = run(capsys, "stage")
    assert code == 1
    assert "routes.yaml:7:" in err
    assert "did you mean `split`?" in err
    assert not (project / "build").exists()


def test_wrangler_dev_is_only_told(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(project)
    monkeypatch.setenv(WRANGLERS, "dev")
    code, _, err = run(capsys, "stage")
    assert code == 0
    assert err.count("warning ") == 3
    assert (project / "build/upload/entry.py").is_file()


STAGING = """
[env.staging]
kv_namespaces = [{ binding = "POLICIES", id = "00000000000000000000000000000000" }]
services = [{ binding = "API", service = "shop-api" }]
"""


@pytest.mark.parametrize("variable", ["", "ROUTER_ENV", "CLOUDFLARE_ENV"])
def test_an_environment_is_checked_by_its_own_bindings(
    variable: str,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = project / "wrangler.toml"
    config.write_text(config.read_text() + STAGING)
    assert run(capsys, "stage")[0] == 0
    if variable:
        monkeypatch.setenv(variable, "staging")
    code, _, err = run(capsys, "stage", *([] if variable else ["--env", "staging"]))
    assert code == 1
    lines = err.splitlines()
    assert [" [env.staging]" in line for line in lines] == [True] * 5
    assert "ROUTER_COORDINATOR" in err
    assert "the id of POLICIES is only zeros" in err
    code, _, err = run(capsys, "stage", "--env", "nowhere")
    assert (code, err.count("\n")) == (1, 1)
    assert "no environment nowhere (it has: staging): add [env.nowhere]" in err
