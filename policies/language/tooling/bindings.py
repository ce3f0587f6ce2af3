"""The service bindings that a policy needs."""

from __future__ import annotations

from policies.language.model.policy import Policy


def bindings_of(policy: Policy) -> dict[str, str]:
    """Return the binding of each variant, and of each rollout's check as `check <name>`."""
    found = {name: variant.binding for name, variant in policy.variants.items()}
    for rollout in policy.rollouts:
        for check in rollout.analysis.checks if rollout.analysis else ():
            found[f"check {check.name}"] = check.binding
    return found
