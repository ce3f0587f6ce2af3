"""What the Gateway API specifies, on manifests: imported, compiled, and asked on CPython."""

from __future__ import annotations

from typing import Any

import pytest

from policies.compiled.policy import CompiledPolicy
from policies.gateway.convert import OUTPUT, convert
from policies.http.request import Client
from policies.language.load import load
from policies.proxy.explain.explain import Explanation, explain
from tests.policies.making import NOW, compile_text
from tests.support.gateway_cases import CASES, SUBJECTS, Case, Subject, imported, name


@pytest.fixture(scope="module")
def policy() -> CompiledPolicy:
    text = imported().text
    assert text
    return compile_text(text.encode())


def explained(policy: CompiledPolicy, case: Case) -> Explanation:
    headers = {key.lower(): str(value) for key, value in case.get("headers", {}).items()}
    url = f"{case.get('scheme', 'http')}://{case['host']}{case['path']}"
    return explain(policy, case["method"], url, headers, Client(), NOW)


@pytest.mark.parametrize("case", CASES, ids=name)
def test_case(policy: CompiledPolicy, case: Case) -> None:
    told = explained(policy, case)
    wanted = {case.get("status", 200), *([500] if "refused" in case else [])}
    assert told["status"] in wanted
    if "backend" in case:
        assert told["pool"] == case["backend"]
    if "route" in case:
        assert told["route"] == case["route"]
    route = next((each for each in policy.routes if each.name == told["route"]), None)
    if "shares" in case:
        assert route
        assert {share.name: share.weight for share in route.shares} == case["shares"]
    if "timeouts" in case:
        assert route
        assert [route.request_ms, route.backend_request_ms] == case["timeouts"]
    check_forwarded(case.get("forwarded", {}), told["forwarded"] or {})
    if "answer" in case:
        check_headers(case["answer"], (told["answer"] or {"headers": {}})["headers"])
    if "mirrors" in case:
        assert [mirror["pool"] for mirror in told["mirrors"]] == case["mirrors"]


def check_forwarded(wanted: dict[str, Any], got: dict[str, Any]) -> None:
    for key in ("path", "query", "host"):
        if key in wanted:
            assert got[key] == wanted[key]
    check_headers(wanted.get("headers", {}), got.get("headers", {}))


def check_headers(wanted: dict[str, str | None], got: dict[str, str]) -> None:
    for key, value in wanted.items():
        assert got.get(key) == value, key


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_findings(subject: Subject) -> None:
    alone = convert([(subject.name, subject.manifests)])
    told = [each.finding.code for each in alone.findings if each.file != OUTPUT]
    assert told == subject.table.get("findings", [])
    assert alone.whole is not subject.table.get("left_out", False)
    assert alone.text
    doubts = subject.table.get("doubts", [])
    assert [each.code for each in load(alone.text.encode()).findings] == doubts
