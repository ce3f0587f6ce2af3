"""The service bindings that a policy needs, and what for."""

from __future__ import annotations

from policies.language.model import Policy


def bindings_of(policy: Policy) -> dict[str, str]:
    """What needs one, and its name: variants, and `check <name>` for the checks of rollouts."""
    found = {name: variant.binding for name, variant in policy.variants.items()}
    for rollout in policy.rollouts:
        for check in rollout.analysis.checks if rollout.analysis else ():
            found[f"check {check.name}"] = check.binding
    return found
