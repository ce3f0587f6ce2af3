"""Filters: those of the Gateway API become those of `routes.yaml`, with the same meaning.

A filter without an equivalent must not be skipped, since it may deny access: it is reported, and
`lost` is set. The rule then answers 500, as the Gateway API requires for a filter that cannot be
resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import gcd
from re import Pattern
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from policies.basics.untyped import JsonObject
from policies.gateway.models.http_routes import (
    FILTER_FIELDS,
    Cors,
    Filter,
    HeaderModifier,
    PathModifier,
    RequestMirror,
    RequestRedirect,
    UrlRewrite,
)
from policies.gateway.output.report import ImportReport, Manifest
from policies.gateway.routes.backends import Backends
from policies.language.check.filters import NOT_TO_ANSWER, NOT_TO_SEND, OF_CORS
from policies.language.findings.findings import Path, shown
from policies.language.values.values import PlainHostname

_HOSTNAME: TypeAdapter[str] = TypeAdapter(PlainHostname)
MAX_PART = 1_000_000  # of a fraction


@dataclass(slots=True)
class Filters:
    """`value`: the filters in `routes.yaml`; `origins`: the place of each in the manifest."""

    value: JsonObject = field(default_factory=dict)
    origins: dict[Path, Path] = field(default_factory=dict)
    lost: bool = False


class FilterReader:
    """Reads the filters of one route."""

    def __init__(
        self, manifest: Manifest, home: str, backends: Backends, report: ImportReport
    ) -> None:
        self._manifest, self._home = manifest, home
        self._backends, self._report = backends, report

    def read(self, filters: Sequence[Filter | None], path: Path, instead: str) -> Filters:
        """Return the filters of the list at `path`. `instead`: what happens if some are lost, for
        messages."""
        read = Filters()
        for index, filter_ in enumerate(filters):
            here = (*path, index)
            reader = _READERS.get(filter_.type) if filter_ else None
            if filter_ is None or reader is None:
                read.lost = True
                if filter_:
                    self._not_carried(filter_.type, here, instead)
                continue
            name = FILTER_FIELDS[filter_.type]
            inside = (*here, to_camel(name))
            target, value = reader(self, getattr(filter_, name), inside)
            # An empty redirect is refused, not skipped: it would redirect to the same URL.
            if value or target == "redirect":
                self._add(read, target, value, inside)
        self._rename_host(read)
        self._leave_to_cors(read)
        return read

    def _rename_host(self, read: Filters) -> None:
        """Convert setting the header `Host` to a rewrite of the hostname."""
        changes = read.value.get("request_headers", {})
        named = [header for header in changes.get("set", ()) if header["name"].lower() == "host"]
        for header in named:
            path = read.origins["request_headers",]
            changes["set"].remove(header)
            rewrite = read.value.get("rewrite", {})
            if "hostname" in rewrite:
                self._unused(path, "the filter `URLRewrite` sets the hostname already")
                continue
            if not _is_hostname(header["value"]):
                self._tell_left_out(header["name"], path, "the router")
                continue
            read.origins.setdefault(("rewrite",), path)
            read.value["rewrite"] = rewrite | {"hostname": header["value"]}
        if named:
            _drop_empty(read, "request_headers")

    def _leave_to_cors(self, read: Filters) -> None:
        changes = read.value.get("response_headers", {})
        if "cors" in read.value and changes:
            self._leave_out(changes, OF_CORS, read.origins["response_headers",], "the filter CORS")
            _drop_empty(read, "response_headers")

    def _leave_out(self, changes: JsonObject, names: Pattern[str], path: Path, by: str) -> None:
        """Remove and report entries for headers that must not be changed."""
        for kind, entries in changes.items():
            for entry in [*entries]:
                name = entry if kind == "remove" else entry["name"]
                if names.fullmatch(name):
                    entries.remove(entry)
                    self._tell_left_out(name, path, by)

    def _tell_left_out(self, name: str, path: Path, by: str) -> None:
        message = f"`{shown(name)}` is set by {by}, so this entry is left out"
        self._report.warn(self._manifest, path, "not-carried-over", message, "leave it out")

    def _add(self, read: Filters, target: str, value: object, path: Path) -> None:
        if target == "mirrors":
            mirrors = read.value.setdefault("mirrors", [])
            read.origins["mirrors", len(mirrors)] = path
            mirrors.append(value)
        elif target in read.value:
            message, hint = "a rule can have only one filter of this type", "combine them"
            self._report.tell(self._manifest, path, "not-carried-over", message, hint)
            read.lost = True
        else:
            read.value[target] = value
            read.origins[target,] = path

    def _not_carried(self, type_: str, path: Path, instead: str) -> None:
        message = f"the router has no filter `{type_}`, so {instead} instead of ignoring it"
        hint = "do it in the Worker or in another section of `routes.yaml`, and fix the route"
        self._report.tell(self._manifest, (*path, "type"), "not-carried-over", message, hint)

    def _unused(self, path: Path, message: str) -> None:
        self._report.warn(self._manifest, path, "unused-field", message, "leave it out")

    def _headers(self, modifier: HeaderModifier, path: Path) -> JsonObject:
        changes: JsonObject = {}
        for kind in ("set", "add"):
            headers = {}
            for index, header in enumerate(getattr(modifier, kind)):
                if header.name.lower() in headers:
                    message = "of several entries for the same header, only the first counts"
                    self._unused((*path, kind, index), message)
                else:
                    headers[header.name.lower()] = {"name": header.name, "value": header.value}
            changes[kind] = list(headers.values())
        changes["remove"] = list({name.lower(): name for name in modifier.remove}.values())
        if not any(changes.values()):
            self._unused(path, "this filter changes nothing")
        return changes

    def request_headers(self, modifier: HeaderModifier, path: Path) -> tuple[str, object]:
        changes = self._headers(modifier, path)
        hosts = [header for header in changes["set"] if header["name"].lower() == "host"]
        changes["set"] = [header for header in changes["set"] if header not in hosts]
        self._leave_out(changes, NOT_TO_SEND, path, "the router or the runtime")
        changes["set"] += hosts
        return "request_headers", _filled(changes)

    def response_headers(self, modifier: HeaderModifier, path: Path) -> tuple[str, object]:
        changes = self._headers(modifier, path)
        self._leave_out(changes, NOT_TO_ANSWER, path, "the router or the runtime")
        return "response_headers", _filled(changes)

    def redirect(self, redirect: RequestRedirect, path: Path) -> tuple[str, object]:
        value = {
            "scheme": redirect.scheme,
            "hostname": redirect.hostname,
            "port": redirect.port,
            "path": _new_path(redirect.path),
            "status": redirect.status_code,
        }
        return "redirect", _given(value)

    def rewrite(self, rewrite: UrlRewrite, path: Path) -> tuple[str, object]:
        value = _given({"hostname": rewrite.hostname, "path": _new_path(rewrite.path)})
        if not value:
            self._unused(path, "this filter changes nothing")
        return "rewrite", value

    def mirror(self, mirror: RequestMirror, path: Path) -> tuple[str, object]:
        where = (*path, "backendRef")
        if not self._backends.is_valid(mirror.backend_ref, self._manifest, where, self._home):
            return "mirrors", None  # an invalid mirror is dropped (Gateway API)
        pool = self._backends.pool(mirror.backend_ref, self._manifest, where, self._home)
        value: JsonObject = {"pool": pool}
        if mirror.percent is not None:
            value["percent"] = mirror.percent
        if mirror.fraction is not None:
            top, bottom = mirror.fraction.numerator, mirror.fraction.denominator
            shared = gcd(top, bottom)
            top, bottom = top // shared, bottom // shared
            if top <= bottom > MAX_PART:
                top, bottom = round(top * MAX_PART / bottom), MAX_PART
                message = f"the fraction is carried over as {top:,} of {bottom:,}"
                hint = "no change is needed if this is precise enough"
                self._report.warn(self._manifest, (*path, "fraction"), "differs", message, hint)
            value["fraction"] = {"numerator": top, "denominator": bottom}
        return "mirrors", value | {"unsafe_methods": True}  # the Gateway API mirrors all

    def cors(self, cors: Cors, path: Path) -> tuple[str, object]:
        expose = cors.expose_headers
        if cors.allow_credentials and "*" in expose:
            message = "with credentials, `*` exposes only a header with the name `*`"
            self._unused((*path, "exposeHeaders", expose.index("*")), message)
            expose = [name for name in expose if name != "*"]
        value = {
            "allow_origins": cors.allow_origins,
            "allow_methods": cors.allow_methods or None,
            "allow_headers": cors.allow_headers or None,
            "expose_headers": expose or None,
            "allow_credentials": cors.allow_credentials or None,
            "max_age": f"{cors.max_age}s",
        }
        return "cors", _given(value)


Reader = Callable[[FilterReader, Any, Path], tuple[str, object]]
_READERS: dict[str, Reader] = {
    "RequestHeaderModifier": FilterReader.request_headers,
    "ResponseHeaderModifier": FilterReader.response_headers,
    "RequestRedirect": FilterReader.redirect,
    "URLRewrite": FilterReader.rewrite,
    "RequestMirror": FilterReader.mirror,
    "CORS": FilterReader.cors,
}


def _filled(changes: JsonObject) -> JsonObject:
    return {kind: entries for kind, entries in changes.items() if entries}


def _is_hostname(text: str) -> bool:
    try:
        _HOSTNAME.validate_python(text)
    except ValidationError:
        return False
    return True


def _drop_empty(read: Filters, name: str) -> None:
    """Drop the empty lists of header changes; if none is left, the filter is removed."""
    read.value[name] = _filled(read.value[name])
    if not read.value[name]:
        del read.value[name]


def _given(value: JsonObject) -> JsonObject:
    return {name: item for name, item in value.items() if item is not None}


def _new_path(path: PathModifier | None) -> dict[str, str] | None:
    if path is None:
        return None
    if path.type == "ReplaceFullPath":
        return {"full": path.replace_full_path or ""}
    return {"prefix": path.replace_prefix_match or ""}
