"""Rules that stand in Python and in JavaScript are the same in both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

import pytest

from policies.http.changes import Changes
from policies.proxy.memory.likeness import likeness_of
from policies.proxy.phases.effects import Attribution, Carry, Charge, Charged, Send
from policies.proxy.phases.headers import Trace, trace_of
from router.edge.proxy.wire import effect_text
from tests.policies.proxy.journey import Journey, isolate, of, status
from tests.router.edge.proxy.node import Node

TIMES = 300
NONE = Changes([], {}, [])
LIMITED = {"rate_limits": {"few": {"limit": "9/1m", "by": "route"}}}
TOLD = {"ratelimit-policy": '"few";q=9;w=60', "ratelimit": '"few";r=8;t=7'}


class Zeros(Random):
    """The least likely random numbers."""

    def getrandbits(self, k: int) -> int:
        return 0


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    started = Node()
    yield started
    started.stop()


def sent(*codes: int) -> Send:
    carry = Carry(NONE, Attribution("a", 1.0, "-"))
    return Send("a", "BACKEND", None, NONE, 0, codes=frozenset(codes), carry=carry)


def form(trace: Trace) -> str:
    """What ids look like, with the places of their digits; which digits are the same."""
    number = trace.traceparent.split("-")[1]
    same = "the trace's" if trace.request_id == number else "another's"
    return f"{same} {re.sub('[0-9a-f]', '.', trace.request_id)} " + re.sub(
        "(?<=-)[0-9a-f]{16,}(?=-)", lambda found: "." * len(found[0]), trace.traceparent
    )


@pytest.mark.parametrize("zeros", [False, True])
def test_ids_of_repeated_decisions_are_made_as_python_makes_them(node: Node, zeros: bool) -> None:
    made = node("repeated", effect_text(1, sent()), TIMES, zeros)
    lines = [ids.split("\n") for ids, _, _ in made]
    repeated = [Trace(request_id, parent, continued=False) for request_id, parent, _ in lines]
    rng = Zeros() if zeros else Random(1)
    decided = [trace_of({}, rng) for _ in range(TIMES)]
    assert {form(trace) for trace in repeated} == {form(trace) for trace in decided}
    for trace in (*repeated, *decided):  # well-formed: whoever gets them goes on with them
        given = {"x-request-id": trace.request_id, "traceparent": trace.traceparent}
        again = trace_of(given, rng)
        assert (again.request_id, again.continued) == (trace.request_id, True)
    if not zeros:
        assert len({trace.traceparent for trace in repeated}) == TIMES


@pytest.mark.parametrize("codes", [(), (429,), (404, 502, 503)])
def test_an_answer_is_good_for_both_or_for_none(node: Node, codes: tuple[int, ...]) -> None:
    statuses = list(range(200, 600))
    send = sent(*codes)
    good = [status for status in statuses if send.is_good(status)]
    assert node("good", effect_text(1, send), statuses) == good
    assert node("good", effect_text(1, send._replace(carry=None)), statuses) == []


def test_what_is_new_with_each_request_is_what_likeness_leaves_out(node: Node) -> None:
    """Of all that is set in a request to a variant, and in its answer."""
    journey = Journey(isolate(LIMITED, rate_limits=["few"]))
    journey.go(of(Charge, Charged(None, TOLD)), status(200))
    context, send = journey.context, journey.sent()
    assert send.carry
    sides = {False: send.changes.set, True: send.carry.changes.set}
    for is_answer, values in sides.items():
        old = with_values(send, is_answer, dict.fromkeys(values, "old"))
        [(_, *pairs)] = node("repeated", effect_text(1, old), 1, False)
        flat = pairs[is_answer]
        new = {name for name, value in zip(flat[::2], flat[1::2], strict=True) if value != "old"}
        left_out = {
            name
            for name in values
            if likeness_of(context, send)
            == likeness_of(context, with_values(send, is_answer, {**values, name: "new"}))
        }
        assert new == left_out
        assert len(new) == (2 if is_answer else 3)


def with_values(send: Send, is_answer: bool, values: dict[str, str]) -> Send:
    assert send.carry
    if is_answer:
        changes = send.carry.changes._replace(set=values)
        return send._replace(carry=send.carry._replace(changes=changes))
    return send._replace(changes=send.changes._replace(set=values))
