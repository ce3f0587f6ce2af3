"""A parent that is not there never widens a route; what delegates is refused as a whole."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from policies.gateway.convert import Imported, convert
from tests.policies.gateway.making import GROUP, Object, gateway, route, text

WEB = {"backendRefs": [{"name": "web", "port": 80}]}
ALL = {"allowedRoutes": {"namespaces": {"from": "All"}}}
LISTENER = {"name": "l", "port": 80, "protocol": "HTTP", "hostname": "a.test", **ALL}


def imported(*objects: Object) -> Imported:
    return convert([("m.yaml", text(*objects))])


def routes_in(result: Imported) -> dict[str, Any]:
    routes = yaml.safe_load(result.text)["routes"] if result.text else []
    return {each["name"]: each for each in routes}


@pytest.mark.parametrize(
    "parent",
    [
        {"name": "nowhere", "namespace": "infra"},
        {"kind": "ListenerSet", "name": "nowhere", "namespace": "infra"},
        {"group": "gateway.networking.x-k8s.io", "kind": "XListenerSet", "name": "x"},
        {"name": "edge", "namespace": "infra", "sectionName": "nowhere"},
    ],
)
def test_a_parent_that_is_not_there(parent: Object) -> None:  # 14.22
    given = gateway([LISTENER])
    result = imported(given, route("r", [WEB], parentRefs=[parent]))
    assert routes_in(result) == {}
    assert not result.whole
    known = {"name": "edge", "namespace": "infra"}
    result = imported(given, route("r", [WEB], parentRefs=[parent, known]))
    assert [each["hostnames"] for each in routes_in(result).values()] == [["a.test"]]
    assert not result.whole


def test_a_set_that_is_not_there_although_no_gateway_is() -> None:  # 14.22
    made = route("r", [WEB], parentRefs=[{"kind": "ListenerSet", "name": "s"}])
    assert routes_in(imported(made)) == {}


def test_a_gateway_that_cannot_be_read() -> None:  # 14.22
    for broken in (
        gateway([LISTENER]) | {"spec": 7},
        gateway([LISTENER]) | {"apiVersion": f"{GROUP}/v1alpha2"},
        gateway([LISTENER | {"hostname": "a b"}]),
    ):
        assert routes_in(imported(broken, route("r", [WEB]))) == {}


@pytest.mark.parametrize("more", [{}, {"parentRefs": [], "useDefaultGateways": "All"}])
def test_without_any_gateway_hosts_are_asked_for(more: Object) -> None:  # 14.22
    """Nobody knows the hosts of listeners that are not given: none, unless somebody says so."""
    result = imported(route("r", [WEB], **more), route("own", [WEB], hostnames=["own.test"]))
    assert {name: each["hostnames"] for name, each in routes_in(result).items()} == {
        "own-0": ["own.test"]
    }
    (told,) = [each.finding for each in result.findings if each.finding.severity == "error"]
    assert told.code == "not-attached"
    assert "--hostname www.example.com" in told.hint
    objects = text(route("r", [WEB], **more), route("own", [WEB], hostnames=["own.test"]))
    for hosts, wanted in ((["a.test", "*.b.test"],) * 2, ([""], None)):
        result = convert([("m.yaml", objects)], hosts)
        found = routes_in(result)
        assert found["r-0"].get("hostnames") == wanted
        assert found["own-0"]["hostnames"] == ["own.test"]
        assert result.whole


def test_hosts_of_gateways_that_are_not_given_are_no_others_hosts() -> None:  # 14.22
    known = {"name": "edge", "namespace": "infra"}
    made = [
        route("known", [WEB], parentRefs=[known]),
        route("unknown", [WEB], parentRefs=[{"name": "nowhere"}]),
        route("both", [WEB], parentRefs=[{"name": "nowhere"}, known], hostnames=["x.test"]),
        route("nobody", [WEB], parentRefs=[]),
    ]
    result = convert([("m.yaml", text(gateway([LISTENER]), *made))], ["b.test"])
    found = {name: each.get("hostnames") for name, each in routes_in(result).items()}
    assert found == {"known-0": ["a.test"], "unknown-0": ["b.test"], "both-0": ["x.test"]}
    result = convert([("m.yaml", text(gateway([LISTENER]), made[1]))])
    assert result.text is None


def test_delegation_is_refused_as_a_whole() -> None:  # 14.27
    child = {"group": GROUP, "kind": "HTTPRoute", "name": "*", "namespace": "team"}
    parent = route(
        "parent",
        [{"backendRefs": [child]}, {**WEB, "name": "own", "matches": [{"method": "PUT"}]}],
        hostnames=["a.test"],
    )
    orphan = route("child", [WEB], "team", parentRefs=[])
    named = route(
        "named", [WEB], "team", parentRefs=[{"group": GROUP, "kind": "HTTPRoute", "name": "parent"}]
    )
    result = imported(parent, orphan, named)
    found = routes_in(result)
    assert set(found) == {"parent-0", "parent-own"}
    assert found["parent-0"]["respond"] == {"status": 500}
    assert not result.whole
    told = [(each.finding.code, each.finding.path) for each in result.findings]
    assert ("not-carried-over", "spec.rules[0].backendRefs[0].kind") in told
    assert "unnamed" not in (result.text or "")


def test_default_gateways() -> None:  # 14.30
    made = route("r", [WEB], parentRefs=[], useDefaultGateways="All")
    given = gateway([LISTENER])
    assert routes_in(imported(given, made)) == {}
    given["spec"]["defaultScope"] = "All"
    result = imported(given, made)
    assert routes_in(result)["r-0"]["hostnames"] == ["a.test"]
    assert result.findings == []
    made["spec"]["useDefaultGateways"] = "None"
    assert routes_in(imported(given, made)) == {}


def test_listeners_of_a_set_may_be_older_than_those_of_another() -> None:  # 14.22
    """Of two that a request could not tell apart, the older set's stays."""
    given = gateway([LISTENER])
    given["spec"]["allowedListeners"] = {"namespaces": {"from": "Same"}}

    def a_set(name: str, created: str, namespace: str = "infra") -> Object:
        spec = {
            "parentRef": {"name": "edge", "namespace": "infra"},
            "listeners": [LISTENER | {"hostname": "b.test"}],
        }
        meta = {"name": name, "namespace": namespace, "creationTimestamp": created}
        return {"apiVersion": f"{GROUP}/v1", "kind": "ListenerSet", "metadata": meta, "spec": spec}

    sets = [
        a_set("younger", "2026-02-01T00:00:00Z"),
        a_set("older", "2026-01-01T00:00:00Z"),
        a_set("elsewhere", "2025-01-01T00:00:00Z", "other"),
    ]
    made = [
        route(each, [WEB], parentRefs=[{"kind": "ListenerSet", "name": each, "namespace": space}])
        for each, space in (("younger", "infra"), ("older", "infra"), ("elsewhere", "other"))
    ]
    found = routes_in(imported(given, *sets, *made))
    assert {name: each["hostnames"] for name, each in found.items()} == {"older-0": ["b.test"]}


def a_namespace(name: str, **labels: str) -> Object:
    meta = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


@pytest.mark.parametrize(
    ("selector", "given", "let"),
    [
        ({"matchLabels": {"kubernetes.io/metadata.name": "team"}}, [], ["team"]),
        ({"matchLabels": {"open": "yes"}}, [a_namespace("team", open="yes")], ["team"]),
        ({"matchLabels": {"open": "yes"}}, [a_namespace("team", open="no")], []),
        ({"matchLabels": {"open": "yes"}}, [a_namespace("x")], []),
        ({}, [a_namespace("x")], ["other", "team"]),
        (
            {"matchExpressions": [{"key": "open", "operator": "In", "values": ["yes"]}]},
            [a_namespace("team", open="yes"), a_namespace("other", open="no")],
            ["team"],
        ),
        (
            {"matchExpressions": [{"key": "open", "operator": "NotIn", "values": ["yes"]}]},
            [a_namespace("team", open="yes")],
            ["other"],
        ),
        (
            {"matchExpressions": [{"key": "open", "operator": "Exists"}]},
            [a_namespace("team", open="yes")],
            ["team"],
        ),
        (
            {"matchExpressions": [{"key": "open", "operator": "DoesNotExist"}]},
            [a_namespace("team", open="yes")],
            ["other"],
        ),
        ({"matchExpressions": [{"key": "open"}]}, [a_namespace("team", open="yes")], []),
        ({"matchLabels": {"open": "yes"}}, [], ["other", "team"]),
    ],
)
def test_namespaces_by_labels(
    selector: Object, given: list[Object], let: list[str]
) -> None:  # 14.22
    where = {"namespaces": {"from": "Selector", "selector": selector}}
    made = [route("r", [WEB], each) for each in ("team", "other")]
    result = imported(gateway([LISTENER | {"allowedRoutes": where}]), *given, *made)
    served = sorted({name.split("-")[0] for name in routes_in(result)})
    # Of two routes for the same host, the one that goes first has all requests.
    assert served == let[:1]
    assert any(each.finding.code == "differs" for each in result.findings) is (
        not given and len(let) == 2
    )
