"""Answers a shell that asks for completions: what the script of `router completion` runs.

Only the verb of the line is imported. Arguments that name files are completed with files, those
that name a part of the policy with its names, and all others with nothing.
"""

from __future__ import annotations

import os
from argparse import PARSER, Action, ArgumentParser
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from argcomplete.completers import FilesCompleter
from argcomplete.finders import CompletionFinder

from policies.basics.names import NAME

POLICY = "routes.yaml"
FILES = ("FILE", "FOLDER", "OTHER", "DIR", "PLAN.yaml", "report.html")  # by the name of the value
# By the name of the value, too: the section of the policy, and of its list the field.
SECTIONS = {
    "VARIANT": "variants",
    "V": "variants",
    "P": "pools",
    "R": "regions",
    "NAME": "rollouts",
}
Completer = Callable[..., Iterable[str]]


def verb_asked(verbs: Collection[str]) -> str | None:
    """The verb of the line, if the cursor is behind it."""
    line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT") or 0)]
    words = line.split()
    is_behind = len(words) > 2 or (len(words) == 2 and line[-1:].isspace())
    return words[1] if is_behind and words[1] in verbs else None


def answer(parser: ArgumentParser) -> None:
    """Write the completions and end the process."""
    for action in _actions(parser):
        completer = _completer(action)
        if completer is not None:
            action.completer = completer  # type: ignore[attr-defined]
    # Without a dash nobody looks for options.
    CompletionFinder()(parser, always_complete_options=False)


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    for action in parser._actions:
        yield action
        for inner in dict(action.choices or {}).values() if _has_verbs(action) else ():
            yield from _actions(inner)


def _has_verbs(action: Action) -> bool:
    return action.nargs == PARSER


def _completer(action: Action) -> Completer | None:
    if action.choices is not None:
        return None  # the library's own completer has them
    if action.metavar in FILES:
        return FilesCompleter()
    section = SECTIONS.get(str(action.metavar))
    return _names(section) if section else _nothing


def _nothing(**_: Any) -> tuple[str, ...]:
    return ()


def _names(section: str) -> Completer:
    def complete(**_: Any) -> list[str]:
        here = Path.cwd()
        above = (folder / POLICY for folder in (here, *here.parents))
        file = next((path for path in (*_given(), *above) if path.is_file()), None)
        return names_in(file, section) if file else []

    return complete


def _given() -> Iterator[Path]:
    """The YAML files that the line names: the policy is the first of them."""
    words = os.environ.get("COMP_LINE", "").split()
    return (Path(word) for word in words if word.endswith((".yaml", ".yml")))


def names_in(file: Path, section: str) -> list[str]:
    """The names of a section of a policy, which may be half written; [] if it cannot be read.

    Whose file it is, nobody knows: it is read with the limits of a policy, and what no name can
    be (commands, what moves a terminal's cursor) is not offered."""
    from policies.language.yaml.document import Document, read_document

    try:
        read = read_document(file.read_bytes())
    except OSError:
        return []
    document = read.value if isinstance(read, Document) else {}
    found = document.get(section)
    names = found if isinstance(found, dict) else _fields(found)
    if section == "pools":
        names = [*names, *_pools(document)]
    return sorted({name for name in names if isinstance(name, str) and NAME.fullmatch(name)})


def _fields(items: Any) -> list[Any]:
    listed = items if isinstance(items, list) else []
    return [entry["name"] for entry in listed if isinstance(entry, dict) and "name" in entry]


def _pools(document: Any) -> list[Any]:
    """Pools need no settings, so variants name the others."""
    variants = document.get("variants") if isinstance(document, dict) else None
    listed = variants.values() if isinstance(variants, dict) else ()
    return [
        variant["pool"] for variant in listed if isinstance(variant, dict) and "pool" in variant
    ]
