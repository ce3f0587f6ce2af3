"""Answers that are kept at the edge, in Cloudflare's cache.

Cache API and not KV: a put is free and is there at once for this location, where KV takes
one write a second for each key, shows it elsewhere after a minute, and bills both. What is
kept is kept for one location, and for nobody on `*.workers.dev`, where that cache does
nothing. An entry has a name that no request can have: under `/.router/`, hashed.
"""

from __future__ import annotations

from typing import NamedTuple

from policies.decisions.cache import CacheRule, Kept, State, kept_from
from policies.decisions.changes import Changes, Pairs
from policies.decisions.limits import content_length
from policies.decisions.outgoing import Outgoing
from policies.decisions.policy import Route, Variant
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
    new_answer,
    now_ms,
    recall,
    store,
)
from router.edge.exchange import Exchange
from router.edge.forward import Failure, failure, unbound
from router.edge.injection import fault_on
from router.edge.judging import judged

MAX_BYTES = 4 * 1024 * 1024  # held in memory while it is kept: an isolate has 128 MiB
REFRESH_MS = 30_000  # as long as Cloudflare leaves for work after the answer
_CONDITIONS = ["if-match", "if-modified-since", "if-none-match", "if-unmodified-since"]


class Entry(NamedTuple):
    """Where the answer to a request is kept."""

    name: str
    rule: CacheRule


class Found(NamedTuple):
    """A kept answer that may be given."""

    kept: Kept
    state: State
    body: JsObject


def entry_of(exchange: Exchange, route: Route, variant: Variant, sent: Outgoing) -> Entry | None:
    """None if the request takes nothing from the cache."""
    rule, request = route.cache, exchange.request
    if rule is None or not rule.takes(request) or has_body(exchange.incoming):
        return None  # what a body would change, nobody else may get
    key = rule.key(request, route.name, variant.pool, sent.target.url)
    return Entry(f"https://{request.target.host}/.router/cache/{key}", rule)


def look_up(exchange: Exchange, route: Route, entry: Entry) -> Found | None:
    """What is kept, if it may be given."""
    found = recall(entry.name)
    kept = kept_from(found[0]) if found else None
    state = kept.state(entry.rule, exchange.now_ms) if kept else None
    exchange.isolate.metrics.cached[route.name, state or "MISS"] += 1
    return Found(kept, state, found[1]) if found and kept and state else None


def give(exchange: Exchange, route: Route, found: Found, changes: Changes) -> JsObject:
    """The kept answer, as the client gets it."""
    request, kept = exchange.request, found.kept
    status = 304 if kept.is_unchanged(request.headers) else 200
    exchange.isolate.metrics.requests[route.name, "", status] += 1
    if "x-router-variant" in changes.set:
        changes.set["x-router-variant"] = kept.variant
    headers = changes.on(kept.given(exchange.now_ms, found.state))
    if status == 200 and request.method == "GET":
        return new_answer(found.body, status, headers)
    discard(found.body)
    return new_answer(None, status, headers)


def keep_answer(exchange: Exchange, entry: Entry, variant: Variant, answer: JsObject) -> JsObject:
    """The answer, which is kept if it may be."""
    if exchange.request.method != "GET":
        return answer
    status, headers = head_of(answer)
    kept = entry.rule.keeps(status, headers, now_ms(), variant.name)
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
            await _take(entry, variant, answer)
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


async def _take(entry: Entry, variant: Variant, answer: JsObject) -> None:
    status, headers = head_of(answer)
    kept = entry.rule.keeps(status, headers, now_ms(), variant.name)
    if kept and not _is_large(headers):
        await store(entry.name, answer, kept.to_json(), kept.seconds, MAX_BYTES)
        return
    discard(answer.body)
    if status < 500:
        await forget(entry.name)  # it may not be kept any more


def _is_large(headers: Pairs) -> bool:
    return (content_length(dict(headers)) or 0) > MAX_BYTES
