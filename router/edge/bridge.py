"""Between Python and JavaScript: every crossing of the request path stands here.

A crossing costs microseconds where Python code costs fractions of one, so what belongs
together crosses together: `bridge.js` does in one call what would take ten from here.
"""

from __future__ import annotations

import json
from asyncio import ensure_future
from collections.abc import Collection, Coroutine, Sequence
from typing import Any, Literal, NamedTuple

import js
from pyodide.ffi import JsException, create_proxy, jsnull, run_sync, to_js
from workers import import_from_javascript

from policies.decisions.changes import Changes, Pairs
from policies.decisions.request import Client

JsObject = Any  # a JsProxy; its attributes are JavaScript's
MODULE = "router/edge/bridge.js"
LIMITER = "ROUTER_LIMITER"  # the binding of the class `Limiter`
COORDINATOR = "ROUTER_COORDINATOR"  # the binding of the class `Coordinator`
THE_ONE = "global"  # the name of its one object

_NAMING = ("location", "content-location")  # in this order in bridge.js, too

_parse = js.JSON.parse
_new_response = js.Response.new
_now = js.Date.now
# bridge.js. Not at import: a memory image can hold no JavaScript object.
_module: JsObject = None
_read: JsObject = None
_send: JsObject = None
_answer: JsObject = None


def load() -> None:
    """Load `bridge.js`, once in an isolate; within a request."""
    global _module, _read, _send, _answer
    _module = import_from_javascript(MODULE)
    _read, _send, _answer = _module.read, _module.send, _module.answer


class Arrived(NamedTuple):
    """A request as it came in; `headers` has lower-case names, repeated ones joined; all
    their names and values together have at most `size` characters. Since the request before:
    `broken`: who has broken an answer off, when that attempt began, and what it counted for
    (`Steered.part`); `copied`: of copies
    that somebody wants to know of, for whom, the status (0: no answer) and how long it took."""

    now_ms: float
    method: str
    url: str
    headers: dict[str, str]
    client: Client
    size: int
    broken: Sequence[tuple[str, float, str]] = ()
    copied: Sequence[tuple[str, int, float]] = ()


def read(request: JsObject) -> Arrived:
    """All that decisions need, in one crossing."""
    if _read is None:
        load()
    text = _read(request)
    now, method, url, colo, country, continent, broken, copied, *lines = text.split("\n")
    headers = dict(zip(lines[::2], lines[1::2], strict=True))
    client = Client(headers.get("cf-connecting-ip", ""), colo, country, continent)
    since = broken and _blamed(broken), copied and _copies(copied)
    return Arrived(float(now), method, url, headers, client, len(text), *since)


def _copies(told: str) -> list[tuple[str, int, float]]:
    words = told.split(" ")
    each = zip(words[::3], words[1::3], words[2::3], strict=True)
    return [(run, int(status), float(took)) for run, status, took in each]


def _blamed(told: str) -> list[tuple[str, float, str]]:
    words = told.split(" ")
    each = zip(words[::3], words[1::3], words[2::3], strict=True)
    return [(name, float(began), part) for name, began, part in each]


def now_ms() -> float:
    """Milliseconds since 1970. (`time.time()` runs ahead here: it grows with every call.)"""
    return float(_now())


def new_answer(body: JsObject, status: int, headers: Pairs) -> JsObject:
    """An answer of the router's own; `body` is text, a stream or None."""
    init = _parse(json.dumps({"status": status, "headers": headers}))
    return _new_response(body if status not in (204, 205, 304) else None, init)


InFront = Literal["down", "errors"] | int | None  # a drill: what it does, or a wait in ms


class Sending(NamedTuple):
    """A request with changed headers for a service binding. `url`: another one than its
    own; `timeout_ms`: until the answer begins, 0 for no limit; `limit`: bytes of its body,
    whose length nobody has announced; `upload`: its body from `again`, in place of its own;
    `drill`: what happens in front of the binding."""

    binding: str
    request: JsObject
    url: str | None
    changes: Changes
    timeout_ms: int
    limit: int | None = None
    upload: JsObject = None
    drill: InFront = None


def begin(env: JsObject, sending: Sending) -> JsObject | None:
    """The promise of an answer; None if the binding is no service."""
    binding, request, url, changes, timeout_ms, limit, upload, drill = sending
    most = -1 if limit is None else limit
    return _send(env, binding, request, url, *_lines(changes), timeout_ms, most, upload, drill)


def send(env: JsObject, sending: Sending) -> JsObject | None:
    """The same, when it begins."""
    answer = begin(env, sending)
    return None if answer is None else run_sync(answer)


class Raced(NamedTuple):
    """The answer that is taken, if there is one, and whose it is (0 or 1); what came of each
    attempt that was made: a status and what its `Retry-After` says, the name and the message
    of an error, or nothing if it was aborted."""

    answer: JsObject | None
    taken: int
    came: Sequence[str]


def race(env: JsObject, two: Sequence[Sending], after_ms: float, codes: Collection[int]) -> Raced:
    """Send the first, which has no body, and if no answer has begun after so long, the
    second, too. An answer with one of `codes` is only taken if there is no other."""
    flat: list[object] = []
    for binding, _, url, changes, timeout_ms, _, _, drill in two:
        flat += (binding, url, *_lines(changes), timeout_ms, drill)
    refused = " ".join(map(str, codes))
    found = run_sync(_module.race(env, two[0].request, after_ms, refused, *flat))
    taken, *came = str(found.told).split("\n")
    return Raced(found.answer, int(taken), came)


def kept(request: JsObject) -> JsObject | None:
    """The body of `request`, read to its end, for `again`; None if the client breaks it off."""
    return run_sync(_module.kept(request))


def arriving(request: JsObject, limit: int | None, most: int) -> JsObject | None:
    """The body of `request` for `again`, which goes on as it comes. It breaks off after
    `limit` bytes, and is kept as long as it has at most `most`. None if there is no body."""
    return _module.arriving(request, -1 if limit is None else limit, most)


def again(source: JsObject) -> JsObject | None:
    """A kept body to send once more; None if it has become too large for that."""
    return _module.again(source)


def is_broken(request: JsObject) -> bool:
    """Whether the client has broken off the body of `request`."""
    return bool(_module.isBroken(request))


def pause(ms: float) -> None:
    """Wait; other requests go on."""
    run_sync(_module.pause(ms))


def send_copy(
    ctx: JsObject,
    env: JsObject,
    binding: str,
    request: JsObject,
    url: str,
    changes: Changes,
    timeout_ms: int,
    source: JsObject = None,
    tag: str = "",
) -> None:
    """Send `request` once more, and do not wait for the answer. What comes of it is in
    `Arrived.copied` of a later request, for `tag`, if there is one."""
    _module.mirror(ctx, env, binding, request, url, *_lines(changes), timeout_ms, source, tag)


def answer_with(
    response: JsObject, changes: Changes, request: JsObject, blamed: tuple[str, float, str]
) -> JsObject:
    """A variant's answer to `request` with changed headers; its body passes through unread.
    If it breaks off, `blamed` is in `Arrived.broken` of a later request."""
    variant, began_ms, part = blamed
    return _answer(response, *_lines(changes), request, f"{variant} {began_ms:.0f} {part}")


def amended(response: JsObject, changes: Changes) -> JsObject:
    """Any answer with changed headers."""
    return _module.amended(response, *_lines(changes))


def head_of(response: JsObject) -> tuple[int, Pairs]:
    """Status and headers of an answer."""
    status, *lines = _module.head(response).split("\n")
    return int(status), list(zip(lines[::2], lines[1::2], strict=True))


def discard(body: JsObject) -> None:
    """Read no more of it."""
    if body is not None and body is not jsnull:
        body.cancel()


def has_body(message: JsObject) -> bool:
    body = message.body
    return body is not None and body is not jsnull


def _lines(changes: Changes) -> tuple[str, str, str]:
    """Lists of strings as lines: that is one conversion each."""
    added = "\n".join([text for pair in changes.added for text in pair]) if changes.added else ""
    fixed = "\n".join([text for pair in changes.set.items() for text in pair])
    return "\n".join(changes.removed), fixed, added


class Recalled(NamedTuple):
    """What is kept: what was told about it, its body, how many bytes that has, and when it was
    voided, if it was."""

    about: str
    body: JsObject
    size: int
    voided_ms: float


def recall(key: str, mark: str) -> Recalled | None:
    """What is kept under `key`, and what `mark` says of it."""
    found = run_sync(_module.recall(key, mark))
    if found is None:
        return None
    size, voided, about = str(found.told).split("\n", 2)
    return Recalled(about, found.body, int(size), float(voided))


def void(marks: Sequence[str], at_ms: float, seconds: int) -> None:
    """Note under all of `marks`, for so long, that what was asked for before is void."""
    run_sync(_module.markVoid("\n".join(marks), at_ms, seconds))


def named_urls(response: JsObject) -> dict[str, str]:
    """The URLs that an answer names beside its own."""
    lines = str(_module.namedUrls(response)).split("\n")
    return {name: url for name, url in zip(_NAMING, lines, strict=True) if url}


def keep(
    ctx: JsObject, key: str, response: JsObject, about: str, seconds: int, most: int
) -> JsObject:
    """`response`, a copy of which is kept under `key` if it has at most `most` bytes."""
    return _module.keep(ctx, key, response, about, seconds, most)


async def store(key: str, response: JsObject, about: str, seconds: int, most: int) -> None:
    """Keep `response` under `key`."""
    await _module.store(key, response.body, about, seconds, most)


async def forget(key: str) -> None:
    await _module.forget(key)


def ask_limiter(env: JsObject, name: str, question: str, timeout_ms: int) -> str:
    """What the limiter of that name answers; raises `JsException` if it does not."""
    return str(run_sync(_module.ask(env, LIMITER, name, "take", question, timeout_ms)))


def give_back(env: JsObject, name: str, returned: str, ctx: JsObject) -> None:
    """Give the limiter of that name something back, after the answer."""
    _module.giveBack(env, LIMITER, name, returned, ctx)


async def ask_coordinator(env: JsObject, method: str, question: str, timeout_ms: int) -> str:
    """What the Coordinator answers; raises `JsException` if it does not."""
    return str(await _module.ask(env, COORDINATOR, THE_ONE, method, question, timeout_ms))


async def probe(
    env: JsObject,
    binding: str,
    url: str,
    headers: Pairs,
    timeout_ms: int,
    most: int,
    drill: InFront = None,
) -> tuple[int, str]:
    """The status of an answer and at most `most` bytes of its body; raises `JsException` if
    there is none in time."""
    if _module is None:
        load()  # perhaps this isolate has had no request
    fixed = "\n".join([text for pair in headers for text in pair])
    answer = str(await _module.probe(env, binding, url, fixed, timeout_ms, most, drill))
    status, _, body = answer.partition("\n")
    return int(status), body


async def ask_service(
    env: JsObject, binding: str, url: str, document: str, timeout_ms: int
) -> tuple[int, str]:
    """The status of the answer to a POST of JSON, and the beginning of its body; raises
    `JsException` if there is none in time."""
    if _module is None:
        load()
    answer = str(await _module.askService(env, binding, url, document, timeout_ms))
    status, _, text = answer.partition("\n")
    return int(status), text


def body_text(request: JsObject, most: int) -> str | None:
    """Its body as text; None if it has more than `most` bytes."""
    text = run_sync(_module.text(request, most))
    return None if text is None else str(text)


def unwrapped(env: JsObject) -> JsObject:
    """The bindings themselves: in Durable Objects the SDK wraps them."""
    return getattr(env, "_env", env)


def in_background(ctx: JsObject, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` after the answer; the runtime keeps the request's context alive for it."""
    task = ensure_future(work)
    proxy = create_proxy(task)  # a borrowed one would be gone when `waitUntil` returns
    task.add_done_callback(lambda _: proxy.destroy())
    ctx.waitUntil(proxy)


class KvNamespace:
    """Workers KV with Python's bytes; None for a missing key."""

    def __init__(self, binding: JsObject) -> None:
        self._binding = binding

    async def get(self, key: str) -> bytes | None:
        if self._binding is None:
            raise LookupError("no KV namespace is bound to POLICIES")
        value = await self._binding.get(key, "arrayBuffer")
        return None if value is None or value is jsnull else bytes(value.to_bytes())

    async def put(self, key: str, value: bytes) -> None:
        await self._binding.put(key, to_js(value))

    async def delete(self, key: str) -> None:
        await self._binding.delete(key)


__all__ = [
    "Arrived",
    "InFront",
    "JsException",
    "JsObject",
    "KvNamespace",
    "Sending",
    "again",
    "amended",
    "answer_with",
    "arriving",
    "ask_coordinator",
    "ask_limiter",
    "ask_service",
    "begin",
    "body_text",
    "discard",
    "forget",
    "give_back",
    "has_body",
    "head_of",
    "in_background",
    "is_broken",
    "keep",
    "kept",
    "named_urls",
    "new_answer",
    "now_ms",
    "pause",
    "probe",
    "race",
    "read",
    "recall",
    "run_sync",
    "send",
    "send_copy",
    "store",
    "unwrapped",
    "void",
]
