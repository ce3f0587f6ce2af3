"""Who asks: every state of a key, every way to present one, and how it is looked up."""

from __future__ import annotations

import hmac
from hashlib import sha256
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.access import authenticate as module
from policies.access.authenticate import (
    ApiKey,
    Denied,
    Identity,
    Keys,
    KeyTables,
    Needs,
    authenticate,
    first_key,
    presented_key,
)
from policies.balancing.choose import Forward
from policies.proxy.decide import decide
from policies.proxy.phases.headers import header_changes, trace_of
from tests.policies.making import NOW, compiled, request

PEPPER = b"the pepper of the tests"
BEFORE, AFTER = "2026-01-01T00:00:00Z", "2030-01-01T00:00:00+01:00"
ANY = Needs(frozenset(), forward=False)


def key(id: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "sha256": sha256(text.encode()).hexdigest(), **more}


KEYS = [
    key("plain", "k-plain"),
    key("scoped", "k-scoped", scopes=["agents:read", "agents:write"]),
    key("current", "k-current", not_before=BEFORE, not_after=AFTER),
    key("future", "k-future", not_before=AFTER),
    key("past", "k-past", not_after=BEFORE),
    key("off", "k-off", disabled=True),
    key("rotating", "k-old", not_after=AFTER),
    key("rotating", "k-new", not_before=BEFORE, metadata={"plan": "größer"}),
    {"id": "peppered", "hmac_sha256": hmac.new(PEPPER, b"k-peppered", "sha256").hexdigest()},
]


def policy(**auth: Any) -> Any:
    section = {"keys": KEYS} | auth
    routes = [
        {"name": "open", "matches": [{"path": {"prefix": "/open"}}], "split": {"production": 1}},
        {"name": "any", "auth": "required", "split": {"production": 1}},
        {
            "name": "read",
            "auth": {"scopes": ["agents:read"], "forward_credentials": True},
            "matches": [{"path": {"prefix": "/read"}}],
            "split": {"production": 1},
        },
    ]
    return compiled(auth=section, routes=routes)


POLICY = policy()


def ask(headers: dict[str, str], needs: Needs = ANY, pepper: bytes = PEPPER) -> Identity | Denied:
    return authenticate(POLICY.keys, needs, headers, NOW.now_ms, pepper)


@pytest.mark.parametrize(
    ("presented", "said"),
    [
        ("k-plain", "plain"),
        ("k-current", "current"),
        ("k-old", "rotating"),
        ("k-new", "rotating"),
        ("k-peppered", "peppered"),
        ("k-nobody", "unknown"),
        ("k-plai", "unknown"),
        ("K-PLAIN", "unknown"),
        ("k-plain,", "ambiguous"),
        ("k-plain, k-plain", "ambiguous"),
        ("k plain", "unknown"),
        ("k-pläin", "unknown"),
        ("k-plain\udc80", "unknown"),
        ("x" * 513, "unknown"),
        ("", "missing"),
        ("k-future", "not-yet-valid"),
        ("k-past", "expired"),
        ("k-off", "disabled"),
    ],
)
def test_every_state_of_a_key(presented: str, said: str) -> None:
    for headers in ({"x-api-key": presented}, {"authorization": f"Bearer {presented}"}):
        found = ask(headers)
        told = found.key.id if isinstance(found, Identity) else found.reason
        assert told == said, headers


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"authorization": "bEaReR   k-plain "}, "plain"),
        ({"authorization": "Bearer\tk-plain"}, "missing"),
        ({"authorization": "Basic azp4"}, "missing"),
        ({"authorization": "Basic azp4", "x-api-key": "k-plain"}, "plain"),
        ({"authorization": "Bearer k-plain", "x-api-key": "k-plain"}, "plain"),
        ({"authorization": "Bearer k-plain", "x-api-key": "k-scoped"}, "ambiguous"),
        ({"authorization": "Bearer k-plain", "x-api-key": ""}, "plain"),
        ({"authorization": "k-plain"}, "missing"),
        ({"cookie": "x-api-key=k-plain"}, "missing"),
    ],
)
def test_ways_to_present_a_key(headers: dict[str, str], said: str) -> None:
    found = ask(headers)
    assert (found.key.id if isinstance(found, Identity) else found.reason) == said


@pytest.mark.parametrize(
    ("needed", "presented", "status"),
    [
        ([], "k-plain", 200),
        (["agents:read"], "k-scoped", 200),
        (["agents:read", "agents:write"], "k-scoped", 200),
        (["agents:read", "other"], "k-scoped", 403),
        (["agents:read"], "k-plain", 403),
        (["agents:read"], "k-off", 401),
    ],
)
def test_scopes(needed: list[str], presented: str, status: int) -> None:
    found = ask({"x-api-key": presented}, Needs(frozenset(needed), forward=False))
    assert (found.problem.status if isinstance(found, Denied) else 200) == status


def test_clients_cannot_tell_refused_keys_apart() -> None:
    refused = [ask({"x-api-key": k}) for k in ("k-nobody", "k-past", "k-future", "k-off")]
    assert len({each.problem for each in refused if isinstance(each, Denied)}) == 1
    assert [each.key_id for each in refused if isinstance(each, Denied)] == [
        *("", "past", "future", "off")
    ]


def test_the_challenge_names_what_is_missing() -> None:
    found = ask({"x-api-key": "k-plain"}, Needs(frozenset({"b", "a"}), forward=False))
    assert isinstance(found, Denied)
    challenge = dict(found.problem.headers)["www-authenticate"]
    assert challenge == 'Bearer realm="router", error="insufficient_scope", scope="a b"'


def test_a_key_with_a_pepper_needs_the_pepper() -> None:
    for pepper in (b"", b"another"):
        found = ask({"x-api-key": "k-peppered"}, pepper=pepper)
        assert isinstance(found, Denied)
        assert found.reason == "unknown"


def test_the_hash_is_not_the_key() -> None:
    for row in KEYS:
        found = ask({"x-api-key": row.get("sha256") or row["hmac_sha256"]})
        assert isinstance(found, Denied)


@given(st.text(), st.text())
def test_nobody_gets_in_with_any_text(key: str, other: str) -> None:
    found = ask({"authorization": f"Bearer {key}", "x-api-key": other})
    assert isinstance(found, Denied)


def test_a_look_up_is_one_access_and_one_comparison_whatever_the_number() -> None:
    for number in (1, 1_000, 100_000):
        others = [ApiKey(f"k{n}", n.to_bytes(32, "big")) for n in range(number)]
        mine = ApiKey("mine", sha256(b"k-mine").digest())
        table = KeyTables(("x-api-key",), sha256=(*others, mine))
        with patch.object(module, "compare_digest", wraps=hmac.compare_digest) as compare:
            found = Keys(table).find("k-mine", b"")
        assert found is not None
        assert found.id == "mine"
        assert compare.call_count == 1


def test_the_key_is_taken_out_unless_the_route_wants_it() -> None:
    for path, kept in (("", False), ("/read", True), ("/open", True)):
        headers = {"authorization": "Bearer k-scoped", "x-api-key": "k-scoped", "accept": "*/*"}
        asked = request(f"https://example.com{path}", headers=headers)
        decision = decide(POLICY, asked, Random(1), NOW)
        choice, identity = decision.outcome, decision.admitted
        assert isinstance(choice, Forward)
        assert not isinstance(identity, Denied)
        trace = trace_of(headers, Random(1))
        changes = header_changes(asked, choice.route, choice.candidates[0], trace, 1, identity)
        assert ("authorization" not in changes.removed) == kept
        assert ("x-api-key" not in changes.removed) == kept
        assert changes.set.get("x-router-key-id") == (None if path == "/open" else "scoped")
        told = "agents:read agents:write" if path != "/open" else None
        assert changes.set.get("x-router-key-scopes") == told


def test_other_credentials_in_the_same_header_are_the_variants() -> None:
    found = ask({"authorization": "Basic azp4", "x-api-key": "k-plain"})
    assert isinstance(found, Identity)
    assert found.carried == ("x-api-key",)


def test_metadata_goes_on_as_json_in_ascii() -> None:
    found = ask({"x-api-key": "k-new"})
    assert isinstance(found, Identity)
    assert found.key.metadata == '{"plan": "gr\\u00f6\\u00dfer"}'


PRESENTED = st.sampled_from(["", " ", "k", " k-2\t", "Bearer k", "bearer  k", "Basic k", "a, b"])


@given(st.dictionaries(st.sampled_from(["authorization", "x-api-key", "x-other"]), PRESENTED))
def test_the_first_key_is_that_of_what_is_presented(headers: dict[str, str]) -> None:
    for names in (("authorization", "x-api-key"), ("x-other", "authorization")):
        assert first_key(headers, names) == presented_key(headers, names).text


def test_keys_come_in_the_headers_of_the_policy() -> None:
    made = policy(header="X-Token")
    assert made.keys.names == ("x-token",)
    for headers, carried in (({"x-token": "k"}, ("x-token",)), ({"x-api-key": "k"}, ())):
        assert presented_key(headers, made.keys.names).carried == carried


def test_no_route_goes_before_no_key() -> None:
    made = compiled(
        auth={"keys": KEYS},
        routes=[
            {
                "name": "only",
                "auth": "required",
                "matches": [{"path": {"prefix": "/a"}}],
                "respond": {"status": 204},
            }
        ],
    )
    for path, status in (("/b", 404), ("/a", 401)):
        outcome = decide(made, request(f"https://h{path}"), Random(1), NOW).outcome
        assert outcome.status == status
