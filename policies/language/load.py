"""Loads `routes.yaml`: from bytes to a valid policy, or to all findings.

There are three stages: YAML (`document.py`), fields and values (`model.py`), and checks of
several values at once (`check.py`). The last two always both run, so that all findings are
reported together, up to a hundred. Loading never raises, whatever the bytes are, and its cost
is bounded.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TypeGuard, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from policies.basics.steps import Steps, TooMuchWork, finished, within
from policies.basics.untyped import Annotation
from policies.language.check.check import check_steps, placed, warn
from policies.language.check.upstreams import PRIVATE_UPSTREAM
from policies.language.findings.causes import comes_last, without_consequences
from policies.language.findings.findings import Finding, Path, shown
from policies.language.findings.found import Found, KeyOf
from policies.language.meant import bare, meant
from policies.language.model.part import Part
from policies.language.model.policy import Policy
from policies.language.prepare import prepare_steps
from policies.language.values.respelled import one_of, weight
from policies.language.values.written import MAX_LENGTH, flow
from policies.language.yaml.budget import MAX_FINDINGS, MAX_WORK, Budget
from policies.language.yaml.document import Document, document_steps

STEP_HASHED = 1024 * 1024  # bytes that are hashed in one unit of work


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of loading a policy: `policy` is None if and only if a finding is an error."""

    digest: str
    policy: Policy | None
    findings: tuple[Finding, ...]


def digest_of(data: bytes) -> str:
    """Return the digest that identifies a policy: the SHA-256 of its YAML, in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_steps(data: bytes) -> Steps[str]:
    """The same, in steps."""
    found = hashlib.sha256()
    for begin in range(0, len(data), STEP_HASHED):
        found.update(data[begin : begin + STEP_HASHED])
        yield 1
    return found.hexdigest()


def load(
    data: bytes,
    now_ms: float | None = None,
    *,
    lint: bool = True,
    allow_private: bool = False,
) -> Loaded:
    """Load `routes.yaml`; findings are in the order of their places. `now_ms`: the time in
    milliseconds since 1970, for warnings about keys that expire; None: without these.
    `lint`: with warnings. `allow_private`: variants may have URLs in private networks, as on
    one's own machine."""
    loaded, document = finished(_load_steps(data, allow_private=allow_private))
    if not loaded.policy or not document or not lint:
        return loaded
    warnings = in_order(placed(document, warn(loaded.policy, now_ms), "warning"))
    return replace(loaded, findings=tuple(warnings))


def load_steps(
    data: bytes, digest: str | None = None, *, allow_private: bool = False
) -> Steps[Loaded]:
    """The same in steps, without warnings, which the edge does not need. `digest`: the digest of
    `data`, if it is known."""
    loaded, _ = yield from _load_steps(data, digest, allow_private=allow_private)
    return loaded


def _load_steps(
    data: bytes, digest: str | None = None, *, allow_private: bool
) -> Steps[tuple[Loaded, Document | None]]:
    digest = digest_of(data) if digest is None else digest
    try:
        return (yield from within(_read_steps(data, digest, allow_private), MAX_WORK))
    except TooMuchWork:
        message = f"reading the policy takes more than {MAX_WORK:,} units of work"
        hint = "merge routes that do the same, and use fewer aliases (`*`) of large values"
        finding = Finding("too-much-work", "$", 1, 1, message, hint)
        return Loaded(digest, None, (finding,)), None


def _read_steps(
    data: bytes, digest: str, allow_private: bool
) -> Steps[tuple[Loaded, Document | None]]:
    document = yield from document_steps(data)
    if not isinstance(document, Document):
        return Loaded(digest, None, tuple(document)), None
    policy, found = yield from policy_steps(document.value, Budget(allow_private=allow_private))
    findings = in_order(placed(document, found, "error"))
    return Loaded(digest, policy, tuple(findings)), document


def in_order(findings: list[Finding]) -> list[Finding]:
    """Return the unique findings in the order of their places, MAX_FINDINGS at most."""
    unique = sorted(
        set(findings),
        key=lambda f: (f.line, f.column, comes_last(f.code), f.code, f.path, f.message),
    )
    kept = unique[:MAX_FINDINGS]
    if len(unique) > MAX_FINDINGS:
        kept[-1] = replace(kept[-1], message=f"{kept[-1].message} (and there are more findings)")
    return kept


def read_policy(value: object, budget: Budget) -> tuple[Policy | None, list[Found]]:
    """Return the policy of a plain value, or None and all errors in it."""
    return finished(policy_steps(value, budget))


def policy_steps(value: object, budget: Budget) -> Steps[tuple[Policy | None, list[Found]]]:
    """The same, in steps."""
    policy, found = None, list[Found]()
    prepared = yield from prepare_steps(value, budget)
    try:
        policy = Policy.model_validate(prepared, context=budget)
    except ValidationError as error:
        found = errors_in(error, Policy)
    yield 1
    checked = yield from check_steps(value)
    if budget.allow_private:
        checked = [finding for finding in checked if finding[0] != PRIVATE_UPSTREAM]
    found += without_consequences(found, checked)
    return None if found else policy, found


def errors_in(error: ValidationError, root: type[Part]) -> list[Found]:
    """Return pydantic's errors in a value that was read as `root`."""
    return [_found(detail, root) for detail in error.errors(include_url=False)[: MAX_FINDINGS + 1]]


def _found(error: ErrorDetails, root: type[Part]) -> Found:
    at_key = _is_about_key(error, root)
    path: Path = error["loc"][:-1] if at_key else error["loc"]
    code, message, hint = _texts(error, path, root)
    if path and (at_key or code == "unknown-field"):
        path = (*path[:-1], KeyOf(path[-1]))
    return code, path, message, hint


def _is_about_key(error: ErrorDetails, root: type[Part]) -> bool:
    """Return whether the place ends with pydantic's mark for a key, not with a key of that name."""
    loc = error["loc"]
    marked = loc[-1:] == ("[key]",) and error["type"] != "extra_forbidden"
    return marked and get_origin(_type_at(loc[:-2], root)) is dict


_TYPES = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "int_from_float": "a whole number",
}


def _texts(error: ErrorDetails, path: Path, root: type[Part]) -> tuple[str, str, str]:
    """Return code, message and hint of one of pydantic's errors."""
    kind, context = error["type"], error.get("ctx", {})
    last = shown(path[-1]) if path else "policy"
    if "hint" in context:
        return kind, context["message"], context["hint"]
    if kind == "missing":
        return "missing-field", f"`{last}` is missing", f"add `{last}`"
    if kind == "extra_forbidden":
        hint = _where_it_belongs(error["input"], path, root) or _nearest_field(path, root)
        return "unknown-field", f"there is no field `{last}` here", hint
    if kind in _TYPES:
        message = f"`{last}` must be {_TYPES[kind]}, not {_shown(error['input'])}"
        how = "put it in quotes" if kind == "string_type" else f"write {_TYPES[kind]}"
        value = _value_to_write(error["input"], path, root)
        return "wrong-type", message, f"{how}: `{value}`" if value else how
    if kind == "literal_error":
        message = f"{_shown(error['input'])} is not an allowed value of `{last}`"
        words = [str(word) for word in get_args(_type_at(path, root))]
        nearest = one_of(error["input"], words)
        hint = f"`{nearest}`; the allowed values are " if nearest else ""
        return "unknown-value", message, f"write {hint}{context['expected']}"
    if kind == "too_short":
        return "empty", f"`{last}` is empty", "add at least one entry, or leave it out"
    if kind == "too_long":
        message = f"`{last}` has {context['actual_length']} entries"
        return "out-of-range", message, f"keep at most {context['max_length']}"
    limits = {"greater_than_equal": "ge", "less_than_equal": "le"}
    if kind in limits:
        bound = context[limits[kind]]
        word = "at least" if kind.startswith("greater") else "at most"
        return "out-of-range", f"`{last}` is out of range", f"write {word} {bound}"
    return "bad-value", f"`{last}`: {error['msg']}", "see docs/language.md"


def _value_to_write(value: object, path: Path, root: type[Part]) -> str:
    """Return the intended value, or "" if it is unknown or too long."""
    found = meant(_type_at(path, root), value)
    if found is None:
        return ""
    text = flow(found)
    if path and isinstance(path[-1], str) and isinstance(found, list | dict):
        text = f"{shown(path[-1])}: {text}"
    return text if len(text) <= MAX_LENGTH else ""


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f"`{shown(value)}`"


def _where_it_belongs(value: object, path: Path, root: type[Part]) -> str:
    """Return the hint for a weight outside `split`, or for a field of an inner mapping; else ""."""
    part, name = _type_at(path[:-1], root), shown(path[-1])
    if not _is_part(part) or name.lower() in _fields(part):
        return ""
    share = weight(value) if isinstance(value, str | int | float) else None
    if "split" in _fields(part) and share is not None:
        return f"write `split: {flow({name: share})}`"
    homes = [
        (field, get_origin(bare(field_info.annotation)) is list)
        for field, field_info in _fields(part).items()
        if _is_part(inner := _inner(field_info.annotation)) and name in _fields(inner)
    ]
    if len(homes) != 1:
        return ""
    home, is_list = homes[0]
    return f"it belongs to `{home}`: `{home}: {flow([{name: '…'}] if is_list else {name: '…'})}`"


def _inner(annotation: Annotation) -> Annotation:
    """Return the type, or the type of a list's entries."""
    found = bare(annotation)
    return bare(get_args(found)[0]) if get_origin(found) is list else found


def _nearest_field(path: Path, root: type[Part]) -> str:
    part = _type_at(path[:-1], root)
    names = {name.lower(): name for name in sorted(_fields(part))} if _is_part(part) else {}
    nearest = get_close_matches(shown(path[-1]).lower(), names, n=1)
    if nearest:
        return f"did you mean `{names[nearest[0]]}`?"
    return "known fields: " + ", ".join(f"`{name}`" for name in names.values())


def _is_part(annotation: Annotation) -> TypeGuard[type[Part]]:
    return isinstance(annotation, type) and issubclass(annotation, Part)


def _fields(part: type[Part]) -> dict[str, FieldInfo]:
    """Return the fields of a mapping by their names in YAML."""
    return {field.alias or name: field for name, field in part.model_fields.items()}


def _type_at(path: Path, root: type[Part]) -> Annotation:
    """Return the type of the value at `path` in `root`; None if there is no such field."""
    annotation: Annotation = root
    for step in path:
        if _is_part(annotation):
            field = _fields(annotation).get(str(step))
            annotation = bare(field.annotation) if field else None
        else:
            annotation = bare((get_args(annotation) or (None,))[-1])
    return annotation
