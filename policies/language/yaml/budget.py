"""Limits the cost of reading a policy, however invalid the policy is.

A broken list of 100,000 routes must not become 100,000 findings: after enough failures, further
parts are not read, and all lists and mappings have a maximum size. One budget is passed along
as pydantic's validation context.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_FINDINGS = 100  # more are not useful at once
MAX_FAILURES = 500  # a failure counts again in each of the up to four parts around it
MAX_UNKNOWN = 20  # unknown fields of one part that are reported
MAX_ENTRIES = 2_000  # of lists and mappings without a limit of their own
MAX_WORK = 4_000  # units of `basics/steps.py`; MAX_NODES of routes take about 2,700
MAX_POLICY_STEPS = 50_000  # of all regular expressions; some megabytes when compiled


@dataclass(slots=True)
class Budget:
    """The remaining budget. `allow_private`: variants may have URLs in private networks."""

    failures: int = MAX_FAILURES
    steps: int = MAX_POLICY_STEPS
    allow_private: bool = False
