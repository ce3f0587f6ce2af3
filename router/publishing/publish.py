"""A push: read KV, show the difference, ask, write, read back, wait for a router.

`router push` publishes a file, `router rollback` a policy of the history. If a push degrades a
router that was ok, it is rolled back at once: the policy before it is pushed again. It is not
rolled back if a router does not take the policy in time, since the policy is in KV.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from policies.language.load import load
from router.api.client import Refused
from router.dev.layout import SetupError
from router.edge.isolate.keys import COMPILED_PREFIX
from router.publishing.base import check_base
from router.publishing.edge import Edge, PushVerdict, Said, wait
from router.publishing.history import SHORT, Entry
from router.publishing.metadata import metadata
from router.publishing.place import Place
from router.publishing.published import Published, read
from router.publishing.reporter import Reporter
from router.publishing.write import NotPublished, PolicyChange, read_back, write
from router.terminal.errors import Failed

MAX_WHY = 80  # characters of a reason that go into a note


@dataclass(frozen=True, slots=True)
class Order:
    """How to publish. `base`: the digest that must be live ("": any); `agree`: asks for
    confirmation; `file`: for hints."""

    file: str
    base: str = ""
    agree: Callable[[str], bool] = lambda question: True


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes to one place, waits for one router, and reports its progress."""

    place: Place
    edge: Edge
    reporter: Reporter

    def publish(self, change: PolicyChange, order: Order, seen: Published) -> dict[str, Any]:
        """Publish `change`. Returns the outcome; raises NotPublished if it is not live in the
        end."""
        kv = self.place.kv
        if change.digest == seen.digest:
            return self._unchanged(change, seen)
        check_base(order.base, seen, order.file)
        # Raises if it is too large.
        metadata(change.digest, seen.replaced, change.note, datetime.now(UTC))
        if seen.data is None and seen.deployed is not None:
            self.reporter.tell(f"the first push; it replaces {seen.to_text()}")
        self.reporter.difference(seen.serving, change.data)
        if not order.agree(f"Publish {change.digest[:SHORT]} to {kv.place}?"):
            raise NotPublished("declined", "nothing was written")
        entry, others = self._write(change, seen)
        self.reporter.tell(
            *(("pushed", "green"), f" to {kv.place}: read back, {len(change.data):,} bytes"),
        )
        for other in others:
            what = f" {other.to_text()} was pushed at the same time"
            self.reporter.tell(("warning", "yellow"), f"{what}; it is in the history, but not live")
        return {
            "result": "pushed",
            "place": kv.place,
            "digest": change.digest,
            "replaced": seen.replaced or None,
            "history": entry.key,
            "others": [other.document() for other in others],
            "edge": self._wait(change, seen),
        }

    def _unchanged(self, change: PolicyChange, seen: Published) -> dict[str, Any]:
        """Write nothing, except a compiled form that is missing or of another version."""
        kv = self.place.kv
        key, compiled = COMPILED_PREFIX + change.digest, change.compiled()
        is_compiled = change.digest in seen.compiled and kv.get(key) == compiled
        self.reporter.tell(f"no difference: {change.digest[:SHORT]} is live in {kv.place}")
        if not is_compiled:
            self.reporter.tell((f"writing {key}", "dim"))
            kv.put(key, compiled)
        self.place.base.write(change.digest, self.reporter.warn)
        return {
            "result": "unchanged",
            "place": kv.place,
            "digest": change.digest,
            "compiled": "present" if is_compiled else "written",
            "edge": self._wait(change, None),
        }

    def _write(self, change: PolicyChange, seen: Published) -> tuple[Entry, list[Entry]]:
        kv = self.place.kv
        if seen.replaced:  # the author has seen this policy, but no later one
            self.place.base.write(seen.replaced, self.reporter.warn)
        try:
            entry = write(kv, change, seen, self.reporter)
            others = read_back(kv, entry, seen, self.place.settle_s)
        except KeyboardInterrupt as error:
            both = "the live policy is unchanged, or it is the complete new one"
            told = f"interrupted: {both}; `router history` tells which"
            raise type(error)(told) from None
        self.place.base.write(change.digest, self.reporter.warn)
        return entry, others

    def _wait(self, change: PolicyChange, before: Published | None) -> dict[str, Any]:
        """Wait for the router. `before`: the policy to roll back to; None if `change` was already
        live."""
        client, why = self.edge.client, self.edge.why
        if client is None:
            self.reporter.tell(("not waited for a router:", "yellow"), f" {why}")
            return {"waited": False, "why": why}
        try:
            verdict, said = self._hear(change.digest, self.edge.before)
        except KeyboardInterrupt as error:
            live = "interrupted: the policy is live in KV, and routers will take it"
            raise type(error)(live) from None
        except Refused as error:  # the policy may have removed our key
            message = f"pushed, but it is unknown whether a router serves it: {error}"
            raise NotPublished("unknown", message, digest=change.digest) from None
        told = {"waited": True, "url": client.url, "result": verdict.value}
        if verdict is PushVerdict.SPOILT:
            raise self._go_back(change, before, _why(said), told)
        if verdict is PushVerdict.LATE:
            raise self._late(change, said, told)
        self.reporter.tell(("serves", "green"), f" {change.digest[:SHORT]} at {client.url}")
        return told

    def _hear(self, digest: str, before: Said | None) -> tuple[PushVerdict, Said | None]:
        client = self.edge.client
        if client is None:
            raise Failed("there is no router to wait for")
        self.reporter.tell((f"waiting for {client.url} to serve {digest[:SHORT]}", "dim"))
        with self.reporter.waiting() as heard:
            return wait(client, digest, before, self.edge.within_s, heard)

    def _late(self, change: PolicyChange, said: Said | None, told: dict[str, Any]) -> NotPublished:
        """Return the error to raise: another push may have replaced the policy, or the router may
        read KV late, or another KV."""
        seen = read(self.place.kv)
        if seen.digest != change.digest:
            message = f"replaced: {seen.to_text()} is live by now"
            return NotPublished("replaced", message, live=seen.digest, edge=told)
        serving = f"serves {said.digest[:SHORT]}" if said else "does not answer"
        message = (
            f"pushed, but {told['url']} {serving} after {self.edge.within_s:g} s. Nothing is "
            "rolled back: the policy is in KV, and routers take it when they read KV. "
            f"See `router status --url {told['url']}`, and check that it reads this KV"
        )
        return NotPublished("late", message, digest=change.digest, edge=told)

    def _go_back(
        self, change: PolicyChange, before: Published | None, why: str, told: dict[str, Any]
    ) -> NotPublished:
        """Push the previous policy again. Returns the error to raise, since the push has failed."""
        spoilt = f"{told['url']} is degraded by {change.digest[:SHORT]}: {why}"
        self.reporter.tell(("degraded", "bold red"), f" {spoilt}")
        try:
            again = self._restore(change, before, why)
        except (Failed, SetupError) as error:
            message = f"{spoilt}; it was not rolled back: {error}"
            return NotPublished("degraded", message, digest=change.digest, edge=told)
        serving = "serves it again" if again is PushVerdict.SERVES else "does not serve it yet"
        live = before.replaced if before else ""
        message = f"rolled back to {live[:SHORT]}, and the router {serving}; {spoilt}"
        more = {"digest": change.digest, "live": live, "edge": told}
        return NotPublished("rolled-back", message, **more)

    def _restore(self, change: PolicyChange, before: Published | None, why: str) -> PushVerdict:
        if before is None:
            raise Failed("it was live before this push; go back with `router rollback`")
        seen = read(self.place.kv)
        if seen.digest != change.digest:
            raise Failed(f"{seen.to_text()} is live by now")
        if before.serving is None:
            raise Failed("nothing was live before; fix the policy and push it")
        loaded = load(before.serving, allow_private=True)
        if loaded.policy is None:
            raise Failed("the previous policy is not valid either; fix the policy and push it")
        self._write(
            PolicyChange(before.serving, loaded, f"rolled back automatically: {why[:MAX_WHY]}"),
            seen,
        )
        return self._hear(before.replaced, None)[0]


def _why(said: Said | None) -> str:
    return "; ".join(said.reasons)[:200] if said and said.reasons else "it refuses the policy"
