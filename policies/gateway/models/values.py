"""The scalar values of Kubernetes manifests: names, durations, times."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from policies.basics.untyped import TypeForm
from policies.language.values.values import problem, read_duration

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"  # as in Kubernetes, which allows long parts
MAX_LABEL = 63
MAX_NAME = 253
# GEP-2257: a strict subset of Go's durations.
_DURATION = re.compile(r"(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}", re.ASCII)
_DURATION_PART = re.compile(r"[0-9]+(?:ms|h|m|s)", re.ASCII)
# YAML 1.1, which Kubernetes reads, has more words for true and false.
_FLAGS = {
    **dict.fromkeys(("y", "yes", "on"), True),
    **dict.fromkeys(("n", "no", "off"), False),
}


def _name(pattern: str, example: str, longest: int) -> TypeForm:
    regex = re.compile(pattern, re.ASCII)

    def read(value: object) -> str:
        if isinstance(value, str) and len(value) > longest:
            message = f"`{value[:20]}…` has {len(value):,} characters"
            raise problem("bad-name", message, f"write at most {longest} characters")
        if not isinstance(value, str) or not regex.fullmatch(value):
            hint = f"Kubernetes' names have lower-case letters, digits and `-`: `{example}`"
            raise problem("bad-name", f"`{str(value)[:80]}` is not a name", hint)
        return value

    return Annotated[str, BeforeValidator(read)]


def _read_duration(value: object) -> int:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        hint = "write `10s`, `1m30s` or `500ms`, without fractions (GEP-2257)"
        raise problem("bad-duration", f"`{str(value)[:80]}` is not a duration", hint)
    return sum(read_duration(part) for part in _DURATION_PART.findall(value))


def _read_flag(value: object) -> object:
    return _FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def _read_timestamp(value: object) -> float:
    """Return seconds since 1970."""
    try:
        time = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        hint = "write it as Kubernetes does: `2026-01-31T12:00:00Z`"
        raise problem("bad-value", f"`{str(value)[:80]}` is not a time", hint) from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


Label = _name(_LABEL, "team-a", MAX_LABEL)
Subdomain = _name(_SUBDOMAIN, "shop", MAX_NAME)
# References are only compared, and made valid where they become names.
ObjectName = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Numbered = Annotated[int, Field(ge=1, le=65_535)]
GatewayDuration = Annotated[int, BeforeValidator(_read_duration)]  # milliseconds
Flag = Annotated[bool, BeforeValidator(_read_flag)]
Timestamp = Annotated[float, BeforeValidator(_read_timestamp)]
