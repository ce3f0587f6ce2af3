"""A new project, whatever Workers it is for: its policy is valid, its cases pass, nothing lacks."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.language.tooling.bindings import bindings_of
from policies.policy_tests.load import load_cases
from policies.policy_tests.run import Subject
from router.dev.errors import SetupError
from router.dev.guards import Kind, objections
from router.dev.layout import is_router
from router.dev.required import COMPATIBILITY_DATE, FLAGS, KV, MODULES, OBJECTS, lacking
from router.dev.wrangler_config import read_config
from router.scaffold.found import FoundWorker
from router.scaffold.project import Plan, files_of, write_project
from router.scaffold.regions import HOMES, NEAREST, regions_of
from router.scaffold.roles import GivenVariant, Role, read_variant, roles_of
from router.scaffold.settings import Service, jsonc_text, sections, toml_text
from tests.support.cli import ROOT

FOLDER = Path("/shop/router")


def worker(name: str, *hostnames: str, environments: tuple[str, ...] = ()) -> FoundWorker:
    return FoundWorker(name, FOLDER.parent / name, "JavaScript", hostnames, environments)


NAMES = st.sampled_from(
    ["production", "canary", "api", "2nd", "true", "No", "a.b", "x-1", "policies"]
)
REGIONS = st.none() | st.sampled_from(["eu", "us", "ap", "us-east", "us-west", "mars", "no"])
SERVICES = st.from_regex(r"[a-z0-9]{1,4}(-next)?", fullmatch=True)
VARIANTS = st.lists(st.builds(GivenVariant, NAMES, SERVICES, REGIONS), max_size=4)
WORKERS = st.lists(st.builds(worker, SERVICES, st.just("api.example.org")), max_size=3)


def plan(roles: list[Role], config: str = "wrangler.toml") -> Plan:
    return Plan(FOLDER, config, "shop-router", roles)


@given(VARIANTS, WORKERS, st.sampled_from(["wrangler.toml", "wrangler.jsonc"]))
def test_what_is_written_is_whole(
    variants: list[GivenVariant], workers: list[FoundWorker], config: str
) -> None:
    try:
        roles = roles_of(variants, workers)
    except SetupError as error:
        assert "is there twice" in str(error)  # noqa: PT017
        return
    if not roles:
        return
    files = {path.name: file.text for path, file in files_of(plan(roles, config)).items()}
    loaded = load(files["routes.yaml"].encode())
    assert loaded.findings == ()
    assert loaded.policy
    cases = load_cases(files["routes.test.yaml"].encode())
    assert cases.cases, cases.findings
    subject = Subject(compile_policy(loaded.policy, loaded.digest), 0.0, b"")
    assert [
        subject.run(case).failures for case in cases.cases.cases if subject.run(case).failures
    ] == []
    settings = settings_of(config, files[config])
    assert is_router(settings)
    assert [each.kind for each in objections(loaded.policy, "", settings, "")] == [Kind.ID]
    bound = {each["binding"]: each["service"] for each in settings["services"]}
    assert bound == {role.binding: role.service for role in roles}
    assert set(bindings_of(loaded.policy).values()) == bound.keys()
    assert all(len(line) <= 100 for line in files["routes.yaml"].splitlines() if "#" not in line)


def settings_of(name: str, text: str) -> dict[str, Any]:
    if name.endswith(".toml"):
        return tomllib.loads(text)
    without = "\n".join(line for line in text.splitlines() if not line.strip().startswith("//"))
    told: dict[str, Any] = json.loads(without)
    return told


@given(st.lists(st.sampled_from([*HOMES, "us-east", "mars"]), unique=True, min_size=1))
def test_each_continent_has_one_region(names: list[str]) -> None:
    regions = regions_of(names)
    served = [continent for region in regions for continent in region.continents]
    assert sorted(served) in ([], sorted(NEAREST))
    for region in regions:
        assert sorted([region.name, *region.fallback]) == sorted(names)


def test_the_nearest_region_serves() -> None:
    told = {each.name: (each.continents, each.fallback) for each in regions_of(["eu", "us", "ap"])}
    assert told == {
        "eu": (["EU", "AF"], ["us", "ap"]),
        "us": (["NA", "SA"], ["eu", "ap"]),
        "ap": (["AS", "OC"], ["eu", "us"]),
    }


ROLES = {
    "two Workers": ([], ["api", "next"], ["production api", "canary next"]),
    "three": ([], ["api", "next", "beta"], ["production api", "canary next", "beta beta"]),
    "names": (
        ["live=api@eu", "live=api-us@us"],
        [],
        ["live-eu api live eu", "live-us api-us live us"],
    ),
    "a variant of a region": (["live-eu=api@eu"], [], ["live-eu api live eu"]),
    "both": (["canary=api", "b=x"], ["api", "web"], ["production web", "canary api", "b x"]),
}


@pytest.mark.parametrize(("variants", "workers", "told"), ROLES.values(), ids=ROLES.keys())
def test_roles(variants: list[str], workers: list[str], told: list[str]) -> None:
    roles = roles_of([*map(read_variant, variants)], [*map(worker, workers)])
    said = [
        " ".join([role.variant, role.service, *([role.pool, role.region] if role.region else [])])
        for role in roles
    ]
    assert said == told
    assert {role.service for role in roles if role.worker} == set(workers)


REFUSED = {
    "production": "write VARIANT=SERVICE[@REGION], such as `production=api-prod@eu`",
    "production=": "write VARIANT=SERVICE[@REGION]",
    "production=Api": "write VARIANT=SERVICE[@REGION]",
    "production=api@": "write VARIANT=SERVICE[@REGION]",
    "pro duction=api": "`pro duction` is not a name: write `pro-duction`",
    "production=api@e/u": "`e/u` is not a name",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_variant_that_cannot_be_read(text: str) -> None:
    with pytest.raises(SetupError) as raised:
        read_variant(text)
    assert str(raised.value).startswith(f"--variant {text}: {REFUSED[text]}")


@pytest.mark.parametrize(
    ("variants", "workers", "told"),
    [
        (["a=x", "a=y"], [], "the variant a is there twice"),
        (["a=x", "A=y"], [], "the binding A is there twice"),
        ([], ["api", "api"], "the Worker api is there twice"),
    ],
)
def test_two_of_one_name(variants: list[str], workers: list[str], told: str) -> None:
    with pytest.raises(SetupError, match=told):
        roles_of([*map(read_variant, variants)], [*map(worker, workers)])


def test_one_list_has_what_a_router_needs() -> None:
    """This repository's configuration is made of the same parts as a new project's."""
    ours = read_config(ROOT / "wrangler.toml")
    assert lacking(ours) == []
    services = [Service(each["binding"], each["service"]) for each in ours["services"]]
    new = sections(ours["name"], services, [])
    told = tomllib.loads(toml_text(new))
    assert told == settings_of(".jsonc", jsonc_text(new))
    assert ours["build"].pop("command").endswith(told["build"].pop("command"))
    assert ours == told


def test_the_documentation_lists_it() -> None:
    text = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
    table = text.partition("has these settings")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    new = tomllib.loads(toml_text(sections("r", [Service("A", "a")], [])))
    chosen = {"name", "observability"}  # by the user
    assert rows.keys() == new.keys() - chosen
    for name in (*FLAGS, *MODULES["globs"], KV, *OBJECTS, *OBJECTS.values(), COMPATIBILITY_DATE):
        assert f"`{name}`" in table, name


NEW = tomllib.loads(toml_text(sections("r", [], [])))


@pytest.mark.parametrize("name", sorted(NEW.keys() - {"name", "main", "services", "observability"}))
def test_what_is_needed_is_missed(name: str) -> None:
    """Each setting that a new project has is missed when it is not there."""
    assert lacking(NEW) == []
    found = lacking({key: value for key, value in NEW.items() if key != name})
    assert {each.name for each in found} == {name}
    for file in ("wrangler.toml", "wrangler.jsonc"):
        for each in found:
            setting = each.setting(file)
            read = (
                tomllib.loads(setting) if file.endswith(".toml") else json.loads(f"{{{setting}}}")
            )
            assert read == {name: each.value}


@pytest.fixture
def here(tmp_path: Path) -> Plan:
    roles = roles_of([read_variant("production=api")], [])
    return Plan(tmp_path / "new" / "router", "wrangler.toml", "api-router", roles)


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def test_all_files_or_none(here: Plan, tmp_path: Path) -> None:
    here.folder.mkdir(parents=True)
    (here.folder / ".github").touch()  # where a folder would be made
    before = tree(tmp_path)
    with pytest.raises(SetupError, match=r"cannot write .*\.github"):
        write_project(here)
    assert tree(tmp_path) == before


def test_an_interruption_leaves_nothing(
    here: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("router.scaffold.project.write_if_changed", interrupt)  # the last one
    with pytest.raises(KeyboardInterrupt):
        write_project(here)
    assert tree(tmp_path) == {}


def test_what_is_there_is_not_overwritten(here: Plan, tmp_path: Path) -> None:
    here.folder.mkdir(parents=True)
    (here.folder / "routes.yaml").write_text("mine\n")
    (here.folder / ".dev.vars").symlink_to("nowhere")
    before = tree(tmp_path)
    with pytest.raises(SetupError) as raised:
        write_project(here)
    assert str(raised.value).startswith("routes.yaml, .dev.vars are in ")
    assert tree(tmp_path) == before


def test_a_list_of_ignored_files_is_added_to(here: Plan) -> None:
    here.folder.mkdir(parents=True)
    ignored = here.folder / ".gitignore"
    ignored.write_text("*.log\n/build\n.dev.vars")
    write_project(here)
    lines = ignored.read_text().splitlines()
    assert lines[:3] == ["*.log", "/build", ".dev.vars"]
    assert sorted(lines[3:]) == [
        *(".dev.vars*", ".router/", ".wrangler/", "node_modules/", "python_modules/"),
    ]


def test_what_is_ignored_already_stays_byte_for_byte(here: Plan) -> None:
    here.folder.mkdir(parents=True)
    ignored = here.folder / ".gitignore"
    before = b"caf\xe9\r\n/build"
    ignored.write_bytes(before)
    write_project(here)
    after = ignored.read_bytes()
    assert after.startswith(before + b"\r\n")
    assert after.count(b"\n") == after.count(b"\r\n") > 2


def test_the_admin_key_is_the_owners_alone(here: Plan, tmp_path: Path) -> None:
    write_project(here)
    secrets = here.folder / ".dev.vars"
    assert secrets.stat().st_mode & 0o777 == 0o600
    key = secrets.read_text().splitlines()[-1].partition("=")[2]
    assert len(key) > 40
    assert [name for name, text in tree(tmp_path).items() if key in text] == [
        "new/router/.dev.vars"
    ]


def test_the_workflow_stands_where_it_runs(here: Plan, tmp_path: Path) -> None:
    os.mkdir(tmp_path / ".git")
    written = write_project(here)
    workflow = tmp_path / ".github" / "workflows" / "router.yml"
    assert workflow in written
    told = yaml.safe_load(workflow.read_text())
    assert told["defaults"]["run"]["working-directory"] == "new/router"
    assert told[True]["push"]["paths"] == ["new/router/**"]  # YAML 1.1 reads `on` so


def test_what_workers_say_is_passed_on() -> None:
    found = worker("api", "api.example.org", environments=("staging",))
    files = {path.name: file.text for path, file in files_of(plan(roles_of([], [found]))).items()}
    assert "https://api.example.org/" in files["routes.test.yaml"]
    assert "reached at api.example.org: their `routes` become" in files["wrangler.toml"]
    assert "deploys as api-staging" in files["wrangler.toml"]
    assert 'workers = ["../api"]' in files["router.toml"]
