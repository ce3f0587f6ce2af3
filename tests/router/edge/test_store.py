"""The policy store, read as trajectories: what KV holds, then what serves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from policies.basics.steps import Steps, finished
from policies.compiled.form.text import sections_steps, text_steps
from policies.compiled.tables import FORMAT, form_text
from policies.language.compile.compile import compile_policy
from policies.language.load import Loaded, digest_of, load, load_steps
from router.edge.isolate.store import LOST_MS, RETRY_MS, PolicyStore
from router.edge.isolate.timing import DEFAULTS
from tests.policies.making import compile_text, policy_text
from tests.support.running import run
from workers_runtime import garbage


def text(name: str) -> bytes:
    return policy_text(routes=[{"name": name, "split": {"production": 1}}])


BUNDLED, ONE, TWO = text("bundled"), text("one"), text("two")
BAD = b"version: ["


class FakeKv:
    """A dictionary that can be told to fail; `hanging` begins the keys that never answer."""

    def __init__(self, **values: bytes) -> None:
        self.values = dict(values)
        self.failing = False
        self.full = False
        self.hanging: str | None = None
        self.reads: list[str] = []

    async def get(self, key: str) -> bytes | None:
        self.reads.append(key)
        value = self.values.get(key)
        await asyncio.sleep(0)
        if self.hanging is not None and key.startswith(self.hanging):
            await asyncio.Event().wait()
        if self.failing:
            raise OSError("KV is away")
        return value

    async def put(self, key: str, value: bytes) -> None:
        if self.failing or self.full:
            raise OSError("KV takes no writes")
        self.values[key] = value

    async def delete(self, key: str) -> None:
        self.values.pop(key, None)


class HeldKv(FakeKv):
    """Every read waits until it is let go; its value is the one from when it began."""

    def __init__(self, **values: bytes) -> None:
        super().__init__(**values)
        self.held: list[asyncio.Event] = []

    async def get(self, key: str) -> bytes | None:
        value = self.values.get(key)
        self.held.append(asyncio.Event())
        await self.held[-1].wait()
        return value

    async def let_go(self, *numbers: int) -> None:
        for number in numbers:
            self.held[number].set()
            for _ in range(5):
                await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _few_collections(monkeypatch: pytest.MonkeyPatch) -> None:
    """An isolate has little to look at after ten policies; what runs the tests has very much."""
    monkeypatch.setattr(garbage, "ALL_AFTER_POLICIES", 1_000_000)


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
        """Ask KV as requests do, the first and the later ones, and keep what is good."""
        run(self.ask())
        return self.serving()

    async def ask(self) -> None:
        await self.store.refresh(self.kv)
        await self.store.keep(self.kv)

    def serving(self) -> tuple[str, str, bool]:
        """Which route serves, where it is from, and whether a policy was refused."""
        store = self.store
        return store.policy.routes[0].name, store.source, store.rejection is not None

    @property
    def kept(self) -> bytes | None:
        return self.kv.values.get("policy/last-good")


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
        ("one", "kv", False),  # taken away: the last good one stays
        ("two", "kv", False),
        ("two", "kv", True),
        ("one", "kv", False),
    ]
    assert isolate.events.count("policy-rejected") == 2  # told once, not every ten seconds


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
    isolate.now += DEFAULTS.refresh_ms
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
    return form_text(compile_policy(loaded.policy, loaded.digest))


def sections_of(form: bytes, data: bytes) -> dict[str, Any]:
    return finished(sections_steps(form, FORMAT, digest_of(data)))


def test_the_compiled_form_spares_reading_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(data: bytes, digest: str, **how: bool) -> None:
        raise AssertionError("the YAML was read")

    kv = FakeKv(**{"policy": ONE, f"policy/compiled/{digest_of(ONE)}": compiled_form(ONE)})
    monkeypatch.setattr("router.edge.isolate.reading.load_steps", unexpected)
    assert Isolate(kv).refresh() == ("one", "kv", False)


def forged(**tables: Any) -> bytes:
    sections = sections_of(compiled_form(ONE), ONE)
    return finished(text_steps({**sections, **tables}, FORMAT))


@pytest.mark.parametrize(
    "compiled",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"format": 0}',
        compiled_form(TWO),  # of another policy
        compiled_form(ONE).replace(b'"format":', b'"format":9'),
        compiled_form(ONE).replace(b'"routes"', b'"rootes"'),
        forged(routes="x"),
        forged(variants=[1]),
        forged(variants=None, routes=None),
        forged(merge_slashes="no"),
    ],
)
def test_a_compiled_form_that_does_not_fit_is_passed_over(compiled: bytes) -> None:
    kv = FakeKv(**{"policy": ONE, f"policy/compiled/{digest_of(ONE)}": compiled})
    isolate = Isolate(kv)
    assert isolate.refresh() == ("one", "kv", False)
    assert isolate.events.count("compiled-refused") == bool(compiled)


def test_a_compiled_form_nested_too_deeply_is_passed_over() -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    head = compiled_form(ONE).partition(b"\n")[0]
    for form in (deep, head + b"\n" + deep):
        kv = FakeKv(**{"policy": ONE, f"policy/compiled/{digest_of(ONE)}": form})
        isolate = Isolate(kv)
        assert isolate.refresh() == ("one", "kv", False)
        assert isolate.store.degraded == []
        assert isolate.refresh() == ("one", "kv", False)
        assert isolate.events.count("compiled-refused") == 1, "it is remembered"


@pytest.mark.parametrize("hangs", [True, False])
def test_a_compiled_form_that_cannot_be_read_is_passed_over(
    hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kv(FakeKv):
        async def get(self, key: str) -> bytes | None:
            if key.startswith("policy/compiled/"):
                if hangs:
                    await asyncio.Event().wait()
                raise OSError("not this one")
            return await super().get(key)

    monkeypatch.setattr("router.edge.isolate.store.COMPILED_MS", 10)
    isolate = Isolate(Kv(policy=ONE))
    assert isolate.refresh() == ("one", "kv", False)
    assert isolate.store.degraded == []
    assert "compiled-unread" in isolate.events


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The digests of all the YAML that is read."""
    digests: list[str] = []

    def counting(data: bytes, digest: str, **how: bool) -> Steps[Loaded]:
        digests.append(digest_of(data))
        return load_steps(data, digest, **how)

    monkeypatch.setattr("router.edge.isolate.reading.load_steps", counting)
    return digests


@pytest.mark.parametrize(
    ("held", "serving"),
    [
        ({"policy": ONE}, ("one", "kv", False)),
        ({"policy": BAD}, ("bundled", "bundled", True)),
        ({"policy": BAD, "policy/last-good": ONE}, ("one", "last-good", True)),
        ({"policy": BAD, "policy/last-good": BAD}, ("bundled", "bundled", True)),
        ({"policy": BAD, "policy/last-good": b"]"}, ("bundled", "bundled", True)),
        ({"policy/last-good": ONE}, ("one", "last-good", False)),
    ],
)
def test_concurrent_first_requests_all_wait_and_each_policy_is_read_once(
    held: dict[str, bytes], serving: tuple[str, str, bool], loads: list[str]
) -> None:
    isolate = Isolate(FakeKv(**held))
    after: list[tuple[str, str, bool]] = []

    async def request(number: int) -> None:
        for _ in range(number % 4):  # they do not come in step
            await asyncio.sleep(0)
        await isolate.ask()
        after.append(isolate.serving())

    async def all_at_once() -> None:
        await asyncio.gather(*(request(number) for number in range(10)))

    run(all_at_once())
    assert after == [serving] * 10
    assert sorted(loads) == sorted({digest_of(data) for data in held.values()})
    assert isolate.refresh() == serving


@pytest.mark.parametrize("steps_taken", range(8))
def test_a_first_request_that_is_cancelled_leaves_the_last_good_policy_its_chance(
    steps_taken: int,
) -> None:
    isolate = Isolate(FakeKv(**{"policy": BAD, "policy/last-good": ONE}))

    async def cancelled() -> None:
        task = asyncio.ensure_future(isolate.ask())
        for _ in range(steps_taken):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    run(cancelled())
    assert isolate.refresh() == ("one", "last-good", True)
    assert isolate.events.count("policy-rejected") == 1


def test_a_first_request_waits_for_kv_no_longer_than_told() -> None:
    isolate = Isolate(FakeKv(policy=ONE))
    store = isolate.store
    assert store.is_due(isolate.now)
    isolate.kv.hanging = ""
    run(store.refresh(isolate.kv, within_ms=10))
    assert isolate.serving() == ("bundled", "bundled", False)
    assert store.ready
    assert store.degraded == ["KV cannot be read: TimeoutError"]
    assert [store.is_due(isolate.now + ms) for ms in (RETRY_MS - 1, RETRY_MS)] == [False, True]
    isolate.kv.hanging = None
    assert isolate.refresh() == ("one", "kv", False)
    assert store.degraded == []


def test_failures_at_once_put_off_the_next_question_once() -> None:
    isolate = Isolate(FakeKv())
    isolate.kv.failing = True
    assert isolate.store.is_due(isolate.now)

    async def all_at_once() -> None:
        await asyncio.gather(*(isolate.ask() for _ in range(10)))

    run(all_at_once())
    assert isolate.store.asked_ms == isolate.now
    assert not isolate.store.is_due(isolate.now + RETRY_MS - 1)


def test_asking_does_not_wait_for_keeping() -> None:
    isolate = Isolate(FakeKv(policy=ONE))
    isolate.kv.hanging = "policy/last-good"
    run(isolate.store.refresh(isolate.kv))
    assert isolate.serving() == ("one", "kv", False)


@pytest.mark.parametrize("later", [TWO, BAD, None])
def test_an_answer_that_comes_late_does_not_replace_a_later_one(later: bytes | None) -> None:
    isolate = Isolate(HeldKv(policy=ONE))
    kv = isolate.kv
    assert isinstance(kv, HeldKv)

    async def crossed() -> None:
        slow = asyncio.ensure_future(isolate.store.refresh(kv))
        await asyncio.sleep(0.001)
        kv.values.clear()
        if later is not None:
            kv.values["policy"] = later
        fast = asyncio.ensure_future(isolate.store.refresh(kv))
        await asyncio.sleep(0.001)
        await kv.let_go(1, 2)  # the policy; its compiled form or the last good one
        while not fast.done():
            await kv.let_go(-1)
        heard = isolate.serving()
        await kv.let_go(0)
        while not slow.done():
            await kv.let_go(-1)
        assert isolate.serving() == heard

    run(crossed())
    assert isolate.serving()[0] == ("two" if later == TWO else "bundled")


def test_a_failure_that_comes_late_is_not_told() -> None:
    isolate = Isolate(FakeKv(policy=ONE))

    class Failing(HeldKv):
        async def get(self, key: str) -> bytes | None:
            await super().get(key)
            raise OSError("KV was away")

    async def crossed() -> None:
        slow = Failing()
        failing = asyncio.ensure_future(isolate.store.refresh(slow))
        await asyncio.sleep(0.001)
        await isolate.ask()
        await slow.let_go(0)
        await failing

    run(crossed())
    assert isolate.serving() == ("one", "kv", False)
    assert isolate.store.degraded == []


def test_a_mistake_of_the_routers_own_is_a_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[bytes] = []

    def broken(data: bytes, digest: str, **how: bool) -> Steps[Loaded]:
        tries.append(data)
        if data == TWO:
            raise RecursionError("a bug")
        return load_steps(data, digest, **how)

    monkeypatch.setattr("router.edge.isolate.reading.load_steps", broken)
    isolate = Isolate(FakeKv())
    assert steps(isolate, ONE, TWO, TWO, TWO) == [
        ("one", "kv", False),
        *[("one", "kv", True)] * 3,
    ]
    assert tries == [ONE, TWO]
    assert isolate.events.count("internal-error") == 1
    rejection = isolate.store.rejection
    assert rejection
    assert (rejection.digest, rejection.findings) == (digest_of(TWO), ())
    assert isolate.store.degraded == [f"the policy in KV ({digest_of(TWO)[:12]}) is not valid"]


def test_a_bad_policy_that_is_taken_away_is_no_longer_told() -> None:
    isolate = Isolate(FakeKv())
    steps(isolate, ONE, BAD)
    assert isolate.store.degraded
    steps(isolate, None)
    assert isolate.store.degraded == []
    steps(isolate, BAD)
    assert isolate.store.degraded


def test_what_is_kept_follows_kv() -> None:
    """An isolate that sees the policy change keeps it; one that goes back must stay."""
    isolate = Isolate(FakeKv())
    kept = []
    for value in (ONE, TWO, BAD, ONE):
        steps(isolate, value)
        kept.append(isolate.kept)
    assert kept == [ONE, TWO, TWO, TWO]
    isolate.now += DEFAULTS.lag_ms - 1
    isolate.refresh()
    assert isolate.kept == TWO
    isolate.now += 1
    isolate.refresh()
    assert isolate.kept == ONE


def test_an_isolate_that_starts_does_not_set_back_what_is_kept() -> None:
    isolate = Isolate(FakeKv(**{"policy": ONE, "policy/last-good": TWO}))
    assert isolate.refresh() == ("one", "kv", False)
    assert isolate.kept == TWO
    isolate.now += DEFAULTS.lag_ms
    steps(isolate, BAD)
    isolate.now += DEFAULTS.lag_ms
    isolate.refresh()
    assert isolate.kept == TWO  # what KV no longer holds is not kept any more


def test_what_kv_holds_for_long_is_kept_whatever_was_there() -> None:
    isolate = Isolate(FakeKv(**{"policy": ONE, "policy/last-good": TWO}))
    isolate.refresh()
    isolate.kv.full = True
    isolate.now += DEFAULTS.lag_ms
    isolate.refresh()
    assert isolate.events[-1] == "last-good-not-kept"
    isolate.kv.full = False
    isolate.now += DEFAULTS.lag_ms
    isolate.refresh()
    assert isolate.kept == ONE
    isolate.kv.values["policy/last-good"] = TWO
    isolate.now += DEFAULTS.lag_ms
    isolate.refresh()
    assert isolate.kept == TWO  # looked at once and no more


LARGE, LARGER = (
    policy_text(routes=[{"name": f"{name}{n}", "split": {"canary": 1}} for n in range(1_500)])
    for name in ("large", "larger")
)


def test_a_large_policy_is_read_after_the_answer() -> None:
    """14.18: a first request waits for the first slices of it, and no longer."""
    isolate = Isolate(FakeKv(policy=LARGE))
    run(isolate.store.refresh(isolate.kv))
    assert isolate.serving() == ("bundled", "bundled", False)
    assert isolate.store.ready
    run(isolate.store.keep(isolate.kv))
    assert isolate.serving() == ("large0", "kv", False)
    assert isolate.kv.values["policy/last-good"] == LARGE
    form = isolate.kv.values[f"policy/compiled/{digest_of(LARGE)}"]
    assert form == compiled_form(LARGE)
    assert len(sections_of(form, LARGE)["routes"]) == 1_500


def test_the_last_good_policy_serves_while_another_is_read() -> None:
    compiled = {f"policy/compiled/{digest_of(ONE)}": compiled_form(ONE)}
    isolate = Isolate(FakeKv(**{"policy": LARGE, "policy/last-good": ONE, **compiled}))
    run(isolate.store.refresh(isolate.kv))
    assert isolate.serving() == ("one", "last-good", False)
    run(isolate.store.keep(isolate.kv))
    assert isolate.serving() == ("large0", "kv", False)


def test_the_last_good_policy_is_read_when_a_large_one_was_refused() -> None:
    bad = LARGE.replace(b'"large1499"', b'"large0"')
    isolate = Isolate(FakeKv(**{"policy": bad, "policy/last-good": LARGER}))
    assert isolate.refresh() == ("larger0", "last-good", True)


def test_a_policy_that_is_replaced_while_it_is_read_never_serves() -> None:
    isolate = Isolate(FakeKv(policy=LARGE))
    run(isolate.store.refresh(isolate.kv))
    isolate.kv.values["policy"] = LARGER
    assert isolate.refresh() == ("larger0", "kv", False)
    assert isolate.events.count("policy-loaded") == 1


def test_a_reading_that_was_broken_off_is_gone_on_with() -> None:
    """The runtime ends what a request does in the background when it likes."""
    isolate = Isolate(FakeKv(policy=LARGE))

    async def broken_off() -> None:
        await isolate.store.refresh(isolate.kv)
        task = asyncio.ensure_future(isolate.store.keep(isolate.kv))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])

    run(broken_off())
    assert isolate.serving() == ("bundled", "bundled", False)
    run(isolate.store.keep(isolate.kv))
    assert isolate.serving() == ("bundled", "bundled", False), "somebody may be at it"
    isolate.now += LOST_MS
    run(isolate.store.keep(isolate.kv))
    assert isolate.serving() == ("large0", "kv", False)


def test_what_is_far_too_large_is_named_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """14.18: KV takes 25 MB; other requests go on while they are hashed."""
    huge = ONE + b"#" * 9_000_000
    pauses: list[float] = []
    real = asyncio.sleep

    async def counted(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr("router.edge.isolate.slices.sleep", counted)
    isolate = Isolate(FakeKv(policy=huge))
    assert isolate.refresh()[2]
    assert isolate.store.rejection
    assert isolate.store.rejection.digest == digest_of(huge)
    assert [each.code for each in isolate.store.rejection.findings] == ["yaml-too-large"]
    assert len(pauses) >= 4


def test_compiled_forms_that_were_written_here_go_with_their_policies() -> None:
    pushed = {f"policy/compiled/{digest_of(LARGE)}": b"by a push"}
    isolate = Isolate(FakeKv(**pushed))

    def forms() -> set[str]:
        prefix = "policy/compiled/"
        return {key.removeprefix(prefix) for key in isolate.kv.values if key.startswith(prefix)}

    one, two, other = digest_of(ONE), digest_of(TWO), digest_of(LARGE)
    steps(isolate, ONE, TWO)
    assert forms() == {one, two, other}
    isolate.now += DEFAULTS.lag_ms
    steps(isolate, BAD)
    assert forms() == {one, two, other}, "while KV holds a bad one, nothing goes"
    steps(isolate, TWO)
    isolate.now += DEFAULTS.lag_ms
    isolate.refresh()
    assert forms() == {two, other}
    assert isolate.kept == TWO
    steps(isolate, ONE)
    isolate.now += DEFAULTS.lag_ms
    isolate.refresh()
    assert forms() == {one, other}, "one that comes back is compiled again"
    assert isolate.kept == ONE
