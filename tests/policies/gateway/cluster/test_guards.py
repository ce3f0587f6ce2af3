"""What guards routes without being a filter is never just missing: the routes answer 500."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from policies.gateway.cluster.suspects import is_guard
from policies.gateway.convert import Imported, convert
from tests.policies.gateway.making import EVERY, GROUP, Object, gateway, route, text

WEB = {"backendRefs": [{"name": "web", "port": 80}]}
LISTENERS = [
    {"name": "http", "port": 80, "protocol": "HTTP", "hostname": "http.test"},
    {"name": "https", "port": 443, "protocol": "HTTPS", "hostname": "*.shop.test"},
    {"name": "other", "port": 8443, "protocol": "HTTPS", "hostname": "*.other.test"},
]
ALL = {"allowedRoutes": {"namespaces": {"from": "All"}}}


def shop(**meta: Any) -> Object:
    """A route of listener `https`, with a rule that has a name and one that has none."""
    made = route("shop", [{"name": "api", "matches": [{"path": {"value": "/api"}}], **WEB}, WEB])
    made["metadata"] |= meta
    made["spec"]["parentRefs"][0]["sectionName"] = "https"
    return made


def other() -> Object:
    made = route("other", [{"backendRefs": [{"name": "more", "port": 80}]}])
    made["spec"]["parentRefs"][0]["sectionName"] = "other"
    return made


def edge(**spec: Any) -> Object:
    made = gateway([each | ALL for each in LISTENERS])
    made["spec"] |= spec
    return made


def policy(kind: str, group: str, spec: Object, namespace: str = "default", **meta: Any) -> Object:
    meta |= {"name": "p", "namespace": namespace}
    return {"apiVersion": f"{group}/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}


def to(kind: str, name: str, **more: str) -> Object:
    return {"targetRefs": [{"group": GROUP, "kind": kind, "name": name, **more}]}


def refused(result: Imported) -> set[str]:
    """The routes that answer 500."""
    assert result.text
    routes = yaml.safe_load(result.text)["routes"]
    assert all("split" not in each for each in routes if "respond" in each)
    return {each["name"] for each in routes if each.get("respond") == {"status": 500}}


SHOP, OTHER = {"shop-api", "shop-1"}, {"other-0"}
KONG = {"konghq.com/plugins": "key-auth"}
ENVOY, ISTIO = "gateway.envoyproxy.io", "security.istio.io"
VALID = {"validation": {"caCertificateRefs": [{"name": "ca", "group": "", "kind": "ConfigMap"}]}}
LAX = {"validation": VALID["validation"] | {"mode": "AllowInsecureFallback"}}
SERVICE: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}


def frontend(default: Object, *per_port: Object) -> Object:
    return {"tls": {"frontend": {"default": default, "perPort": [*per_port]}}}


# What stands beside the two routes, and which of their rules then answer 500.
GUARDED: list[tuple[str, list[Object], set[str]]] = [
    ("an annotation", [shop(annotations=KONG)], SHOP),
    (
        "an annotation of the Gateway",
        [edge() | {"metadata": {"name": "edge", "namespace": "infra", "annotations": KONG}}],
        SHOP | OTHER,
    ),
    (
        "an annotation of a Service",
        [SERVICE | {"metadata": {"name": "web", "annotations": KONG}}],
        SHOP,
    ),
    (
        "an annotation of a load balancer",
        [
            edge(
                infrastructure={
                    "annotations": {
                        "service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8"
                    }
                }
            )
        ],
        SHOP | OTHER,
    ),
    ("a policy for a route", [policy("SecurityPolicy", ENVOY, to("HTTPRoute", "shop"))], SHOP),
    (
        "a policy for one rule",
        [policy("SecurityPolicy", ENVOY, to("HTTPRoute", "shop", sectionName="api"))],
        {"shop-api"},
    ),
    (
        "a policy with one target",
        [
            policy(
                "AuthPolicy",
                "kuadrant.io",
                {"targetRef": to("HTTPRoute", "other")["targetRefs"][0]},
            )
        ],
        OTHER,
    ),
    (
        "a policy for the Gateway",
        [policy("SecurityPolicy", ENVOY, to("Gateway", "edge"), "infra")],
        SHOP | OTHER,
    ),
    (
        "a policy for a listener",
        [policy("SecurityPolicy", ENVOY, to("Gateway", "edge", sectionName="other"), "infra")],
        OTHER,
    ),
    (
        "a policy for the class",
        [policy("ClientTrafficPolicy", ENVOY, to("GatewayClass", "any"))],
        SHOP | OTHER,
    ),
    (
        "a policy for a Service",
        [
            policy(
                "GCPBackendPolicy",
                "networking.gke.io",
                {"targetRef": {"group": "", "kind": "Service", "name": "more"}},
            )
        ],
        OTHER,
    ),
    (
        "a policy by labels",
        [
            policy(
                "SecurityPolicy",
                ENVOY,
                {
                    "targetSelectors": [
                        {"group": GROUP, "kind": "HTTPRoute", "matchLabels": {"a": "b"}}
                    ]
                },
            )
        ],
        SHOP | OTHER,
    ),
    (
        "a policy whose target is none",
        [policy("SecurityPolicy", ENVOY, {"targetRefs": ["shop"]})],
        SHOP | OTHER,
    ),
    (
        "a policy of a namespace",
        [policy("AuthorizationPolicy", ISTIO, {"rules": []}, "infra")],
        SHOP | OTHER,
    ),
    (
        "a policy of another namespace",
        [policy("AuthorizationPolicy", ISTIO, {"rules": []}, "x")],
        set(),
    ),
    (
        "a policy of the root namespace",
        [policy("RequestAuthentication", ISTIO, {}, "istio-system")],
        SHOP | OTHER,
    ),
    (
        "a policy of a Gateway's pods",
        [
            policy(
                "AuthorizationPolicy",
                ISTIO,
                {"selector": {"matchLabels": {f"{GROUP}/gateway-name": "edge"}}},
                "infra",
            )
        ],
        SHOP | OTHER,
    ),
    (
        "a policy of another Gateway's pods",
        [
            policy(
                "AuthorizationPolicy",
                ISTIO,
                {"selector": {"matchLabels": {f"{GROUP}/gateway-name": "x"}}},
                "infra",
            )
        ],
        set(),
    ),
    (
        "a plugin for everything",
        [policy("KongClusterPlugin", "configuration.konghq.com", {}, labels={"global": "true"})],
        SHOP | OTHER,
    ),
    ("a plugin that nobody names", [policy("KongPlugin", "configuration.konghq.com", {})], set()),
    ("what is no guard", [policy("BackendTLSPolicy", GROUP, to("Service", "web"))], set()),
    ("client certificates", [edge(**frontend(VALID))], SHOP | OTHER),
    (
        "client certificates of one port",
        [edge(**frontend({}, {"port": 8443, "tls": VALID}))],
        OTHER,
    ),
    (
        "client certificates, not of one port",
        [edge(**frontend(VALID, {"port": 8443, "tls": {}}))],
        SHOP,
    ),
    ("client certificates that need not be valid", [edge(**frontend(LAX))], set()),
    ("client certificates written oddly", [edge(tls={"frontend": "yes"})], SHOP | OTHER),
]


@pytest.mark.parametrize(("what", "objects", "wanted"), GUARDED, ids=[row[0] for row in GUARDED])
def test_what_guards_a_route(what: str, objects: list[Object], wanted: set[str]) -> None:  # 14.21
    found: dict[tuple[str, str], Object] = {
        (each["kind"], each["metadata"]["name"]): each for each in (edge(), shop(), other())
    }
    found |= {(each["kind"], each["metadata"]["name"]): each for each in objects}
    result = convert([("m.yaml", text(*found.values()))], EVERY)
    assert refused(result) == wanted, what
    if wanted:
        assert not result.whole
        told = [each.finding for each in result.findings if each.finding.severity == "error"]
        assert [each.code for each in told] == ["not-carried-over"]
        assert f"{len(wanted)} route" in told[0].message
        assert "auth" in told[0].hint


def test_client_certificates_do_not_concern_http() -> None:  # 14.21
    plain = shop()
    plain["spec"]["parentRefs"][0]["sectionName"] = "http"
    result = convert([("m.yaml", text(edge(**frontend(VALID)), plain))], EVERY)
    assert refused(result) == set()
    assert not result.whole


def test_a_gateway_that_is_not_given_is_known_by_its_name() -> None:  # 14.21
    guard = policy("SecurityPolicy", ENVOY, to("Gateway", "edge"), "infra")
    made = shop()
    made["spec"]["hostnames"] = ["a.test"]
    assert refused(convert([("m.yaml", text(guard, made))], EVERY)) == SHOP


def test_a_listener_s_own_check_of_certificates() -> None:  # 14.21
    for tls in (
        {"frontendValidation": {"caCertificateRefs": []}},
        {"options": {"gateway.istio.io/tls-terminate-mode": "MUTUAL"}},
    ):
        listeners = [each | ALL for each in LISTENERS]
        listeners[1]["tls"] = tls
        assert (
            refused(convert([("m.yaml", text(gateway(listeners), shop(), other()))], EVERY)) == SHOP
        )


def test_no_other_route_takes_what_an_unclear_guard_guards() -> None:  # 14.21
    """Which requests a rule takes is not known if its expression is not carried over."""
    odd = {"matches": [{"path": {"type": "RegularExpression", "value": "/(?=admin).*"}}], **WEB}
    odd["filters"] = [
        {"type": "ExtensionRef", "extensionRef": {"group": "x", "kind": "y", "name": "z"}}
    ]
    objects = [
        route("odd", [odd, WEB], hostnames=["a.test"]),
        route("b", [WEB], hostnames=["*.test"]),
    ]
    objects.append(route("c", [WEB], hostnames=["c.example"]))
    result = convert([("m.yaml", text(*objects))], EVERY)
    assert refused(result) == {"odd-1", "b-0"}
    assert not result.whole


@pytest.mark.parametrize(
    ("rule", "is_refused"),
    [
        ({"filters": {"type": "ExtensionRef"}}, True),
        ({"filters": "none"}, True),
        ({"filters": [7]}, True),
        ({"auth": {"jwt": {}}}, True),
        ({"securityPolicy": "x"}, True),
        ({"colour": "x"}, False),
    ],
)
def test_what_cannot_be_read_may_be_a_guard(rule: Object, is_refused: bool) -> None:  # 14.21
    made = route("shop", [{**WEB, **rule}, {"matches": [{"method": "PUT"}], **WEB}])
    result = convert([("m.yaml", text(made))], EVERY)
    assert refused(result) == ({"shop-0"} if is_refused else set())
    assert not result.whole


@pytest.mark.parametrize("field", ["matches", "hostnames", "parentRefs", "rules"])
def test_what_is_no_list_does_not_widen_a_route(field: str) -> None:  # 14.22
    made = shop()
    place = made["spec"]["rules"][0] if field == "matches" else made["spec"]
    place[field] = {"a": "b"}
    result = convert([("m.yaml", text(edge(), made))], EVERY)
    routes = yaml.safe_load(result.text)["routes"] if result.text else []
    assert all("matches" in each or each["name"] == "shop-1" for each in routes)
    assert field == "matches" or routes == []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "konghq.com/plugins",
            "nginx.ingress.kubernetes.io/auth-url",
            "nginx.org/basic-auth-secret",
        ),
        *("traefik.ingress.kubernetes.io/router.middlewares", "whitelist-source-range"),
        *("haproxy.org/allow-list", "alb.ingress.kubernetes.io/wafv2-acl-arn", "my.test/jwtIssuer"),
        *("nginx.ingress.kubernetes.io/limit-rps", "cloud.google.com/backend-config-policy"),
    ],
)
def test_annotations_that_may_guard(name: str) -> None:  # 14.21
    assert is_guard(name)


@pytest.mark.parametrize(
    "name",
    [
        *("kubectl.kubernetes.io/last-applied-configuration", "argocd.argoproj.io/sync-wave"),
        *("cert-manager.io/cluster-issuer", "nginx.ingress.kubernetes.io/rewrite-target"),
        *("description", "author", "example.test/team", "konghq.com/strip-path"),
    ],
)
def test_annotations_that_guard_nothing(name: str) -> None:
    assert not is_guard(name)
