"""The cache at the edge: looking up, storing, revalidating and voiding responses.

An entry has a key that no request can have: under `/.router/`, hashed. A URL has many entries, and
the store cannot list them. So a change of the URL is noted under a key of its own, which is read
together with the entry.
"""

from __future__ import annotations

from typing import NamedTuple

from policies.compiled.model import Variant
from policies.http.cache import (
    CacheRule,
    Kept,
    State,
    changed_urls,
    kept_from,
    mark_of,
    voids,
)
from policies.http.changes import Changes, Pairs, joined
from policies.http.filters import SAFE_METHODS
from policies.http.limits import content_length
from policies.http.url import RequestTarget
from policies.proxy.attempts.outcomes import Outcome, classify, record_health
from policies.proxy.attempts.sending import timeout_ms
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import (
    Came,
    Forget,
    Found,
    Keep,
    LookUp,
    Respond,
    Send,
    Store,
    Void,
    Way,
)
from policies.proxy.phases.outgoing import Outgoing
from policies.proxy.phases.response_filter import changes_of, own_answer
from policies.proxy.phases.upstream_request_filter import drill_on, respelled

MAX_BYTES = 4 * 1024 * 1024  # held in memory while it is kept: an isolate has 128 MiB
REFRESH_MS = 30_000  # as long as Cloudflare leaves for work after the answer
MIN_VOID_MS = 86_400_000  # entries made before a policy with shorter times is pushed, and undone
_CONDITIONS = ["if-match", "if-modified-since", "if-none-match", "if-unmodified-since"]


class CacheEntry(NamedTuple):
    """Where the response to a request is cached, and where changes of its URL are noted. `open_to`:
    the variants whose responses the client may get."""

    name: str
    mark: str
    rule: CacheRule
    open_to: frozenset[str]


class Fresh(NamedTuple):
    """A cached response that may be used, with a body of `size` bytes."""

    kept: Kept
    state: State
    size: int


def entry_of(context: RequestContext, sent: Outgoing) -> CacheEntry | None:
    """Return the entry of a request; None if it does not use the cache. `sent`: the request to the
    first candidate, which has clients of its own while it is drained."""
    choice, request = context.choice, context.request
    route, variant = choice.route, choice.candidates[0]
    rule = route.cache
    if rule is None or variant.drain or not rule.takes(request) or context.arrived.has_body:
        return None  # the response may depend on the body
    order = context.policy.order((variant.pool,), choice.region)
    where = (route.name, variant.pool, order.regions)
    key = rule.key(request, *where, sent.target.url, sent.changes)
    return CacheEntry(_address(request.target, key), _mark(request.target), rule, order.open_to)


def _mark(target: RequestTarget) -> str:
    return _address(target, mark_of(target))


def _address(target: RequestTarget, name: str) -> str:
    return f"https://{target.host}/.router/cache/{name}"


def look_up(context: RequestContext, entry: CacheEntry) -> Way[Fresh | None]:
    """Return the cached response, if it may be used."""
    found: Found | None = yield LookUp(entry.name, entry.mark)
    kept = kept_from(found.about) if found else None
    state = None
    if found and kept:
        state = kept.state(entry.rule, context.arrived.now_ms, entry.open_to, found.voided_ms)
    context.state.count("cached", context.choice.route.name, state or "MISS")
    return Fresh(kept, state, found.size) if found and kept and state else None


def given(context: RequestContext, fresh: Fresh) -> Respond:
    """Return the cached response as the client gets it."""
    request, kept = context.request, fresh.kept
    changes = changes_of(context, context.choice.candidates[0])
    status = 304 if kept.is_unchanged(request.headers) else 200
    if "x-router-variant" in changes.set:
        changes.set["x-router-variant"] = kept.variant
    headers = changes.on(kept.given(context.arrived.now_ms, fresh.state))
    has_body = status == 200 and request.method == "GET"
    if status == 200 and not has_body:
        headers += kept.length(fresh.size)
    return own_answer(context, Respond(status, headers, kept=has_body))


def wants_head(context: RequestContext, entry: CacheEntry | None) -> bool:
    """Return whether the cache needs the headers of the response."""
    method = context.request.method
    if method not in SAFE_METHODS:
        return bool(context.policy.keeps_ms)
    return entry is not None


def kept_answer(context: RequestContext, entry: CacheEntry, outcome: Outcome) -> Keep | None:
    """Return how to cache the response; None if it must not be."""
    if context.request.method != "GET":
        return None
    return _keep(entry, outcome.variant, outcome.came, context.arrived.now_ms)


def _keep(entry: CacheEntry, variant: Variant, came: Came, asked_ms: float) -> Keep | None:
    kept = entry.rule.keeps(came.status, came.headers, asked_ms, came.now_ms, variant.name)
    if kept is None or _is_large(came.headers):
        return None
    return Keep(entry.name, kept.to_json(), kept.seconds, MAX_BYTES)


def note_change(context: RequestContext, outcome: Outcome) -> Way[None]:
    """Void the entries of URLs that this response shows to have changed (RFC 9111, section 4.4),
    before the client gets it."""
    policy, request = context.policy, context.request
    if not policy.keeps_ms or not voids(request.method, outcome.status):
        return
    named = joined(outcome.came.headers)
    urls = changed_urls(request.target, named, policy.merge_slashes)
    marks = [_mark(url) for url in urls if policy.may_keep(url)]
    if marks:
        seconds = max(MIN_VOID_MS, policy.keeps_ms) // 1000
        yield Void(marks, outcome.came.now_ms, seconds)


def is_due(context: RequestContext, entry: CacheEntry) -> bool:
    """Return whether to revalidate a stale response: once at a time in this isolate."""
    running, now = context.state.refreshing, context.arrived.now_ms
    if context.request.method != "GET":
        return False
    for name in [name for name, since in running.items() if now - since > REFRESH_MS]:
        del running[name]  # broken off by the runtime
    if entry.name in running:
        return False
    running[entry.name] = now
    return True


def refresh(context: RequestContext, entry: CacheEntry, sent: Outgoing) -> Way[None]:
    """Revalidate a stale response in the background."""
    choice, now = context.choice, context.arrived.now_ms
    variant, limit_ms = choice.candidates[0], timeout_ms(choice.route)
    send = Send(
        variant.name,
        variant.upstream,
        respelled(context, sent),
        sent.changes.then(Changes(_CONDITIONS, {}, [])),
        min(limit_ms or REFRESH_MS, REFRESH_MS),
        drill=drill_on(context, variant, now),
        wants_head=True,
    )
    came: Came = yield send
    context.state.refreshing.pop(entry.name, None)
    failure = classify(send, came)
    status = failure.problem.status if failure else came.status
    record_health(context, Outcome(variant, failure, status, 1, now, came))
    if failure:
        return  # what is kept serves until its time is over
    keep = _keep(entry, variant, came, now)
    if keep:
        yield Store(keep)
    elif came.status < 500:
        yield Forget(entry.name)  # it may not be kept any more


def _is_large(headers: Pairs) -> bool:
    return (content_length(dict(headers)) or 0) > MAX_BYTES
