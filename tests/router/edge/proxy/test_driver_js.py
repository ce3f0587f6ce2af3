"""What `driver.js` does with what Python says, run by Node with a Python that is made up."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from policies.http.changes import Changes
from policies.proxy.phases.effects import Attribution, Carry, Respond, Send
from router.dev.layout import Layout, find_root
from router.edge.proxy.wire import effect_text

SCRIPT = Path(__file__).with_name("driver.mjs")
ENDINGS = SCRIPT.with_name("endings.mjs")
NONE = Changes([], {}, [])
CARRY = Carry(NONE, Attribution("a", 1.0, "-"))
ANSWER = effect_text(7, Respond(418, [], "short and stout"))


def went(*says: str, answers: tuple[int, ...] = ()) -> tuple[int, list[list[Any]]]:
    """The status that the client gets, and what happened, in order."""
    node = str(Layout(find_root(SCRIPT)).node)
    given = json.dumps({"says": says, "answers": answers})
    done = subprocess.run(
        [node, "--no-warnings", str(SCRIPT)],
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return found["status"], found["events"]


def decided(effect: str, chores: str = "") -> str:
    return f"{chores}\n0\n\n{effect}"


def sent(number: int, carry: Carry | None = CARRY) -> str:
    codes = frozenset({429})
    return effect_text(number, Send("a", "BACKEND", None, NONE, 0, codes=codes, carry=carry))


def names(events: list[list[Any]]) -> list[str]:
    return [event[0] for event in events]


def test_a_good_answer_needs_one_call() -> None:
    status, events = went(decided(sent(7)), answers=(404,))
    assert (status, names(events)) == (404, ["decide", "fetch"])


def test_what_is_not_good_goes_back_and_its_answer_is_cancelled() -> None:
    for bad in (429, 500):
        status, events = went(decided(sent(7)), sent(7), answers=(bad, 200))
        assert (status, names(events)) == (200, ["decide", "fetch", "resume", "cancel", "fetch"])
        _, number, outcome, _ = events[2]
        assert (number, json.loads(outcome)[1]) == ("7", bad)
        assert events[3] == ["cancel", bad]


def test_an_answer_of_pythons_cancels_the_variants() -> None:
    status, events = went(decided(sent(7)), ANSWER, answers=(500,))
    assert (status, names(events)) == (418, ["decide", "fetch", "resume", "cancel"])


def test_chores_are_done_before_the_effect() -> None:
    _, events = went(decided(sent(7), "policy"), answers=(200,))
    assert events[1] == ["chores", "policy"]


def test_a_binding_that_is_not_there_is_told() -> None:
    effect = effect_text(7, Send("a", "NOBODY", None, NONE, 0, carry=CARRY))
    status, events = went(decided(effect), ANSWER)
    assert (status, json.loads(events[1][2])[3]) == (418, "Unbound")


def test_what_goes_on_in_the_background_is_not_waited_for_and_leaves_no_body() -> None:
    """A refresh whose answer is not kept."""
    both = json.dumps(["with", 7, sent(8, None), ANSWER])
    status, events = went(decided(both), '["done"]', answers=(500,))
    assert (status, sorted(names(events))) == (418, ["cancel", "decide", "fetch", "resume"])
    assert names(events)[-1] == "cancel"


def test_if_python_raises_it_is_asked_for_an_answer() -> None:
    status, events = went("!a bug", ANSWER)
    assert (status, names(events)) == (418, ["decide", "failed"])
    assert events[1][1:] == ["Error", "Error: a bug"]


def test_if_python_cannot_even_do_that_there_is_an_answer() -> None:
    status, events = went(decided(sent(7)), "!a bug", "!another", answers=(500,))
    assert (status, names(events)) == (500, ["decide", "fetch", "resume", "failed"])


def test_who_goes_away_is_told_and_nobody_else() -> None:
    node = str(Layout(find_root(SCRIPT)).node)
    command = [node, "--no-warnings", "--expose-gc", str(ENDINGS), sent(7)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    notes = json.loads(ran.stdout)
    assert sorted(notes) == sorted([*(f"gone {number}" for number in range(1, 51)), "ok 51"])
