"""The counters of this isolate, in Prometheus's text format (version 0.0.4).

Counters belong to one isolate and start at 0 with it, as those of any process do; the
label `isolate` tells the isolates apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from router.edge.isolate.store import PolicyStore
from workers_runtime.prometheus import family

# Attribute, help, and the labels of its counts, in the order of their keys. A route or a
# variant that is "" is none.
_COUNTERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("requests", "Requests answered.", ("route", "variant", "status")),
    ("decisions", "Decisions about requests.", ("source",)),
    ("memory_differences", "Repeated decisions that were wrong.", ()),
    ("panics", "Requests with too few, or nothing, in service.", ("route",)),
    ("denials", "Requests without a good key.", ("route", "reason")),
    ("retries", "Attempts that others followed.", ("route", "variant")),
    ("hedges", "Second attempts beside a slow first one.", ("route", "variant", "won")),
    ("broken_answers", "Answers that broke off after they had begun.", ("variant",)),
    ("ejections", "Variants ejected.", ("variant", "reason")),
    ("drill_faults", "Attempts that a drill has changed.", ("drill", "variant", "mode")),
    ("mirrored", "Copies of requests sent.", ("route", "variant")),
    ("cached", "Look-ups in the cache.", ("route", "state")),
    ("rate_limits", "What rate limits decided.", ("limit", "decision")),
    ("limiter_calls", "Questions to limiters.", ("limit",)),
    ("coordinator_syncs", "Reports to the Coordinator.", ("result",)),
    ("python_entries", "Requests that came in by way of Python.", ()),
)


class Metrics:
    """A counter's keys are the values of its labels."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.decisions: Counter[tuple[str]] = Counter()
        self.memory_differences: Counter[tuple[()]] = Counter({(): 0})
        self.panics: Counter[tuple[str]] = Counter()
        self.denials: Counter[tuple[str, str]] = Counter()
        self.retries: Counter[tuple[str, str]] = Counter()
        self.hedges: Counter[tuple[str, str, str]] = Counter()
        self.broken_answers: Counter[tuple[str]] = Counter()
        self.ejections: Counter[tuple[str, str]] = Counter()
        self.drill_faults: Counter[tuple[str, str, str]] = Counter()
        self.mirrored: Counter[tuple[str, str]] = Counter()
        self.cached: Counter[tuple[str, str]] = Counter()
        self.rate_limits: Counter[tuple[str, str]] = Counter()
        self.limiter_calls: Counter[tuple[str]] = Counter()
        self.coordinator_syncs: Counter[tuple[str]] = Counter()
        self.python_entries: Counter[tuple[()]] = Counter()

    def text(
        self,
        store: PolicyStore,
        shares: Mapping[str, float],
        weights: Mapping[str, float],
        isolate: str,
    ) -> str:
        """All metrics. `shares`: by variant, the part of its requests that it gets; `weights`: by
        rollout, the percentage of traffic that has moved."""
        own = {"isolate": isolate}
        parts = []
        for name, about, labels in _COUNTERS:
            counts = sorted(getattr(self, name).items())
            samples = [(dict(zip(labels, key, strict=True)) | own, n) for key, n in counts]
            parts.append(family(f"router_{name}_total", "counter", about, samples))
        policy = {"digest": store.policy.digest, "source": store.source, **own}
        rejected = [(own, int(store.rejection is not None))]
        about = "The part of its requests that a variant gets; 0: it is out of service."
        moved = [({"rollout": name, **own}, weight) for name, weight in weights.items()]
        about_weight = "The percentage of a rollout's traffic that goes to the new pool."
        serving = [({"variant": name, **own}, share) for name, share in shares.items()]
        parts += (
            family("router_variant_share", "gauge", about, serving),
            family("router_rollout_weight", "gauge", about_weight, moved),
            family("router_policy_info", "gauge", "The policy that serves.", [(policy, 1)]),
            family("router_policy_rejected", "gauge", "1: the policy in KV is bad.", rejected),
        )
        return "".join(parts)
