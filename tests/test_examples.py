"""The examples of what stands around a policy use commands that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.cli.main import parser
from router.scaffold.workflow import workflow_text

ROOT = Path(__file__).parents[1]
WORKFLOW = (ROOT / "examples" / "github-actions" / "policy.yml").read_text(encoding="utf-8")
BEGUN = workflow_text("1.2.3", Path("router"))  # of `router init`
TEXTS = {"example": WORKFLOW, "init": BEGUN}
each_workflow = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())


def workflow(text: str = WORKFLOW) -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load(text)
    return read


def commands(text: str) -> list[list[str]]:
    found = []
    for job in workflow(text)["jobs"].values():
        for step in job["steps"]:
            for line in step.get("run", "").splitlines():
                if line.strip().startswith("router "):
                    command = re.split(r" (?:>|\|\||\|) ", line.strip())[0]
                    found.append(shlex.split(command)[1:])
    return found


VERBS = {
    "example": ["validate", "test", "diff", "diff", "validate", "test", "push"],
    "init": ["validate", "test", "deploy", "validate", "test", "deploy", "push"],
}


@pytest.mark.parametrize("name", TEXTS)
def test_its_commands_are_the_routers(name: str) -> None:
    found = commands(TEXTS[name])
    assert [command[0] for command in found] == VERBS[name]
    for command in found:
        assert parser().parse_args(command).verb == command[0]
        assert "routes.yaml" in command or command[0] == "deploy"


@each_workflow
def test_pull_requests_publish_nothing(text: str) -> None:
    jobs = workflow(text)["jobs"]
    check, publish = jobs.values()
    assert check["if"] == "github.event_name == 'pull_request'"
    scripts = [step.get("run", "") for step in check["steps"]]
    assert not [each for each in scripts if "router push" in each or each == "router deploy"]
    assert publish["if"] == "github.event_name == 'push'"
    assert publish["environment"] == "production"
    assert workflow(text)[True]["push"]["branches"] == ["main"]  # YAML 1.1 reads `on` so


def test_a_new_project_has_the_version_that_began_it() -> None:
    installed = [line for line in BEGUN.splitlines() if "pip install" in line]
    assert [line.strip() for line in installed] == [
        '- run: pip install "fiberwise-router==1.2.3"'
    ] * 2
    assert "<" not in BEGUN


@each_workflow
def test_no_expression_stands_in_a_script(text: str) -> None:
    """What others have written, such as the name of a branch, must not become a command."""
    for job in workflow(text)["jobs"].values():
        assert all("${{" not in step.get("run", "") for step in job["steps"])


def test_the_summary_shows_every_difference() -> None:
    scripts = [step.get("run", "") for step in workflow()["jobs"]["check"]["steps"]]
    files = [name for script in scripts for name in re.findall(r"router diff .* > (\S+)", script)]
    assert len(files) == 2
    for name in files:
        shown = f"cat {name}; echo '```'; }} >> \"$GITHUB_STEP_SUMMARY\""
        assert any(shown in script for script in scripts)
