"""`router dev`: starts a router with a policy on this machine.

Prepare, stage, configure, start, tell the URLs, wait for Ctrl-C: one line of progress a
step, and one line for what went wrong.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from router.dev.config import Outside, bound_to, echoed, write_configs
from router.dev.layout import Layout, SetupError
from router.dev.prepare import prepare, step
from router.dev.secrets import write_secrets
from router.dev.server import DevServer
from router.dev.session import Session
from router.dev.stage import stage
from router.dev.tables import migrate
from router.dev.workers import find_workers
from router.signals import raise_interrupt


def configure(
    layout: Layout,
    policy: Path,
    folder: Path,
    variants: Mapping[str, str],
    workers: Mapping[str, Path],
    *,
    echo: bool,
    outside: Outside,
) -> list[Path]:
    """Everything that a server needs, in its folder; the configurations to start it with."""
    with step("upload", f"staged with {policy.name}"):
        allow_private = outside.allow_private
        stage(layout.kit.sources, policy, folder / "upload", allow_private=allow_private)
        write_secrets(layout.root, folder, os.environ, layout.env)
        return write_configs(layout, folder, variants, echo=echo, workers=workers, outside=outside)


def run_dev(
    layout: Layout,
    policy: Path,
    port: int,
    echo: bool,
    persist_to: Path,
    variants: Mapping[str, str],
    outside: Outside,
    look: Callable[[], None],
) -> int:
    """Run `router dev`. Returns its exit code. `look`: called now and then, while it serves."""
    # SIGINT too: a shell starts background commands with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, raise_interrupt)
    folder = layout.build / "dev" / str(port)
    serves = False
    try:
        prepare(layout)
        workers = {} if echo else find_workers(layout, folder)
        configs = configure(layout, policy, folder, variants, workers, echo=echo, outside=outside)
        migrate(layout, workers.values(), persist_to)
        session = Session(layout, configs, workers, folder, port, persist_to)

        def ready(server: DevServer) -> None:
            tell(server, layout, policy, variants, workers, echo=echo, outside=outside)
            nonlocal serves
            serves = True

        session.run(ready, look)
    except SetupError as error:
        print(f"router dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        if not serves:
            raise  # what was asked for never came to be
    return 0


def tell(
    server: DevServer,
    layout: Layout,
    policy: Path,
    variants: Mapping[str, str],
    workers: Mapping[str, Path],
    *,
    echo: bool,
    outside: Outside,
) -> None:
    production = layout.config
    echoes = echoed(production, variants, echo=echo, workers=workers)
    behind_them = dict.fromkeys(echoes, "echo Worker") | bound_to(production, workers)
    url = f"http://localhost:{server.port}"
    print(f"\n  serving  {policy}\n  router   {url}\n  health   {url}/.router/health")
    print(f"  log      {server.log}\n")
    wide = max((len(name) for name in [*variants, *outside.urls]), default=0)
    bound = max((len(binding) for binding in variants.values()), default=0)
    for name, binding in variants.items():
        behind = behind_them.get(binding, "not bound: 502")
        print(f"  {name:<{wide}}  {binding:<{bound}}  {behind}")
    for name, address in outside.urls.items():
        print(f"  {name:<{wide}}  {address}{'  echo Worker' if echo else ''}")
    print("\nCtrl-C stops it.", flush=True)
