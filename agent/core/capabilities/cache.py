"""Results that are kept for a few minutes, so that the same question is answered at once.

- Kept is what a capability says it may be, completed and not too large; never a stream.
- The key is a hash over all that the result depends on, and over the tenant and the variant:
  nobody is answered with what somebody else's job gave, and a canary and production do not
  answer for each other.
- `Cache-Control: no-cache` (or `max-age=0`) runs the job and keeps its result anew;
  `no-store` keeps nothing either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from agent import __version__
from agent.core.capabilities.execution import CAPABILITIES, CapabilityCall, run_job
from agent.core.capabilities.results import Output, Stream
from agent.core.capabilities.tools import Tools

KEEP_S = 300
MAX_KEPT = 1024 * 1024  # bytes of the result as JSON
PREFIX = "result/"
HEADER = "x-cache"


class Store(Protocol):
    """What forgets by itself. It fails by having nothing, and never raises."""

    def get(self, key: str) -> str | None: ...

    def put(self, key: str, text: str, keep_s: int) -> None:
        """Perhaps later, perhaps never."""


class CachedRun(NamedTuple):
    """`found`: `HIT`, `MISS`, `BYPASS`, or nothing where no result is ever kept; `age_s`: of a
    result that was kept."""

    made: Output | Stream
    found: str = ""
    age_s: int | None = None

    @property
    def outcome(self) -> dict[str, Any]:
        """What is answered of an `Output`."""
        assert isinstance(self.made, Output)
        age = {} if self.age_s is None else {"age": self.age_s}
        return {"result": self.made.result, **self.made.more, **age}

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        told = ((HEADER, self.found),) if self.found else ()
        return told if self.age_s is None else (*told, ("age", str(self.age_s)))


def run_or_recall(
    job: CapabilityCall,
    tools: Tools,
    store: Callable[[], Store | None],
    variant: str,
    headers: Mapping[str, str],
    now_ms: float,
) -> CachedRun:
    """The result, run or kept. Raises what `run_job` does."""
    keeps = CAPABILITIES[job.capability].keeps(job.input)
    kept_in = store() if keeps else None
    if kept_in is None:
        return CachedRun(run_job(job, tools))
    wishes = _wishes(headers)
    key = key_of(job, tools, variant)
    if not wishes and (kept := _kept(kept_in.get(key), now_ms)):
        return kept
    made = run_job(job, tools)
    if "no-store" not in wishes and not isinstance(made, Stream):
        _keep(kept_in, key, made, now_ms)
    return CachedRun(made, "BYPASS" if wishes else "MISS")


def key_of(job: CapabilityCall, tools: Tools, variant: str) -> str:
    """The id of the job is not part of it."""
    scopes = sorted(tools.scopes & CAPABILITIES[job.capability].scopes)
    whole = [__version__, variant, tools.tenant, scopes, job.capability, job.input]
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return PREFIX + sha256(text.encode()).hexdigest()


def _wishes(headers: Mapping[str, str]) -> set[str]:
    asked = headers.get("cache-control", "").lower().split(",")
    return {each.strip() for each in asked} & {"no-cache", "no-store", "max-age=0"}


def _kept(text: str | None, now_ms: float) -> CachedRun | None:
    """None as well if it is older than it may be: the store may be late to forget."""
    at_text, _, kept = (text or "").partition("\n")
    try:
        age_s = max(0, int((now_ms - int(at_text)) / 1000))
        return None if age_s > KEEP_S else CachedRun(Output(*json.loads(kept)), "HIT", age_s)
    except (ValueError, TypeError):
        return None


def _keep(store: Store, key: str, made: Output, now_ms: float) -> None:
    text = json.dumps([made.result, dict(made.more)])
    if len(text) <= MAX_KEPT:
        store.put(key, f"{int(now_ms)}\n{text}", KEEP_S)
