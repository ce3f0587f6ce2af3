"""The compiled form as text, as it is in KV: one part of the tables a line, so that it is read in
steps.

- The first line has the format and the digest. Each other line is `[path, value]`: entries of the
  mapping or list at that path. Other lines may have more entries of it.
- `json.loads` reads a line in one call, and at the edge some thousands of nested brackets end the
  isolate. So a line has a bound of bytes and one of depth, the text one of bytes and one of work,
  and lines are short enough to be read at once. What exceeds a bound is refused before it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from policies.basics.json import Json
from policies.basics.steps import STEP_TEXT, Steps, pause_after

MAX_BYTES = 16 * 1024 * 1024  # of the whole; 100,000 rules have some 6 MB
MAX_LINE = 1024 * 1024  # bytes of a line; a `body` can be 64 K characters, each of up to 12 in JSON
MAX_DEPTH = 32  # of brackets; the tables have some ten
MAX_IN_SECTION = 2_000  # entries, except in the sections of `MANY`
MAX_OF_MANY = 100_000
MANY = ("routes", "shared", "first", "hosts", "auth")

UNIT_BYTES = 8 * STEP_TEXT  # of JSON that are read in one unit of work
LINE_BYTES = UNIT_BYTES // 100  # the cost of a line besides its bytes
LINE_TEXT = 4 * STEP_TEXT  # characters of a line, after which a new one begins
ENTRIES = 200  # written in one unit of work
FEW = 100  # up to so many entries are written as a whole

# How many mappings deep a section is cut. A list is cut only between its entries.
_DEPTHS = {"first": 4, "hosts": 4, "auth": 2, "shared": 2}
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

Sections = dict[str, Json]
Path = tuple[str, ...]


class NoForm(ValueError):
    """The text is not a compiled form that this router reads. The message says why."""


def text_steps(sections: Sections, format_: int) -> Steps[bytes]:
    """Return the text of these sections, in steps. One of them is the digest."""
    lines = [_dumped({"format": format_, "digest": sections["digest"]})]
    texts, size = list[str](), 0
    place: Place = ((), "{", "}")
    for number, (at, text) in enumerate(_entries((), sections, 1)):
        if texts and (at != place or size >= LINE_TEXT):
            lines.append(_line(place, texts))
            texts, size = [], 0
            yield 1
        place = at
        texts.append(text)
        size += len(text)
        yield from pause_after(number, ENTRIES)
    return "\n".join([*lines, _line(place, texts)]).encode()


Place = tuple[Path, str, str]  # a path, and the brackets of the value there


def _line(place: Place, texts: list[str]) -> str:
    path, begin, end = place
    return f"[{_dumped([*path])},{begin}{','.join(texts)}{end}]"


def _entries(path: Path, value: Json, depth: int) -> Iterator[tuple[Place, str]]:
    """Yield all entries with their places. `depth`: how many mappings deep a section is cut."""
    if isinstance(value, list):
        for entry in value:
            yield (path, "[", "]"), _dumped(entry)
    for name, inner in value.items() if isinstance(value, dict) else ():
        may_be_cut = bool(inner) and isinstance(inner, dict | list)
        deeper = (depth - 1 if path else _DEPTHS.get(name, 1)) if may_be_cut else 0
        text = None if deeper and _count(inner, deeper) > FEW else _dumped(inner)
        if text is None or (deeper and len(text) > LINE_TEXT):
            yield from _entries((*path, name), inner, deeper)
        else:
            yield (path, "{", "}"), f"{json.dumps(name)}:{text}"


def _count(value: Json, depth: int) -> int:
    """Count the entries in `value`, up to about `FEW`."""
    if not isinstance(value, dict | list):
        return 0
    found = len(value)
    if depth > 1 and isinstance(value, dict):
        for inner in value.values():
            if found > FEW:
                break
            found += _count(inner, depth - 1)
    return found


def _dumped(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))


def sections_steps(text: bytes, format_: int, digest: str) -> Steps[Sections]:
    """Return the sections of a text with that format and digest, in steps. Raises `NoForm`."""
    if len(text) > MAX_BYTES:
        raise NoForm(f"it has {len(text):,} bytes, and {MAX_BYTES:,} are allowed")
    sections: Sections = {}
    spent, at, number = 0, 0, 0
    while at <= len(text):
        number += 1
        end = text.find(b"\n", at, at + MAX_LINE + 1)
        end = len(text) if end < 0 else end
        try:
            value = yield from _value(text[at:end])
            if number == 1:
                _check_head(value, format_, digest)
            else:
                _add(sections, value)
        except NoForm as error:
            raise NoForm(f"line {number}: {error}" if number > 1 else str(error)) from None
        spent += end - at + LINE_BYTES
        if spent >= UNIT_BYTES:
            yield spent // UNIT_BYTES
            spent %= UNIT_BYTES
        at = end + 1
    yield 1
    return {**sections, "digest": digest}


def _value(line: bytes) -> Steps[Json]:
    """Return the JSON of a line."""
    if len(line) > MAX_LINE:
        raise NoForm(f"it has more than {MAX_LINE:,} bytes")
    if not (yield from shallow_steps(line)):
        raise NoForm(f"more than {MAX_DEPTH} brackets inside one another, or not each closed")
    try:
        value: Json = json.loads(line)
    except ValueError:
        raise NoForm("it is not JSON") from None
    return value


def shallow_steps(line: bytes) -> Steps[bool]:
    """Return whether brackets nest at most MAX_DEPTH deep, and each is closed, without a look at
    single characters. What follows the first error of JSON does not matter, since it is not read.
    """
    texts = line.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    brackets = b"".join(texts[::2]).translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return True
        # The dot keeps the outer brackets for the next round: `{[]}` has two levels.
        fewer = brackets.replace(b"[]", b".").replace(b"{}", b"").replace(b".", b"")
        if len(fewer) == len(brackets):
            return False  # a bracket is not closed
        brackets = fewer
        yield from _pause_if_long(brackets)
    return not brackets


def _pause_if_long(brackets: bytes) -> Steps[None]:
    """Yield a step if many brackets were looked at."""
    if len(brackets) > UNIT_BYTES:
        yield 1 + len(brackets) // UNIT_BYTES


def _check_head(head: Json, format_: int, digest: str) -> None:
    if not isinstance(head, dict) or "format" not in head:
        raise NoForm("its first line does not say of which format it is")
    if head["format"] != format_:
        raise NoForm(f"it is of another format than {format_}, which this router reads")
    if head.get("digest") != digest:
        raise NoForm("it was made from another policy")


def _part(part: Json) -> tuple[list[str], list[Json] | dict[str, Json]]:
    """Return the path and the value of a line."""
    if isinstance(part, list) and len(part) == 2:
        path, value = part
        if isinstance(path, list) and isinstance(value, list | dict):
            names = [name for name in path if isinstance(name, str)]
            if len(names) == len(path):
                return names, value
    raise NoForm("it is not `[path, value]`")


def _add(sections: Sections, part: Json) -> None:
    """Add the entries of a line to the sections."""
    path, value = _part(part)
    if path and len(path) > _DEPTHS.get(path[0], 1):
        raise NoForm("nothing is cut so deep")
    place: Json = sections
    for name in path[:-1]:
        place = place.setdefault(name, {}) if isinstance(place, dict) else None
    if path and isinstance(place, dict):
        place = place.setdefault(path[-1], type(value)())
    if isinstance(place, dict) and isinstance(value, dict):
        place.update(value)
    elif isinstance(place, list) and isinstance(value, list):
        place.extend(value)
    else:
        raise NoForm("something else is at this path")
    for name in path[:1] or [*sections]:
        most = MAX_OF_MANY if name in MANY else MAX_IN_SECTION
        for grown in (sections[name], place if path else []):
            if isinstance(grown, dict | list) and len(grown) > most:
                raise NoForm(f"`{name[:40]}` has more than {most:,} entries")
