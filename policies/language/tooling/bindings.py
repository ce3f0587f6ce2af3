"""The service bindings that a policy needs."""

from __future__ import annotations

from policies.language.model.policy import Policy


def bindings_of(policy: Policy) -> dict[str, str]:
    """Return the binding of each variant that has one, and of each rollout's check as `check
    <name>`."""
    found = {name: variant.binding for name, variant in policy.variants.items() if variant.binding}
    for rollout in policy.rollouts:
        for check in rollout.analysis.checks if rollout.analysis else ():
            found[f"check {check.name}"] = check.binding
    return found


def urls_of(policy: Policy) -> dict[str, str]:
    """Return the URL of each variant that has one."""
    return {name: variant.url for name, variant in policy.variants.items() if variant.url}
