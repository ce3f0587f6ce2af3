"""The router's own paths, `/.router/…`: `/.router/health` is public, all others need an admin
key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from hmac import compare_digest
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import parse_qsl

from policies.access.authenticate import (
    ADMIN_SCOPE,
    HEADERS,
    Denied,
    Needs,
    authenticate,
    presented_key,
)
from policies.balancing.availability import Availability
from policies.basics.callers import ADMIN_SECRET
from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.http.problems import Problem
from policies.http.request import Client, Request
from policies.language.load import digest_of
from policies.proxy.decide import Surroundings
from policies.proxy.explain.explain import explain
from policies.proxy.explain.question import NotExplainable, read_question
from router.edge.admin import rollouts as admin_rollouts
from router.edge.admin.drills import audit_page, drills_page, methods, start_drill, stop_drills
from router.edge.admin.health import coordinator_line, variants_page
from router.edge.admin.limits import EXPLAIN_PARAMETERS
from router.edge.admin.page import Page, iso_time, json_page
from router.edge.isolate.isolate import ADMIN_KEY, KV_BINDING, PEPPER, Isolate, log
from router.edge.isolate.keys import POLICY_KEY
from router.edge.isolate.store import PolicyStore, Rejection
from router.edge.runtime.bridge import JsObject, KvNamespace, now_ms, run_sync
from workers_runtime.prometheus import CONTENT_TYPE as METRICS_TYPE

if TYPE_CHECKING:
    from policies.api import status as api

_METHODS = ("GET", "HEAD")
_NEEDS = Needs(frozenset({ADMIN_SCOPE}), forward=False)


def answer(isolate: Isolate, request: Request, incoming: JsObject, env: JsObject) -> Page | Problem:
    """The page that an administrative request asks for, or the problem if there is none."""
    path = request.target.path.removeprefix("/.router")
    allowed = methods(path) or admin_rollouts.methods(path) or _METHODS
    if request.method not in allowed:
        names = ", ".join(allowed)
        return Problem("method-not-allowed", f"This page takes {names}.", (("allow", names),))
    if path == "/health":
        return json_page(
            {"status": _status_word(_reasons(isolate, _unbound(isolate.store, env), env))}
        )
    by = _authenticate(isolate, request, env)
    if isinstance(by, Problem):
        return by
    if admin_rollouts.methods(path):
        return admin_rollouts.rollout_page(isolate, request, incoming, env, by)
    if request.method == "POST":
        return start_drill(isolate, incoming, env, by)
    if request.method == "DELETE":
        return stop_drills(isolate, path, env, by)
    page = _PAGES.get(path)
    if page is None:
        return Problem("not-found", "The router has no such page.")
    return page(isolate, request, env)


def _metrics(isolate: Isolate, request: Request, env: JsObject) -> Page:
    store = isolate.store
    views = isolate.health.view(store.policy, now_ms())
    shares = {name: round(view.share, 3) for name, view in views.items()}
    weights = {
        override.rollout: override.weight
        for override in isolate.rollout_overrides(store.policy).values()
    }
    return Page(isolate.metrics.text(store, shares, weights, isolate.name), METRICS_TYPE)


def _unbound(store: PolicyStore, env: JsObject) -> list[str]:
    variants = store.policy.variants
    return [v.name for v in variants if v.binding and not _is_service(env, v.binding)]


def _reasons(isolate: Isolate, unbound: list[str], env: JsObject) -> list[str]:
    """Why the router is degraded."""
    store = isolate.store
    reasons = [*store.degraded, *(f"variant {name} is not bound" for name in unbound)]
    if store.policy.keys.needs_pepper and not isolate.pepper:
        reasons.append(f"{PEPPER} is not set: keys with hmac_sha256 are refused")
    if store.policy.drained and _sets_cookies(store.policy) and not isolate.cookie_secret:
        why = f"neither {PEPPER} nor {ADMIN_KEY} is set"
        reasons.append(f"{why}: sticky cookies cannot keep clients on a drained variant")
    return reasons


def _sets_cookies(policy: CompiledPolicy) -> bool:
    return any(source.set_for for route in policy.routes for source in route.sticky)


def _status_word(reasons: list[str]) -> api.Word:
    return "degraded" if reasons else "ok"


def _is_service(env: JsObject, binding: str) -> bool:
    return getattr(getattr(env, binding, None), "fetch", None) is not None


def _authenticate(isolate: Isolate, request: Request, env: JsObject) -> str | Problem:
    """The id of the caller's API key, or `secret` for the admin secret; else the problem."""
    secret = str(getattr(env, ADMIN_KEY, None) or "")
    presented = presented_key(request.headers, HEADERS).text
    if secret and compare_digest(presented.encode(), secret.encode()):
        return ADMIN_SECRET
    keys = isolate.store.policy.keys
    pepper = isolate.pepper if keys.needs_pepper else b""
    admitted = authenticate(keys, _NEEDS, request.headers, now_ms(), pepper)
    return admitted.problem if isinstance(admitted, Denied) else admitted.key.id


def _status(isolate: Isolate, request: Request, env: JsObject) -> Page:
    store = isolate.store
    policy, rejection = store.policy, store.rejection
    unbound = _unbound(store, env)
    reasons = _reasons(isolate, unbound, env)
    status: api.Status = {
        "status": _status_word(reasons),
        "reasons": reasons,
        "policy": {
            "digest": policy.digest,
            "source": store.source,
            "loaded_at": iso_time(store.loaded_ms),
            "routes": len(policy.routes),
            "variants": len(policy.variants),
            "identify": policy.identify,
        },
        "asked_at": iso_time(store.asked_ms),
        "coordinator": coordinator_line(isolate.coordinating, now_ms()),
        "rejected": _rejection_to_dict(rejection) if rejection else None,
        "variants": [
            _bound_variant(variant, variant.name not in unbound) for variant in policy.variants
        ],
    }
    return json_page(status)


def _rejection_to_dict(rejection: Rejection) -> api.Rejected:
    return {
        "digest": rejection.digest,
        "at": iso_time(rejection.at_ms),
        "findings": [cast("api.Finding", asdict(finding)) for finding in rejection.findings],
    }


def _bound_variant(variant: Variant, is_bound: bool) -> api.BoundVariant:
    return {
        "name": variant.name,
        "pool": variant.pool,
        "region": variant.region,
        "binding": variant.binding or None,
        "url": variant.url or None,
        "bound": is_bound,
        "drain": variant.drain,
    }


def _explain(isolate: Isolate, request: Request, env: JsObject) -> Page | Problem:
    """`?url=…&method=…&header=Name:value&country=…&continent=…&colo=…&ip=…&down=…`."""
    pairs = parse_qsl(request.target.query[1:], keep_blank_values=True)
    parameters = dict(pairs)
    unknown = sorted(set(parameters) - set(EXPLAIN_PARAMETERS))
    if unknown:
        known = ", ".join(sorted(EXPLAIN_PARAMETERS))
        return Problem("bad-request", f"Unknown parameter `{unknown[0][:80]}`; known: {known}.")
    lines = [value for name, value in pairs if name == "header"]
    down = [value for name, value in pairs if name == "down"]
    url, method = parameters.get("url", ""), parameters.get("method", "GET")
    try:
        headers = read_question(isolate.store.policy, url, lines, down)
    except NotExplainable as error:
        return Problem("bad-request", str(error))
    client = Client(*(parameters.get(name, "") for name in ("ip", "colo", "country", "continent")))
    policy, now = isolate.store.policy, now_ms()
    availability = isolate.health.availability(policy, now)
    if down:
        availability = (availability or Availability()).without(down)
    rollout_overrides, sealing = isolate.rollout_overrides(policy), isolate.cookie_secret
    around = Surroundings(now, isolate.pepper, availability, rollout_overrides, sealing)
    return json_page(explain(policy, method, url, headers, client, around))


def _policy(isolate: Isolate, request: Request, env: JsObject) -> Page | Problem:
    """The policy in KV, byte for byte, whether it serves or not; without one, the uploaded one."""
    try:
        data = run_sync(KvNamespace(getattr(env, KV_BINDING, None)).get(POLICY_KEY))
    except Exception as error:
        log("policy-unread", {"error": str(error)[:200] or type(error).__name__})
        return Problem("internal-error", "KV cannot be read.")
    source: Literal["kv", "bundled"] = "bundled" if data is None else "kv"
    data = isolate.bundled_text.encode() if data is None else data
    digest = digest_of(data)
    serves = digest == isolate.store.policy.digest
    text = data.decode("utf-8", "replace")
    page: api.PolicyText = {"digest": digest, "source": source, "serves": serves, "text": text}
    return json_page(page)


_PAGES: dict[str, Callable[[Isolate, Request, JsObject], Page | Problem]] = {
    "/status": _status,
    "/metrics": _metrics,
    "/explain": _explain,
    "/policy": _policy,
    "/drills": drills_page,
    "/audit": audit_page,
    "/health/variants": variants_page,
}
