"""Where HTTP is sent to HTTPS, no route of HTTPS alone is served in clear."""

from __future__ import annotations

from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policies.decisions.choose import Fixed, Forward
from policies.gateway.convert import convert
from policies.proxy.decide import decide
from tests.examples import examples
from tests.policies.gateway.making import (
    HOSTS,
    PLAIN_RULES,
    REQUESTS,
    Object,
    gateway,
    lists,
    route,
    routes,
    text,
)
from tests.policies.making import NOW, compile_text, request

ALL = {"allowedRoutes": {"namespaces": {"from": "All"}}}
TO_HTTPS = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}


def pair(host: str | None) -> Object:
    named = {"hostname": host} if host else {}
    return gateway(
        [
            {"name": "http", "port": 80, "protocol": "HTTP", **named, **ALL},
            {"name": "https", "port": 443, "protocol": "HTTPS", **named, **ALL},
        ]
    )


def attached_to(section: str, made: Object) -> Object:
    made["spec"]["parentRefs"] = [{"name": "edge", "namespace": "infra", "sectionName": section}]
    return made


@examples(150)
@given(
    st.none() | st.sampled_from(HOSTS),
    routes(PLAIN_RULES),
    lists(st.sampled_from(HOSTS), 0, 2),
    lists(REQUESTS, 1, 12),
)
def test_nothing_is_served_in_clear(
    host: str | None, made: list[Object], moved: list[str], requests: list[Object]
) -> None:  # 14.28
    secure = attached_to("http", route("0", [{"filters": [TO_HTTPS]}], "infra", hostnames=moved))
    objects = [pair(host), *(attached_to("https", each) for each in made)]
    imported = convert([("m.yaml", text(*objects, secure))])
    alone = convert([("m.yaml", text(*objects))])
    redirects = convert([("m.yaml", text(pair(host), secure))])
    if imported.text is None or alone.text is None or redirects.text is None:
        return
    policy, before, only = (
        compile_text(each.text.encode()) for each in (imported, alone, redirects) if each.text
    )
    for asked in requests:
        url = f"://{asked['host']}{asked['path']}?{urlencode(asked['query'])}"
        named: tuple[Any, ...] = (asked["method"], asked["headers"])
        outcome = decide(policy, request(f"http{url}", *named), Random(1), NOW).outcome
        if isinstance(decide(only, request(f"http{url}", *named), Random(1), NOW).outcome, Fixed):
            assert isinstance(outcome, Fixed), imported.text
            assert outcome.step == "redirect"
        # By HTTPS everything is as if there were no redirect.
        asked_by_https = request(f"https{url}", *named)
        came = decide(policy, asked_by_https, Random(1), NOW).outcome
        wanted = decide(before, asked_by_https, Random(1), NOW).outcome
        assert type(came) is type(wanted), imported.text
        if isinstance(came, Forward) and isinstance(wanted, Forward):
            assert came.route.name == wanted.route.name


@pytest.mark.parametrize("name", ["web", "w" * 63])
def test_the_redirect_of_a_rule_stands_before_it(name: str) -> None:  # 14.28
    rule = {"matches": [{"path": {"value": "/api"}}], "backendRefs": [{"name": "w", "port": 1}]}
    objects = [
        pair("a.test"),
        attached_to("https", route(name, [rule])),
        attached_to("http", route("up", [{"filters": [TO_HTTPS]}])),
    ]
    result = convert([("m.yaml", text(*objects))])
    assert result.text
    found = yaml.safe_load(result.text)["routes"]
    assert [bool(each.get("split")) for each in found] == [False, False, True]
    assert found[1]["matches"] == [{"path": {"prefix": "/api"}}]
    assert found[1]["filters"] == {"redirect": {"scheme": "https", "status": 301}}
    assert [each.finding.code for each in result.told] == []
