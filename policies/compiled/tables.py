"""The tables that a policy is compiled to, and their form as text.

- All that decisions need is in `PolicyTables`. `policies.language.compile` makes it, and
  `CompiledPolicy` is built from it.
- The form follows from the types (`form/codec.py`). `FORMAT` is raised whenever it changes, so that
  no other version misreads it; `tests/policies/compiled/golden` holds that.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.access.authenticate import KeyTables
from policies.basics.steps import Steps, TooMuchWork, finished, within
from policies.compiled.form.codec import Codec
from policies.compiled.form.text import NoForm, sections_steps, text_steps
from policies.compiled.model import Route, Variant
from policies.compiled.rollout_plan import RolloutPlan
from policies.http.limits import SizeLimits
from policies.resilience.drill import ScheduledDrill
from policies.resilience.health_terms import HealthTerms
from policies.routing.regions import Regions
from policies.routing.rules import ByHost

FORMAT = 12
MAX_FORM_WORK = 3_000  # units; 100,000 rules are some 1,000


@dataclass(frozen=True, slots=True)
class PolicyTables:
    """`digest` names the policy. `pools`: positions of their variants; `strict`: pools that no
    other region may serve for; `first`: the rules of routes that go before all others; `hosts`: the
    rules of the others."""

    digest: str
    merge_slashes: bool
    identify: bool
    variants: tuple[Variant, ...]
    pools: dict[str, tuple[int, ...]]
    strict: frozenset[str]
    regions: Regions
    auth: KeyTables
    limits: SizeLimits
    health: HealthTerms
    drills: tuple[ScheduledDrill, ...]
    rollouts: tuple[RolloutPlan, ...]
    routes: tuple[Route, ...]
    first: ByHost
    hosts: ByHost


CODEC = Codec(PolicyTables)


def form_text(tables: PolicyTables) -> bytes:
    """Return the compiled form."""
    return finished(form_steps(tables))


def form_steps(tables: PolicyTables) -> Steps[bytes]:
    """Return the compiled form, in steps."""
    sections = yield from CODEC.write_steps(tables)
    return (yield from text_steps(sections, FORMAT))


def tables_from(form: bytes, digest: str) -> PolicyTables:
    """Return the tables of a form of the policy with that digest. Raises `NoForm`."""
    return finished(tables_steps(form, digest))


def tables_steps(form: bytes, digest: str, format_: int = FORMAT) -> Steps[PolicyTables]:
    """Return the tables, in steps."""
    try:
        return (yield from within(_read(form, digest, format_), MAX_FORM_WORK))
    except TooMuchWork:
        message = f"reading it is more than {MAX_FORM_WORK:,} units of work"
    raise NoForm(message)


def _read(form: bytes, digest: str, format_: int) -> Steps[PolicyTables]:
    sections = yield from sections_steps(form, format_, digest)
    return (yield from CODEC.read_steps(sections))
