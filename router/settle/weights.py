"""The final weights of a rollout's two pools in a route's split.

Their sum stays the same, so other pools of the split keep their share. A weight is a number, or
a field of a mapping, with the default 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from policies.language.yaml.composer import resolve
from router.settle.source import SourceText, TextEdit, YamlField, field_of, fields_of

ALL = Decimal(100)
FINEST = Decimal("0.000001")  # the smallest weight of the language
DEFAULT = 1


def weight_of(entry: object) -> Decimal:
    """Return the exact weight of an entry of a split."""
    number = entry.get("weight", DEFAULT) if isinstance(entry, dict) else entry
    return Decimal(str(number))


def final(first: Decimal, second: Decimal, percent: Decimal) -> tuple[Decimal, Decimal]:
    """Return two weights with the same sum, of which the second has `percent`."""
    total = first + second
    second = total if percent == ALL else (total * percent / ALL).quantize(FINEST)
    return total - second, second


def weight_text(weight: Decimal) -> str:
    """Return the weight as text: `5`, `0.5`."""
    is_whole = weight == weight.to_integral_value()
    return str(int(weight)) if is_whole else f"{weight.normalize():f}"


def with_weight(entry: object, weight: Decimal) -> object:
    """Return the entry as the language reads it."""
    value = resolve(weight_text(weight))
    if not isinstance(entry, dict):
        return value
    return entry | {"weight": value} if "weight" in entry else {"weight": value, **entry}


def weight_changes(source: SourceText, field: YamlField, weight: Decimal) -> Iterator[TextEdit]:
    """Yield the changes that set the weight of an entry of a split."""
    text = weight_text(weight)
    if not isinstance(field.value.value, list):  # a number
        yield TextEdit(*source.scalar(field), text)
        return
    if written := field_of(field.value, "weight"):
        yield TextEdit(*source.scalar(written), text)
        return
    fields = fields_of(field.value)
    if not fields:
        inside = field.value.end_mark.index - 1
        yield TextEdit(inside, inside, f"weight: {text}")
        return
    first = fields[0].key.start_mark
    after = ", " if field.value.flow_style else source.line_end + " " * first.column
    yield TextEdit(first.index, first.index, f"weight: {text}{after}")
