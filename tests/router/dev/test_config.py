"""The local configuration: wrangler.toml's, but for what has to differ here."""

from __future__ import annotations

import json
from pathlib import Path

from router.dev.config import (
    ALLOW_PRIVATE,
    ECHO_NAME,
    LOCAL_FLAGS,
    OUTBOUND,
    PUBLIC_RESOLVER,
    RESOLVER,
    Outside,
    echoed,
    router_config,
    write_configs,
)
from router.dev.layout import Layout, find_root
from router.edge.runtime import guard

PRODUCTION = {
    "name": "router",
    "main": "build/upload/entry.py",
    "compatibility_date": "2026-11-17",
    "compatibility_flags": ["python_workers"],
    "build": {"command": "stage"},
    "kv_namespaces": [{"binding": "POLICIES", "id": "0"}],
    "vars": {"ANY": "thing"},
    "services": [
        {"binding": "MAIN", "service": "agent-main"},
        {"binding": "SPARE", "service": "agent-spare"},
    ],
}


def props(config: dict) -> dict[str, list[str]]:
    return {item["binding"]: item["props"]["variants"] for item in config["services"]}


def test_what_is_not_local_stays() -> None:
    config = router_config(PRODUCTION, {}, echo=False)
    differing = {name for name in PRODUCTION if config.get(name) != PRODUCTION[name]}
    assert differing == {"main", "compatibility_flags", "build", "services", "vars"}
    assert "build" not in config
    assert config["compatibility_flags"] == ["python_workers", *LOCAL_FLAGS]


def test_the_bindings_of_wrangler_toml_lead_to_the_echo_worker() -> None:
    config = router_config(PRODUCTION, {"main": "MAIN", "else": "ELSE"}, echo=False)
    assert {item["service"] for item in config["services"]} == {ECHO_NAME}
    assert props(config) == {"MAIN": ["main"], "SPARE": ["agent-spare"]}


def test_with_echo_every_binding_of_the_policy_does() -> None:
    variants = {f"a variant {number}": f"B{number}" for number in range(40)}
    config = router_config(PRODUCTION, {**variants, "main": "MAIN"}, echo=True)
    told = props(config)
    assert {name: told[binding] for name, binding in variants.items()} == {
        name: [name] for name in variants
    }
    assert told["MAIN"] == ["main"]
    assert len(told) == 42


def test_variants_that_share_a_binding_share_its_echo() -> None:
    variants = {"stable": "MAIN", "next": "MAIN"}
    assert echoed(PRODUCTION, variants, echo=True)["MAIN"] == ["stable", "next"]


def test_the_written_configurations_hang_together(clone: Layout, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    router, echo = write_configs(clone, folder, {"main": "MAIN"}, echo=True)
    settings = json.loads(echo.read_text(encoding="utf-8"))
    assert (echo.parent / settings["main"]).is_file()
    assert (
        json.loads(router.read_text(encoding="utf-8"))["services"][0]["service"] == settings["name"]
    )
    assert (folder / "python_modules").readlink() == clone.python_modules
    # Writing them again must not restart a running server.
    before = router.stat().st_mtime_ns
    write_configs(clone, folder, {"main": "MAIN"}, echo=True)
    assert router.stat().st_mtime_ns == before


def test_the_project_binds_what_its_example_names() -> None:
    layout = Layout(find_root())
    bound = {item["binding"] for item in layout.config["services"]}
    assert bound == {"PRODUCTION_EU", "PRODUCTION_US", "PRODUCTION_AP", "CANARY"}


URLS = {"old": "https://old.example.com"}


def test_urls_are_looked_up_unless_private_ones_are_allowed() -> None:
    def variables(outside: Outside, *, echo: bool = False) -> dict[str, str]:
        return router_config(PRODUCTION, {}, echo=echo, outside=outside)["vars"]

    own = PRODUCTION["vars"]
    assert variables(Outside(URLS)) == {RESOLVER: PUBLIC_RESOLVER, "ANY": "thing"}
    assert variables(Outside(URLS, allow_private=True)) == {ALLOW_PRIVATE: "1", "ANY": "thing"}
    assert variables(Outside({})) == {RESOLVER: PUBLIC_RESOLVER, **own}  # one may come later
    assert variables(Outside(URLS), echo=True) == own  # nothing leaves this machine


def test_with_echo_urls_lead_to_it_too() -> None:
    config = router_config(PRODUCTION, {}, echo=True, outside=Outside(URLS))
    told = {each["binding"]: each for each in config["services"]}
    assert told[OUTBOUND]["service"] == ECHO_NAME
    assert told[OUTBOUND]["props"]["urls"] == URLS
    without = router_config(PRODUCTION, {}, echo=False, outside=Outside(URLS))
    assert OUTBOUND not in {each["binding"] for each in without["services"]}


def test_its_variables_are_those_of_the_guard() -> None:
    assert (ALLOW_PRIVATE, RESOLVER) == (guard.ALLOW_PRIVATE, guard.RESOLVER)
    assert guard.LOCAL_FLAG in LOCAL_FLAGS
