"""The scalar values of API keys: hashes, times, scopes; see `values.py`.

Messages do not repeat the value of a hash field: it may be a key.
"""

from __future__ import annotations

import re
from datetime import datetime

from policies.basics.callers import RESERVED
from policies.language.values.values import (
    NAME_SCHEMA,
    as_type,
    how_to_write,
    problem,
    read_name,
    read_text,
)

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/*-]{0,127}", re.ASCII)
# A date-time of RFC 3339, section 5.6.
_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NO_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", re.ASCII)
HOW_TO_HASH = "`router keys hash` reads the key and prints what to write"


def read_key_id(value: object) -> str:
    """Return a name that stands for nobody but the key's client."""
    name = read_name(value)
    if name in RESERVED:
        message = f"`{name}` is reserved: commands of {RESERVED[name]} are recorded under it"
        raise problem("reserved-name", message, how_to_write(f"{name}-client", ""))
    return name


def read_hash(value: object) -> str:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        message = "this is not a SHA-256 in 64 lower-case hexadecimal digits"
        raise problem("bad-key-hash", message, HOW_TO_HASH)
    return value


def read_time(value: object) -> int:
    """Return a date-time as milliseconds since 1970."""
    text = read_text(value, "a time", "`2027-01-31T00:00:00Z`")
    hint = "write date, time and offset, such as `2027-01-31T00:00:00Z`"
    if not _TIME.fullmatch(text):
        hint = f"write `{text}T00:00:00Z`" if _DATE.fullmatch(text) else hint
        hint = f"write `{text.replace(' ', 'T')}Z`" if _NO_OFFSET.fullmatch(text) else hint
        raise problem("bad-time", f"`{text[:80]}` is not a time (RFC 3339)", hint)
    try:
        return round(datetime.fromisoformat(text.upper()).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise problem("bad-time", f"`{text}` is not a valid date and time", hint) from None


def read_scope(value: object) -> str:
    text = read_text(value, "a scope", "`agents:read`")
    if not SCOPE.fullmatch(text):
        hint = "use letters, digits and `._:/*-`, at most 128"
        raise problem("bad-name", f"`{text[:80]}` is not a scope", hint)
    return text


KeyId = as_type(read_key_id, {**NAME_SCHEMA, "not": {"enum": list(RESERVED)}})
KeyHash = as_type(read_hash, {"type": "string", "pattern": f"^{_HASH.pattern}$"})
Time = as_type(read_time, {"type": "string", "format": "date-time"}, int)
Scope = as_type(read_scope, {"type": "string", "pattern": f"^{SCOPE.pattern}$"})
