"""What one reading of a policy may cost, however wrong the policy is.

A broken list of 100,000 routes must not become 100,000 findings: a part is not looked at
any more once enough parts before it have failed, and nothing that comes in one list or
mapping is endless. One budget is passed along as pydantic's validation context.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_FINDINGS = 100  # nobody mends more at once
MAX_FAILURES = 500  # a failure counts again in each of the up to four parts around it
MAX_UNKNOWN = 20  # fields of one part that are told to be unknown
MAX_ENTRIES = 2_000  # of lists and mappings that have no limit of their own
MAX_WORK = 4_000  # units of `decisions/steps.py`; MAX_NODES of routes are some 2,700
MAX_POLICY_STEPS = 50_000  # of all regular expressions; some megabytes when compiled


@dataclass(slots=True)
class Budget:
    """What is left."""

    failures: int = MAX_FAILURES
    steps: int = MAX_POLICY_STEPS
