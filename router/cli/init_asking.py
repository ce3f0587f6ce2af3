"""The two questions of `router init`, each with an answer that Enter takes.

Without a terminal, and with `--yes`, these answers are taken without asking.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from router.dev.errors import SetupError
from router.dev.layout import here
from router.scaffold.found import FoundWorker, read_worker, workers_near
from router.scaffold.project import relative
from router.scaffold.roles import DEFAULTS, SERVICE, GivenVariant
from router.terminal.console import Output, complain, say

A_NAME = "api"  # of a Worker that is not there yet
NONE = "none"
# Of a Worker that is somebody's next version, after its name.
NEXT = ("next", "canary", "beta", "preview", "staging", "new", "v2")
MOST_TRIES = 3
Answer = FoundWorker | str  # a Worker here, or the name of one elsewhere


def asked(folder: Path, yes: bool, to: Output) -> tuple[list[GivenVariant], list[FoundWorker]]:
    near = workers_near(folder)
    served, following = _guess(near)
    if not yes and sys.stdin.isatty():
        for number, worker in enumerate(near, 1):
            place = relative(worker.path, here())
            say(f"  {number}  {worker.name}, {worker.kind} in {place}", to=to)
        how = "a number, a folder, or a Worker's name"
        served = _ask(f"Which Worker serves today ({how})?", near, served, to)
        following = _ask(f"Which is its next version, or {NONE}?", near, following, to)
    answers = [each for each in (served, following) if each != NONE]
    variants = [
        GivenVariant(variant, each if isinstance(each, str) else each.name, None)
        for variant, each in zip(DEFAULTS, answers, strict=False)
    ]
    return variants, [each for each in answers if isinstance(each, FoundWorker)]


def _guess(near: Sequence[FoundWorker]) -> tuple[Answer, Answer]:
    """The Worker that serves, and its next version: one whose name says so."""
    following = {
        other.name: worker
        for worker in near
        for other in near
        for each in NEXT
        if worker.name in (f"{other.name}-{each}", f"{other.name}_{each}")
    }
    for worker in near:
        if worker.name in following:
            return worker, following[worker.name]
    return (near[0] if near else A_NAME), NONE


def _ask(question: str, near: Sequence[FoundWorker], default: Answer, to: Output) -> Answer:
    named = default if isinstance(default, str) else default.name
    for _ in range(MOST_TRIES):
        say(question, f" [{named}] ", to=to, end="")
        try:
            text = input().strip()
        except EOFError:
            text = ""
        try:
            return _answer(text, near) if text else default
        except SetupError as error:
            complain(str(error))
    hint = "give --worker FOLDER or --variant NAME=SERVICE"
    raise SetupError("no answer could be used", hint=hint)


def _answer(text: str, near: Sequence[FoundWorker]) -> Answer:
    if text.isdecimal() and 0 < int(text) <= len(near):
        return near[int(text) - 1]
    for worker in near:
        if worker.name == text:
            return worker
    path = here() / text
    if text != NONE and (path.exists() or "/" in text):
        return read_worker(path)
    if not SERVICE.fullmatch(text):
        raise SetupError(f"{text[:80]} is neither a number above, a folder nor a Worker's name")
    return text
