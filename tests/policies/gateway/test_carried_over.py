"""Single things that are carried over as they were meant."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from policies.gateway.convert import Imported, convert
from policies.language.load import load
from tests.policies.gateway.making import EVERY, Object, route, text

WEB = {"backendRefs": [{"name": "web", "port": 80}]}


def imported(*rules: Object, name: str = "r", **meta: Any) -> Imported:
    made = route(name, list(rules), hostnames=["a.test"])
    made["metadata"] |= meta
    result = convert([("m.yaml", text(made))], EVERY)
    assert result.text is None or load(result.text.encode()).policy
    return result


def first(result: Imported) -> Any:
    assert result.text
    return yaml.safe_load(result.text)["routes"][0]


def test_long_names() -> None:  # 14.23
    for name in ("a" * 64, "a" * 253, f"{'a' * 100}.{'b' * 100}"):
        result = imported(WEB, name=name)
        assert first(result)["split"] == {"web": 1}
        assert result.findings == []
    for name, hint in (("a" * 254, "at most 253"), ("A", "lower-case"), ("a..b", "lower-case")):
        (told, *_) = imported(WEB, name=name).findings
        assert told.finding.code == "bad-name"
        assert hint in told.finding.hint
    (told, *_) = imported(WEB, namespace="a" * 64).findings
    assert "at most 63" in told.finding.hint


def changing(kind: str = "RequestHeaderModifier", **changes: Any) -> Object:
    field = kind[0].lower() + kind[1:]
    return {"filters": [{"type": kind, field: changes}], **WEB}


KEPT = {"name": "x-kept", "value": "1"}


@pytest.mark.parametrize(
    "name",
    [
        *("X-Request-Id", "X-Forwarded-Proto", "x-forwarded-for", "traceparent", "Forwarded"),
        *("Connection", "x-router-key-id", "Transfer-Encoding"),
    ],
)
def test_a_header_of_the_router_is_left_out_alone(name: str) -> None:  # 14.24
    for kind in ("set", "add"):
        result = imported(changing(**{kind: [{"name": name, "value": "x"}, KEPT]}))
        assert first(result)["filters"] == {"request_headers": {kind: [KEPT]}}
        assert first(result)["split"] == {"web": 1}
        assert [each.finding.code for each in result.findings] == ["not-carried-over"]
        assert name in result.findings[0].finding.message
        assert result.whole
    result = imported(changing(remove=[name]))
    assert "filters" not in first(result)
    assert len(result.findings) == 1


def test_a_header_of_answers_that_is_the_router_s() -> None:  # 14.24
    result = imported(
        changing("ResponseHeaderModifier", set=[{"name": "X-Request-Id", "value": "1"}, KEPT])
    )
    assert first(result)["filters"] == {"response_headers": {"set": [KEPT]}}
    cors = {"type": "CORS", "cors": {"allowOrigins": ["https://a.test"]}}
    rule = changing(
        "ResponseHeaderModifier", set=[{"name": "Access-Control-Allow-Origin", "value": "*"}]
    )
    result = imported({**rule, "filters": [*rule["filters"], cors]})
    assert set(first(result)["filters"]) == {"cors"}
    assert [each.finding.code for each in result.findings] == ["not-carried-over"]


def test_a_host_header_becomes_a_rewrite() -> None:  # 14.24
    host = {"name": "Host", "value": "inner.test"}
    result = imported(changing(set=[host, KEPT]))
    assert first(result)["filters"] == {
        "request_headers": {"set": [KEPT]},
        "rewrite": {"hostname": "inner.test"},
    }
    assert result.findings == []
    rewrite = {"type": "URLRewrite", "urlRewrite": {"hostname": "other.test"}}
    rule = changing(set=[host])
    result = imported({**rule, "filters": [*rule["filters"], rewrite]})
    assert first(result)["filters"] == {"rewrite": {"hostname": "other.test"}}
    assert [each.finding.code for each in result.findings] == ["unused-field"]
    result = imported(changing(set=[host | {"value": "inner.test:8080"}, KEPT]))
    assert first(result)["filters"] == {"request_headers": {"set": [KEPT]}}
    assert [each.finding.code for each in result.findings] == ["not-carried-over"]


def test_retries_have_no_budget_of_their_own() -> None:  # 14.25
    result = imported({**WEB, "retry": {"attempts": 3, "codes": [503]}})
    assert first(result)["failover"]["budget"] == "none"


def test_sessions_as_the_head_version_has_them() -> None:  # 14.30
    cookie = {"name": "side", "path": "/", "lifetimeType": "Permanent"}
    result = imported({**WEB, "sessionPersistence": {"cookie": cookie, "absoluteTimeout": "1h"}})
    assert first(result)["sticky"] == [{"cookie": "side", "set": True, "max_age": "1h"}]
    assert result.findings == []
    result = imported({**WEB, "sessionPersistence": {"type": "Header", "header": {"name": "x-s"}}})
    assert first(result)["sticky"] == [{"header": "x-s"}]
    cookie["path"] = "/app"
    result = imported({**WEB, "sessionPersistence": {"cookie": cookie, "absoluteTimeout": "1h"}})
    assert [each.finding.path for each in result.findings] == [
        "spec.rules[0].sessionPersistence.cookie.path"
    ]


def test_cors_without_origins_lets_nobody_in() -> None:  # 14.30
    result = imported({**WEB, "filters": [{"type": "CORS", "cors": {"allowMethods": ["GET"]}}]})
    assert first(result)["filters"]["cors"]["allow_origins"] == []
    assert first(result)["split"] == {"web": 1}
    assert result.findings == []


def test_the_share_of_an_invalid_backend() -> None:  # 14.30
    lost = {"name": "b", "port": 1, "weight": 2, "filters": [{"type": "ExtensionRef"}]}
    # The filter lacks its field, so that the backend cannot even be read.
    result = imported({"backendRefs": [{"name": "web", "port": 80, "weight": 3}, lost]})
    assert first(result)["split"] == {"web": 3, "invalid": {"weight": 2, "backend": "none"}}
    assert not result.whole
    result = imported({"backendRefs": [lost]})
    assert first(result)["respond"] == {"status": 500}
