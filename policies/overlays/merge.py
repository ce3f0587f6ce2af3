"""An overlay laid over a policy: what an environment has otherwise.

1. Mappings merge by their keys. What the overlay does not say stays as it is.
2. The lists of NAMED merge by the names of their entries. As a list, the overlay changes entries
   and adds others. As a mapping from names, it changes and removes those that are there.
3. Anything else replaces what was there, and `null` removes it.
4. Each value knows the file and the place that it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.language.findings.findings import Path, shown
from policies.language.findings.found import Names
from policies.language.yaml.budget import MAX_FINDINGS
from policies.language.yaml.composer import Lines, Node, Value
from policies.language.yaml.document import Document

# Lists whose entries have names, and the field with the name; "*" is an entry of a list.
NAMED = {
    ("routes",): "name",
    ("auth", "keys"): "id",
    ("drills",): "name",
    ("rollouts",): "name",
    ("rollouts", "*", "analysis", "checks"): "name",
}


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A file that a value came from; `file` is its name."""

    file: str
    lines: Lines


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """Where a key of a mapping, or an item of a list, begins."""

    origin: Origin
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A value with its place, and its parts: of a mapping with their keys."""

    value: Value
    origin: Origin
    at: int
    parts: dict[str, tuple[Spot, Branch]] | list[Branch] | None


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """What is wrong with an overlay, and where."""

    code: str
    path: Path
    at: Spot
    message: str
    hint: str | Names


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """A policy with an overlay: its value, and the place of each of its parts."""

    root: Branch
    mistakes: tuple[Mistake, ...]

    @property
    def value(self) -> dict[str, Value]:
        return self.root.value if isinstance(self.root.value, dict) else {}

    def place(self, path: Path) -> tuple[int, int]:
        _, found = self._walk(path)
        return found.origin.lines.place(found.at)

    def key_place(self, path: Path) -> tuple[int, int]:
        key, _ = self._walk(path)
        return key.origin.lines.place(key.at)

    def file(self, path: Path, *, at_key: bool) -> str:
        """The name of the file that the value, or its key, came from."""
        key, found = self._walk(path)
        return key.origin.file if at_key else found.origin.file

    def _walk(self, path: Path) -> tuple[Spot, Branch]:
        found = self.root
        key = Spot(found.origin, found.at)
        for step in path:
            parts = found.parts
            if isinstance(parts, dict) and isinstance(step, str) and step in parts:
                key, found = parts[step]
            elif isinstance(parts, list) and isinstance(step, int) and step < len(parts):
                found = parts[step]
                key = Spot(found.origin, found.at)
            else:
                break
        return key, found


def merged(base: Document, overlay: Document, names: tuple[str, str]) -> Merged:
    """Lay the overlay over the base. `names`: of the two files."""
    below, above = (
        _branch(each.root, Origin(name, each.lines))
        for each, name in zip((base, overlay), names, strict=True)
    )
    merging = _Merging()
    return Merged(merging.merge(below, above, ()), tuple(merging.mistakes))


def _branch(node: Node, origin: Origin) -> Branch:
    value, at, parts = node
    if isinstance(parts, dict):
        found = {
            name: (Spot(origin, key_at), _branch(child, origin))
            for name, (key_at, child) in parts.items()
        }
        return Branch(value, origin, at, found)
    if isinstance(parts, list):
        return Branch(value, origin, at, [_branch(child, origin) for child in parts])
    return Branch(value, origin, at, None)


@dataclass(slots=True)
class _Merging:
    """One merge, with the mistakes that it meets."""

    mistakes: list[Mistake] = field(default_factory=list)

    def merge(self, below: Branch, above: Branch, path: Path) -> Branch:
        if isinstance(below.parts, dict) and isinstance(above.parts, dict):
            return self._mappings(below, below.parts, above.parts, path)
        name = _name_field(path)
        if name and isinstance(below.parts, list):
            if isinstance(above.parts, dict):
                return self._by_names(below, below.parts, above.parts, path, name)
            if isinstance(above.parts, list):
                return self._lists(below, below.parts, above.parts, path, name)
        return self._new(above, path)

    def _new(self, above: Branch, path: Path) -> Branch:
        """A value that nothing is below."""
        name = _name_field(path)
        if isinstance(above.parts, dict):
            if name:
                return self._by_names(_with(above, []), [], above.parts, path, name)
            return self._mappings(_with(above, {}), {}, above.parts, path)
        if isinstance(above.parts, list):
            if name:
                return self._lists(_with(above, []), [], above.parts, path, name)
            made = [self._new(each, (*path, index)) for index, each in enumerate(above.parts)]
            return _with(above, made)
        return above

    def _mappings(
        self,
        below: Branch,
        parts: dict[str, tuple[Spot, Branch]],
        more: dict[str, tuple[Spot, Branch]],
        path: Path,
    ) -> Branch:
        made, known = dict(parts), set(parts)
        for name, (key, above) in more.items():
            here = (*path, name)
            if above.value is None:
                if made.pop(name, None) is None:
                    self._report_nothing(here, key, Names("field", name, known))
            elif name in made:
                old_key, old = made[name]
                made[name] = old_key, self.merge(old, above, here)
            else:
                made[name] = key, self._new(above, here)
        return _with(below, made)

    def _lists(
        self, below: Branch, parts: list[Branch], more: list[Branch], path: Path, name: str
    ) -> Branch:
        """Entries of the same name merge, the others come after them."""
        made = list(parts)
        index = _index(parts, name)
        seen: set[str] = set()
        for above in more:
            called = _name_of(above, name)
            at = index.get(called) if called is not None else None
            here = (*path, len(made) if at is None else at)
            if called in seen:
                told = f"the overlay has two entries called `{shown(called)}`"
                place = Spot(above.origin, above.at)
                self._report("overlay-name", here, place, told, "make one of the two")
                continue  # to merge it as well would cost more with each
            if called is not None:
                seen.add(called)
            if at is None:
                made.append(self._new(above, here))
            else:
                made[at] = self.merge(made[at], above, here)
        return _with(below, made)

    def _by_names(
        self,
        below: Branch,
        parts: list[Branch],
        more: dict[str, tuple[Spot, Branch]],
        path: Path,
        name: str,
    ) -> Branch:
        """Entries change or go by their names."""
        made: list[Branch | None] = list(parts)
        index = _index(parts, name)
        known = set(index)
        for called, (key, above) in more.items():
            at = index.get(called)
            here = (*path, called)
            if at is None:
                self._report_missing(here, key, above, Names(str(path[-1])[:-1], called, known))
                continue
            if above.value is None:
                made[at] = None
                continue
            said = _name_of(above, name)
            if said is not None and said != called:
                told = f"the entry `{shown(called)}` would be called `{shown(said)}`"
                self._report("overlay-name", here, key, told, f"leave out `{name}`")
            made[at] = self.merge(parts[at], above, (*path, at))
        return _with(below, [each for each in made if each is not None])

    def _report_missing(self, path: Path, key: Spot, above: Branch, known: Names) -> None:
        if above.value is None:
            self._report_nothing(path, key, known)
            return
        told = f"the policy has no `{shown(known.name)}` here that could change"
        self._report("overlay-leads-nowhere", path, key, told, known)

    def _report_nothing(self, path: Path, key: Spot, known: Names) -> None:
        told = f"the policy has no `{shown(known.name)}` here that could be removed"
        self._report("overlay-removes-nothing", path, key, told, known)

    def _report(self, code: str, path: Path, key: Spot, message: str, hint: str | Names) -> None:
        if len(self.mistakes) <= MAX_FINDINGS:  # one more, which says that there are more
            self.mistakes.append(Mistake(code, path, key, message, hint))


def _with(branch: Branch, parts: dict[str, tuple[Spot, Branch]] | list[Branch]) -> Branch:
    """The branch with these parts, and the value that they make."""
    value: Value = (
        {name: child.value for name, (_, child) in parts.items()}
        if isinstance(parts, dict)
        else [child.value for child in parts]
    )
    return Branch(value, branch.origin, branch.at, parts)


def _name_field(path: Path) -> str | None:
    """The field with the name of the entries of this list; None if it merges as a whole."""
    return NAMED.get(tuple("*" if isinstance(step, int) else step for step in path))


def _name_of(entry: Branch, name: str) -> str | None:
    value = entry.value.get(name) if isinstance(entry.value, dict) else None
    return value if isinstance(value, str) else None


def _index(parts: list[Branch], name: str) -> dict[str, int]:
    """The entries by their names; of several with one name the first."""
    found: dict[str, int] = {}
    for index, part in enumerate(parts):
        called = _name_of(part, name)
        if called is not None:
            found.setdefault(called, index)
    return found
