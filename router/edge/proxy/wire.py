"""The text format of effects and their outcomes, which cross between Python and `driver.js`.

A `Send`, which nearly every request has, is a list of lines: neither a URL nor the name or
value of a header can hold a line break (WHATWG URL; RFC 9110, section 5.5). Everything else is
JSON: a list that begins with the effect's name and the request's number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import lru_cache
from itertools import chain

from policies.basics.untyped import Parsed
from policies.http.changes import Changes
from policies.http.claims import claims_among
from policies.http.request import Client
from policies.proxy.phases.context import Arrived
from policies.proxy.phases.effects import (
    Came,
    Carry,
    Forget,
    Found,
    Keep,
    KeepBody,
    KeptBody,
    LearnRollouts,
    LookUp,
    Mirrored,
    Own,
    Race,
    Raced,
    Respond,
    Send,
    SendCopy,
    Store,
    Void,
    Wait,
)
from router.edge.isolate.rate_limits import AskLimiter, GiveBack

# Lists of header names that are remembered, and the characters that they may have: clients choose
# them, but a browser sends few different ones.
LISTS_REMEMBERED, LONG_NAMES = 500, 2_000


def parse_request(text: str) -> Arrived:
    """Parse the request that `read` in `memory.js` has written."""
    now, method, url, colo, country, continent, body, line, *values = text.split("\n")
    names, claims = _names(line) if len(line) <= LONG_NAMES else _names.__wrapped__(line)
    headers = dict(zip(names, values, strict=True))
    client = Client(headers.get("cf-connecting-ip", ""), colo, country, continent)
    return Arrived(float(now), method, url, headers, client, len(text), body == "1", claims)


@lru_cache(LISTS_REMEMBERED)
def _names(line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a request's headers, and those of them that are claims."""
    names = tuple(line.split())
    return names, claims_among(names)


def send_text(number: int, send: Send) -> str:
    """`send`, the number, the target, the limits, then the parts of `Carry`, and the changes."""
    _, upstream, url, changes, timeout_ms, limit, kept, drill, codes, carry, wants_head = send
    removed, replaced, added = changes
    head = (
        f"send\n{number}\n{upstream}\n{url or ''}\n{timeout_ms}\n"
        f"{-1 if limit is None else limit}\n{'1' if kept else ''}\n"
        f"{'' if drill is None else drill}\n{'1' if wants_head else ''}\n"
        f"{_codes(codes) if carry else ''}\n{_attribution(carry) if carry else ''}\n"
        f"{len(removed)}\n{2 * len(replaced)}\n{2 * len(added)}"
    )
    lines = [head, *removed, *chain.from_iterable(replaced.items()), *chain.from_iterable(added)]
    if carry:
        removed, replaced, added = carry.changes
        lines.append(f"{len(removed)}\n{2 * len(replaced)}\n{2 * len(added)}")
        lines += removed
        lines += chain.from_iterable(replaced.items())
        lines += chain.from_iterable(added)
    return "\n".join(lines)


@lru_cache(100)
def _codes(codes: frozenset[int]) -> str:
    return " ".join(map(str, codes))


def _attribution(carry: Carry) -> str:
    variant, began_ms, part = carry.attribution
    return f"{variant} {began_ms:.0f} {part}"


def effect_text(number: int, effect: object) -> str:
    """Any effect that JavaScript executes."""
    if type(effect) is Send:
        return send_text(number, effect)
    name, fields_of = _EFFECTS[type(effect)]
    return json.dumps([name, number, *fields_of(effect)])


def _changes(changes: Changes) -> list[object]:
    return [changes.removed, _flat(changes.set.items()), _flat(changes.added)]


def _flat(pairs: Collection[tuple[str, str]]) -> list[str]:
    return [text for pair in pairs for text in pair]


def _keep(keep: Keep | None) -> list[object] | None:
    return None if keep is None else list(keep)


def _mirror(effect: SendCopy) -> list[object]:
    copies = [[*copy[:3], *_changes(copy.changes), copy.tag] for copy in effect.copies]
    limit = -1 if effect.limit is None else effect.limit
    return [copies, effect.keeps_body, limit, effect.most, effect.timeout_ms]


def _race(effect: Race) -> list[object]:
    sends = [send_text(0, send) for send in (effect.first, effect.second)]
    return [*sends, effect.after_ms, _codes(effect.codes)]


_EFFECTS: dict[type, tuple[str, Callable[[Parsed], list[object]]]] = {
    AskLimiter: ("ask", list),
    GiveBack: ("giveback", list),
    Respond: ("answer", lambda e: [e.status, e.headers, e.body, e.kept]),
    Carry: ("carry", lambda e: [*_changes(e.changes), _attribution(e), _keep(e.keep)]),
    Forget: ("forget", lambda e: [e.key]),
    KeepBody: ("body", lambda e: [e.how, -1 if e.limit is None else e.limit, e.most, e.timeout_ms]),
    LearnRollouts: ("learn", lambda e: []),
    LookUp: ("lookup", list),
    SendCopy: ("mirror", _mirror),
    Own: ("own", lambda e: []),
    Race: ("race", _race),
    Store: ("store", lambda e: list(e.keep)),
    Void: ("void", lambda e: [e.marks, e.at_ms, e.seconds]),
    Wait: ("wait", lambda e: [e.ms]),
}


def parse_outcome(effect: object, text: str) -> object:
    """Parse the outcome of `effect` that `driver.js` has written."""
    fields = json.loads(text)
    build = _OUTCOMES.get(type(effect))
    return build(fields) if build else fields


def _came(fields: list[Parsed]) -> Came:
    *rest, headers = fields
    return Came(*rest)._replace(headers=[(name, value) for name, value in headers])


def _raced(fields: list[Parsed]) -> Raced:
    now, winner, *came = fields
    return Raced(now, winner, [answer and _came(answer) for answer in came])


_OUTCOMES: dict[type, Callable[[Parsed], object]] = {
    KeepBody: lambda fields: KeptBody(*fields),
    LookUp: lambda fields: fields and Found(*fields),
    SendCopy: lambda fields: Mirrored(*fields),
    Race: _raced,
    Send: _came,
}
