"""The server of `router dev`, started again as often as the Workers behind it need that.

A Worker that does not start keeps no other from it: one in its place answers until its code
changes (`down.py`). What goes wrong in one that runs is told in a line; the log has all of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from router.dev.down import named_in, stand_in, state_of, told, unbuildable
from router.dev.events import tell_error, tell_events
from router.dev.layout import Layout, SetupError
from router.dev.prepare import step
from router.dev.process import ANSI
from router.dev.server import DevServer
from router.dev.wrangler import told_error

READY_WITHIN = 90.0
WATCH_EVERY = 0.5
MOST_LOOKS = 4  # at a log that does not rest, before what is whole of it is handed out


class Down(NamedTuple):
    """A Worker that does not start: the Worker in its place, and its code's state."""

    config: Path
    state: frozenset[tuple[str, int, int]]


@dataclass(slots=True)
class Session:
    """`configs`: of all Workers, the router's first; `workers`: those behind it; `folder`: for
    what is generated. It ends with an exception: Ctrl-C, or what nobody can go on with."""

    layout: Layout
    configs: Sequence[Path]
    workers: Mapping[str, Path]
    folder: Path
    port: int
    persist_to: Path
    down: dict[str, Down] = field(default_factory=dict)

    def run(self, ready: Callable[[DevServer], None], look: Callable[[], None]) -> None:
        """`ready`: called when it first serves; `look`: now and then, while it serves."""
        is_told = False
        while True:
            with DevServer(self.layout) as server:
                if not self._start(server):
                    continue
                if not is_told:
                    ready(server)
                is_told = True
                self._watch(server, look)

    def _start(self, server: DevServer) -> bool:
        """Whether it serves; if not, it is worth another try."""
        places = {self.workers[name]: worker.config for name, worker in self.down.items()}
        configs = [places.get(config, config) for config in self.configs]
        try:
            with step("workerd", f"on port {self.port}"):
                log = self.folder / "wrangler.log"
                server.start(configs, port=self.port, persist_to=self.persist_to, log=log)
                server.wait_ready(timeout=READY_WITHIN)
        except SetupError:
            up = {name: path for name, path in self.workers.items() if name not in self.down}
            output = server.output()
            server.stop()
            if not self._take_out(named_in(output) or unbuildable(self.layout, up, self.folder)):
                raise
            return False
        return True

    def _take_out(self, failing: Mapping[str, str]) -> bool:
        """Put others in their place. Returns whether that changes anything."""
        found = {n: why for n, why in failing.items() if n in self.workers and n not in self.down}
        for name, reason in found.items():
            print(f"{name} does not start: {reason}", flush=True)
            place = stand_in(self.folder, name, reason)
            self.down[name] = Down(place, state_of(self.workers[name]))
        return bool(found)

    def _watch(self, server: DevServer, look: Callable[[], None]) -> None:
        """Until it must be started again."""
        log = Tail(server.log)
        log.read()  # what was said before it served
        while not self._has_changed():
            time.sleep(WATCH_EVERY)
            if self._has_ended(server):
                return
            look()
            said = log.read()
            tell_events(said)
            if not told_error(said):
                continue
            if self._take_out(named_in(said)):
                return
            tell_error(told(said, self.workers))

    def _has_ended(self, server: DevServer) -> bool:
        """wrangler ends if a Worker that it starts again does not start."""
        try:
            server.check_alive()
        except SetupError:
            if not self._take_out(named_in(server.output())):
                raise
            return True
        return False

    def _has_changed(self) -> bool:
        changed = [
            n for n, worker in self.down.items() if state_of(self.workers[n]) != worker.state
        ]
        for name in changed:
            del self.down[name]
            print(f"{name} has changed: trying it again", flush=True)
        return bool(changed)


class Tail:
    """What comes to a log. A message is handed out when nothing followed it since the last look,
    so that it is whole. Of a log that does not rest, as under load, whole lines are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._held = b""
        self._looks = 0  # since something was handed out

    def read(self) -> str:
        with self._path.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        self._at += len(new)
        self._held += new
        self._looks += 1
        if new and self._looks < MOST_LOOKS:
            return ""
        self._looks = 0
        end = self._held.rfind(b"\n") + 1 if new else len(self._held)
        unread, self._held = self._held[:end], self._held[end:]
        return ANSI.sub("", unread.decode("utf-8", "replace"))
