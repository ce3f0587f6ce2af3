"""Problems for activations that the queue did not take."""

from __future__ import annotations

from typing import NamedTuple

from agent.core.http.problem import Problem
from agent.queue.job import Full, Invalid, Missing

RETRY_AFTER_S = 10  # a guess: how soon there is room depends on what the jobs are


class Limit(NamedTuple):
    """`has`: what is counted; `hint`: how to have fewer."""

    variable: str
    has: str
    hint: str


LIMITS = {
    "waiting": Limit(
        *("TENANT_WAITING", "activations waiting"),
        "submit it again when some have been taken, start more workers, or cancel some",
    ),
    "bytes": Limit(
        *("TENANT_BYTES", "bytes of input in activations that have not ended"),
        "submit it again when some have ended, or send less and say where the rest is",
    ),
}
FIELDS = {"id": "activation_id", "payload": "activation_data"}


def refusal(found: Full | Missing | Invalid, tenant: str) -> Problem:
    if isinstance(found, Missing):
        ids = ", ".join(found.ids)
        hint = "submit what an activation depends on before it, with the same key"
        return Problem(422, f"`depends_on` has {ids}, which {_are_not(found)} there: {hint}")
    if isinstance(found, Invalid):
        field = FIELDS.get(found.field, found.field)
        return Problem(413 if found.is_too_large else 400, f"`{field}` {found.message}")
    limit = LIMITS[found.limit]
    return Problem(
        429,
        f"{tenant} has {found.found:,} {limit.has}, and may have {found.most:,} "
        f"({limit.variable}): {limit.hint}",
        (("retry-after", str(RETRY_AFTER_S)),),
        limit=limit.variable,
        count=found.found,
        most=found.most,
    )


def _are_not(found: Missing) -> str:
    return "is not" if len(found.ids) == 1 else "are not"
