"""The variants of the agent on workerd, behind the router with the shipped policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent import config
from policies.language.load import load
from router.dev.config import LOCAL_FLAGS, write_configs
from router.dev.files import mirror
from router.dev.layout import Layout, find_root
from router.dev.prepare import prepare
from router.dev.stage import stage
from router.dev.workerd import WorkerdWorker, python_modules, router_workers, service, text
from tests.edge.conftest import ADMIN_KEY, HERE
from tests.edge.test_coordinator import Router, running


def agent_workers(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    """Every variant, as its configuration says, with the stand-in for Workers AI."""
    mirror(config.upload(), folder / "agent")
    modules = python_modules(layout, folder / "agent")
    script = layout.root / "agent" / "local" / "ai.js"
    models = WorkerdWorker("local-ai", {"ai.js": script}, config.DATE)
    ai = {"AI": service(models.name, entrypoint="AI")}
    return [models, *(agent_worker(own, modules, ai) for own in config.variants().values())]


def agent_worker(
    own: dict[str, Any], modules: dict[str, Path], bindings: dict[str, str]
) -> WorkerdWorker:
    variables = {name: text(value) for name, value in own["vars"].items()}
    return WorkerdWorker(
        name=own["name"],
        modules=modules,
        compatibility_date=own["compatibility_date"],
        flags=[*own["compatibility_flags"], *LOCAL_FLAGS],
        bindings={**variables, **bindings},
    )


@contextmanager
def router_with_agents(folder: Path) -> Iterator[Router]:
    layout = Layout(find_root(HERE))
    prepare(layout)
    policy = layout.root / "routes.yaml"
    stage(layout.root, policy, folder / "upload")
    loaded = load(policy.read_bytes()).policy
    assert loaded
    bindings = {name: variant.binding for name, variant in loaded.variants.items()}
    write_configs(layout, folder, bindings, echo=True)
    router, _, *others = router_workers(layout, folder)
    bound = {**router.bindings, "ROUTER_ADMIN_KEY": text(ADMIN_KEY)}
    names = {name: own["name"] for name, own in config.variants().items()}
    bound |= {binding: service(names[variant]) for variant, binding in bindings.items()}
    agents = agent_workers(layout, folder)
    with running(folder, [replace(router, bindings=bound), *agents, *others]) as started:
        yield started
