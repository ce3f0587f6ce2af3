"""A request's way, from top to bottom.

    request_filter ──▶ upstream_peer ──▶ upstream_request_filter ──▶ response_filter ──▶ logging
     may it pass?       who serves it?    what is that one sent?      what does the       counted
                                          (once for each attempt)     client get?

Each phase may rely on what earlier phases have set in the `RequestContext`. The last effect is the
response for the client, or a `Send` that carries the variant's response by itself. The effects and
their results are in `phases/effects.py`.
"""

from __future__ import annotations

from policies.balancing.choose import Fixed
from policies.proxy.attempts.attempts import attempts
from policies.proxy.attempts.caching import (
    entry_of,
    given,
    is_due,
    kept_answer,
    look_up,
    note_change,
    refresh,
    wants_head,
)
from policies.proxy.attempts.outcomes import Failure, Outcome, logging
from policies.proxy.phases.context import UNTRACED, RequestContext
from policies.proxy.phases.effects import LearnRollouts, Own, Refresh, Respond, Way
from policies.proxy.phases.headers import trace_of
from policies.proxy.phases.request_filter import Refusal, admit, read_request, request_filter
from policies.proxy.phases.response_filter import carried, fixed_answer, problem_answer
from policies.proxy.phases.upstream_peer import upstream_peer
from policies.proxy.phases.upstream_request_filter import upstream_request_filter


def proxy(context: RequestContext) -> Way[None]:
    """Run all phases for a request that has just arrived."""
    arrived, state = context.arrived, context.state
    if context.policy.rollouts and state.must_learn(arrived.now_ms):
        now_ms = yield LearnRollouts()
        context.arrived = arrived._replace(now_ms=now_ms)  # as if it had arrived now
    if context.trace is UNTRACED:
        context.trace = trace_of(arrived.headers, context.rng)
    refused: Refusal | Own | None = read_request(context)
    if refused is None:
        refused = yield from choose_backend(context)
    if refused is None:
        yield from forward(context)
    else:
        yield _refused(context, refused)


def choose_backend(context: RequestContext) -> Way[Refusal | None]:
    """Run the first two phases, for a request whose URL has been read. Sets `context.choice`.
    Returns why the request is not forwarded; None if it is."""
    refused = request_filter(context)
    if refused is not None:
        return refused
    route = context.route
    assert route, "a rule has taken the request"
    if route.needs or route.rate_limits:
        refused = yield from admit(context, route)
        if refused is not None:
            return refused
    return Fixed(route, route.respond) if route.respond else upstream_peer(context)


def _refused(context: RequestContext, refused: Refusal | Own) -> Respond | Own:
    """Answer by the router itself."""
    if isinstance(refused, Own):
        context.step = "own"
        return refused
    context.refusal = refused
    if isinstance(refused, Fixed):
        context.step = refused.step
        logging(context, "", refused.answer.status)
        return fixed_answer(context, refused)
    logging(context, "", refused.status)
    return problem_answer(context, refused)


def forward(context: RequestContext) -> Way[None]:
    """Run the other phases, for a request whose backend is chosen: the cache, the variants, copies
    for mirrors. What only some routes need costs the others a look at an attribute."""
    choice, state = context.choice, context.state
    route, first = choice.route, choice.candidates[0]
    if choice.panic:
        state.count("panics", route.name)
    sent = upstream_request_filter(context, first, 1)
    entry = entry_of(context, sent) if route.cache else None
    fresh = (yield from look_up(context, entry)) if entry else None
    if entry and fresh:
        if fresh.state == "STALE" and is_due(context, entry):
            yield Refresh(refresh(context, entry, sent))
        answer = given(context, fresh)
        logging(context, "", answer.status)
        yield answer
        return
    if choice.is_probe_request:
        state.health.begin_probe_request(first.name, context.arrived.now_ms)
    looks = wants_head(context, entry) if context.policy.keeps_ms else False
    outcome: Outcome = yield from attempts(context, sent, wants_head=looks)
    if outcome.failure:
        yield _failed(context, outcome, outcome.failure)
        return
    logging(context, outcome.variant.name, outcome.status)
    if outcome.is_done:
        return
    if looks:
        yield from note_change(context, outcome)
    keep = kept_answer(context, entry, outcome) if entry and outcome.number == 1 else None
    more = {"x-cache": "MISS"} if entry else {}
    if choice.panic and outcome.status == 503 and outcome.came.retry_after is None:
        more["retry-after"] = str(_retry_after_s(context, outcome))
    yield carried(context, outcome.variant, outcome.began_ms, more, keep)


def _failed(context: RequestContext, outcome: Outcome, failure: Failure) -> Respond:
    problem, variant = failure.problem, outcome.variant
    if context.choice.panic and problem.status >= 500:
        # The response says what happened to this request.
        problem = problem.after(_retry_after_s(context, outcome))
    logging(context, variant.name, problem.status)
    if problem.status >= 500:  # others are the client's fault, and may come in any number
        fields = {"route": context.choice.route.name, "variant": variant.name}
        fields |= {"request_id": context.trace.request_id, "reason": failure.reason}
        context.state.log(problem.code, fields)
    return problem_answer(context, problem, variant)


def _retry_after_s(context: RequestContext, outcome: Outcome) -> int:
    return context.state.health.retry_after_s(context.policy, outcome.came.now_ms)
