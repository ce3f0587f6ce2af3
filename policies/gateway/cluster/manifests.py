"""Reads the objects of a file of manifests, and validates them.

- A file has documents; a document is an object or a `List` of objects, at any depth.
- An invalid part is reported and removed, and the rest is read. The removed part is the smallest
  one without which a rule does not match more, or do less, than before. `_ITEMS` names the lists
  whose items are removed as a whole; they become None, so that the others keep their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from pydantic import ValidationError

from policies.gateway.cluster.suspects import is_guard
from policies.gateway.models.http_routes import Object
from policies.gateway.output.report import ImportReport, Manifest
from policies.language.findings.findings import Path
from policies.language.findings.found import KeyOf
from policies.language.load import errors_in
from policies.language.yaml.budget import Budget
from policies.language.yaml.document import read_manifests

MAX_CUTS = 50  # validations of one object; after each, the invalid parts are removed
_ITEMS = frozenset(
    ("hostnames", "parentRefs", "listeners", "matches", "filters", "backendRefs", "rules")
)
_PLAIN = frozenset(("backendRefs", "parentRefs", "listeners"))  # only unknown fields are removed
_LIST_FIELDS = frozenset(("apiVersion", "kind", "metadata", "items"))

AnObject = TypeVar("AnObject", bound=Object)


def manifests_in(file: str, data: bytes, report: ImportReport) -> Iterator[Manifest]:
    """Yield every object in a file, in order; those of lists one by one."""
    documents, findings = read_manifests(data)
    for finding in findings:
        report.add(file, finding)
    for document in documents:
        yield from _unpacked(Manifest(file, document, (), document.value), report)


def _unpacked(manifest: Manifest, report: ImportReport) -> Iterator[Manifest]:
    """Yield the object, or the objects of a list."""
    kind, items = manifest.value.get("kind"), manifest.value.get("items")
    is_list = kind == "List" or "items" in manifest.value
    if not (isinstance(kind, str) and kind.endswith("List") and is_list):
        yield manifest
        return
    for name in manifest.value:
        if name not in _LIST_FIELDS:
            message, hint = f"there is no field `{name[:80]}` here", "take it out"
            report.tell(manifest, (KeyOf(name),), "unknown-field", message, hint)
    if items is not None and not isinstance(items, list):
        report.tell(manifest, ("items",), "wrong-type", "`items` must be a list", "write a list")
        return
    for index, item in enumerate(items or ()):
        if isinstance(item, dict):
            # The items of `HTTPRouteList` and the like need not say what they are.
            said = {"apiVersion": manifest.value.get("apiVersion"), "kind": kind[:-4]}
            value = {**said, **item} if kind != "List" else item
            inner = replace(manifest, at=(*manifest.at, "items", index), value=value)
            yield from _unpacked(inner, report)
        else:
            message = "an item of a list must be an object"
            report.tell(manifest, ("items", index), "wrong-type", message, "take it out")


def read_object(manifest: Manifest, kind: type[AnObject], report: ImportReport) -> AnObject | None:
    """Return the valid parts of an object; None if too little is valid."""
    value = _copied(manifest, manifest.value, (), report)
    cut = set[Path]()
    for _ in range(MAX_CUTS):
        try:
            return kind.model_validate(value, context=Budget())
        except ValidationError as error:
            for code, path, message, hint in errors_in(error, kind):
                if code != "missing-field" or path not in cut:
                    report.tell(manifest, path, code, message, str(hint))
                where = _where_to_cut(code, path)
                if not where:
                    return None
                _cut(value, where)
                cut.add(where)
                if code == "unknown-field" and is_guard(str(path[-1])):
                    _leave_gaps(value, path)
    message, hint = "this object has too many errors", "fix the findings so far"
    report.tell(manifest, (), "bad-value", message, hint)
    return None


def _copied(manifest: Manifest, value: object, path: Path, report: ImportReport) -> object:
    """Return the value without nulls, which mean the same as absent fields."""
    if isinstance(value, dict):
        items = {k: v for k, v in value.items() if v is not None}
        return {k: _copied(manifest, v, (*path, k), report) for k, v in items.items()}
    if isinstance(value, list):
        for index, item in enumerate(value):
            if item is None and path and path[0] == "spec":
                message, hint = "this item is empty", "fill it, or remove it"
                report.tell(manifest, (*path, index), "empty", message, hint)
        return [_copied(manifest, v, (*path, i), report) for i, v in enumerate(value)]
    return value


def _where_to_cut(code: str, path: Path) -> Path:
    """Return what is removed for an error: the whole item around it, else the field itself; for a
    missing field, the mapping that lacks it. `()` is the object."""
    for depth, step in enumerate(path[:-1], 1):
        if not isinstance(path[depth], int):
            continue
        inside = len(path) - depth - 1
        if step not in _ITEMS:
            return path[:depth]  # other lists are removed as a whole
        if step == "rules" and inside:
            continue  # a rule is removed only if it is not a mapping
        if not (code == "unknown-field" and step in _PLAIN and inside == 1):
            return path[: depth + 1]
    return path[:-1] if code == "missing-field" else path


def _cut(value: object, where: Path) -> None:
    """Remove the value at `where`, unless a part around it has been removed before."""
    for step in where[:-1]:
        value = at(value, step)
    last = where[-1]
    if isinstance(value, list) and isinstance(last, int) and last < len(value):
        value[last] = None
    elif isinstance(value, dict) and last in _ITEMS and not isinstance(value.get(last), list):
        value[last] = [None]  # not an empty list, since it may have denied access
    elif isinstance(value, dict):
        value.pop(last, None)


def _leave_gaps(value: object, path: Path) -> None:
    """Treat an unknown field that may be a guard as a filter of its rule, or of all rules."""
    rules = at(at(value, "spec"), "rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, dict) and (path[1:2] != ("rules",) or path[2:3] == (index,)):
            filters = rule.get("filters")
            rule["filters"] = [*(filters if isinstance(filters, list) else ()), None]


def at(value: object, step: str | int) -> object:
    """Return the value at the place; None if there is none."""
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None
