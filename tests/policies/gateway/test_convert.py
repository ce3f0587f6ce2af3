"""Whatever the manifests: a valid policy, and a finding with its place for all it lacks."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from policies.gateway.convert import OUTPUT, Imported, convert
from policies.gateway.output.report import MAX_REPORTED
from policies.language.findings.findings import IMPORT_CODES
from policies.language.load import load
from tests.policies.gateway.making import (
    EVERY,
    GROUP,
    Object,
    clusters,
    gateway,
    rich_rules,
    route,
    routes,
    text,
)
from tests.support.examples import examples

DOUBTS = {"cors-credentials", "cors-unusable", "literal-pattern", "redirect-loop"}


BREAKS = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # of lines, in YAML 1.1


def text_of(data: bytes) -> str:
    is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if is_utf_16 else "utf-8", "replace")


def imported(*files: bytes) -> Imported:
    """What files come to; whatever they are, what comes out is valid and told properly."""
    named = [(f"{number}.yaml", data) for number, data in enumerate(files)]
    result = convert(named, EVERY)
    if result.text is None:
        assert not result.whole
    else:
        # What is doubtful in manifests is carried over, and `router validate` says so.
        assert {each.code for each in load(result.text.encode()).findings} <= DOUBTS
    for told in result.findings:
        finding = told.finding
        assert finding.message
        assert finding.hint
        assert finding.line > 0
        assert finding.column > 0
        if told.file != OUTPUT:
            lines = len(BREAKS.findall(text_of(files[int(told.file.removesuffix(".yaml"))]))) + 2
            assert finding.line <= lines
    return result


@examples(120)
@given(routes(rich_rules()))
def test_what_is_supported_is_carried_over_whole(objects: list[Object]) -> None:
    result = imported(text(*objects))
    assert result.text
    # Rules that match the same are possible, and told; anything else would be lost.
    # Without a Gateway nobody knows its hosts, or what its controller takes expressions for.
    fine = ("duplicate-route", "not-attached", "differs")
    told = [
        each for each in result.findings if each.finding.code not in fine and each.file != OUTPUT
    ]
    assert told == []


@examples(100)
@given(st.lists(st.binary(max_size=200), max_size=3))
def test_any_bytes(files: list[bytes]) -> None:
    imported(*files)


PIECES = [*"ab1-:#[]{},|>&*!%@'\"\\ \n\n\n", "kind: HTTPRoute\n", "\n---\n", "spec:\n  "]
YAMLISH = st.lists(st.sampled_from(PIECES)).map("".join)


@examples(100)
@given(YAMLISH)
def test_any_text(manifest: str) -> None:
    imported(manifest.encode())


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.sampled_from(("", "/", "*", "10s", "Exact", "x" * 300, "\x7f", "ü", "a.b", "-", "0")),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts: Any = value.items() if isinstance(value, dict) else ()
    parts = enumerate(value) if isinstance(value, list) else parts
    return [path, *(each for key, part in parts for each in places(part, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def wrong_somewhere(draw: st.DrawFn) -> Any:
    objects: Any = draw(st.one_of(routes(rich_rules()), clusters()))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(objects)))
        objects = replaced(objects, path, draw(JUNK))
    return objects


def of_path(**path: Any) -> list[Object]:
    """A route for this path."""
    rule = {"matches": [{"path": path}], "backendRefs": [{"name": "web", "port": 80}]}
    return [route("shop", [rule], hostnames=["shop.test"])]


# An expression that is none without its type: what it says is then matched literally.
@example(of_path(type=None, value="/a/[a-c]+"))
@example(of_path(type="Exact", value="/a/b/.*"))
@examples(250)
@given(wrong_somewhere())
def test_anything_wrong_anywhere(objects: Any) -> None:
    if isinstance(objects, list):
        imported(text(*objects))


PLAIN = route("shop", [{"backendRefs": [{"name": "web", "port": 80}]}], hostnames=["shop.test"])
CASES: list[Object] = yaml.safe_load((Path(__file__).parent / "findings.yaml").read_text())


def manifest_of(case: Object) -> Object:
    """The plain route with the case's changes; null takes out."""
    if "whole" in case:
        return dict(case["whole"])
    spec = PLAIN["spec"] | case.get("spec", {})
    if "rule" in case:
        spec["rules"] = [PLAIN["spec"]["rules"][0] | case["rule"]]
    changed = PLAIN | {"spec": spec} | case.get("object", {})
    return {name: value for name, value in changed.items() if value is not None}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])
def test_finding(case: Object) -> None:
    result = imported(text(manifest_of(case)))
    found = [each.finding for each in result.findings if each.file != OUTPUT]
    lines = [f"{each.severity} {each.code} {each.path}" for each in found]
    assert lines == case.get("findings", [])
    if "policy" in case:
        assert result.text
        assert case["policy"] in result.text
    else:
        assert result.text is None


def test_what_is_told_stands_where_it_is_told() -> None:
    manifest = """\
# shop
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: edge}]
  hostnames: [a.test]
  rules:
    - matches:
        - path: {type: RegularExpression, value: "/a(?=b).*"}
        - path: {value: /b}
          heders: []
        - path: {value: /c}
      backendRefs: [{name: web, port: 80, weight: lots}, {name: web, port: 81}]
---
kind: [
"""
    told = imported(manifest.encode()).findings
    assert [(t.finding.line, t.finding.column, t.finding.code) for t in told] == [
        (10, 50, "bad-regex"),
        (10, 50, "differs"),
        (12, 11, "unknown-field"),
        (14, 51, "wrong-type"),
        (17, 1, "yaml-syntax"),
    ]


def test_lists_and_several_files() -> None:
    items = [route("a", [PLAIN["spec"]["rules"][0]], hostnames=["a.test"]), PLAIN]
    inner = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items[:1]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [inner, 7], "extra": 1}
    typed = {"apiVersion": f"{GROUP}/v1", "kind": "HTTPRouteList"}
    bare = {name: PLAIN[name] for name in ("metadata", "spec")}
    result = imported(text(outer), text(typed | {"items": [bare]}))
    assert result.routes == 2
    assert [(t.file, t.finding.code, t.finding.path) for t in result.findings] == [
        ("0.yaml", "wrong-type", "items[1]"),
        ("0.yaml", "unknown-field", "extra"),
    ]
    assert imported(text(typed | {"items": None})).text is None
    (told, _) = imported(text(typed | {"items": 5})).findings
    assert told.finding.code == "wrong-type"


def test_of_one_object_twice_the_last_counts() -> None:
    later = PLAIN | {"spec": route("x", [{"backendRefs": [{"name": "new", "port": 80}]}])["spec"]}
    later["spec"]["hostnames"] = ["shop.test"]
    result = imported(text(PLAIN), text(later))
    (told,) = result.findings
    assert (told.file, told.finding.code, told.finding.severity) == (
        "0.yaml",
        "unused-field",
        "warning",
    )
    assert result.text
    assert "split: { new: 1 }" in result.text


def test_anchors_and_merge_keys() -> None:
    manifest = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: edge}]
  hostnames: [a.test]
  rules:
    - &first
      timeouts: {request: 5s}
      backendRefs: [&web {name: web, port: 80}]
    - <<: *first
      matches: [{path: {value: /api}}]
      backendRefs: [{<<: [{weight: 2}, *web], name: api}]
"""
    result = imported(manifest.encode())
    assert result.findings == []
    assert result.text
    assert result.text.count("timeouts: { request: 5s }") == 2
    assert "split: { api: 2 }" in result.text


def test_names_are_valid_and_unique() -> None:
    long = "a" * 250
    names = [f"{long}a", f"{long}b", "policies", "router-core", "8080", "true", "a.b", "a-b"]
    refs = [{"name": name, "port": 80} for name in names]
    refs += [{"name": "a-b", "port": 81}, {"name": "a-b", "port": 81, "namespace": "other"}]
    rules = [
        {"backendRefs": refs, "name": long},
        {"backendRefs": refs, "matches": [{"method": "PUT"}]},
    ]
    result = imported(text(route(long[:240], rules), route("x", rules, "1")))
    assert result.text
    policy = load(result.text.encode()).policy
    assert policy
    assert len({variant.binding for variant in policy.variants.values()}) == len(policy.variants)
    assert policy.routes[0].name.startswith("1-x-aaa")
    assert {"POLICIES", "ROUTER_CORE"}.isdisjoint(v.binding for v in policy.variants.values())
    assert {"8080", "true", "a.b", "a-b", "a-b-81"} <= set(policy.variants)


def test_ports_that_come_together_are_told() -> None:
    """And what that means for the redirect to HTTPS."""
    listeners = [
        {"name": "http", "port": 80, "protocol": "HTTP", "hostname": "*.shop.test"},
        {"name": "https", "port": 443, "protocol": "HTTPS", "hostname": "*.shop.test", "tls": {}},
        {"name": "admin", "port": 8443, "protocol": "HTTPS", "hostname": "*.shop.test"},
        {"name": "tcp", "port": 9, "protocol": "TCP"},
    ]
    for each in listeners:
        each["allowedRoutes"] = {"namespaces": {"from": "Selector", "selector": {}}}

    def of(section: str, name: str, rule: Object) -> Object:
        refs = [{"name": "edge", "namespace": "infra", "sectionName": section}]
        return route(name, [rule], parentRefs=refs)

    def to_https(**more: Any) -> Object:
        filters = [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", **more}}]
        return {"filters": filters}

    web = {"backendRefs": [{"name": "web", "port": 80}]}
    objects = [
        gateway(listeners),
        of("http", "secure", to_https(statusCode=301)),
        of("https", "web", web),
        of("admin", "admin", web | {"matches": [{"path": {"value": "/admin"}}]}),
    ]
    result = imported(text(*objects))
    assert result.whole
    assert result.text
    assert result.text.index("redirect: { scheme: https") < result.text.index("split:")
    codes = [(t.finding.code, t.finding.path) for t in result.findings]
    assert codes.count(("differs", "spec.parentRefs")) == 2
    assert ("not-carried-over", "spec.listeners[1].tls") in codes
    assert ("not-carried-over", "spec.listeners[3].protocol") in codes
    assert ("differs", "spec.listeners[0].allowedRoutes.namespaces.from") in codes
    # A redirect that changes more than the scheme is for what comes by HTTP alone, too.
    objects[1] = of("http", "secure", to_https(hostname="www.shop.test"))
    result = imported(text(*objects))
    codes = [(t.finding.code, t.finding.path) for t in result.findings]
    assert codes.count(("differs", "spec.parentRefs")) == 2
    assert result.text
    assert "matches: [{ scheme: http }]" in result.text


@pytest.mark.slow
def test_too_much_is_refused_in_time() -> None:
    rule = {"matches": [{"path": {"value": "/x"}}] * 3, "backendRefs": [{"name": "w", "port": 1}]}
    many = route("many", [rule] * 5, hostnames=[f"h{n}.test" for n in range(1_900)])
    told = imported(text(*({**many, "metadata": {"name": f"r{n}"}} for n in range(5)))).findings
    assert any(each.finding.code == "out-of-range" for each in told)
    documents = [PLAIN | {"metadata": {"name": f"r{n}"}, "x": 1} for n in range(MAX_REPORTED + 10)]
    result = imported(text(*documents))
    assert len(result.findings) == MAX_REPORTED
    assert "further findings" in result.findings[-1].finding.message
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
    )
    assert imported(bomb.encode()).findings[0].finding.code == "yaml-alias-bomb"
    assert imported(b"---\n" * 5_000).text is None


@pytest.mark.slow
def test_a_regular_expression_too_many_is_told() -> None:
    rules = [
        {"matches": [{"path": {"type": "RegularExpression", "value": f"/{n}[a-z]{{200}}"}}]}
        for n in range(300)
    ]
    result = imported(text(route("regex", rules, hostnames=["a.test"])))
    assert result.text
    assert 0 < result.routes < 300
    told = {each.finding.code for each in result.findings if each.finding.severity == "error"}
    assert told == {"bad-regex", "not-carried-over"}


def test_every_code_of_imports_has_a_case() -> None:
    codes = {line.split()[1] for case in CASES for line in case.get("findings", [])}
    assert set(IMPORT_CODES) <= codes
