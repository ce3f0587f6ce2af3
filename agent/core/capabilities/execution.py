"""The table of capabilities, and how a job is run.

A capability checks the input of a job first; an error says what is wrong and how to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from agent.core.capabilities.calls import call
from agent.core.capabilities.completion import complete, is_repeatable
from agent.core.capabilities.embeddings import embed
from agent.core.capabilities.python import run_python
from agent.core.capabilities.results import Output, Stream
from agent.core.capabilities.scraping import scrape
from agent.core.capabilities.sql.database import READ, WRITE, run_sql
from agent.core.capabilities.text import process_text
from agent.core.capabilities.tools import Capability, Tools

CAPABILITIES: Mapping[str, Capability] = {
    "python-execution": Capability(run_python),
    "text-processing": Capability(lambda given, _: process_text(given)),
    "ai-completion": Capability(complete, is_kept=is_repeatable),
    "ai-embeddings": Capability(embed, is_kept=True),
    "database": Capability(run_sql, scopes=frozenset({READ, WRITE})),
    "web-scraping": Capability(scrape, is_kept=True),
    "api-calls": Capability(call),
}


class CapabilityCall(NamedTuple):
    id: str
    capability: str
    input: dict[str, object]


def run_job(job: CapabilityCall, tools: Tools) -> Output | Stream:
    """Raises `Refused` or `Unavailable`."""
    output = CAPABILITIES[job.capability].run(job.input, tools)
    return output if isinstance(output, Output | Stream) else Output(output, {})


def unknown_capability(name: str) -> str | None:
    """The error for an unknown capability. Returns None for a known one."""
    if name in CAPABILITIES:
        return None
    nearest = get_close_matches(name[:80], CAPABILITIES, n=1)
    hint = f"did you mean `{nearest[0]}`?" if nearest else f"known: {', '.join(CAPABILITIES)}"
    return f"there is no capability `{name[:80]}`; {hint}"
