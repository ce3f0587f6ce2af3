"""Prometheus's text format."""

from __future__ import annotations

from router.edge.isolate.metrics import Metrics
from router.edge.isolate.store import PolicyStore
from tests.policies.making import compile_text, policy_text


def test_text() -> None:
    policy = compile_text(policy_text(routes=[{"name": "r", "split": {"production": 1}}]))
    store = PolicyStore(policy, lambda: 0.0, lambda event, fields: None)
    metrics = Metrics()
    metrics.requests["r", "production", 200] += 2
    metrics.requests["", "", 404] += 1
    metrics.panics[('a"b\\c\n',)] += 1
    lines = metrics.text(store, {"production": 0.25}, {"v2": 5.0}, "ab12").splitlines()
    assert (
        'router_requests_total{route="r",variant="production",status="200",isolate="ab12"} 2'
        in lines
    )
    assert 'router_requests_total{route="",variant="",status="404",isolate="ab12"} 1' in lines
    assert r'router_panics_total{route="a\"b\\c\n",isolate="ab12"} 1' in lines
    assert 'router_variant_share{variant="production",isolate="ab12"} 0.25' in lines
    assert 'router_policy_rejected{isolate="ab12"} 0' in lines
    assert any(line.startswith('router_policy_info{digest="') for line in lines)
    kinds = [line for line in lines if line.startswith("# TYPE ")]
    assert len(kinds) == len(set(kinds))
