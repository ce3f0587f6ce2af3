"""The examples of what stands around a policy use commands that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from router.cli.main import parser

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / "examples" / "github-actions" / "policy.yml"


def workflow() -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return read


def commands() -> list[list[str]]:
    found = []
    for job in workflow()["jobs"].values():
        for step in job["steps"]:
            for line in step.get("run", "").splitlines():
                if line.strip().startswith("router "):
                    command = re.split(r" (?:>|\|\||\|) ", line.strip())[0]
                    found.append(shlex.split(command)[1:])
    return found


def test_its_commands_are_the_routers() -> None:
    found = commands()
    assert [command[0] for command in found] == [
        *("validate", "test", "diff", "diff"),
        *("validate", "test", "push"),
    ]
    for command in found:
        assert parser().parse_args(command).verb == command[0]
        assert "routes.yaml" in command


def test_pull_requests_publish_nothing() -> None:
    jobs = workflow()["jobs"]
    assert jobs["check"]["if"] == "github.event_name == 'pull_request'"
    assert not any("router push" in step.get("run", "") for step in jobs["check"]["steps"])
    assert jobs["publish"]["if"] == "github.event_name == 'push'"
    assert workflow()[True]["push"]["branches"] == ["main"]  # YAML 1.1 reads `on` so


def test_no_expression_stands_in_a_script() -> None:
    """What others have written, such as the name of a branch, must not become a command."""
    for job in workflow()["jobs"].values():
        assert all("${{" not in step.get("run", "") for step in job["steps"])


def test_the_summary_shows_every_difference() -> None:
    scripts = [step.get("run", "") for step in workflow()["jobs"]["check"]["steps"]]
    files = [name for script in scripts for name in re.findall(r"router diff .* > (\S+)", script)]
    assert len(files) == 2
    for name in files:
        shown = f"cat {name}; echo '```'; }} >> \"$GITHUB_STEP_SUMMARY\""
        assert any(shown in script for script in scripts)
