"""The upload, staged: just what the Worker runs, in a folder of its own.

wrangler uploads every module beside the entry file, so the entry stands in a build
folder that holds the packages of the edge and no tool, no test and no secret.
Staging twice changes no file: a running `wrangler dev` restarts only for a real change.
`router stage` does it for a project: wrangler's build command.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from policies.compiled.tables import form_text
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from router.dev.errors import SetupError
from router.dev.files import mirror
from router.dev.layout import Layout
from router.dev.vendor import STAMP

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
FOR_TOOLS = "policies/language/tooling"  # of those packages, what the edge does not import
ENTRY = (
    "from router.edge.coordinator.coordinator import Coordinator  # noqa: F401\n"
    "from router.edge.entry import on_fetch  # noqa: F401\n"
    "from router.edge.limiter.limiter import Limiter  # noqa: F401\n"
)


def stage_project(layout: Layout, policy: Path) -> None:
    """The upload of a project, and the packages beside its configuration."""
    stage(layout.kit.sources, policy, layout.upload)
    _place_packages(layout)


def stage(sources: Path, policy: Path, target: Path, *, allow_private: bool = False) -> None:
    """`allow_private`: variants may have URLs in private networks, as on one's own machine."""
    mirror(upload(sources, policy, allow_private=allow_private), target)


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
            name = path.relative_to(root).as_posix()
            if path.suffix in (".py", ".js") and not name.startswith(f"{FOR_TOOLS}/"):
                files[name] = path.read_bytes()
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
    text = data.decode()  # the language allows no other bytes
    form = form_text(compile_policy(loaded.policy, loaded.digest))
    return (
        f'"""Generated from {policy.name}; not meant for editing."""\n\n'
        f"DIGEST = {loaded.digest!r}\nCOMPILED = {form!r}\nTEXT = {text!r}\n"
    )


def _place_packages(layout: Layout) -> None:
    """Copy the kit's packages, unless they are there: in a clone they are the same folder."""
    kit, target = layout.kit.python_modules, layout.python_modules
    if target.exists() and target.samefile(kit):
        return
    stamp = target / STAMP
    if stamp.is_file() and stamp.read_bytes() == (kit / STAMP).read_bytes():
        return
    if target.exists() and not stamp.is_file():
        raise SetupError(f"{target} is not from `router stage`: move it away, it is in the way")
    aside, old = (layout.build / f"python_modules.{name}{os.getpid()}" for name in ("", "old."))
    for path in (aside, old):
        shutil.rmtree(path, ignore_errors=True)
    try:
        shutil.copytree(kit, aside)
        if target.exists():  # put away whole: half of it would be taken for somebody else's
            target.rename(old)
        aside.rename(target)
    finally:
        for path in (aside, old):
            shutil.rmtree(path, ignore_errors=True)
