"""The configurations of the variants: what the router binds, and no more than is needed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from agent import config
from agent.core.web.egress import Egress
from workers_runtime.urls import parse_url

ROOT = Path(__file__).parents[2]


def test_the_router_binds_every_variant() -> None:
    router = tomllib.loads((ROOT / "wrangler.toml").read_text())
    bound = {service["service"] for service in router["services"]}
    assert {own["name"] for own in config.variants().values()} == bound


def test_placement_and_region() -> None:
    variants = config.variants()
    assert variants["production-eu"]["placement"] == {"region": "aws:eu-central-1"}
    own = variants["production-eu"]["vars"]
    assert (own["VARIANT"], own["REGION"]) == ("production-eu", "eu")
    assert own["ENVIRONMENT"] == "production"
    assert "placement" not in variants["canary"]
    assert variants["canary"]["vars"]["REGION"] == "global"


def test_nobody_reaches_a_variant_but_the_router() -> None:
    for own in config.variants().values():
        assert (own["workers_dev"], own["preview_urls"]) == (False, False)
        assert "routes" not in own


def test_the_variants_share_their_bindings() -> None:
    production, canary = config.variants()["production-eu"], config.variants()["canary"]
    for name in config.SHARED:
        assert production[name] == canary[name]
    assert production["triggers"] == {"crons": ["* * * * *"]}
    assert "triggers" not in canary


def test_what_is_said_of_the_internet_can_be_read() -> None:
    for own in config.variants().values():
        assert Egress.of(own["vars"]["FETCH_HOSTS"]).refused("https://example.com/") is None
        assert parse_url(own["vars"]["RESOLVER"]).scheme == "https"


def test_what_is_written(tmp_path: Path) -> None:
    config.write(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == set(config.variants())
    for name, own in config.variants().items():
        assert json.loads((tmp_path / name / "wrangler.json").read_text()) == own
        uploaded = tmp_path / name / "upload"
        assert (uploaded / "entry.py").is_file()
        assert (uploaded / "agent" / "edge" / "runtime" / "bridge.js").is_file()
        assert not list(uploaded.rglob("config.py"))  # a tool, which stays here


def test_the_agent_knows_nothing_of_the_router() -> None:
    for path in (ROOT / "agent").rglob("*.py"):
        text = path.read_text()
        assert "from router" not in text
        assert "from policies" not in text


def test_what_is_no_more_is_not_uploaded_from_before(tmp_path: Path) -> None:
    old = [
        tmp_path / "canary" / name for name in ("upload/agent/old.py", "migrations/0000_old.sql")
    ]
    for path in old:
        path.parent.mkdir(parents=True)
        path.write_text("")
    config.write(tmp_path)
    assert [path.exists() for path in old] == [False, False]
    assert (tmp_path / "canary" / "upload" / "entry.py").is_file()


def test_what_the_agent_imports_is_uploaded() -> None:
    files = config.upload([])
    assert {"idna/__init__.py", "idna/uts46data.py", "workers_runtime/bodies.js"} <= files.keys()
    assert "agent/sandbox/guard.js" not in files, "it is a file to hand on, not a module"
    assert b"Py_EmscriptenSignalBuffer" in files["agent/sandbox/guard.js.source"]
