"""A push from beginning to end: nothing to do, late routers, and routers that it spoils."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policies.language.load import digest_of
from router.api.client import Refused
from router.dev.layout import SetupError
from router.edge.isolate.keys import COMPILED_PREFIX
from router.publishing import edge
from router.publishing.deployed import read_with_deployed, record
from router.publishing.edge import Edge, ask
from router.publishing.publish import Order
from router.publishing.published import read
from router.publishing.write import NotPublished
from router.terminal.errors import Failed
from tests.router.publishing.making import Clone, FakeKv, change, digest, text


class Router:
    """Serves at once what KV holds, unless it `holds` something; `spoils` names policies
    that it is degraded by, `refuses` those that it does not take."""

    url = "http://router"

    def __init__(self, kv: FakeKv) -> None:
        self.kv = kv
        self.holds: str | None = None
        self.spoils: set[str] = set()
        self.refuses: set[str] = set()
        self.takes: Callable[[str], None] = lambda digest: None
        self.served = ""
        self.waited_s = 20.0  # how long it is waited for

    def get(self, page: str) -> dict[str, Any]:
        data = self.kv.values.get("policy", b"")
        digest = self.holds or digest_of(data)
        self.takes(digest)
        is_refused = digest in self.refuses
        self.served = self.served if is_refused else digest
        reasons = ["it is not well"] if digest in self.spoils | self.refuses else []
        rejected = {"digest": digest} if is_refused else None
        return {"policy": {"digest": self.served}, "reasons": reasons, "rejected": rejected}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "EVERY_S", 0.001)


@pytest.fixture
def router() -> Router:
    return Router(FakeKv())


Push = Callable[..., dict[str, Any]]


@pytest.fixture
def push(router: Router, tmp_path: Path) -> Push:
    def push(name: str, force: bool = False) -> dict[str, Any]:
        before = ask(router)  # type: ignore[arg-type]
        waited = Edge(router, before, router.waited_s)  # type: ignore[arg-type]
        return Clone(router.kv, tmp_path, waited).push(name, force=force)

    return push


def test_a_router_that_serves_it(router: Router, push: Push) -> None:
    outcome = push("one")
    assert outcome["edge"] == {"waited": True, "url": router.url, "result": "serves"}
    assert (outcome["result"], outcome["replaced"]) == ("pushed", None)
    assert push("two")["replaced"] == digest("one")


def test_nothing_new_writes_nothing(router: Router, push: Push) -> None:
    push("one")
    router.kv.writes.clear()
    assert push("one")["compiled"] == "present"
    assert router.kv.writes == []


@pytest.mark.parametrize("damage", [None, b"{}"], ids=["missing", "of another version"])
def test_a_compiled_form_that_does_not_fit_is_written(
    router: Router, push: Push, damage: bytes | None
) -> None:
    push("one")
    key = COMPILED_PREFIX + digest("one")
    router.kv.delete(key)
    if damage:
        router.kv.values[key] = damage
    router.kv.writes.clear()
    assert push("one")["compiled"] == "written"
    assert router.kv.writes == [key]
    assert router.kv.values[key] == change(text("one")).compiled()


def test_a_router_that_does_not_take_it_in_time(router: Router, push: Push) -> None:
    push("one")
    router.holds, router.waited_s = digest("one"), 0.2
    with pytest.raises(NotPublished) as late:
        push("two")
    assert late.value.document["result"] == "late"
    told = str(late.value)
    assert f"pushed, but http://router serves {digest('one')[:12]} after 0.2 s" in told
    assert "Nothing is rolled back" in told
    assert router.kv.values["policy"] == text("two")


def test_what_is_live_already_is_waited_for_and_never_rolled_back(
    router: Router, push: Push
) -> None:
    push("one")
    push("two")
    assert push("two")["edge"]["result"] == "serves"
    router.holds, router.waited_s = digest("one"), 0.2
    with pytest.raises(NotPublished, match=r"after 0\.2 s") as late:
        push("two")
    assert late.value.document["result"] == "late"
    router.holds, router.waited_s, router.refuses = None, 20.0, {digest("two")}
    with pytest.raises(NotPublished, match="it was live before this push; go back with"):
        push("two")
    assert router.kv.values["policy"] == text("two")


def test_somebody_pushes_while_it_is_waited_for(router: Router, push: Push, tmp_path: Path) -> None:
    push("one")
    bob = Clone(router.kv, tmp_path / "bob")
    asked = []

    def takes(digest_: str) -> None:
        asked.append(digest_)
        if len(asked) == 3:
            bob.push("three", force=True)

    router.takes, router.waited_s = takes, 0.2
    with pytest.raises(NotPublished, match=r"^replaced: .* is live by now"):
        push("two")
    assert router.kv.values["policy"] == text("three")


@pytest.mark.parametrize("how", ["spoils", "refuses"])
def test_a_push_that_spoils_the_router_is_rolled_back(
    router: Router, push: Push, tmp_path: Path, how: str
) -> None:
    push("one")
    getattr(router, how).add(digest("two"))
    with pytest.raises(NotPublished) as spoilt:
        push("two")
    assert spoilt.value.document["result"] == "rolled-back"
    assert spoilt.value.document["live"] == digest("one")
    told = str(spoilt.value)
    assert told.startswith(f"rolled back to {digest('one')[:12]}, and the router serves it again")
    assert f"http://router is degraded by {digest('two')[:12]}: it is not well" in told
    seen = read(router.kv)
    assert seen.data == router.kv.values["policy/last-good"] == text("one")
    assert [entry.digest for entry in seen.history] == list(map(digest, ("one", "two", "one")))
    assert seen.history[0].note == "rolled back automatically: it is not well"
    assert (seen.live, seen.history[0].parent) == (seen.history[0], digest("two"))
    assert Clone(router.kv, tmp_path).place.base.read() == digest("one")
    assert push("three")["result"] == "pushed"


def test_a_router_that_was_degraded_already_is_not_spoilt(router: Router, push: Push) -> None:
    push("one")
    router.spoils = {digest("one"), digest("two")}
    assert push("two")["edge"]["result"] == "serves"


def without_before(router: Router) -> None:
    router.kv.values.pop("policy", None)


def with_bad_before(router: Router) -> None:
    router.kv.put("policy", b"broken: [")


def with_newer(router: Router) -> None:
    """Somebody else's policy has come before it can be put back."""
    count = 0

    def takes(digest_: str) -> None:
        nonlocal count
        count += digest_ == digest("two")
        if count == edge.IN_A_ROW:
            router.kv.values["policy"] = text("newer")

    router.takes = takes


def with_kv_away(router: Router) -> None:
    """KV takes the push, and nothing after it."""

    def after(key: str) -> None:
        if key == "policy":
            router.kv.before = lambda key: (_ for _ in ()).throw(SetupError("KV is away"))

    router.kv.after = after


@pytest.mark.parametrize(
    ("prepare", "why", "live"),
    [
        (without_before, "nothing was live before", "two"),
        (with_bad_before, "the previous policy is not valid either", "two"),
        (with_newer, "is live by now", "newer"),
        (with_kv_away, "KV is away", "two"),
    ],
)
def test_why_a_push_cannot_be_rolled_back(
    router: Router, push: Push, prepare: Callable[[Router], None], why: str, live: str
) -> None:
    push("one")
    router.spoils = {digest("two")}
    prepare(router)
    with pytest.raises(NotPublished) as spoilt:
        push("two", force=True)
    assert spoilt.value.document["result"] == "degraded"
    assert "it was not rolled back: " in str(spoilt.value)
    assert why in str(spoilt.value)
    assert router.kv.values["policy"] == text(live)


def test_a_policy_that_takes_our_key_away_is_told_to_be_pushed(router: Router, push: Push) -> None:
    push("one")

    def refuse(served: str) -> None:
        if served == digest("two"):
            raise Refused("http://router refuses: it does not know the key", 401, {})

    router.takes = refuse
    with pytest.raises(
        NotPublished, match="pushed, but it is unknown whether a router serves it"
    ) as told:
        push("two")
    assert told.value.document["result"] == "unknown"
    assert router.kv.values["policy"] == text("two")


@pytest.mark.parametrize(
    "trouble",
    [Failed("http://router is no router: it answers 502"), Refused("not now", 503, {})],
    ids=["a gateway's page", "a problem"],
)
def test_a_bad_moment_is_waited_out(router: Router, push: Push, trouble: Failed) -> None:
    push("one")
    asked: list[str] = []

    def fail_once(served: str) -> None:
        asked.append(served)
        if len(asked) == 2:
            raise trouble

    router.takes = fail_once
    assert push("two")["edge"]["result"] == "serves"
    assert len(asked) > 2


class Deployed(Router):
    """A router that tells the policy that it was deployed with, while KV holds none."""

    def get(self, page: str) -> dict[str, Any]:
        if page == "policy":
            data = text("bundled")
            told = {"source": "bundled", "digest": digest_of(data), "text": data.decode()}
            return told if "policy" not in self.kv.values else {"source": "kv"}
        if "policy" not in self.kv.values:
            return {"policy": {"digest": digest("bundled")}, "reasons": [], "rejected": None}
        return super().get(page)


def first_push(router: Router, folder: Path, name: str, base: str = "") -> dict[str, Any]:
    waited = Edge(router, ask(router), router.waited_s)  # type: ignore[arg-type]
    publisher = Clone(router.kv, folder, waited).publisher
    seen = read_with_deployed(publisher.place, publisher.edge)
    return publisher.publish(change(text(name)), Order("routes.yaml", base), seen)


def test_the_first_push_replaces_what_was_deployed(tmp_path: Path) -> None:
    router = Deployed(FakeKv())
    assert first_push(router, tmp_path, "one")["replaced"] == digest("bundled")
    seen = read(router.kv)
    assert [(each.digest, each.note) for each in seen.history] == [
        (digest("one"), ""),
        (digest("bundled"), "deployed with the router"),
    ]
    assert seen.live is not None
    assert (seen.live.parent, seen.before().digest) == (digest("bundled"),) * 2
    assert router.kv.values[seen.before().key] == text("bundled")


def test_the_first_push_is_rolled_back_to_what_was_deployed(tmp_path: Path) -> None:
    router = Deployed(FakeKv())
    router.spoils = {digest("one")}
    with pytest.raises(NotPublished, match="and the router serves it again") as failed:
        first_push(router, tmp_path, "one")
    assert failed.value.document["live"] == digest("bundled")
    assert router.kv.values["policy"] == text("bundled")


def test_what_was_deployed_is_the_base_of_the_first_push(tmp_path: Path) -> None:
    router = Deployed(FakeKv())
    told = f"live is {digest('bundled')[:12]}, deployed with the router"
    with pytest.raises(Failed, match=told):
        first_push(router, tmp_path, "one", digest("zero"))
    assert router.kv.writes == []
    assert first_push(router, tmp_path, "one", digest("bundled"))["result"] == "pushed"


def test_the_same_policy_as_the_deployed_one_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    router = Deployed(FakeKv())
    assert first_push(router, tmp_path, "bundled")["result"] == "pushed"
    seen = read(router.kv)
    assert [each.digest for each in seen.history] == [digest("bundled")]
    with pytest.raises(Failed, match="nothing to go back to"):
        seen.before()


def test_without_a_router_what_was_deployed_from_here_counts(tmp_path: Path) -> None:
    clone = Clone(FakeKv(), tmp_path)
    place = clone.place._replace(deployed=tmp_path / "deployed")
    assert read_with_deployed(place, clone.publisher.edge).serving is None
    record(tmp_path / "deployed", text("bundled"), pytest.fail)
    assert read_with_deployed(place, clone.publisher.edge).replaced == digest("bundled")
    clone.push("one")
    seen = read_with_deployed(place, clone.publisher.edge)
    assert (seen.serving, seen.deployed) == (text("one"), None)


def test_where_the_policy_was_deleted_the_last_good_one_serves(tmp_path: Path) -> None:
    clone = Clone(FakeKv(), tmp_path)
    clone.push("one")
    clone.kv.delete("policy")
    assert read_with_deployed(clone.place, clone.publisher.edge).serving == text("one")
