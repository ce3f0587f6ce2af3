"""Problems as answers."""

from __future__ import annotations

from collections.abc import Mapping

from policies.decisions.headers import Trace
from policies.decisions.problems import CONTENT_TYPE, Problem
from router.edge.bridge import JsObject, new_answer


def problem_answer(
    problem: Problem, trace: Trace, added: Mapping[str, str] | None = None
) -> JsObject:
    headers = [("content-type", CONTENT_TYPE), ("x-request-id", trace.request_id)]
    headers += problem.headers
    headers += [pair for pair in (added or {}).items() if pair[0] != "x-request-id"]
    return new_answer(problem.body(trace.request_id), problem.status, headers)
