"""CHANGELOG.md has the form of Keep a Changelog, and the version stands in one place."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

from packaging.version import Version

from router import __version__

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def test_the_form() -> None:
    assert TEXT.startswith("# Changelog\n")
    headings = re.findall(r"^## (.*)$", TEXT, re.M)
    assert headings[0] == "[Unreleased]"
    released = [
        re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}", each) for each in headings[1:]
    ]
    versions = [Version(match[1]) for match in released if match]
    assert len(versions) == len(released)
    assert all(newer > older for newer, older in pairwise(versions))
    for section in re.split(r"^## ", TEXT, flags=re.M)[1:]:
        kinds = re.findall(r"^### (.*)$", section, re.M)
        assert kinds == [kind for kind in KINDS if kind in kinds]


def test_the_version_is_written_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"]["path"] == "router/__init__.py"
    assert str(Version(__version__)) == __version__
