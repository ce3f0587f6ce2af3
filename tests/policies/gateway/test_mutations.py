"""Manifests with something wrong in them: nothing raises, and nothing is guarded less."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from policies.gateway.convert import OUTPUT, convert
from policies.language.load import load
from tests.policies.gateway import reference
from tests.policies.gateway.deciding import decided
from tests.policies.gateway.making import (
    EVERY,
    GROUP,
    REQUESTS,
    Object,
    clusters,
    gateway,
    lists,
    rich_rules,
    route,
    routes,
    text,
)
from tests.policies.making import compile_text
from tests.support.examples import examples

MARK = "the-guard"
EXTENSION: Object = {
    "type": "ExtensionRef",
    "extensionRef": {"group": "x.test", "kind": "Login", "name": MARK},
}
PLUGIN = {"konghq.com/plugins": MARK}
ROUTES = ("HTTPRoute", "GRPCRoute")


def security_policy(kind: str, name: str, namespace: str) -> Object:
    ref = {"group": GROUP, "kind": kind, "name": name}
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "SecurityPolicy",
        "metadata": {"name": MARK, "namespace": namespace},
        "spec": {"targetRefs": [ref], "jwt": {}},
    }


@st.composite
def guarded_clusters(draw: st.DrawFn, *, others: bool = False) -> list[Object]:
    """Objects, some of which have a guard in one of the ways that there are; with `others`
    perhaps one of each kind besides."""
    objects: list[Object] = draw(st.one_of(clusters(), routes(rich_rules())))
    more: list[Object] = []
    for each in objects:
        if each["kind"] not in ROUTES:
            continue
        meta, guard = (
            each["metadata"],
            draw(st.sampled_from(("", "filter", "annotation", "policy"))),
        )
        if guard == "filter":
            rule = draw(st.sampled_from(each["spec"]["rules"]))
            rule["filters"] = [*rule.get("filters", []), EXTENSION]
        elif guard == "annotation":
            meta["annotations"] = PLUGIN
        elif guard == "policy":
            more.append(security_policy("HTTPRoute", meta["name"], meta["namespace"]))
    if others and draw(st.booleans()):
        more += OTHERS
    return [*objects, *more]


def of_api(kind: str, spec: Object, **meta: Any) -> Object:
    meta = {"name": f"o-{kind.lower()}", "namespace": "infra", **meta}
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": meta, "spec": spec}


ANYBODY = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}}
CALLS: Object = {"method": {"service": "a.B", "method": "C"}}
# One of each kind that there is besides, with hosts of their own.
OTHERS = [
    of_api("GatewayClass", {"controllerName": "traefik.io/gateway-controller"}),
    of_api(
        "Gateway",
        {
            "gatewayClassName": "o-gatewayclass",
            "allowedListeners": ANYBODY,
            "tls": {"frontend": {"perPort": [{"port": 444, "tls": {}}]}},
            "listeners": [{"name": "o", "port": 443, "protocol": "HTTPS", "hostname": "o.example"}],
        },
    ),
    of_api(
        "ListenerSet",
        {
            "parentRef": {"name": "o-gateway"},
            "listeners": [{"name": "s", "port": 80, "protocol": "HTTP", "hostname": "s.example"}],
        },
    ),
    of_api(
        "GRPCRoute",
        {
            "parentRefs": [{"kind": "ListenerSet", "name": "o-listenerset"}],
            "rules": [
                {"matches": [CALLS], "filters": [EXTENSION]},
                {"backendRefs": [{"name": "w", "port": 1, "namespace": "x"}]},
            ],
        },
    ),
    of_api(
        "ReferenceGrant",
        {
            "from": [{"group": GROUP, "kind": "GRPCRoute", "namespace": "infra"}],
            "to": [{"group": "", "kind": "Service"}],
        },
        namespace="x",
    ),
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "infra", "labels": {"a": "b"}}},
]


JUNK = st.sampled_from(
    (
        None,
        True,
        0,
        -1,
        10**9,
        "",
        "x",
        "/",
        "*",
        MARK,
        [],
        {},
        [None],
        ["x"],
        {"a": "b"},
        "x" * 300,
    )
)
KEYS = st.sampled_from(
    ("name", "kind", "type", "filters", "matches", "rules", "hostnames", "spec", "auth", "value")
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts: Any = value.items() if isinstance(value, dict) else ()
    parts = enumerate(value) if isinstance(value, list) else parts
    return [path, *(each for key, part in parts for each in places(part, (*path, key)))]


def mutated(draw: st.DrawFn, objects: list[Object]) -> list[Any]:
    """The objects, as values of their own, with something taken out, replaced, renamed, put
    twice, or put into a list."""
    value: Any = json.loads(json.dumps(objects))
    path = draw(st.sampled_from([each for each in places(value) if each]))
    parent = value
    for step in path[:-1]:
        parent = parent[step]
    last, how = path[-1], draw(st.sampled_from(("out", "junk", "name", "twice", "list")))
    if how == "out":
        del parent[last]
    elif how == "junk":
        parent[last] = draw(JUNK)
    elif how == "list":
        parent[last] = [parent[last]]
    elif isinstance(parent, list):
        parent.insert(last, parent[last])
    elif how == "name":
        parent[draw(KEYS)] = parent.pop(last)
    return list(value)


COMMENT = re.compile(
    r"# (HTTPRoute|GRPCRoute) (\S+)/(\S+), rule (.+) \(m\.yaml:(\d+)\)\n"
    r"(?:  #.*\n)*  - name: (.+)\n"
)


def lines_of_rules(made: str) -> dict[str, tuple[int, str]]:
    """Route of the policy to the line of its object, and what the rule is called."""
    found = COMMENT.findall(made)
    return {json_name(name): (int(line), label) for _, _, _, label, line, name in found}


def json_name(text_: str) -> str:
    return json.loads(text_) if text_.startswith('"') else text_


def has_guard(each: Any, label: str, policies: list[Any]) -> bool:
    """Whether it is plain that a rule of the object has a guard."""
    meta, spec = each["metadata"], each["spec"]
    if isinstance(meta.get("annotations"), dict) and "konghq.com/plugins" in meta["annotations"]:
        return True
    for policy in policies:
        refs = policy.get("spec", {}).get("targetRefs", [])
        ref = {"group": GROUP, "kind": each["kind"], "name": meta["name"]}
        home = policy["metadata"].get("namespace"), meta.get("namespace", "default")
        if ref in refs and home[0] == home[1]:
            return True
    rules = spec["rules"]
    named = [each for each in enumerate(rules) if isinstance(each[1], dict)]
    own = [rule for at, rule in named if label in (rule.get("name"), str(at))]
    return len(own) == 1 and MARK in json.dumps(own[0].get("filters"))


def is_whole_policy(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and each.get("kind") == "SecurityPolicy"
        and isinstance(each.get("metadata"), dict)
        and isinstance(each.get("spec"), dict)
        and isinstance(each["spec"].get("targetRefs", []), list)
    )


@st.composite
def perhaps_wrong(draw: st.DrawFn) -> list[Any]:
    objects: list[Any] = draw(guarded_clusters(others=True))
    for _ in range(draw(st.integers(0, 3))):
        if objects:
            objects = mutated(draw, objects)
    return objects


def guarded_by(**policy: Any) -> list[Object]:
    """A route with a policy, some of whose fields are these."""
    plain = route("r", [{"backendRefs": [{"name": "w", "port": 1}]}], hostnames=["a.test"])
    return [plain, security_policy("HTTPRoute", "r", "default") | policy]


@example(guarded_by(apiVersion=""))
@example(guarded_by(apiVersion=None))
@example(guarded_by(apiVersion="x"))
@example(guarded_by(apiVersion="/"))
@examples(400)
@given(perhaps_wrong())
def test_whatever_is_wrong_no_guard_is_lost(objects: list[Any]) -> None:  # 14.21
    result = convert([("m.yaml", text(*objects))], EVERY)
    for told in result.findings:
        assert told.finding.message
        assert told.finding.hint
        assert told.file == OUTPUT or told.finding.line <= 2 * len(objects) + 1
    if result.text is None:
        assert not result.whole
        return
    loaded = load(result.text.encode())
    assert loaded.policy
    policies = [each for each in objects if is_whole_policy(each)]
    rules = lines_of_rules(result.text)
    for made in loaded.policy.routes:
        if made.name in rules and made.split:
            line, label = rules[made.name]
            each = objects[(line - 1) // 2]
            assert not has_guard(each, label, policies), result.text


@examples(200)
@given(guarded_clusters(), lists(REQUESTS, 1, 12))
def test_what_a_guarded_rule_takes_is_never_forwarded(
    objects: list[Object], requests: list[Object]
) -> None:  # 14.21
    result = convert([("m.yaml", text(*objects))], EVERY)
    if result.text is None:
        return
    policy = compile_text(result.text.encode())
    plain = {(m["namespace"], m["name"]): each for each in objects if (m := each["metadata"])}
    policies = [each for each in objects if is_whole_policy(each)]
    for asked in requests:
        rule = reference.winner(objects, asked)
        if rule is None:
            continue
        each = plain[rule[0], rule[1]]
        label = str(each["spec"]["rules"][rule[2]].get("name", rule[2]))
        if has_guard(each, label, policies):
            got = decided(policy, asked)
            assert got is None or got[1] == set(), result.text


def test_a_gateway_s_guard_is_for_all_that_it_takes() -> None:
    listener = {"name": "l", "port": 80, "protocol": "HTTP"}
    listener |= {"allowedRoutes": {"namespaces": {"from": "All"}}}
    made = gateway([listener])
    made["metadata"]["annotations"] = PLUGIN
    plain = {"apiVersion": f"{GROUP}/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}}
    plain["spec"] = {
        "parentRefs": [{"name": "edge", "namespace": "infra"}],
        "rules": [{"backendRefs": [{"name": "w", "port": 1}]}],
    }
    result = convert([("m.yaml", text(made, plain))], EVERY)
    assert result.text
    assert "split" not in result.text
