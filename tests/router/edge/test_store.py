"""The policy store, read as trajectories: what KV holds, then what serves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from policies.decisions.policy import CompiledPolicy
from policies.language.compile import compile_policy
from policies.language.load import digest_of, load
from router.edge.store import REFRESH_MS, RETRY_MS, PolicyStore
from tests.policies.making import compile_text, policy_text


def text(name: str) -> bytes:
    return policy_text(routes=[{"name": name, "split": {"production": 1}}])


BUNDLED, ONE, TWO = text("bundled"), text("one"), text("two")
BAD = b"version: ["


class FakeKv:
    """A dictionary that can be told to fail."""

    def __init__(self, **values: bytes) -> None:
        self.values = dict(values)
        self.failing = False
        self.full = False
        self.reads: list[str] = []

    async def get(self, key: str) -> bytes | None:
        self.reads.append(key)
        await asyncio.sleep(0)
        if self.failing:
            raise OSError("KV is away")
        return self.values.get(key)

    async def put(self, key: str, value: bytes) -> None:
        if self.failing or self.full:
            raise OSError("KV takes no writes")
        self.values[key] = value


class Isolate:
    """A store with its clock and its log."""

    def __init__(self, kv: FakeKv) -> None:
        self.kv = kv
        self.now = 1_000_000.0
        self.events: list[str] = []
        self.store = PolicyStore(compile_text(BUNDLED), lambda: self.now, self.log)

    def log(self, event: str, fields: dict[str, Any]) -> None:
        self.events.append(event)
        json.dumps(fields)

    def refresh(self) -> tuple[str, str, bool]:
        """Which route serves, where it is from, and whether a policy was refused."""
        asyncio.run(self.store.refresh(self.kv))
        store = self.store
        return store.policy.routes[0].name, store.source, store.rejection is not None


def steps(isolate: Isolate, *puts: bytes | None) -> list[tuple[str, str, bool]]:
    seen = []
    for value in puts:
        if value is None:
            isolate.kv.values.pop("policy", None)
        else:
            isolate.kv.values["policy"] = value
        seen.append(isolate.refresh())
    return seen


def test_a_policys_life() -> None:
    isolate = Isolate(FakeKv())
    assert steps(isolate, None, ONE, BAD, BAD, None, TWO, BAD, ONE) == [
        ("bundled", "bundled", False),
        ("one", "kv", False),
        ("one", "kv", True),
        ("one", "kv", True),
        ("one", "kv", True),  # taken away: the last good one stays
        ("two", "kv", False),
        ("two", "kv", True),
        ("one", "kv", False),
    ]
    assert isolate.events.count("policy-rejected") == 2  # told once, not every ten seconds
    assert isolate.kv.values["policy/last-good"] == ONE


@pytest.mark.parametrize("held", [BAD, None])
def test_an_isolate_that_starts_late_takes_the_last_good_policy(held: bytes | None) -> None:
    kv = FakeKv(**{"policy/last-good": ONE})
    isolate = Isolate(kv)
    rejected = held is BAD
    assert steps(isolate, held) == [("one", "last-good", rejected)]
    assert steps(isolate, TWO) == [("two", "kv", False)]


def test_kv_away_changes_nothing_and_is_asked_again_soon() -> None:
    isolate = Isolate(FakeKv(policy=ONE))
    assert isolate.refresh() == ("one", "kv", False)
    isolate.kv.failing = True
    isolate.now += REFRESH_MS
    assert isolate.store.is_due(isolate.now)
    assert isolate.refresh() == ("one", "kv", False)
    assert any("KV cannot be read" in reason for reason in isolate.store.degraded)
    assert not isolate.store.is_due(isolate.now + RETRY_MS - 1)
    assert isolate.store.is_due(isolate.now + RETRY_MS)
    isolate.kv.failing = False
    isolate.refresh()
    assert isolate.store.degraded == []


def test_kv_away_at_the_start_serves_the_bundled_policy_until_it_is_back() -> None:
    isolate = Isolate(FakeKv(**{"policy": BAD, "policy/last-good": ONE}))
    isolate.kv.failing = True
    assert isolate.refresh() == ("bundled", "bundled", False)
    assert isolate.store.ready
    isolate.kv.failing = False
    assert isolate.refresh() == ("one", "last-good", True)


def test_a_last_good_policy_that_cannot_be_kept_is_no_reason_to_be_degraded() -> None:
    isolate = Isolate(FakeKv(policy=ONE))
    isolate.kv.full = True
    assert isolate.refresh() == ("one", "kv", False)
    assert isolate.store.degraded == []
    assert "last-good-not-kept" in isolate.events


def test_it_is_due_once_per_interval() -> None:
    isolate = Isolate(FakeKv())
    store = isolate.store
    assert store.is_due(0)
    assert [store.is_due(now) for now in (1, 5_000, 9_999, 10_000, 10_001)] == [
        *(False, False, False),
        *(True, False),
    ]


def compiled_form(data: bytes) -> bytes:
    loaded = load(data)
    assert loaded.policy
    return json.dumps(compile_policy(loaded.policy, loaded.digest)).encode()


def test_the_compiled_form_spares_reading_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(data: bytes) -> None:
        raise AssertionError("the YAML was read")

    kv = FakeKv(**{"policy": ONE, f"policy/compiled/{digest_of(ONE)}": compiled_form(ONE)})
    monkeypatch.setattr("router.edge.store.load", unexpected)
    assert Isolate(kv).refresh() == ("one", "kv", False)


@pytest.mark.parametrize(
    "compiled",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"format": 0}',
        compiled_form(TWO),  # of another policy
        compiled_form(ONE).replace(b'"format": 1', b'"format": 99'),
        compiled_form(ONE).replace(b'"routes"', b'"rootes"'),
    ],
)
def test_a_compiled_form_that_does_not_fit_is_passed_over(compiled: bytes) -> None:
    kv = FakeKv(**{"policy": ONE, f"policy/compiled/{digest_of(ONE)}": compiled})
    assert Isolate(kv).refresh() == ("one", "kv", False)


def test_concurrent_first_requests_read_the_policy_once(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate = Isolate(FakeKv(policy=ONE))
    builds: list[str] = []

    def counting(tables: dict[str, Any]) -> CompiledPolicy:
        builds.append(tables["digest"])
        return CompiledPolicy(tables)

    monkeypatch.setattr("router.edge.store.CompiledPolicy", counting)

    async def all_at_once() -> None:
        await asyncio.gather(*(isolate.store.refresh(isolate.kv) for _ in range(10)))

    asyncio.run(all_at_once())
    assert builds == [digest_of(ONE)]
    assert isolate.store.policy.routes[0].name == "one"
