"""`/.router/health/variants`: how every variant stands, as this isolate sees it, and what the
Coordinator knows besides: probes, votes, and the requests of all isolates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from policies.compiled.model import Variant
from policies.fleet.health import View
from policies.http.problems import Problem
from policies.http.request import Request
from policies.resilience.drill import Drill, faults_of
from router.edge.admin.page import Page, iso_time, json_page
from router.edge.isolate.coordinating import PATIENCE_MS, Coordinating
from router.edge.isolate.isolate import Isolate
from router.edge.runtime.bridge import JsException, JsObject, ask_coordinator, now_ms, run_sync

if TYPE_CHECKING:
    from policies.api import health as api
    from policies.api.status import CoordinatorLine

_LOCAL = ("", "?local=1")  # all isolates together, or this one alone


def variants_page(isolate: Isolate, request: Request, env: JsObject) -> Page | Problem:
    if request.target.query not in _LOCAL:
        return Problem("bad-request", "The only parameter is `local=1`.")
    is_local = bool(request.target.query)
    whole = None if is_local else _asked(env)
    policy, now = isolate.store.policy, now_ms()
    line = coordinator_line(isolate.coordinating, now)
    if not is_local:
        line["reachable"] = whole is not None
    views = isolate.health.view(policy, now)
    known = whole["variants"] if whole else {}
    variants = [
        _variant(
            each,
            views[each.name],
            known.get(each.name),
            faults_of(isolate.drills, each, now).worst,
        )
        for each in policy.variants
    ]
    isolates = whole["isolates"] if whole else 1
    told: api.VariantsHealth = {
        "at": iso_time(now),
        "coordinator": line,
        "variants": variants,
        "isolates": isolates,
    }
    return json_page(told)


def coordinator_line(coordinating: Coordinating, now: float) -> CoordinatorLine:
    """What this isolate last heard of it. Without it an isolate goes on with its own view:
    that is no degradation."""
    heard_ms = coordinating.heard_ms
    return {
        "reachable": coordinating.is_reachable,
        "age_ms": int(now - heard_ms) if heard_ms > 0 else None,
        "version": coordinating.version,
        "error": coordinating.error,
    }


def _asked(env: JsObject) -> api.Coordinated | None:
    """What the Coordinator knows; None if it does not say."""
    try:
        state: api.Coordinated = json.loads(
            run_sync(ask_coordinator(env, "state", "", PATIENCE_MS))
        )
    except (JsException, ValueError):
        return None
    return state


def _variant(
    variant: Variant, view: View, known: api.CoordinatedVariant | None, drill: Drill | None
) -> api.VariantHealth:
    """`known`: what the Coordinator says of it, which then counts for all isolates."""
    return {
        "name": variant.name,
        "pool": variant.pool,
        "region": variant.region,
        "state": view.state,
        "share": round(view.share, 3),
        "reason": view.reason,
        "ejected_for_ms": view.ejected_for_ms,
        "active": known["active"] if known else view.active,
        "probe": known["probe"] if known else None,
        "voters": known["voters"] if known else 0,
        "drill": drill.id if drill else None,
        "requests": known["requests"] if known else view.requests,
        "failures": known["failures"] if known else view.failures,
    }
