"""The check of an agent's code: whether Python can read it, and whether it has `run_agent`.

Code of users is parsed only in the sandbox, since Python's parser may crash an isolate. So the
check is a program for the capability `python-execution`, with the code as its context.
"""

from __future__ import annotations

# `needs`: parameters that a caller of `run_agent` must give, except the first.
CHECK = '''
import ast
import warnings
from difflib import get_close_matches

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions(node):
    """Those of the module itself, also inside of `if` and `try`."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, FUNCTIONS):
            yield each
        elif not isinstance(each, (ast.ClassDef, ast.expr)):
            yield from functions(each)


def wrong(line, message):
    return {"line": line, "error": message}


def missing(names, code):
    near = get_close_matches("run_agent", names, n=1)
    if near:
        hint = f"did you mean it by `{near[0]}`?"
        return wrong(names[near[0]], f"there is no function `run_agent`; {hint}")
    hint = "add `def run_agent(input_data): return input_data`"
    return wrong(code.rstrip().count("\\n") + 1, f"there is no function `run_agent`; {hint}")


def parameters(function):
    given = function.args
    named = [each.arg for each in given.args][0 if given.posonlyargs else 1:]
    if not (given.posonlyargs or given.args or given.vararg):
        hint = "write `def run_agent(input_data): return input_data`"
        return wrong(function.lineno, f"`run_agent` takes no parameter; {hint}")
    if len(given.posonlyargs) > 1:
        why = "`run_agent` gets all but its first parameter by name"
        return wrong(function.lineno, f"{why}: move `/` behind the first one")
    needs = named[: max(0, len(named) - len(given.defaults))]
    needs += [each.arg for each, usual in zip(given.kwonlyargs, given.kw_defaults) if usual is None]
    return {"needs": needs}


def check(code):
    try:
        warnings.simplefilter("ignore")
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
        tree = compile(code, "agent", "exec", flags)
        compile(code, "agent", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        return wrong(error.lineno or 1, f"{type(error).__name__}: {error.msg}")
    except (MemoryError, RecursionError):
        return wrong(1, "it is nested too deeply for Python to read it")
    except ValueError as error:
        return wrong(1, f"Python cannot read it: {type(error).__name__}")
    found = {each.name: each for each in functions(tree)}
    if "run_agent" not in found:
        return missing({name: each.lineno for name, each in found.items()}, code)
    return parameters(found["run_agent"])


result = check(context["code"])
'''
