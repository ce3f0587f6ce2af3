"""What this isolate has counted, in Prometheus's text format (version 0.0.4).

Counters are the isolate's own and begin at 0 with it, as those of any process do; the
label `isolate` keeps the isolates apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from router.edge.store import PolicyStore

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Metrics:
    """`requests` by route, variant and status ("" for no route or no variant); `denials`
    by route and reason; `mirrored` and `retries` (attempts
    that others followed) by route and variant; `cached` by route and `HIT`,
    `STALE` or `MISS`; `limits`: requests by rate limit and what it decided (`allowed`,
    `denied`, or `error` if its limiter did not answer); `limiter_calls`: by rate limit;
    `syncs` with the Coordinator: `ok`, `error` or `timeout`."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.panics: Counter[str] = Counter()
        self.retries: Counter[tuple[str, str]] = Counter()
        self.mirrored: Counter[tuple[str, str]] = Counter()
        self.cached: Counter[tuple[str, str]] = Counter()
        self.denials: Counter[tuple[str, str]] = Counter()
        self.limits: Counter[tuple[str, str]] = Counter()
        self.limiter_calls: Counter[str] = Counter()
        self.syncs: Counter[str] = Counter()

    def text(self, store: PolicyStore, isolate: str) -> str:
        """Everything, as a scraper reads it."""
        own = {"isolate": isolate}
        answers = [
            ({"route": route, "variant": variant, "status": str(status), **own}, count)
            for (route, variant, status), count in sorted(self.requests.items())
        ]
        panics = [({"route": route, **own}, n) for route, n in sorted(self.panics.items())]
        denials = [
            ({"route": route, "reason": reason, **own}, n)
            for (route, reason), n in sorted(self.denials.items())
        ]
        retries = [
            ({"route": route, "variant": variant, **own}, n)
            for (route, variant), n in sorted(self.retries.items())
        ]
        mirrored = [
            ({"route": route, "variant": variant, **own}, n)
            for (route, variant), n in sorted(self.mirrored.items())
        ]
        cached = [
            ({"route": route, "state": state, **own}, n)
            for (route, state), n in sorted(self.cached.items())
        ]
        limits = [
            ({"limit": limit, "decision": decision, **own}, n)
            for (limit, decision), n in sorted(self.limits.items())
        ]
        calls = [({"limit": limit, **own}, n) for limit, n in sorted(self.limiter_calls.items())]
        syncs = [({"result": result, **own}, n) for result, n in sorted(self.syncs.items())]
        policy = {"digest": store.policy.digest, "source": store.source, **own}
        rejected = [(own, int(store.rejection is not None))]
        return "".join(
            (
                _metric("requests_total", "counter", "Requests answered.", answers),
                _metric("panics_total", "counter", "Requests with nothing in service.", panics),
                _metric("denials_total", "counter", "Requests without a good key.", denials),
                _metric("retries_total", "counter", "Attempts that others followed.", retries),
                _metric("mirrored_total", "counter", "Copies of requests sent.", mirrored),
                _metric("cached_total", "counter", "Look-ups in the cache.", cached),
                _metric("rate_limits_total", "counter", "What rate limits decided.", limits),
                _metric("limiter_calls_total", "counter", "Questions to limiters.", calls),
                _metric("coordinator_syncs_total", "counter", "Reports sent.", syncs),
                _metric("policy_info", "gauge", "The policy that serves.", [(policy, 1)]),
                _metric("policy_rejected", "gauge", "1: the policy in KV is bad.", rejected),
            )
        )


def _metric(name: str, kind: str, about: str, samples: Iterable[tuple[Labels, int]]) -> str:
    lines = [f"# HELP router_{name} {about}", f"# TYPE router_{name} {kind}"]
    for labels, value in samples:
        told = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
        lines.append(f"router_{name}{{{told}}} {value}")
    return "\n".join(lines) + "\n"
