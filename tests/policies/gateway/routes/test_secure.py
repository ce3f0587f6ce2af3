"""Where HTTP is sent to HTTPS, no route of HTTPS alone is served in clear."""

from __future__ import annotations

from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.choose import Fixed, Forward
from policies.compiled.policy import CompiledPolicy
from policies.gateway.convert import convert
from policies.language.load import load
from policies.proxy.decide import decide
from tests.policies.gateway.deciding import backends_in, expected
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
from tests.support.examples import examples

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


def test_rules_are_counted_with_their_schemes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A route of both listeners has each match twice if one of HTTPS alone has the same."""
    for module in ("gateway.routes.routes", "language.check.routes"):
        monkeypatch.setattr(f"policies.{module}.MAX_RULES", 10)
    backends = [{"name": "w", "port": 1}]
    paths = [{"path": {"value": f"/{at}"}} for at in range(4)]
    secure = [{"matches": [each], "backendRefs": backends} for each in paths]
    both = [{"matches": [{**each, "method": "POST"}], "backendRefs": backends} for each in paths]
    objects = [pair("a.test"), attached_to("https", route("secure", secure)), route("web", both)]
    result = convert([("m.yaml", text(*objects))])
    assert result.text
    assert load(result.text.encode()).policy
    assert sum(len(each["matches"]) for each in yaml.safe_load(result.text)["routes"]) == 10
    assert [each.finding.code for each in result.findings] == ["out-of-range"]


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
    assert [bool(each.get("split")) for each in found] == [False, True]
    assert found[0]["matches"] == [{"scheme": "http"}]
    assert found[0]["filters"] == {"redirect": {"scheme": "https", "status": 301}}
    assert found[1]["matches"] == [{"scheme": "https", "path": {"prefix": "/api"}}]
    assert [each.finding.code for each in result.findings] == []


def decided_by(policy: CompiledPolicy, scheme: str, asked: Object) -> tuple[str, set[str]] | None:
    """The route that takes a request, and the bindings that may get it."""
    url = f"{scheme}://{asked['host']}{asked['path']}?{urlencode(asked['query'])}"
    named = request(url, asked["method"], asked["headers"])
    outcome = decide(policy, named, Random(1), NOW).outcome
    if isinstance(outcome, Forward):
        bindings = {variant.pool: variant.binding for variant in policy.variants}
        return outcome.route.name, {bindings[share.name] for share in outcome.route.shares}
    return (outcome.route.name, set()) if isinstance(outcome, Fixed) else None


@examples(250)
@given(
    st.none() | st.sampled_from(HOSTS),
    routes(PLAIN_RULES),
    st.lists(st.sampled_from((None, "http", "https", "https")), min_size=4, max_size=4),
    lists(REQUESTS, 1, 12),
)
def test_each_listener_has_its_own_routes(
    host: str | None, made: list[Object], sections: list[str | None], requests: list[Object]
) -> None:  # 14.28
    """What comes by HTTP gets what HTTP listeners have, and the same of HTTPS."""
    for section, each in zip(sections, made, strict=False):
        ref = {"name": "edge", "namespace": "infra"}
        each["spec"]["parentRefs"] = [ref | ({"sectionName": section} if section else {})]
    objects = [pair(host), *made]
    imported = convert([("m.yaml", text(*objects))])
    if imported.text is None:
        return
    policy, names = compile_text(imported.text.encode()), backends_in(imported.text)
    for scheme in ("http", "https"):
        seen = pair(host)
        seen["spec"]["listeners"] = [
            each for each in seen["spec"]["listeners"] if each["name"] == scheme
        ]
        for asked in requests:
            got = decided_by(policy, scheme, asked)
            told = got and (got[0].removesuffix(".any"), {names[each] for each in got[1]})
            assert told == expected([seen, *made], asked), imported.text


def test_what_only_https_serves_is_not_served_in_clear() -> None:  # 14.28
    """Also where nothing sends clients to HTTPS; a route of both is served by both."""
    rule = {"backendRefs": [{"name": "w", "port": 1}], "matches": [{"path": {"value": "/a"}}]}
    named = {"backendRefs": [{"name": "w", "port": 1}]}
    objects = [
        pair("a.test"),
        attached_to("https", route("secure", [rule])),
        route("both", [named | {"matches": [{"path": {"value": "/a"}, "method": "PUT"}]}]),
        route("wide", [named]),
    ]
    result = convert([("m.yaml", text(*objects))])
    assert result.text
    assert result.whole
    policy = compile_text(result.text.encode())
    asked: Object = {"host": "a.test", "path": "/a/b", "method": "GET", "headers": {}, "query": {}}
    wanted = {
        ("http", "GET"): "wide-0",
        ("https", "GET"): "secure-0",
        ("http", "PUT"): "both-0",
        ("https", "PUT"): "both-0",  # a method goes before none, whatever listeners a route has
    }
    for (scheme, method), name in wanted.items():
        got = decided_by(policy, scheme, {**asked, "method": method})
        assert got
        assert got[0] == name
    alone = convert([("m.yaml", text(*objects[:2]))])
    assert alone.text
    assert decided_by(compile_text(alone.text.encode()), "http", asked) is None
