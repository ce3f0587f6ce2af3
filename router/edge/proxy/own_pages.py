"""Answers requests for the router's own pages, `/.router/…`. They may wait, so each has a stack of
its own."""

from __future__ import annotations

from policies.balancing.choose import read_target
from policies.http.problems import CONTENT_TYPE, Problem
from policies.http.request import Request
from policies.proxy.phases.headers import trace_of
from router.edge.admin import admin
from router.edge.isolate.isolate import Isolate
from router.edge.proxy.wire import parse_request
from router.edge.runtime.bridge import JsObject, new_response
from router.edge.runtime.faults import error_fields

INTERNAL = Problem("internal-error", "The router could not handle this request.")


def own_page(isolate: Isolate, text: str, incoming: JsObject, env: JsObject) -> JsObject:
    """The page that a request asks for; `text`: the request as `driver.js` has read it."""
    arrived = parse_request(text)
    request_id = trace_of(arrived.headers, isolate.rng).request_id
    try:
        target = read_target(isolate.store.policy, arrived.url, arrived.headers)
        assert not isinstance(target, Problem), "the page has been recognised by its target"
        request = Request(arrived.method, target, arrived.headers, arrived.client)
        page = admin.answer(isolate, request, incoming, env)
    except Exception as error:
        isolate.count("requests", "", "", INTERNAL.status)
        isolate.log("internal-error", {"request_id": request_id, **error_fields(error)})
        page = INTERNAL
    if isinstance(page, Problem):
        headers = [("content-type", CONTENT_TYPE), ("x-request-id", request_id), *page.headers]
        return new_response(page.body(request_id), page.status, headers)
    headers = [("content-type", page.content_type), ("cache-control", "no-store")]
    return new_response(page.body, page.status, [*headers, ("x-request-id", request_id)])
