"""Regular expressions mean what the cluster's controller took them for."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policies.basics.regex import Matcher
from policies.basics.regex_compiler import compile_pattern
from policies.gateway.convert import convert
from policies.gateway.routes.patterns import is_clear, rewritten
from tests.policies.gateway.making import EVERY, GROUP, Object, gateway, route, text
from tests.support.examples import examples

USERS = "/users/[0-9]+"


def imported(*objects: Object) -> tuple[list[Any], list[str]]:
    """The matches of the first route, and the codes of what is told."""
    result = convert([("m.yaml", text(*objects))], EVERY)
    assert result.text
    matches = yaml.safe_load(result.text)["routes"][0]["matches"]
    return matches, [each.finding.code for each in result.findings]


def of_class(name: str, controller: str = "") -> list[Object]:
    made = gateway([{"name": "l", "port": 80, "protocol": "HTTP"}])
    made["spec"]["gatewayClassName"] = name
    made["spec"]["listeners"][0]["allowedRoutes"] = {"namespaces": {"from": "All"}}
    spec = {"controllerName": controller}
    meta: Object = {"metadata": {"name": name}, "spec": spec}
    given = [{"apiVersion": f"{GROUP}/v1", "kind": "GatewayClass", **meta}] if controller else []
    return [made, *given]


def with_path(pattern: str, **match: Any) -> Object:
    path = {"type": "RegularExpression", "value": pattern}
    rule = {"matches": [{"path": path, **match}], "backendRefs": [{"name": "w", "port": 1}]}
    return route("users", [rule], hostnames=["a.test"])


@pytest.mark.parametrize(
    ("name", "controller", "wanted"),
    [
        ("traefik", "", [USERS + ".*", ".*" + USERS + ".*"]),
        ("web", "traefik.io/gateway-controller", [USERS + ".*", ".*" + USERS + ".*"]),
        ("nginx", "", [USERS + ".*"]),
        ("web", "gateway.nginx.org/nginx-gateway-controller", [USERS + ".*"]),
        ("kong", "", [USERS + ".*"]),
        ("istio", "", [USERS]),
        ("web", "gateway.envoyproxy.io/gatewayclass-controller", [USERS]),
    ],
)
def test_the_controller_says_how(name: str, controller: str, wanted: list[str]) -> None:  # 14.26
    matches, codes = imported(*of_class(name, controller), with_path(USERS))
    assert [each["path"]["regex"] for each in matches] == wanted
    assert codes == []


def test_an_unknown_controller_is_told() -> None:  # 14.26
    for name, controller in (("web", ""), ("traefik", "example.com/mine")):
        matches, codes = imported(*of_class(name, controller), with_path(USERS))
        assert matches == [{"path": {"regex": USERS}}]
        assert codes == ["differs"]
    assert imported(*of_class("web"), with_path("/a/.*"))[1] == ["differs"]
    for clear in ("^/a$", ".*/a/.*", "^/a/.*", "^/a$|^/b.*"):
        assert imported(*of_class("web"), with_path(clear))[1] == []


def test_a_route_s_status_tells_its_controller() -> None:  # 14.26
    made = with_path(USERS)
    made["status"] = {"parents": [{"controllerName": "gateway.nginx.org/nginx-gateway-controller"}]}
    matches, codes = imported(made)
    assert (matches, codes) == ([{"path": {"regex": USERS + ".*"}}], [])


def test_values_are_read_anywhere_too() -> None:  # 14.26
    value = {"type": "RegularExpression", "name": "x-a", "value": "beta|^canary$"}
    made = with_path("/", headers=[value], queryParams=[value | {"name": "q"}])
    for name in ("traefik", "nginx", "kong"):
        matches, codes = imported(*of_class(name), made)
        assert matches[0]["headers"] == [{"name": "x-a", "regex": "(?:.*beta.*)|(?:canary)"}]
        assert matches[0]["query_params"] == [{"name": "q", "regex": "(?:.*beta.*)|(?:canary)"}]
        assert codes == []


PIECES = st.sampled_from(
    [
        "a",
        "b",
        "/",
        "[ab]",
        "[^a]",
        "(a|b)",
        "(?:ab|b)",
        "a*",
        "b?",
        r"\.",
        r"\$",
        "[]|]",
        ".",
        ".*",
    ]
)
PARTS = st.tuples(
    st.sampled_from(("", "^")), st.lists(PIECES, min_size=1, max_size=4), st.sampled_from(("", "$"))
).map(lambda part: part[0] + "".join(part[1]) + part[2])
PATTERNS = st.lists(PARTS, min_size=1, max_size=3).map("|".join)
TEXTS = st.text("ab/.$|]", max_size=7)


@examples(300)
@given(PATTERNS, TEXTS)
def test_written_anew_it_takes_the_same(pattern: str, given_text: str) -> None:  # 14.26
    def takes(reading: Any) -> bool:
        return Matcher(compile_pattern(rewritten(pattern, reading))).matches(given_text)

    found = re.search(pattern, given_text) is not None
    assert takes("anywhere") is found
    parts = rf"(?:{pattern})\Z"
    assert takes("whole") is (re.match(parts, given_text) is not None)
    assert takes("beginning") is (re.match(rf"(?:{pattern})", given_text) is not None)
    if is_clear(pattern):
        assert takes("anywhere") is takes("whole")


def test_an_anchor_within_is_left_out_not_guessed() -> None:
    result = convert([("m.yaml", text(*of_class("traefik"), with_path("/a(^b|c)")))], EVERY)
    assert result.text is None
    codes = {each.finding.code for each in result.findings}
    assert {"bad-regex", "not-carried-over"} <= codes
