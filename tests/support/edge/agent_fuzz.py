"""schemathesis asks the agent all that its document allows, and a lot that it does not, through
the router with a key. `make schemathesis ARGS=MINUTES` does so for longer, with all
capabilities and other requests each time.

The same requests are made each time in the tests (`deterministic`). There, no job runs Python,
since each takes seconds here, and some operations are not gone through value by value.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.support.edge import agent_fuzz_hooks
from tests.support.edge.agents import WORKER, Agents, router_with_agents
from tests.support.edge.receiver import receiving

KEY = WORKER  # polls everybody's jobs, and has no others than those that are made here
SLOW = "python-execution"
WITHIN_S = 600
# A job that its capability does not take is 422, and which those are no schema says: SQL that
# SQLite does not know, a model that there is not. So is an agent that there is not, to the SDK.
# Nor does a schema say that one time is before another, or on which activations one can depend.
CONFIG = f"""\
continue-on-failure = true
warnings = false
request-timeout = 60
hooks = "{agent_fuzz_hooks.__name__}"

[auth.openapi]
bearer = {{ bearer = "{KEY}" }}
key = {{ api_key = "{KEY}" }}

[generation]
database = "none"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409"]

[[operations]]
include-operation-id = "submit"
checks.positive_data_acceptance.expected-statuses = ["2xx", "403", "404", "409", "422"]

[[operations]]
include-operation-id = "analytics"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "403"]

[[operations]]
include-operation-id = ["execute", "activate"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "403", "404", "409", "422"]
"""
# Not gone through one by one in the tests: the many forms of a job, and what has a twin.
QUICK = """\
phases.coverage.enabled = false

[[operations]]
include-operation-id = ["extend", "fail", "pollByGet"]
phases.coverage.enabled = false

[phases.coverage]
unexpected-methods = ["PUT"]
"""


class Found(Exception):
    """What schemathesis says."""


def fuzz(agents: Agents, folder: Path, *, minutes: float = 0, examples: int = 1) -> str:
    """Raises `Found` if an answer is none that the document has. Gives what was done."""
    is_quick = minutes == 0
    document = agents.get("/openapi.json", key=None).json()
    (folder / "openapi.json").write_text(json.dumps(quick(document) if is_quick else document))
    config = CONFIG + (QUICK if is_quick else "")
    (folder / "schemathesis.toml").write_text(config)
    how = ["--generation-deterministic"] if is_quick else ["--max-time", str(int(minutes * 60))]
    command = [
        *(
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            "schemathesis.toml",
        ),
        *("run", "openapi.json", "--url", agents.server.url, "--no-color"),
        *("--max-examples", str(examples), *how),
    ]
    with receiving() as receiver:
        env = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[3]),
            agent_fuzz_hooks.RECEIVER: f"{receiver.url}/200",
        }
        try:
            within = WITHIN_S + minutes * 60
            ran = subprocess.run(
                command, cwd=folder, env=env, capture_output=True, text=True, timeout=within
            )
        finally:
            clean_up(agents)
    if ran.returncode:
        raise Found(ran.stdout + ran.stderr)
    return ran.stdout


def quick(document: dict[str, Any]) -> dict[str, Any]:
    """The same without jobs that run Python."""
    made = copy.deepcopy(document)
    sent = made["components"]["schemas"]["Job"]
    slow = sent["discriminator"]["mapping"].pop(SLOW)
    sent["oneOf"].remove({"$ref": slow})
    return made


def clean_up(agents: Agents) -> None:
    """No job is left for others to find."""
    for state in ("waiting", "leased"):
        while found := _listed(agents, state):
            for id in found:
                agents.post(f"/activations/{id}/cancel", key=KEY)


def _listed(agents: Agents, state: str) -> list[str]:
    answer: httpx.Response = agents.get(f"/activations?state={state}&limit=100", key=KEY)
    return [each["activation_id"] for each in answer.json()["activations"]]


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with router_with_agents(folder / "agents") as agents:
            try:
                print(fuzz(agents, folder, minutes=minutes, examples=100))
            except Found as found:
                print(found)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
