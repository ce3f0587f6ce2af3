"""Helpers for checks that concern several values of a policy.

They read the plain document, not the validated model, and skip values of the wrong shape,
which the model reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from policies.language.findings.findings import Path, shown

MAX_COMPARED = 100  # known names, in the search for the nearest one


class KeyOf(str):
    """The last step of a path, if the finding concerns the key and not its value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Names:
    """A hint with the nearest known name; its text is made only when the finding is reported."""

    kind: str
    name: str
    known: set[str]

    def text(self, compare: bool) -> str:
        if not self.known:
            return f"the policy has no {self.kind}s"
        names = sorted(map(shown, self.known))
        compare = compare and len(names) <= MAX_COMPARED
        nearest = get_close_matches(shown(self.name), names, n=1) if compare else []
        if nearest:
            return f"did you mean `{nearest[0]}`?"
        return f"known {self.kind}s: " + ", ".join(f"`{name}`" for name in names[:20])


Found = tuple[str, Path, str, str | Names]  # code, path, message, hint


def mapping_in(parent: object, name: str) -> dict[str, object]:
    value = parent.get(name) if isinstance(parent, dict) else None
    return value if isinstance(value, dict) else {}


def list_in(parent: object, name: str) -> list[object]:
    value = parent.get(name) if isinstance(parent, dict) else None
    return value if isinstance(value, list) else []


def entries_of(policy: object, section: str) -> Iterator[tuple[int, dict[str, object]]]:
    for index, entry in enumerate(list_in(policy, section)):
        if isinstance(entry, dict):
            yield index, entry


def routes_of(policy: object) -> Iterator[tuple[int, dict[str, object]]]:
    return entries_of(policy, "routes")


def repeated_names(policy: object, section: str, code: str) -> Iterator[Found]:
    """Yield a finding for each entry of a list that has the name of an earlier one."""
    seen: dict[str, int] = {}
    for index, entry in enumerate(list_in(policy, section)):
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            message = f"{section}[{seen[name]}] is called `{shown(name)}` already"
            yield code, (section, index, "name"), message, "give it another name"


def pools_in(split: dict[str, object]) -> list[str]:
    """Return the pools of a split, without entries that have no backend."""
    shares = split.items()
    return [name for name, share in shares if not (isinstance(share, dict) and "backend" in share)]


def served_pools(policy: object) -> set[str]:
    variants = mapping_in(policy, "variants").values()
    pools = [variant.get("pool") for variant in variants if isinstance(variant, dict)]
    return {pool for pool in pools if isinstance(pool, str)}


def unknown(kind: str, name: object, known: set[str], path: Path) -> Iterator[Found]:
    """Yield a finding if `name` is text that is not among `known`."""
    if not isinstance(name, str) or name in known:
        return
    words = kind.replace("-", " ")
    message = f"there is no {words} `{shown(name)}`"
    yield f"unknown-{kind}", path, message, Names(words, name, known)
