"""Loading a policy of 1,000 routes: from YAML and from its compiled form, at the edge and
on CPython, with the same code (`load_policy.py`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import yaml

from bench.decisions.load_policy import times
from bench.decisions.policies import policy_value
from bench.server import Server
from bench.staging import folder_of, python, stage_edge
from policies.compiled.tables import form_text
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from router.dev.layout import Layout, SetupError

ROUTES = 1_000
ISOLATES = 3
HERE = Path(__file__).parent
WORKER = HERE.parent / "workers" / "loading.py"

Taken = dict[str, dict[str, float]]
Times = dict[str, list[float]]


def policy_text() -> tuple[str, bytes]:
    """Return a typical YAML, and its compiled form as `router push` writes it."""
    text = yaml.safe_dump(policy_value(ROUTES), sort_keys=False)
    loaded = load(text.encode())
    if loaded.policy is None:
        raise SetupError(f"the benchmark's policy is not valid: {loaded.findings[0].message}")
    return text, form_text(compile_policy(loaded.policy, loaded.digest))


def measure_loading(layout: Layout) -> dict[str, Taken]:
    """Return milliseconds by place and by form: the first loading of a new isolate (the median of
    several isolates), and `warm`, the median of the following ones."""
    text, compiled = policy_text()
    isolates = [at_the_edge(layout, text, compiled) for _ in range(ISOLATES)]
    return {"edge": summary(isolates), "cpython": summary([times(text.encode(), compiled)])}


def at_the_edge(layout: Layout, text: str, compiled: bytes) -> Times:
    folder = folder_of(layout, "loading")
    more = {
        "entry.py": WORKER.read_bytes(),
        "load_policy.py": (HERE / "load_policy.py").read_bytes(),
        "policy_to_load.py": f"YAML = {text!r}\nCOMPILED = {compiled!r}\n".encode(),
    }
    stage_edge(layout, folder / "upload", more)
    with Server(layout, [python(layout, "loading", folder / "upload")], folder) as server:
        server.wait_ready("/ready")
        times: Times = json.loads(server.ask("/").body)
        return times


def summary(isolates: Sequence[Times]) -> Taken:
    return {
        form: {
            "first_ms": round(median(taken[form][0] for taken in isolates), 1),
            "warm_ms": round(median(ms for taken in isolates for ms in taken[form][1:]), 1),
        }
        for form in ("yaml", "compiled")
    }
