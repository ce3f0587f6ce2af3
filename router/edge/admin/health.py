"""`/.router/health/variants`: the health of every variant as this isolate sees it, with the probes,
votes and requests of all isolates from the Coordinator."""

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

_LOCAL = ("", "?local=1")  # with the Coordinator's state, or of this isolate alone


def variants_page(isolate: Isolate, request: Request, env: JsObject) -> Page | Problem:
    if request.target.query not in _LOCAL:
        return Problem("bad-request", "The only parameter is `local=1`.")
    is_local = bool(request.target.query)
    fleet = None if is_local else _coordinator_state(env)
    policy, now = isolate.store.policy, now_ms()
    line = coordinator_line(isolate.coordinating, now)
    if not is_local:
        line["reachable"] = fleet is not None
    views = isolate.health.view(policy, now)
    known = fleet["variants"] if fleet else {}
    variants = [
        _variant(
            variant,
            views[variant.name],
            known.get(variant.name),
            faults_of(isolate.drills, variant, now).worst,
        )
        for variant in policy.variants
    ]
    isolates = fleet["isolates"] if fleet else 1
    page: api.VariantsHealth = {
        "at": iso_time(now),
        "coordinator": line,
        "variants": variants,
        "isolates": isolates,
    }
    return json_page(page)


def coordinator_line(coordinating: Coordinating, now: float) -> CoordinatorLine:
    """Whether and when this isolate last heard from the Coordinator. Without it an isolate uses
    its own view, so the router is not degraded."""
    heard_ms = coordinating.heard_ms
    return {
        "reachable": coordinating.is_reachable,
        "age_ms": int(now - heard_ms) if heard_ms > 0 else None,
        "version": coordinating.version,
        "error": coordinating.error,
    }


def _coordinator_state(env: JsObject) -> api.Coordinated | None:
    """The Coordinator's state; None if it does not answer."""
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
    """`known`: the Coordinator's state of the variant, which covers all isolates."""
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
