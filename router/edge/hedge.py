"""A second attempt beside the first, if that is slow: the first good answer wins.

The other one is aborted, and health learns nothing of it. A route may have hedges; a trial,
which may well hang, always has one. Hedges are paid from the retry budget; what they may
cost is reserved before, since both attempts are one crossing.
"""

from __future__ import annotations

from policies.decisions.failover import hedge_to
from policies.decisions.policy import Variant
from router.edge.bridge import JsObject, Sending, now_ms, race
from router.edge.errand import Errand
from router.edge.forward import failure, unbound
from router.edge.judging import Done, told
from router.edge.tallying import tally, tally_overtaken
from router.edge.turn import Turn, left_ms, sending, take


def hedge_variant(errand: Errand) -> Variant | None:
    """Who gets the request, too, if the first is slow; None if nobody does."""
    choice, request = errand.choice, errand.exchange.request
    terms = choice.route.failover
    if terms.hedge is None and not choice.trial:
        return None
    return hedge_to(terms, choice.candidates, request.method, request.headers)


def hedged(errand: Errand, first: Turn, second: Variant) -> Done:
    """What the attempt came to whose answer was taken."""
    exchange, route = errand.exchange, errand.route
    terms, latencies = route.failover, exchange.isolate.latencies[route.name]
    wait = latencies.p95(exchange.now_ms) if terms.hedge == "p95" else terms.hedge
    if errand.choice.trial:
        wait = exchange.isolate.health.trial_patience_ms(first.variant.name)
    budget = exchange.isolate.retries[route.name]
    if not wait or not budget.reserve(terms.budget, exchange.now_ms):
        done = take(errand, first)
    else:
        done = _raced(errand, first, second, float(wait))
    if terms.hedge == "p95" and done.status < 500:  # one that failed took no time worth knowing
        now = now_ms()
        latencies.note(now - first.began_ms, now)
    return done


def _raced(errand: Errand, first: Turn, second: Variant, wait: float) -> Done:
    exchange, route, isolate = errand.exchange, errand.route, errand.exchange.isolate
    sent, left = errand.outgoing(second, 2), left_ms(route, wait)
    turns = (first, Turn(second, 2, sent, None, left, first.began_ms + wait))
    sendings = [sending(errand, turn) for turn in turns]
    raced = race(exchange.env, sendings, wait, route.failover.codes)
    is_sent = len(raced.came) > 1
    isolate.retries[route.name].settle(now_ms(), is_sent=is_sent)
    if is_sent:
        won = "true" if raced.taken else "false"
        isolate.metrics.hedges[route.name, second.name, won] += 1
    dones = []
    for turn, what, came in zip(turns, sendings, raced.came, strict=False):
        answer = raced.answer if turn is turns[raced.taken] else None
        dones.append(_came(errand, turn, what, came, answer) if came else None)
        if not came:
            tally_overtaken(errand, turn, what)
    taken = dones[raced.taken]
    assert taken, "the attempt whose answer is taken was not aborted"
    return taken


def _came(errand: Errand, turn: Turn, what: Sending, came: str, answer: JsObject) -> Done:
    """`came`: a status and `Retry-After`, or the name and the message of an error."""
    word, _, rest = came.partition(" ")
    status = int(word) if word.isdecimal() else 0
    if not status:
        answer = unbound(what) if word == "Unbound" else failure(word, f"{word}: {rest}", what)
        status = answer.problem.status
    done = Done(turn.variant, answer, status, turn.number, turn.began_ms)
    tally(errand, done, what)
    return told(errand.exchange, done, rest)
