"""Converts matches of HTTPRoutes and GRPCRoutes to those of `routes.yaml`.

A gRPC call is a POST to `/service/method` (Gateway API, GEP-1016). So a service becomes a prefix,
a service with a method an exact path, and a method alone a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.gateway.models.grpc_routes import GrpcMatch, MethodMatch
from policies.gateway.models.http_routes import Match, ValueMatch
from policies.gateway.output.drafts import Piece
from policies.gateway.output.report import ImportReport, Manifest
from policies.gateway.routes.patterns import Reading, Readings, is_clear, rewritten
from policies.language.findings.findings import Path, shown

_PATHS = {"Exact": "exact", "PathPrefix": "prefix"}
_ANY = "[^/]+"  # a service or method


class MatchReader:
    """Reads the matches of one route; `readings`: how its controller reads expressions, if
    known."""

    def __init__(self, manifest: Manifest, readings: Readings | None, report: ImportReport) -> None:
        self._manifest, self._readings, self._report = manifest, readings, report

    def read(self, match: Match | GrpcMatch, path: Path) -> Iterator[Piece]:
        """Yield the alternatives of a match: several if an expression may be anywhere in a path,
        so that paths that start with it have the precedence that the API gives them."""
        for value in self._paths(match, path):
            piece = Piece({}, path)
            if value:
                piece.value["path"] = value
                piece.origins["path",] = (*path, *self._place(match))
            if isinstance(match, GrpcMatch):
                piece.value["methods"] = ["POST"]
                piece.origins["methods",] = (*path, "method")
            elif match.method is not None:
                piece.value["methods"] = [match.method]
                piece.origins["methods",] = (*path, "method")
            self._conditions(piece, "headers", match.headers, (*path, "headers"))
            if isinstance(match, Match):
                params = match.query_params
                self._conditions(piece, "query_params", params, (*path, "queryParams"))
            yield piece

    def _place(self, match: Match | GrpcMatch) -> Path:
        return ("path", "value") if isinstance(match, Match) else ("method",)

    def _paths(self, match: Match | GrpcMatch, path: Path) -> list[dict[str, str]]:
        """Return the conditions for the path; an empty one matches every path."""
        if isinstance(match, GrpcMatch):
            return [_called(match.method) if match.method else {}]
        if match.path is None or (match.path.type, match.path.value) == ("PathPrefix", "/"):
            return [{}]
        if match.path.type != "RegularExpression":
            return [{_PATHS[match.path.type]: match.path.value}]
        pattern = match.path.value
        reading = self._reading("paths", pattern, (*path, "path", "value"))
        forms = [rewritten(pattern, reading)]
        if reading == "anywhere" and pattern.startswith("/"):
            forms.insert(0, rewritten(pattern, "beginning"))
        return [{"regex": form} for form in dict.fromkeys(forms)]

    def _reading(self, what: str, pattern: str, path: Path) -> Reading:
        if self._readings is not None:
            return self._readings.paths if what == "paths" else self._readings.values
        if not is_clear(pattern):
            message = "the whole text must match here, and what the cluster's controller compares "
            message += "is not known"
            hint = (
                "also import the Gateway and its GatewayClass, or write `.*` where more may follow"
            )
            self._warn(path, "differs", message, hint)
        return "whole"

    def _conditions(self, piece: Piece, kind: str, given: list[ValueMatch], path: Path) -> None:
        """Add the conditions; of several for one name, the first counts (Gateway API,
        `HTTPHeaderMatch`)."""
        conditions: dict[str, dict[str, str]] = {}
        for at, condition in enumerate(given):
            name = condition.name.lower() if kind == "headers" else condition.name
            if name in conditions:
                message = (
                    f"of several conditions for `{shown(condition.name)}`, only the first counts"
                )
                self._warn((*path, at), "unused-field", message, "remove the others")
                continue
            piece.origins[kind, len(conditions)] = (*path, at)
            if condition.type == "Exact":
                conditions[name] = {"name": condition.name, "value": condition.value}
            else:
                reading = self._reading("values", condition.value, (*path, at, "value"))
                conditions[name] = {
                    "name": condition.name,
                    "regex": rewritten(condition.value, reading),
                }
        if conditions:
            piece.value[kind] = list(conditions.values())

    def _warn(self, path: Path, code: str, message: str, hint: str) -> None:
        self._report.warn(self._manifest, path, code, message, hint)


def _called(call: MethodMatch) -> dict[str, str]:
    """Return the path of a call."""
    if call.type == "RegularExpression":
        parts = [rewritten(part, "whole") if part else _ANY for part in (call.service, call.method)]
        return {"regex": "/(?:{})/(?:{})".format(*parts)}
    if call.service and call.method:
        return {"exact": f"/{call.service}/{call.method}"}
    if call.service:
        return {"prefix": f"/{call.service}"}
    return {"regex": f"/{_ANY}/{re.escape(call.method or '')}"}
