"""The upload, staged: just what the Worker runs, in a folder of its own.

wrangler uploads every module beside the entry file, so the entry stands in a build
folder that holds the packages of the edge and no tool, no test and no secret.
Staging twice changes no file: a running `wrangler dev` restarts only for a real change.
`python -m router.dev.stage` is the build command of wrangler.toml: a deployment runs it, and so
it refuses keys that everybody knows. What only tries the upload says so in the environment.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from policies.language.compile.compile import compile_policy
from policies.language.load import load
from router.dev.files import mirror
from router.dev.layout import Layout, SetupError, find_root
from router.dev.published_keys import refusal

ONLY_TRIED = "ROUTER_UPLOAD_IS_ONLY_TRIED"  # a variable that is not empty: nothing is deployed
# What the edge imports: never policies/gateway, router/cli, router/publishing, router/dev or tests.
EDGE_PACKAGES = (
    "policies/access",
    "policies/balancing",
    "policies/basics",
    "policies/compiled",
    "policies/fleet",
    "policies/http",
    "policies/language",
    "policies/proxy",
    "policies/resilience",
    "policies/rollouts",
    "policies/routing",
    "router/edge",
    "workers_runtime",
)
ENTRY = (
    "from router.edge.coordinator.coordinator import Coordinator  # noqa: F401\n"
    "from router.edge.entry import on_fetch  # noqa: F401\n"
    "from router.edge.limiter.limiter import Limiter  # noqa: F401\n"
)


def stage(root: Path, policy: Path, target: Path, *, allow_private: bool = False) -> None:
    """`allow_private`: variants may have URLs in private networks, as on one's own machine."""
    mirror(upload(root, policy, allow_private=allow_private), target)


def upload(root: Path, policy: Path, *, allow_private: bool = False) -> dict[str, bytes]:
    """Every file of the upload by its path."""
    files = {
        "entry.py": ENTRY.encode(),
        "policies/__init__.py": (root / "policies" / "__init__.py").read_bytes(),
        "router/__init__.py": (root / "router" / "__init__.py").read_bytes(),
        "bundled_policy.py": bundled_policy(policy, allow_private=allow_private).encode(),
    }
    for package in EDGE_PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in (".py", ".js"):
                files[path.relative_to(root).as_posix()] = path.read_bytes()
    return files


def bundled_policy(policy: Path, *, allow_private: bool = False) -> str:
    """A module with the compiled policy: what the Worker serves while KV has none."""
    try:
        data = policy.read_bytes()
    except OSError as error:
        raise SetupError(f"{policy}: {error.strerror}") from error
    loaded = load(data, allow_private=allow_private)
    if loaded.policy is None:
        first, count = loaded.findings[0], len(loaded.findings)
        place = f"{policy}:{first.line}:{first.column}"
        more = f" (and {count - 1} more: `router validate {policy}`)" if count > 1 else ""
        raise SetupError(f"{place}: {first.message}: {first.hint}{more}")
    compiled = json.dumps(compile_policy(loaded.policy, loaded.digest), separators=(",", ":"))
    return (
        f'"""Generated from {policy.name}; not meant for editing."""\n\nCOMPILED = {compiled!r}\n'
    )


def _refuse_published_keys(policy: Path) -> None:
    """Refuse public keys, which would open the API to everybody until the first push."""
    loaded = load(policy.read_bytes()) if policy.is_file() else None
    why = refusal(loaded.policy) if loaded and loaded.policy else None
    if why:
        raise SetupError(f"{policy}: {why}")


def main() -> int:
    layout = Layout(find_root())
    try:
        if not os.environ.get(ONLY_TRIED):
            _refuse_published_keys(layout.root / "routes.yaml")
        stage(layout.root, layout.root / "routes.yaml", layout.build / "upload")
    except SetupError as error:
        print(f"stage: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
