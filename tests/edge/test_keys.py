"""API keys over HTTP: every state of a key, and what the variant gets to see."""

from __future__ import annotations

import json

import pytest

from tests.support.edge.router import ADMIN_KEY, Edge


@pytest.mark.parametrize(
    ("key", "status", "key_id"),
    [
        ("k-plain", 200, "plain"),
        ("k-scoped", 200, "scoped"),
        ("k-peppered", 200, "peppered"),
        ("k-past", 401, None),
        ("k-future", 401, None),
        ("k-off", 401, None),
        ("k-nobody", 401, None),
        (ADMIN_KEY, 401, None),
    ],
)
def test_every_state_of_a_key(edge: Edge, key: str, status: int, key_id: str | None) -> None:
    for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}):
        answer = edge.get("/", host="key.test", headers=headers)
        assert answer.status_code == status
        if status == 200:
            seen = answer.json()["headers"]
            assert seen["x-router-key-id"] == key_id
            assert not seen.keys() & headers.keys()
        else:
            assert answer.json()["code"] == "unauthorized"
            assert answer.headers["www-authenticate"].startswith('Bearer realm="router"')
            assert key not in answer.text


def test_no_key_is_401_and_no_route_is_404(edge: Edge) -> None:
    assert edge.get("/", host="key.test").status_code == 401
    assert edge.get("/a", host="only.key.test").status_code == 401
    assert edge.get("/b", host="only.key.test").status_code == 404
    assert edge.get("/fixed", host="key.test").status_code == 401
    answer = edge.get("/fixed", host="key.test", headers={"x-api-key": "k-plain"})
    assert answer.text == "for holders of keys\n"


def test_scopes_and_forwarded_credentials(edge: Edge) -> None:
    answer = edge.get("/read", host="key.test", headers={"x-api-key": "k-plain"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"
    assert 'scope="agents:read"' in answer.headers["www-authenticate"]
    seen = edge.get("/read", host="key.test", headers={"x-api-key": "k-scoped"}).json()["headers"]
    assert seen["x-api-key"] == "k-scoped"
    assert seen["x-router-key-id"] == "scoped"
    assert seen["x-router-key-scopes"] == "agents:read"
    assert json.loads(seen["x-router-key-metadata"]) == {"plan": "large"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("authorization", "Bearer k-plain"), ("x-api-key", "k-plain")], 200),
        ([("authorization", "Bearer k-plain"), ("x-api-key", "k-scoped")], 400),
        ([("authorization", "Bearer k-plain"), ("authorization", "Bearer k-plain")], 400),
        ([("x-api-key", "k-plain"), ("x-api-key", "k-scoped")], 400),
        ([("authorization", "Basic azp4"), ("x-api-key", "k-plain")], 200),
        ([("authorization", "Basic azp4")], 401),
    ],
)
def test_two_credentials(edge: Edge, headers: list[tuple[str, str]], status: int) -> None:
    answer = edge.client.get("/", headers=[("host", "key.test"), *headers])
    assert answer.status_code == status, answer.text


def test_claims_of_clients_are_not_believed(edge: Edge) -> None:
    claimed = {"x-router-key-id": "admin", "x-router-key-metadata": "{}"}
    claimed["x-router-key-scopes"] = "router:admin"
    for host, key, seen_id in (("key.test", "k-plain", "plain"), ("match.test", "k-plain", None)):
        answer = edge.get("/", host=host, headers={**claimed, "x-api-key": key})
        seen = answer.json()["headers"]
        assert seen.get("x-router-key-id") == seen_id
        assert "x-router-key-metadata" not in seen
        assert "x-router-key-scopes" not in seen
        assert seen.get("x-api-key") == (key if host == "match.test" else None)


def test_a_key_of_an_administrator_opens_the_routers_pages(edge: Edge) -> None:
    for key, status in (("k-admin", 200), (ADMIN_KEY, 200), ("k-plain", 403), ("k-past", 401)):
        assert edge.get("/.router/status", headers={"x-api-key": key}).status_code == status
    assert edge.get("/.router/status").status_code == 401


def test_denials_are_counted_and_known_keys_logged(edge: Edge) -> None:
    edge.get("/", host="key.test", headers={"x-api-key": "k-past"})
    text = edge.own("metrics").text
    assert 'router_denials_total{route="k-any",reason="expired"' in text
    log = edge.server.output()
    assert '"key_id": "past", "reason": "expired"' in log
    assert "k-past" not in log
