"""The workflow of a new project: checks in pull requests, a deployment from `main`."""

from __future__ import annotations

from pathlib import Path

from router.dev.kit import NAME

TEMPLATE = Path(__file__).with_name("workflow.yml")
FILE = Path(".github/workflows/router.yml")


def workflow_text(version: str, folder: Path) -> str:
    """`folder`: the project's, as it is reached from the repository's."""
    values = {
        "PACKAGE": f"{NAME}=={version}",
        "FOLDER": folder.as_posix(),
        "FILES": "**" if folder == Path() else f"{folder.as_posix()}/**",
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return text
