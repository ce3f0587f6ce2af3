"""The rows of the table, which are measured side by side.

A row is a name, which never changes, and its Workers; the first of them takes the requests. All
forward to the same Worker, which answers at once.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from bench.load import HEADERS, MANY_PATHS, MANY_USERS, POSTS, USUAL, Traffic
from bench.staging import javascript, python, stage_edge
from policies.basics.untyped import JsonObject
from policies.language.load import load
from policies.language.tooling.bindings import bindings_of
from policies.language.yaml.document import Document, read_document
from router.dev.config import write_configs
from router.dev.files import mirror
from router.dev.layout import Layout, SetupError
from router.dev.workerd import WorkerdWorker, router_workers, service, text

WORKERS = Path(__file__).with_name("workers")
BACKEND = "backend"
TO_BACKEND = {"BACKEND": service(BACKEND)}
GUARDS = ("auth", "rate_limits", "filters")  # of a route, and of the policy


@dataclass(frozen=True, slots=True)
class Row:
    """`workers` builds the Workers in a folder; `regions`: the row decides by region; `limited`: it
    counts requests for rate limits; `traffic`: the requests it gets; `checkout`: the root of
    another clone of this project, if the row is from there."""

    name: str
    workers: Callable[[Layout, Path], list[WorkerdWorker]]
    regions: bool = False
    limited: bool = False
    traffic: Traffic = USUAL
    checkout: Path | None = None

    @property
    def label(self) -> str:
        return f"{self.name}@{self.checkout.name}" if self.checkout else self.name


def backend(layout: Layout) -> WorkerdWorker:
    return javascript(layout, BACKEND, WORKERS / "backend.js")


def js_forward(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    forwarder = javascript(layout, "js-forward", WORKERS / "js_forward.js")
    return [replace(forwarder, bindings=TO_BACKEND), backend(layout)]


def reflare(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    """reflare has no service bindings: its plain `fetch` goes to the backend."""
    built = folder / "reflare.js"
    bundle(layout, WORKERS / "reflare.js", built)
    return [replace(javascript(layout, "reflare", built), outbound=BACKEND), backend(layout)]


def bundle(layout: Layout, source: Path, built: Path) -> None:
    """Bundle `source` with wrangler's own bundler."""
    script = layout.npm_package("esbuild") / "bin" / "esbuild"
    options = ("--bundle", "--format=esm", "--platform=neutral", "--main-fields=module,main")
    process = subprocess.run(
        [str(layout.node), str(script), str(source), *options, f"--outfile={built}"],
        cwd=layout.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise SetupError(f"{source.name} cannot be bundled: {process.stderr.strip()}")


def python_forward(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    mirror({"entry.py": (WORKERS / "python_forward.py").read_bytes()}, folder / "upload")
    forwarder = python(layout, "python-forward", folder / "upload")
    return [replace(forwarder, bindings=TO_BACKEND), backend(layout)]


def router(
    layout: Layout,
    folder: Path,
    policy_file: Path | None = None,
    more: Mapping[str, bytes] | None = None,
) -> list[WorkerdWorker]:
    """The router as it is uploaded, with the example policy or another, and `more` files."""
    policy_file = policy_file or written(example(layout), folder)
    stage_edge(layout, folder / "upload", more, policy_file)
    policy = load(policy_file.read_bytes()).policy
    variants = bindings_of(policy) if policy else {}
    write_configs(layout, folder, variants, echo=True)
    worker, _, *others = router_workers(layout, folder)
    behind = {binding: service(BACKEND) for binding in variants.values()}
    return [replace(worker, bindings={**worker.bindings, **behind}), backend(layout), *others]


def router_deciding(
    layout: Layout, folder: Path, more: Mapping[str, bytes] | None = None
) -> list[WorkerdWorker]:
    """The same without memory: each request is decided by Python."""
    worker, *others = router(layout, folder, more=more)
    bindings = {**worker.bindings, "ROUTER_MEMORY": text("off")}
    return [replace(worker, bindings=bindings), *others]


def router_guarded(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    """The same with an API key and a leased limit on every route, which deny no request here."""
    policy = example(layout)
    hashed = sha256(HEADERS["x-api-key"].encode()).hexdigest()
    policy["auth"] = {"keys": [{"id": "bench", "sha256": hashed, "scopes": ["agents"]}]}
    policy["rate_limits"] = {"per-key": {"limit": "1000000/1m", "by": "api_key"}}
    guards = {"auth": {"scopes": ["agents"]}, "rate_limits": ["per-key"]}
    policy["routes"] = [{**route, **guards} for route in policy["routes"]]
    return router(layout, folder, written(policy, folder))


def router_probing(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    """The same with active health checks."""
    policy = example(layout) | {"health": {"active": {"path": "/health"}}}
    return router(layout, folder, written(policy, folder))


def router_no_health(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    """The same policy, with health removed from the code."""
    entry = (WORKERS / "no_health.py").read_bytes()
    return router(layout, folder, more={"entry.py": entry})


def router_rolling(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    """The same policy, with a running rollout on the measured route."""
    entry = (WORKERS / "rolling.py").read_bytes()
    return router(layout, folder, more={"entry.py": entry})


def example(layout: Layout) -> JsonObject:
    """A copy of the example policy without keys, limits and probes, which have rows of their own,
    and without CORS, which no row has."""
    document = read_document((layout.root / "routes.yaml").read_bytes())
    if not isinstance(document, Document):
        raise SetupError("routes.yaml cannot be read")
    routes = [
        {name: value for name, value in route.items() if name not in GUARDS}
        for route in document.value["routes"]
    ]
    apart = (*GUARDS, "health", "limits")
    policy = {name: value for name, value in document.value.items() if name not in apart}
    return policy | {"routes": routes}


def written(policy: JsonObject, folder: Path) -> Path:
    file = folder / "routes.yaml"
    file.write_text(json.dumps(policy), encoding="utf-8")  # JSON is YAML
    return file


ROWS = (
    Row("js-forward", js_forward),
    Row("reflare", reflare),
    Row("python-forward", python_forward),
    Row("router", router, regions=True),
    Row("router-deciding", router_deciding, regions=True),
    Row("router-paths", router, regions=True, traffic=MANY_PATHS),
    Row("router-users", router, regions=True, traffic=MANY_USERS),
    Row("router-post", router, regions=True, traffic=POSTS),
    Row("router-guarded", router_guarded, regions=True, limited=True),
)

# The cost of a rollout, measured likewise.
ROLLOUT_ROWS = (
    Row("router", router, regions=True),
    Row("router-rolling", router_rolling, regions=True),
)

# The cost of health is small, so it is measured separately, in more and shorter rounds.
HEALTH_ROWS = (
    Row("router", router, regions=True),
    Row("router-no-health", router_no_health, regions=True),
    Row("router-probing", router_probing, regions=True),
)

ALL_ROWS = {row.name: row for row in (*ROWS, *ROLLOUT_ROWS, *HEALTH_ROWS)}
