"""Writes a policy as readable YAML, with comments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from policies.basics.untyped import JsonObject
from policies.language.tooling.write import WIDTH, comment, field, hung


class YamlEntry(NamedTuple):
    """An entry of a section, with the comments above it."""

    comments: list[str]
    value: JsonObject


def policy_text(
    header: Iterable[str], variants: dict[str, YamlEntry], routes: Iterable[YamlEntry]
) -> str:
    """Return the text of `routes.yaml`."""
    lines = [*map(comment, header), "", "version: 1", "", "variants:"]
    for name, entry in variants.items():
        lines += [f"  {comment(each)}" for each in entry.comments]
        lines += [f"  {each}" for each in field(name, entry.value, WIDTH - 2)]
    lines += ["", "routes:"]
    for number, entry in enumerate(routes):
        lines += [""] * (number > 0)
        lines += [f"  {comment(each)}" for each in entry.comments]
        fields = [line for k, v in entry.value.items() for line in field(k, v, WIDTH - 4)]
        lines += hung([fields], 2)
    return "\n".join(lines) + "\n"
