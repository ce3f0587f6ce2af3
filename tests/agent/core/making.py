"""An agent without an edge: its queue in SQLite, a clock that tests move, Python that is played."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from itertools import count
from typing import Any, TypeVar

from agent.agents.agents import Agents
from agent.agents.check import CHECK
from agent.callbacks.callbacks import Callbacks
from agent.core.capabilities.tools import Tools
from agent.core.http.call import Call
from agent.core.identity import identity_of
from agent.core.isolate.agent import Agent
from agent.core.isolate.metrics import BacklogCache, Metrics
from agent.core.isolate.settings import Settings
from agent.core.serving.endpoints import answer
from agent.core.web.egress import Egress
from agent.queue.database import Database
from agent.queue.jobs import Jobs
from agent.records.records import Records
from agent.sandbox.execute import Error, Outcome, PythonJob
from agent.workers.workers import Workers
from tests.agent.queue.sqlite import memory
from tests.support.running import run

T = TypeVar("T")
START = 1_790_000_000_000.0


def add(code: str) -> Outcome:
    """What comes of code that is a number, or says what it does."""
    if code.startswith("raise "):
        return Outcome(None, Error("code-error", code[6:], 1, ("line 1",)), "", 1.0, False)
    if code == "busy":
        return Outcome(None, Error("unavailable", "all isolates are busy"), "", 1.0, False)
    if code == "bug":
        raise RuntimeError("SECRET-INSIDE")
    return Outcome(json.loads(code), None, "said\n", 1.0, True)


def checked(context: Mapping[str, Any]) -> Outcome:
    """The check of an agent's code, by this Python."""
    space: dict[str, Any] = {"context": context}
    exec(CHECK, space)
    return Outcome(space["result"], None, "", 1.0, True)


class World(Tools):
    """One agent. `ask` gives the status, the JSON and the headers of an answer."""

    tenant = "core"
    scopes = frozenset[str]()

    def __init__(self, db: Database | None = None) -> None:
        self.now = START
        self.db = db or memory()
        self.ran: list[str] = []
        self.tasks: list[str] = []
        self.delivered = 0
        self.logged: list[Mapping[str, object]] = []
        self.play: Callable[[str], Outcome] = add
        self.while_waiting: Callable[[], None] = lambda: None
        self.clock = count()
        names = count(1)
        jobs, callbacks, records = Jobs(self.db), Callbacks(self.db), Records(self.db)
        workers = Workers(self.db)
        agents = Agents(self.db)
        self.agent = Agent(
            who=identity_of("canary", "eu", 1, START),
            settings=Settings(callbacks=Egress.of("hooks.example.com")),
            metrics=Metrics(),
            backlog=BacklogCache(),
            clock=lambda: float(next(self.clock)),
            now=lambda: self.now,
            rng=lambda: 0.0,
            new_id=lambda: f"id-{next(names)}",
            tools=lambda tenant, scopes: self,
            jobs=lambda: jobs,
            callbacks=lambda: callbacks,
            records=lambda: records,
            workers=lambda: workers,
            agents=lambda: agents,
            deliver=self._deliver,
            wait=wait,
            pause=self._pause,
            soon=self.tasks.append,
            log=self.logged.append,
        )

    @property
    def python(self) -> World:
        return self

    def run(self, tenant: str, job: PythonJob) -> Outcome:
        if job.code == CHECK:
            return checked(job.context)
        self.ran.append(job.code)
        return self.play(job.code)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        key: str | None = "core",
        scopes: str = "",
        **headers: str,
    ) -> tuple[int, Any, dict[str, str]]:
        path, _, query = path.partition("?")
        named = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent |= {"x-router-key-id": key, "x-router-key-scopes": scopes}
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        call = Call(method, path, named, sent, self.now, lambda most: text)
        made = answer(self.agent, call)
        assert isinstance(made.body, str)
        told = json.loads(made.body) if made.content_type == "application/json" else made.body
        return made.status, told, dict(made.headers)

    def submit(self, id: str, code: str = "4", **data: Any) -> Any:
        asked = {"capability": "python-execution", "input": {"code": code}, **data}
        sent = {"activation_id": id, "activation_data": asked}
        status, told, _ = self.ask("POST", "/activations", sent)
        assert status == 200, told
        return told

    def state(self, id: str) -> str:
        found: str = self.ask("GET", f"/activations/{id}")[1]["status"]
        return found

    def _deliver(self, for_ms: float) -> bool:
        self.delivered += 1
        return False

    def _pause(self, ms: float) -> None:
        self.now += ms
        self.while_waiting()


def wait(work: Coroutine[Any, Any, T]) -> T:
    return run(work)
