"""A router on workerd by itself, with variants behind it whose health is what tests say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from policies.language.load import load
from policies.language.tooling.bindings import bindings_of
from router.dev.config import write_configs
from router.dev.layout import Layout, find_root
from router.dev.loopback import free_port
from router.dev.stage import stage
from router.dev.workerd import (
    WorkerdWorker,
    router_workers,
    service,
    text,
)
from router.edge.isolate.timing import VARIABLE
from tests.support.edge.image import serve_router
from tests.support.edge.router import ADMIN_KEY, FASTER, HERE

WITHIN = 30.0


MOODY = "test-moody"


ROUTES = """\
routes:
  - {name: work, matches: [{path: {exact: /work}}], split: {p: 1}}
  - {name: hand, split: {hand: 1}}
"""


class Router:
    """A router on workerd, with moody variants behind it. `at`: the way to another one."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def own(self, page: str, at: str = "") -> Any:
        answer = self.client.get(f"{at}/.router/{page}", headers={"x-api-key": ADMIN_KEY})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def variant(self, name: str, at: str = "") -> dict[str, Any]:
        told = self.own("health/variants", at)["variants"]
        found: dict[str, Any] = {each["name"]: each for each in told}[name]
        return found

    def serving(self, at: str = "", query: str = "", number: int = 12) -> set[str]:
        """Which variants answer; none may fail."""
        answers = [self.client.get(f"{at}/work{query}") for _ in range(number)]
        assert [answer.status_code for answer in answers] == [200] * number
        return {answer.json()["variant"] for answer in answers}

    def eject(self, name: str, at: str = "") -> bool:
        """Let it answer a few requests badly; whether that was enough for one isolate."""
        self.serving(at, f"?ill={name}")
        told = self.own("health/variants?local=1", at)["variants"]
        return any(each["name"] == name and each["state"] == "ejected" for each in told)

    def mood(self, name: str, word: str) -> None:
        assert self.client.get(f"/mood/{name}/{word}").json() == word

    def probes(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"/probes/{name}").json()
        return found


def eventually(holds: Callable[[], object], within: float = WITHIN) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def workers(folder: Path, policy: str) -> list[WorkerdWorker]:
    """The router with `policy`, in `folder`, and moody variants behind it."""
    layout = Layout(find_root(HERE))
    folder.mkdir(exist_ok=True)
    (folder / "routes.yaml").write_text(policy)
    loaded = load(policy.encode())
    assert loaded.policy, loaded.findings
    stage(layout.root, folder / "routes.yaml", folder / "upload")
    bindings = bindings_of(loaded.policy)
    write_configs(layout, folder, bindings, echo=True)
    router, *others = router_workers(layout, folder)
    bound = {**router.bindings, "ROUTER_ADMIN_KEY": text(ADMIN_KEY), VARIABLE: text(FASTER)}
    bound |= {binding: service(MOODY, {"name": name}) for name, binding in bindings.items()}
    bound.pop("UNBOUND", None)
    script = HERE / "workers" / "moody.js"
    moody = WorkerdWorker(MOODY, {script.name: script}, router.compatibility_date)
    return [replace(router, bindings=bound), *others, moody]


@contextmanager
def running(folder: Path, served: list[WorkerdWorker]) -> Iterator[Router]:
    """The first of `served`, once it answers; what it stores stays in `folder`."""
    port = free_port()
    server = serve_router(Layout(find_root(HERE)), served, port, folder)
    transport = httpx.HTTPTransport(retries=10)  # until it listens
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=60, transport=transport) as client:
            yield Router(client)
        assert "internal-error" not in server.output()
    finally:
        server.stop()
