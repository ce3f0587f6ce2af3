"""Caches results of jobs for a few minutes.

- A result is cached if the capability allows it, the job completed and the result is not too large;
  never a stream.
- The key is a hash over all that the result depends on, the tenant and the variant: tenants never
  share results, and neither do a canary and production.
- `Cache-Control: no-cache` (or `max-age=0`) runs the job and keeps its result anew;
  `no-store` keeps nothing either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import NamedTuple, Protocol

from agent import __version__
from agent.core.capabilities.execution import CAPABILITIES, CapabilityCall, run_job
from agent.core.capabilities.results import Output, Stream
from agent.core.capabilities.tools import Tools

KEEP_S = 300
MAX_KEPT = 1024 * 1024  # bytes of the result as JSON
PREFIX = "result/"
HEADER = "x-cache"


class Store(Protocol):
    """A store whose entries expire. It never raises: a failure looks like a missing entry."""

    def get(self, key: str) -> str | None: ...

    def put(self, key: str, text: str, keep_s: int) -> None:
        """Store an entry; it may come later, or be lost."""


class CachedRun(NamedTuple):
    """`found`: `HIT`, `MISS`, `BYPASS`, or "" for a capability that is never cached; `age_s`: of a
    cached result."""

    output: Output | Stream
    found: str = ""
    age_s: int | None = None

    @property
    def outcome(self) -> dict[str, object]:
        """The fields of the response for an `Output`."""
        assert isinstance(self.output, Output)
        age = {} if self.age_s is None else {"age": self.age_s}
        return {"result": self.output.result, **self.output.more, **age}

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        headers = ((HEADER, self.found),) if self.found else ()
        return headers if self.age_s is None else (*headers, ("age", str(self.age_s)))


def run_or_recall(
    job: CapabilityCall,
    tools: Tools,
    store: Callable[[], Store | None],
    variant: str,
    headers: Mapping[str, str],
    now_ms: float,
) -> CachedRun:
    """The result, cached or run. Raises what `run_job` does."""
    keeps = CAPABILITIES[job.capability].keeps(job.input)
    kept_in = store() if keeps else None
    if kept_in is None:
        return CachedRun(run_job(job, tools))
    wishes = _wishes(headers)
    key = key_of(job, tools, variant)
    if not wishes and (cached := _cached_run(kept_in.get(key), now_ms)):
        return cached
    output = run_job(job, tools)
    if "no-store" not in wishes and not isinstance(output, Stream):
        _keep(kept_in, key, output, now_ms)
    return CachedRun(output, "BYPASS" if wishes else "MISS")


def key_of(job: CapabilityCall, tools: Tools, variant: str) -> str:
    """The key of a job's result; the job's id is not part of it."""
    scopes = sorted(tools.scopes & CAPABILITIES[job.capability].scopes)
    whole = [__version__, variant, tools.tenant, scopes, job.capability, job.input]
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return PREFIX + sha256(text.encode()).hexdigest()


def _wishes(headers: Mapping[str, str]) -> set[str]:
    directives = headers.get("cache-control", "").lower().split(",")
    return {directive.strip() for directive in directives} & {"no-cache", "no-store", "max-age=0"}


def _cached_run(text: str | None, now_ms: float) -> CachedRun | None:
    """Returns None if there is none, or if it is too old: the store may expire entries late."""
    at_text, _, output_text = (text or "").partition("\n")
    try:
        age_s = max(0, int((now_ms - int(at_text)) / 1000))
        return None if age_s > KEEP_S else CachedRun(Output(*json.loads(output_text)), "HIT", age_s)
    except (ValueError, TypeError):
        return None


def _keep(store: Store, key: str, output: Output, now_ms: float) -> None:
    text = json.dumps([output.result, dict(output.more)])
    if len(text) <= MAX_KEPT:
        store.put(key, f"{int(now_ms)}\n{text}", KEEP_S)
