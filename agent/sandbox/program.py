"""Runs the code of a job as a program, and returns its result.

- The fields of `context` are globals, if their names can be; `context` itself has them all.
- The result is what the named function returns; without one it is `result`, and if the code
  assigns nothing to that, the value of its last expression, awaited if it can be. As in a
  notebook, `;` after that expression leaves its value out.
- `await` works at the top level.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import keyword
import linecache
import tokenize
from collections.abc import Awaitable, Callable, Mapping
from types import CodeType
from typing import Any

from .calling import call

FILE = "<code>"
RESULT = "result"
LAST = "<last>"  # a name that no code can use
# The program's own names.
OWN = ("context", RESULT)
_BLANK = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)


class NoResult(Exception):
    """The code has no result."""


def compiled(code: str) -> CodeType:
    """Raises `SyntaxError`, among others."""
    tree = ast.parse(code, FILE)
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        name = ast.copy_location(ast.Name(LAST, ast.Store()), last)
        if _is_silenced(code):
            nothing = ast.copy_location(ast.Constant(None), last)
            tree.body.append(ast.copy_location(ast.Assign([name], nothing), last))
        else:
            tree.body[-1] = ast.copy_location(ast.Assign([name], last.value), last)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    program: CodeType = compile(tree, FILE, "exec", flags=flags, dont_inherit=True)
    return program


def globals_of(context: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `context` that can be globals, and `context`."""
    free = {name: value for name, value in context.items() if _can_be_global(name)}
    return {**free, "context": context}


def run_program(
    job: Mapping[str, Any], names: dict[str, Any], settle: Callable[[], None] = lambda: None
) -> Any:
    """Run the job's code with the globals `names`; its result, which may be no JSON. `settle`
    waits for what the code has left to be done, which may still make the result."""
    code = job["code"]
    linecache.cache[FILE] = (len(code), None, code.splitlines(keepends=True), FILE)
    _finished(eval(compiled(code), names))
    if job.get("function"):
        names[RESULT] = _finished(call(names, job["function"], job.get("arguments") or {}))
    elif RESULT not in names and LAST in names:
        names[LAST] = _finished(names[LAST])
    settle()
    for name in (RESULT, LAST):
        if name in names:
            return names[name]
    raise NoResult("the code gave no result: assign it to `result`, or end with an expression")


def _finished(value: Any, run: Callable[..., Any] = asyncio.run) -> Any:
    """`value`, awaited if it can be."""
    if not inspect.isawaitable(value):
        return value
    result, error = run(_awaited(value))
    if error is not None:
        raise error
    return result


async def _awaited(value: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    """The value, or what it raised: the event loop would print what a task raises."""
    try:
        return await value, None
    except GeneratorExit:
        raise
    except BaseException as error:
        return None, error


def _can_be_global(name: str) -> bool:
    is_name = name.isidentifier() and not keyword.iskeyword(name)
    is_special = name.startswith("__") and name.endswith("__")
    return is_name and not is_special and name not in OWN


def _is_silenced(code: str) -> bool:
    """Whether the last thing in the code, but for comments, is a semicolon."""
    try:
        tokens = [*tokenize.generate_tokens(io.StringIO(code).readline)]
    except (tokenize.TokenError, SyntaxError):
        return False
    return next((t.string for t in reversed(tokens) if t.type not in _BLANK), "") == ";"
