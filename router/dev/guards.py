"""What must not go to production: the same checks for `deploy`, `stage` and `push --remote`.

Each objection is one line that says what to write. `Kind` lets a caller tell an objection instead
of refusing: whoever pushes a policy does not deploy the bindings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from policies.basics.untyped import JsonMapping
from policies.language.model.policy import Policy
from policies.language.tooling.bindings import bindings_of
from router.dev.published_keys import refusal
from router.dev.required import lacking

ONLY_TRIED = "ROUTER_UPLOAD_IS_ONLY_TRIED"  # a variable that is not empty: nothing is deployed
WRANGLERS = "WRANGLER_COMMAND"  # wrangler's variable for its build command: what it is doing
HARMLESS = ("dev", "types")  # of wrangler's commands, those that only this machine sees
# Where a Worker's resources at Cloudflare are named: the list, and the field with the id.
IDS = (("kv_namespaces", "id"), ("d1_databases", "database_id"), ("hyperdrive", "id"))


class Kind(Enum):
    KEY = "a published key"
    ID = "an id of zeros"
    UNBOUND = "a variant without binding"
    LACKING = "a setting that the router needs"


class Objection(NamedTuple):
    kind: Kind
    message: str


def objections(policy: Policy, file: str, config: JsonMapping, name: str) -> list[Objection]:
    """All of them. `file`: the policy's name; `name`: the wrangler configuration's."""
    return [
        *_keys(policy, file),
        *_lacking(config, name),
        *_zeros(config, name),
        *_unbound(policy, config, name),
    ]


def is_deployment() -> bool:
    """Whether what is staged goes to production, as far as this process is told."""
    return not is_trial() and os.environ.get(WRANGLERS) not in HARMLESS


def is_trial() -> bool:
    """Whether this process is part of a trial, which tells the objections itself."""
    return bool(os.environ.get(ONLY_TRIED))


def _keys(policy: Policy, file: str) -> Iterator[Objection]:
    if why := refusal(policy):
        yield Objection(Kind.KEY, f"{file}: {why}")


def _lacking(config: JsonMapping, name: str) -> Iterator[Objection]:
    return (Objection(Kind.LACKING, missing.text(name)) for missing in lacking(config))


def _zeros(config: JsonMapping, name: str) -> Iterator[Objection]:
    for kind, field in IDS:
        for entry in config.get(kind, ()):
            id, binding = str(entry.get(field, "")), entry.get("binding", "")
            if id and not id.strip("0-"):
                command = f"npx wrangler kv namespace create {binding}"
                hint = f"`{command}` prints yours" if kind == "kv_namespaces" else "write your own"
                yield Objection(Kind.ID, f"{name}: the {field} of {binding} is only zeros: {hint}")


def _unbound(policy: Policy, config: JsonMapping, name: str) -> Iterator[Objection]:
    bound = {service.get("binding") for service in config.get("services", ())}
    for variant, binding in bindings_of(policy).items():
        if binding not in bound:
            effect = f"requests for variant {variant} will get status 502"
            if variant.startswith("check "):
                effect = f"{variant} will get no answer, and its rollout will not move on"
            yield Objection(Kind.UNBOUND, f"{name} has no service binding {binding}: {effect}")
