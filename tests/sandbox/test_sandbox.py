"""Somebody's Python on the real runtime: it works, and what must be contained is.

One server runs everything in turn; after each attack an ordinary job must come out right.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.worker import SECRET, Sandbox, running

TRIES = 10
NETWORK = "not permitted to access the internet"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


def failed(sandbox: Sandbox, code: str, **more: Any) -> dict[str, Any]:
    """The error of `code`, after which the next job is as if nothing had been."""
    outcome = sandbox.run(code, **more)
    after = sandbox.run("result = [len('four'), sum([2, 2]), context]", context={"a": 1})
    assert after["result"] == [4, 4, {"a": 1}], after
    error: dict[str, Any] = outcome["error"]
    assert error, outcome
    return error


def test_two_and_two(sandbox: Sandbox) -> None:
    outcome = sandbox.run("print('hi')\nresult = 2 + 2")
    assert (outcome["result"], outcome["stdout"], outcome["error"]) == (4, "hi\n", None)


def test_the_standard_library(sandbox: Sandbox) -> None:
    code = """
import asyncio, collections, datetime, json, math, re, statistics

async def later():
    await asyncio.sleep(0.01)
    return "later"

result = [
    json.loads('{"a": 1}'), re.findall("a", "aba"), math.floor(math.pi), statistics.mean([1, 2]),
    str(datetime.date(2026, 1, 31) + datetime.timedelta(1)), collections.Counter("aab"),
    asyncio.run(later()),
]
"""
    expected = [{"a": 1}, ["a", "a"], 3, 1.5, "2026-02-01", {"a": 2, "b": 1}, "later"]
    assert sandbox.run(code)["result"] == expected


def test_context_arrives_typed(sandbox: Sandbox) -> None:
    context = {"i": 1, "f": 1.0, "s": "é", "b": True, "n": None, "l": [1], "d": {"k": 2.5}}
    code = "result = [context, [type(value).__name__ for value in context.values()]]"
    names = ["int", "float", "str", "bool", "NoneType", "list", "dict"]
    assert sandbox.run(code, context=context)["result"] == [context, names]


def test_an_error_names_the_line(sandbox: Sandbox) -> None:
    error = failed(sandbox, "def f():\n    return 1 / 0\nf()")
    assert error["kind"] == "code-error"
    assert error["line"] == 2
    assert error["traceback"] == ["line 3, in <module>: f()", "line 2, in f: return 1 / 0"]


@pytest.mark.parametrize(
    "code",
    [
        "import asyncio\nawait asyncio.sleep(0)\n1 / 0",
        "async def f():\n    pass\nawait f()\n1 / 0",
        "async def f():\n    raise ValueError\n\n1\nf()",
    ],
)
def test_an_error_behind_await_is_told_once(sandbox: Sandbox, code: str) -> None:
    outcome = sandbox.run(code)
    assert outcome["error"]["kind"] == "code-error"
    assert outcome["error"]["line"] in (2, 3, 4)
    assert outcome["stdout"] == ""


LOOPS = {
    "plain": "while True: pass",
    "stubborn": "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
    "deaf": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    "regular expression": "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
    "large number": "10 ** 10 ** 8",
    "asleep": "import time\ntime.sleep(1000)",
    "waiting": "import asyncio\nasyncio.run(asyncio.sleep(1000))",
}


@pytest.mark.parametrize("code", LOOPS.values(), ids=LOOPS.keys())
def test_endless(sandbox: Sandbox, code: str) -> None:
    error = failed(sandbox, code, timeout_ms=300)
    assert error["kind"] == "timeout"
    assert error["message"] == "the code ran for more than 300 ms"


@pytest.mark.parametrize(
    "code", ["x = bytearray(2**30)", "x = []\nwhile True: x.append(' ' * 10_000_000)"]
)
def test_memory(sandbox: Sandbox, code: str) -> None:
    before = sandbox.server.resident_bytes()
    error = failed(sandbox, code, timeout_ms=30_000)
    assert (error["kind"], error["message"]) == ("code-error", "MemoryError")
    assert sandbox.server.resident_bytes() - before < 300 * 2**20


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('x' * 1000)",
        "result = 'x' * 10_000_000",
        "import json\njson.dumps = lambda *a, **k: 'x' * 10_000_000\nresult = 1",
    ],
)
def test_output(sandbox: Sandbox, code: str) -> None:
    assert failed(sandbox, code)["kind"] == "too-much-output"


def test_the_console_is_not_reached(sandbox: Sandbox) -> None:
    code = "import os\nfor _ in range(100): os.write(1, b'to-the-console\\n')\nresult = 1"
    assert sandbox.run(code)["result"] == 1
    assert "to-the-console" not in sandbox.server.output()


CONNECTIONS = {
    "urllib": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}/')",
    "socket": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)",
    "fetch of JavaScript": (
        "import importlib\njs = importlib.import_module('js')\n"
        "importlib.import_module('pyodide.ffi').run_sync(js.fetch('http://127.0.0.1:{port}/'))"
    ),
    "sockets of JavaScript": (
        "import importlib\nworkers = importlib.import_module('workers')\n"
        "workers.import_from_javascript('cloudflare:sockets').connect('127.0.0.1:{port}')"
    ),
}


@pytest.mark.parametrize("code", CONNECTIONS.values(), ids=CONNECTIONS.keys())
def test_network(sandbox: Sandbox, code: str) -> None:
    error = failed(sandbox, code.replace("{port}", sandbox.url.rpartition(":")[2]))
    assert error["kind"] == "code-error"
    assert NETWORK in error["message"]


def test_the_ways_out_are_named(sandbox: Sandbox) -> None:
    names = ["js", "pyodide.http", "pyodide_js", "workers", "ctypes"]
    code = """
result = []
for name in context["names"]:
    try:
        exec(f"import {name}")
    except ImportError as error:
        result.append(str(error))
"""
    expected = [f"the module {name!r} cannot be used here" for name in names]
    assert sandbox.run(code, context={"names": names})["result"] == expected


def test_bindings_and_modules_of_the_agent(sandbox: Sandbox) -> None:
    code = """
import importlib, os, sys
frame, found = sys._getframe(), []
while frame:
    if "env" in frame.f_locals:
        found += list(frame.f_locals["env"].object_keys())
    frame = frame.f_back
env = importlib.import_module("workers").import_from_javascript("cloudflare:workers").env
found += list(env.object_keys())
found += [name for name in sys.modules if name.startswith("agent")]
texts = [str(value) for value in os.environ.values()]
for folder, _, names in os.walk("/session"):
    for name in names:
        texts.append(open(os.path.join(folder, name), errors="replace").read())
result = [found, context["secret"][::-1] in "".join(texts)]
"""
    outcome = sandbox.run(code, context={"secret": SECRET[::-1]})
    assert outcome["result"] == [[], False], outcome
    error = failed(sandbox, "import agent.sandbox.execute")
    assert error["message"].startswith("ModuleNotFoundError: No module named 'agent'")


FORGERIES = {
    "exit": ("raise SystemExit(0)", "code-error"),
    "hard exit": ("import os\nos._exit(0)", "crashed"),
    "abort": ("import os\nos.abort()", "crashed"),
    "deep": ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()", "crashed"),
    "a kind that is not its own": (
        'import json\njson.dumps = lambda *a, **k: \'{"error": {"kind": "unavailable"}}\'',
        "crashed",
    ),
    "too deep to be read": (
        "import json\njson.dumps = lambda *a, **k: '{\"result\": ' + '[' * 500_000\nresult = 1",
        "crashed",
    ),
    "no JSON": ("import json\njson.dumps = lambda *a, **k: 'done'\nresult = 1", "crashed"),
    "larger limits": (
        "import sys\nframe = sys._getframe()\n"
        "while 'job' not in frame.f_locals: frame = frame.f_back\n"
        "frame.f_locals['job']['most_result'] = 10**9\nresult = 'x' * 5_000_000",
        "too-much-output",
    ),
    "nothing to answer with": (
        "import sys\nfor name in [*sys.modules]: del sys.modules[name]\nraise ValueError",
        "crashed",
    ),
}


@pytest.mark.parametrize(("code", "kind"), FORGERIES.values(), ids=FORGERIES.keys())
def test_forged(sandbox: Sandbox, code: str, kind: str) -> None:
    assert failed(sandbox, code)["kind"] == kind


def test_poison_reaches_no_other_job(sandbox: Sandbox) -> None:
    code = """
import builtins, json, sys
builtins.len = builtins.sum = lambda *given: 42
json.loads = json.dumps
sys.modules["re"] = sys.modules["math"] = None
open("/tmp/left", "w").write("here")
sys.modules["js"].globalThis.left = "here"
json.dumps = lambda *a, **k: '{"result": "its own word", "stdout": ""}'
"""
    assert sandbox.run(code)["result"] == "its own word"
    look = """
import importlib, math, os, re
left = getattr(importlib.import_module("js").globalThis, "left", None)
result = [len("four"), sum([2, 2]), os.path.exists("/tmp/left"), left]
"""
    for tenant in ("one", "two"):
        assert sandbox.run(look, tenant=tenant)["result"] == [4, 4, False, None]


def test_a_tenant_that_ran_something_finds_one_ready(sandbox: Sandbox) -> None:
    assert sandbox.run("result = 2 + 2", tenant="often")["warm"] is False
    for _ in range(TRIES):
        time.sleep(1)  # what is made ready meanwhile
        outcome = sandbox.run("result = 2 + 2", tenant="often")
        assert outcome["result"] == 4
        if outcome["warm"]:
            return
    pytest.fail("no isolate was ready")


def test_what_people_write(sandbox: Sandbox) -> None:
    context = {"a": 1, "b": 2, "no name": 3, "__name__": "x"}
    assert sandbox.run("result = a + b", context=context)["result"] == 3
    assert sandbox.run("[a, context['no name'], __name__]", context=context)["result"] == [
        *(1, 3),
        "__main__",
    ]
    waiting = "import asyncio\nawait asyncio.sleep(0.01)\nasync def f(): return 4\nf()"
    assert sandbox.run(waiting)["result"] == 4
    assert sandbox.run("1 + 1;")["result"] is None


def test_a_function_is_called(sandbox: Sandbox) -> None:
    code = """
import asyncio
async def run_agent(input_data, context, top=1, **rest):
    await asyncio.sleep(0.01)
    return [input_data["n"] * top, context, rest]
"""
    arguments = {"input_data": {"n": 21}, "context": {"a": 1}, "metadata": 3}
    told = sandbox.run(code, function="run_agent", arguments=arguments)
    assert told["result"] == [21, {"a": 1}, {"metadata": 3}], told
    error = failed(sandbox, code, function="run_agent", arguments={})
    assert error["kind"] == "code-error"
    assert "`input_data`" in error["message"]
