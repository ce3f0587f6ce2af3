"""Calling the function that a job names, with the job's arguments.

- The function's first parameter gets `arguments["input_data"]`, whatever it is called; without
  `input_data` it is found by its own name.
- Every other parameter gets the argument of its name, or keeps its default.
- `**kwargs` gets the arguments that no parameter took; without it they are left out, so that
  one set of arguments fits functions that take some of them.
- A parameter without an argument and without a default is an error that names it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from inspect import Parameter
from typing import Any

FIRST = "input_data"
_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_COLLECTS = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class BadCall(Exception):
    """The function is not there, or cannot be called with these arguments."""


def call(names: Mapping[str, object], name: str, arguments: Mapping[str, object]) -> object:
    """What the function `name` among `names` returns: if it is `async`, something to await."""
    function = names.get(name)
    if not callable(function):
        raise BadCall(_missing(names, name))
    args, kwargs = bound(function, name, arguments)
    return function(*args, **kwargs)


def bound(
    function: Any, name: str, arguments: Mapping[str, object]
) -> tuple[list[object], dict[str, object]]:
    """The arguments of `function`, bound. Raises `BadCall`."""
    try:
        parameters = [*inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):  # of a class or built-in without a signature
        return [arguments[FIRST]] if FIRST in arguments else [], {}
    left = dict(arguments)
    values: dict[str, object] = {}
    for place, parameter in enumerate(parameters):
        if parameter.kind in _COLLECTS:
            continue
        key = _argument(parameter, place, left)
        if key is not None:
            values[parameter.name] = left.pop(key)
        elif parameter.default is Parameter.empty:
            raise BadCall(_lacking(name, parameter.name, place, arguments))
    return _split(parameters, values, left)


def _argument(parameter: Parameter, place: int, left: Mapping[str, object]) -> str | None:
    """The argument that a parameter gets."""
    if place == 0 and parameter.kind in _BY_POSITION and FIRST in left:
        return FIRST
    return parameter.name if parameter.name in left else None


def _split(
    parameters: list[Parameter], values: dict[str, object], left: dict[str, object]
) -> tuple[list[object], dict[str, object]]:
    """By position as long as no default stands between, then by name."""
    args: list[object] = []
    for parameter in parameters:
        if parameter.kind not in _BY_POSITION:
            break
        if parameter.name in values:
            args.append(values.pop(parameter.name))
        elif parameter.kind is Parameter.POSITIONAL_ONLY:
            args.append(parameter.default)
        else:
            break
    named = {parameter.name for parameter in parameters}
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        values |= {key: value for key, value in left.items() if key not in named}
    return args, values


def _missing(names: Mapping[str, object], name: str) -> str:
    if name in names:
        return f"`{name}` is no function: its type is {type(names[name]).__name__}"
    known = [
        known_name
        for known_name, value in names.items()
        if known_name[:1] != "_" and callable(value)
    ]
    nearest = get_close_matches(name, known, n=1)
    hint = f"did you mean `{nearest[0]}`?" if nearest else f"define it: def {name}({FIRST}): ..."
    return f"the code has no function `{name}`; {hint}"


def _lacking(name: str, parameter: str, place: int, arguments: Mapping[str, object]) -> str:
    given = ", ".join(f"`{argument[:80]}`" for argument in arguments) or "none"
    wanted = f"`{FIRST}` or `{parameter}`" if place == 0 else f"`{parameter}`"
    return f"`{name}` needs {wanted} in `arguments`, or a default for `{parameter}`; given: {given}"
