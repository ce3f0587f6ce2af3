"""A client of the agent's API that `openapi-python-client` makes from its document, at work.

It is made and run as somebody else would: by the published tool, from what `GET /openapi.json`
answers, in an environment of its own (`make .clients/.done`).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from agent.schemas.operations import OPERATIONS
from tests.support.edge.agents import CORE, WORKER, Agents

ROOT = Path(__file__).parents[3]
CLIENTS = ROOT / ".clients" / "bin"
PROGRAM = ROOT / "tests" / "edge" / "clients" / "generated.py"
PACKAGE = "agent_client"
WITHIN_S = 300


def make_client(agents: Agents, folder: Path) -> str:
    """What the tool says of the served document; a warning is an error."""
    document, config = folder / "openapi.json", folder / "config.yml"
    document.write_bytes(agents.get("/openapi.json", key=None).content)
    config.write_text("post_hooks: []\n")
    return _run(
        *(str(CLIENTS / "openapi-python-client"), "generate", "--fail-on-warning"),
        *("--path", str(document), "--config", str(config)),
        *("--meta", "none", "--output-path", str(folder / PACKAGE)),
    )


def use_client(agents: Agents, folder: Path) -> dict[str, str]:
    """For each operation of the client the type of its answer."""
    told = _run(
        *(str(CLIENTS / "python"), "-W", "error", str(PROGRAM)),
        *(agents.server.url, CORE, WORKER),
        python_path=str(folder),
    )
    found: dict[str, str] = json.loads(told)
    return found


def operation_names() -> set[str]:
    """As the tool spells them: `cancelByDelete` is `cancel_by_delete`."""
    spelled = ("".join(f"_{c.lower()}" if c.isupper() else c for c in o.id) for o in OPERATIONS)
    return {"list_" if name == "list" else name for name in spelled}


def _run(*command: str, python_path: str = "") -> str:
    env = {**os.environ, "PYTHONPATH": python_path}
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=WITHIN_S)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
