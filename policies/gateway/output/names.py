"""Makes names of the policy from names of the cluster: valid, unique and deterministic."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import count

from pydantic import TypeAdapter, ValidationError

from policies.language.values.values import Binding

LONGEST = 63  # characters of a name, of a binding
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_NO_BINDING = re.compile(r"[^A-Z0-9_]+")
_BINDING: TypeAdapter[str] = TypeAdapter(Binding)


class PolicyNames:
    """Gives every name once."""

    def __init__(self, joint: str = "-") -> None:
        self._joint = joint
        self._taken = set[str]()

    def first_free(self, wishes: Iterable[str]) -> str:
        """Return the first of the wishes that is free; the last one with a number if all are
        taken."""
        name = ""
        for name in wishes:
            if name not in self._taken:
                break
        else:
            name = next(
                candidate for candidate in self._numbered(name) if candidate not in self._taken
            )
        self._taken.add(name)
        return name

    def _numbered(self, name: str) -> Iterator[str]:
        for number in count(2):
            end = f"{self._joint}{number}"
            yield name[: LONGEST - len(end)] + end


def fitted(text: str) -> str:
    """Return `text` with only valid characters, and shortened to the maximum length."""
    name = _NO_NAME.sub("-", text)
    if len(name) > LONGEST:
        mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
        name = f"{name[: LONGEST - len(mark) - 1]}-{mark}"
    return name.strip("._-") or "unnamed"


def binding_of(pool: str) -> str:
    """Return the binding of a pool's variant, in upper case as in Cloudflare's examples."""
    text = _NO_BINDING.sub("_", pool.upper())
    return text if _is_binding(text) else f"BACKEND_{text}"[:LONGEST]


def _is_binding(text: str) -> bool:
    try:
        _BINDING.validate_python(text)
    except ValidationError:
        return False
    return True
