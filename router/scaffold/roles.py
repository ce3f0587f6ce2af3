"""Which Worker is which variant of a new router's policy.

1. `--variant production=api-prod@eu` names a variant, the Worker behind it, and its region. A name
   that is given for several regions is a pool with a variant in each: `production-eu`.
2. `--worker ../api` brings a Worker. It is behind the variants that name it; without any it is
   the next of DEFAULTS that is free, and then a variant of its own name.
3. The first pool serves everything, and each other one only who asks for it. `production` is first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic_core import PydanticCustomError

from policies.language.values.values import read_name
from router.dev.errors import SetupError
from router.scaffold.found import FoundWorker

DEFAULTS = ("production", "canary")
# As wrangler has it.
SERVICE = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
GIVEN = "VARIANT=SERVICE[@REGION]"
RESERVED = re.compile(r"POLICIES|ROUTER_.*|[0-9].*")


class GivenVariant(NamedTuple):
    """What `--variant` says."""

    name: str
    service: str
    region: str | None


@dataclass(frozen=True, slots=True)
class Role:
    """A variant, and the Worker `service` behind it; `worker` if it is on this machine."""

    variant: str
    pool: str
    service: str
    region: str | None
    worker: FoundWorker | None

    @property
    def binding(self) -> str:
        name = re.sub(r"[^A-Z0-9]", "_", self.variant.upper())
        return f"TO_{name}"[:63] if RESERVED.fullmatch(name) else name


def read_variant(text: str) -> GivenVariant:
    name, equals, rest = text.partition("=")
    service, at, region = rest.partition("@")
    if not equals or (at and not region) or not SERVICE.fullmatch(service):
        hint = f"write {GIVEN}, such as `production=api-prod@eu`"
        raise SetupError(f"--variant {text[:120]}", where="--variant", hint=hint)
    for part in filter(None, (name, region)):
        try:
            read_name(part)
        except PydanticCustomError as error:
            hint = (error.context or {}).get("hint", "")
            message = f"--variant {text[:120]}: {error.message()}"
            raise SetupError(message, where="--variant", hint=hint) from None
    return GivenVariant(name, service, region or None)


def roles_of(variants: Sequence[GivenVariant], workers: Sequence[FoundWorker]) -> list[Role]:
    """The variants in the order of the policy. Raises SetupError if two of them are one."""
    here = {worker.name: worker for worker in workers}
    _refuse_twice([worker.name for worker in workers], "the Worker")
    regions = Counter(variant.name for variant in variants)
    roles = [
        Role(
            _named(variant, regions),
            _pool(variant),
            variant.service,
            variant.region,
            here.get(variant.service),
        )
        for variant in variants
    ]
    served = {role.service for role in roles}
    for worker in workers:
        if worker.name not in served:
            taken = {role.variant for role in roles} | {role.pool for role in roles}
            free = [name for name in (*DEFAULTS, worker.name) if name not in taken]
            name = free[0] if free else worker.name
            roles.append(Role(name, name, worker.name, None, worker))
    _refuse_twice([role.variant for role in roles], "the variant")
    _refuse_twice([role.binding for role in roles], "the binding")
    return sorted(roles, key=lambda role: role.pool != DEFAULTS[0])


def _named(given: GivenVariant, times: Counter[str]) -> str:
    is_one = times[given.name] == 1 or not given.region
    return given.name if is_one else f"{given.name}-{given.region}"


def _pool(given: GivenVariant) -> str:
    """`production` of `production-eu` in the region `eu`."""
    return given.name.removesuffix(f"-{given.region}") or given.name


def _refuse_twice(names: Sequence[str], what: str) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        hint = "give each another name, or a region"
        raise SetupError(f"{what} {twice[0]} is there twice", hint=hint)
