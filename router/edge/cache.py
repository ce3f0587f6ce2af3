"""Answers that are kept at the edge, in Cloudflare's cache.

Cache API and not KV: a put is free and is there at once for this location, where KV takes
one write a second for each key, shows it elsewhere after a minute, and bills both. What is
kept is kept for one location, and for nobody on `*.workers.dev`, where that cache does
nothing. An entry has a name that no request can have: under `/.router/`, hashed. One URL has
many entries, and the store has no list of them: that the URL has changed is noted under a
name of its own, which is read together with the entry.
"""

from __future__ import annotations

from typing import NamedTuple

from policies.decisions.cache import (
    CacheRule,
    Kept,
    State,
    changed_urls,
    kept_from,
    mark_of,
    voids,
)
from policies.decisions.changes import Changes, Pairs
from policies.decisions.decide import Forward
from policies.decisions.limits import content_length
from policies.decisions.outgoing import Outgoing
from policies.decisions.policy import Variant
from policies.decisions.url import Target
from router.edge.bridge import (
    JsException,
    JsObject,
    Sending,
    begin,
    discard,
    forget,
    has_body,
    head_of,
    in_background,
    keep,
    named_urls,
    new_answer,
    now_ms,
    recall,
    store,
    void,
)
from router.edge.exchange import Exchange
from router.edge.forward import Failure, failure, unbound
from router.edge.injection import fault_on
from router.edge.judging import judged

MAX_BYTES = 4 * 1024 * 1024  # held in memory while it is kept: an isolate has 128 MiB
REFRESH_MS = 30_000  # as long as Cloudflare leaves for work after the answer
MIN_VOID_MS = 86_400_000  # entries made before a policy with shorter times is pushed, and undone
_CONDITIONS = ["if-match", "if-modified-since", "if-none-match", "if-unmodified-since"]


class Entry(NamedTuple):
    """Where the answer to a request is kept, and whether its URL has changed. `open_to`: the
    variants whose answers the client may get."""

    name: str
    mark: str
    rule: CacheRule
    open_to: frozenset[str]


class Found(NamedTuple):
    """A kept answer that may be given, with a body of `size` bytes."""

    kept: Kept
    state: State
    body: JsObject
    size: int


def entry_of(exchange: Exchange, choice: Forward, sent: Outgoing) -> Entry | None:
    """None if the request takes nothing from the cache. `sent`: to the first candidate, which
    has clients of its own while it is drained."""
    route, variant, request = choice.route, choice.candidates[0], exchange.request
    rule = route.cache
    if rule is None or variant.drain or not rule.takes(request) or has_body(exchange.incoming):
        return None  # what a body would change, nobody else may get
    order = exchange.policy.order((variant.pool,), choice.region)
    where = (route.name, variant.pool, order.regions)
    key = rule.key(request, *where, sent.target.url, sent.changes)
    return Entry(_address(request.target, key), _mark(request.target), rule, order.open_to)


def _mark(target: Target) -> str:
    return _address(target, mark_of(target))


def _address(target: Target, name: str) -> str:
    return f"https://{target.host}/.router/cache/{name}"


def look_up(exchange: Exchange, route: str, entry: Entry) -> Found | None:
    """What is kept, if it may be given."""
    found = recall(entry.name, entry.mark)
    kept = kept_from(found.about) if found else None
    state = None
    if found and kept:
        state = kept.state(entry.rule, exchange.now_ms, entry.open_to, found.voided_ms)
    exchange.isolate.metrics.cached[route, state or "MISS"] += 1
    return Found(kept, state, found.body, found.size) if found and kept and state else None


def note_change(exchange: Exchange, status: int, answer: JsObject) -> None:
    """Void what is kept of the URLs that this answer tells have changed (RFC 9111, section
    4.4), before the client hears of it."""
    policy, request = exchange.policy, exchange.request
    if not policy.keeps_ms or not voids(request.method, status):
        return
    urls = changed_urls(request.target, named_urls(answer), policy.merge_slashes)
    marks = [_mark(url) for url in urls if policy.may_keep(url)]
    if marks:
        void(marks, now_ms(), max(MIN_VOID_MS, policy.keeps_ms) // 1000)


def give(exchange: Exchange, route: str, found: Found, changes: Changes) -> JsObject:
    """The kept answer, as the client gets it."""
    request, kept = exchange.request, found.kept
    status = 304 if kept.is_unchanged(request.headers) else 200
    exchange.isolate.metrics.requests[route, "", status] += 1
    if "x-router-variant" in changes.set:
        changes.set["x-router-variant"] = kept.variant
    headers = changes.on(kept.given(exchange.now_ms, found.state))
    if status == 200 and request.method == "GET":
        return new_answer(found.body, status, headers)
    discard(found.body)
    if status == 200:
        headers += kept.length(found.size)
    return new_answer(None, status, headers)


def keep_answer(exchange: Exchange, entry: Entry, variant: Variant, answer: JsObject) -> JsObject:
    """The answer, which is kept if it may be."""
    if exchange.request.method != "GET":
        return answer
    status, headers = head_of(answer)
    kept = entry.rule.keeps(status, headers, exchange.now_ms, now_ms(), variant.name)
    if kept is None or _is_large(headers):
        return answer
    return keep(exchange.ctx, entry.name, answer, kept.to_json(), kept.seconds, MAX_BYTES)


def refresh(
    exchange: Exchange, entry: Entry, variant: Variant, sent: Outgoing, timeout_ms: int
) -> None:
    """Ask for a stale answer anew, in the background, once at a time in this isolate."""
    running = exchange.isolate.refreshing
    if exchange.request.method != "GET":
        return
    for name in [name for name, since in running.items() if exchange.now_ms - since > REFRESH_MS]:
        del running[name]  # broken off by the runtime
    if entry.name not in running:
        running[entry.name] = exchange.now_ms
        in_background(exchange.ctx, _refresh(exchange, entry, variant, sent, timeout_ms))


async def _refresh(
    exchange: Exchange, entry: Entry, variant: Variant, sent: Outgoing, timeout_ms: int
) -> None:
    changes = sent.changes.then(Changes(_CONDITIONS, {}, []))
    wait_ms = min(timeout_ms or REFRESH_MS, REFRESH_MS)
    drill = fault_on(exchange.isolate, variant)
    where = (variant.binding, exchange.incoming, exchange.respelled(sent))
    sending = Sending(*where, changes, wait_ms, drill=drill)
    try:
        answer = await _answer(exchange.env, sending)
        judged(exchange, variant, answer, 1, exchange.now_ms)
        if not isinstance(answer, Failure):
            await _take(exchange.now_ms, entry, variant, answer)
    except JsException:
        pass  # what is kept serves until its time is over
    finally:
        exchange.isolate.refreshing.pop(entry.name, None)


async def _answer(env: JsObject, sending: Sending) -> JsObject | Failure:
    try:
        answer = begin(env, sending)
        return unbound(sending) if answer is None else await answer
    except JsException as error:
        return failure(error.name, str(error), sending)


async def _take(asked_ms: float, entry: Entry, variant: Variant, answer: JsObject) -> None:
    status, headers = head_of(answer)
    kept = entry.rule.keeps(status, headers, asked_ms, now_ms(), variant.name)
    if kept and not _is_large(headers):
        await store(entry.name, answer, kept.to_json(), kept.seconds, MAX_BYTES)
        return
    discard(answer.body)
    if status < 500:
        await forget(entry.name)  # it may not be kept any more


def _is_large(headers: Pairs) -> bool:
    return (content_length(dict(headers)) or 0) > MAX_BYTES
