"""The canonical spelling of values: values with the same meaning are written the same.

`60s` and `1m` are `1m`, defaults are written out, absent values are left out. Values are
written as in `routes.yaml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from policies.basics.durations import duration_text
from policies.basics.untyped import Parsed
from policies.language.model.part import Part
from policies.resilience.drill import Fault

Value = Parsed  # plain JSON: mappings are compared by key, all else as a whole
View = dict[str, Value]


def percentage(share: float) -> str:
    """Return `5%` for `0.05`, with enough digits to distinguish two weights."""
    return f"{100 * share:.12g}%"


def size_text(size: int) -> str:
    unit = next((u for u in ("GiB", "MiB", "KiB") if size and size % _UNITS[u] == 0), "B")
    return f"{size // _UNITS[unit]}{unit}"


def time_text(at_ms: float) -> str:
    time = datetime.fromtimestamp(at_ms / 1000, UTC)
    return time.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds")[:-6] + "Z"


def unique(names: Iterable[str]) -> list[str]:
    """Return a set of names as a list."""
    return sorted(set(names))


def plain(part: Part, without: Iterable[str] = ()) -> View:
    """Return a part of the policy, by the names of its fields in YAML."""
    view: View = {}
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if name not in without and value is not None:
            view[field.alias or name] = _spelled(name, value)
    return view


def _spelled(name: str, value: Value) -> Value:
    if isinstance(value, Part):
        return plain(value)
    if isinstance(value, Fault):
        return value.text
    if isinstance(value, str):
        return value
    spell = _SPELLINGS.get(name)
    return spell(value) if spell else value


def _ranges(ranges: Iterable[tuple[int, int]]) -> list[str]:
    return unique(f"{low}-{high}" if low != high else str(low) for low, high in ranges)


_UNITS = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
_SPELLINGS: dict[str, Callable[[Parsed], Value]] = {
    **dict.fromkeys(("interval", "timeout", "window", "eject_for", "max_eject_for"), duration_text),
    **dict.fromkeys(("slow_start", "request", "backend_request", "backoff"), duration_text),
    **dict.fromkeys(("hedge", "ttl", "stale_while_revalidate", "duration"), duration_text),
    **dict.fromkeys(("max_p50", "max_p95", "max_p99"), duration_text),
    **dict.fromkeys(("url", "header_size", "body", "buffer"), size_text),
    **dict.fromkeys(("failure_rate", "panic_threshold", "budget"), percentage),
    **dict.fromkeys(("max_error_rate", "max_error_rate_increase"), percentage),
    "max_latency_increase": percentage,
    "expect": _ranges,
    "on": lambda reasons: unique(map(str, reasons)),
}
