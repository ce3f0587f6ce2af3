"""`POST /execute`: one job, read, run by the capability that it asks for, and answered.

`{"capability": …, "input": {…}, "job_id": …}`; without a `job_id` one is made up. What is
asked for is checked before anything runs, and whatever a capability does not like comes back
as an error that says what and how to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from agent.core.capabilities.calls import call
from agent.core.capabilities.refused import Refused
from agent.core.capabilities.scraping import scrape
from agent.core.capabilities.text import process_text
from agent.core.capabilities.tools import Capability, Tools
from agent.core.json_text import read_json

CAPABILITIES: Mapping[str, Capability] = {
    "text-processing": Capability(lambda given, _: process_text(given)),
    "web-scraping": Capability(scrape, is_kept=True),
    "api-calls": Capability(call),
}
MAX_BODY = 1024 * 1024
MAX_ID = 128
FIELDS = ("capability", "input", "job_id")


class Job(NamedTuple):
    id: str
    capability: str
    input: dict[str, Any]


def read_job(text: str, new_id: str) -> Job:
    """Raises `Refused`."""
    try:
        value = read_json(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        example = '{"capability": "text-processing", "input": {"text": "…"}}'
        raise Refused(f"the body is no JSON object; send one such as {example}")
    for name in value:
        if name not in FIELDS:
            raise Refused(f"there is no field `{name[:80]}`; known: {', '.join(FIELDS)}")
    job_id, given = value.get("job_id", new_id), value.get("input", {})
    if not isinstance(job_id, str) or not 0 < len(job_id) <= MAX_ID:
        raise Refused(f"`job_id` is text of 1 to {MAX_ID} characters")
    if not isinstance(given, dict):
        raise Refused("`input` is an object")
    return Job(job_id, _capability(value.get("capability")), given)


def run_job(job: Job, tools: Tools) -> Any:
    """The result. Raises `Refused` or `Unavailable`."""
    return CAPABILITIES[job.capability].run(job.input, tools)


def _capability(name: object) -> str:
    if isinstance(name, str) and name in CAPABILITIES:
        return name
    nearest = get_close_matches(str(name)[:80], CAPABILITIES, n=1)
    hint = f"did you mean `{nearest[0]}`?" if nearest else f"known: {', '.join(CAPABILITIES)}"
    raise Refused(f"there is no capability `{str(name)[:80]}`; {hint}")
