"""What code leaves behind when it ends: nothing goes on, and the next request is served.

Each run must be answered within two seconds more than its limit, and the job after it at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.worker import Sandbox, running

LIMIT_MS = 1_000
MORE_MS = 2_000
SETUP_MS = 1_500  # an isolate that is not ready has to be made, on a machine that is busy
JS = "import importlib\njs = importlib.import_module('js')\n"
JS += "proxy = importlib.import_module('pyodide.ffi').create_proxy\n"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        started.run("1")
        yield started


def contained(sandbox: Sandbox, code: str) -> dict[str, Any]:
    """The outcome of `code`, which came in time; then an ordinary job is done."""
    outcome = sandbox.run(code, timeout_ms=LIMIT_MS, tenant="attacker")
    assert outcome["took_ms"] < SETUP_MS + LIMIT_MS + MORE_MS, outcome
    after = sandbox.run("result = [len('four'), context]", context={"a": 1}, tenant="other")
    assert after["result"] == [4, {"a": 1}], after
    return outcome


# What is left in the event loop is waited for, until the time is over.
ENDLESS = {
    "call_soon": (
        "import asyncio; l = asyncio.get_event_loop(); f = lambda: l.call_soon(f); f()\nresult = 1"
    ),
    "call_soon as it is": (
        "import asyncio; l = asyncio.get_event_loop(); f = lambda: l.call_soon(f); f()"
    ),
    "ensure_future": """
import asyncio
async def forever():
    while True: await asyncio.sleep(0.001)
asyncio.ensure_future(forever())
result = 1
""",
    "the last expression": """
import asyncio
async def forever():
    while True: await asyncio.sleep(0.001)
asyncio.ensure_future(forever())
""",
    "many tasks": """
import asyncio
async def forever():
    while True: await asyncio.sleep(0)
for _ in range(50): asyncio.ensure_future(forever())
result = 1
""",
    "stubborn": """
import asyncio
async def forever():
    while True:
        try:
            while True: await asyncio.sleep(0)
        except BaseException: pass
asyncio.ensure_future(forever())
result = 1
""",
    "two for one": """
import asyncio
l = asyncio.get_event_loop()
def f():
    l.call_soon(f)
    l.call_later(0.001, f)
f()
result = 1
""",
    "call_later": """
import asyncio
l = asyncio.get_event_loop()
def f(): l.call_later(0.01, f)
f()
result = 1
""",
    "far away": "import asyncio\nasyncio.get_event_loop().call_later(1000, print)\nresult = 1",
    "another loop": """
import asyncio
l = asyncio.new_event_loop()
def f(): l.call_soon(f)
f()
result = 1
""",
    "a callback that never ends": """
import asyncio
def f():
    while True: pass
asyncio.get_event_loop().call_soon(f)
result = 1
""",
    "a callback that never ends, stubborn": """
import asyncio
def f():
    while True:
        try:
            while True: pass
        except BaseException: pass
asyncio.get_event_loop().call_soon(f)
result = 1
""",
    "an asynchronous generator": """
import asyncio
async def g():
    try: yield 1
    finally:
        while True: await asyncio.sleep(0.001)
async def main():
    async for _ in g(): break
asyncio.run(main())
result = 1
""",
    "the methods of a result": """
class A(list):
    def __iter__(self):
        while True: pass
result = A([1])
""",
    "the text of a key": """
class A(int):
    def __repr__(self):
        while True: pass
result = {A(1): 1}
""",
}


@pytest.mark.parametrize("code", ENDLESS.values(), ids=ENDLESS.keys())
def test_endless(sandbox: Sandbox, code: str) -> None:
    outcome = contained(sandbox, code)
    assert outcome["error"], outcome
    assert outcome["error"]["kind"] == "timeout"


# What is seen nowhere: it ends with the isolate, and the answer may be lost.
BEHIND = {
    "queueMicrotask": JS + "def f(): js.queueMicrotask(p)\np = proxy(f)\nf()\nresult = 1",
    "setTimeout": JS + "def f(): js.setTimeout(p, 0)\np = proxy(f)\nf()\nresult = 1",
    "setInterval": JS + "p = proxy(lambda *a: None)\njs.setInterval(p, 0)\nresult = 1",
    "setInterval that never ends": JS
    + """
def f():
    while True:
        try:
            while True: pass
        except BaseException: pass
js.setInterval(proxy(f), 0)
result = 1
""",
    "promises": JS
    + """
def f(*a): js.Promise.resolve(1).then(p)
p = proxy(f)
f()
result = 1
""",
    "a promise that waits for itself": JS
    + """
class Then:
    pass
def then(resolve, reject=None, *a): resolve(thenable)
thenable = js.Object.new()
thenable.then = proxy(then)
js.Promise.resolve(thenable)
result = 1
""",
    "a message channel": JS
    + """
channel = js.MessageChannel.new()
def f(*a): channel.port2.postMessage(0)
channel.port1.onmessage = proxy(f)
f()
result = 1
""",
    "waitUntil": JS
    + """
import sys
frame = sys._getframe()
while frame and "ctx" not in frame.f_locals: frame = frame.f_back
async def forever():
    while True: await importlib.import_module("pyodide.ffi").run_sync(js.scheduler.wait(1))
def f(*a): return js.scheduler.wait(1).then(p)
p = proxy(f)
frame.f_locals["ctx"].waitUntil(js.scheduler.wait(60000))
f()
result = 1
""",
    "__del__": """
class A:
    def __del__(self):
        while True: pass
a = A()
result = 1
""",
    "atexit": "import atexit\n@atexit.register\ndef f():\n  while True: pass\nresult = 1",
    "a generator": """
def g():
    try: yield
    finally:
        while True: pass
x = g()
next(x)
sys = __import__("sys")
sys.left = x
result = 1
""",
    "a cycle": """
class A:
    def __del__(self):
        while True: pass
a = A()
a.a = a
del a
result = 1
""",
    "weakref.finalize": """
import weakref
class A: pass
a = A()
def f():
    while True: pass
weakref.finalize(a, f)
result = 1
""",
    "settrace": """
import sys
def trace(frame, event, arg):
    if "job" in frame.f_locals:
        while True: pass
    return trace
def install():
    sys.settrace(trace)
    frame = sys._getframe()
    while frame:
        frame.f_trace = trace
        frame = frame.f_back
install()
result = 1
""",
    "setprofile": """
import sys
def profile(frame, event, arg):
    while frame.f_code.co_name in ("_run", "on_fetch", "dumps"): pass
sys.setprofile(profile)
result = 1
""",
    "sys.monitoring": """
import sys
m = sys.monitoring
m.use_tool_id(0, "x")
def f(code, *a):
    while code.co_name in ("_run", "on_fetch", "dumps"): pass
m.register_callback(0, m.events.PY_RETURN, f)
m.set_events(0, m.events.PY_RETURN)
result = 1
""",
    "excepthook": """
import sys
def hook(*a):
    while True: pass
sys.excepthook = sys.unraisablehook = hook
class A:
    def __del__(self): raise ValueError
a = A()
result = 1
""",
    "an output that flushes for ever": """
import sys
class Out:
    def write(self, text): return len(text)
    def flush(self):
        while True: pass
sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Out()
result = 1
""",
    "json.dumps": """
import json
def dumps(*a, **k):
    while True: pass
json.dumps = dumps
result = 1
""",
    "a thread": """
import threading, _thread
def f():
    while True: pass
try: threading.Thread(target=f).start()
except BaseException: pass
try: _thread.start_new_thread(f, ())
except BaseException: pass
result = 1
""",
    "a timer of signals": """
import signal
def f(*a):
    while True: pass
signal.signal(signal.SIGINT, f)
signal.signal(signal.SIGALRM, f)
try: signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
except BaseException: pass
result = 1
""",
    "the guard is asked for more time": """
import sys
runner = sys.modules["_sandbox.runner"]
pyodide_js = sys.modules["pyodide_js"]
for _ in range(3):
    runner._guard.arm(pyodide_js, 10**9, 10**9, 10**9)
    runner._guard.close()
while True:
    try:
        while True: pass
    except BaseException: pass
""",
}


@pytest.mark.parametrize("code", BEHIND.values(), ids=BEHIND.keys())
def test_left_behind(sandbox: Sandbox, code: str) -> None:
    outcome = contained(sandbox, code)
    kind = outcome["error"]["kind"] if outcome["error"] else None
    assert kind in (None, "timeout", "crashed"), outcome


FINISHED = {
    "a callback": """
import asyncio
result = []
asyncio.get_event_loop().call_soon(result.append, 1)
""",
    "a timer": """
import asyncio
result = []
asyncio.get_event_loop().call_later(0.05, result.append, 1)
""",
    "a task": """
import asyncio
result = []
async def later():
    await asyncio.sleep(0.05)
    result.append(1)
asyncio.ensure_future(later())
""",
    "a task that waits for nothing to come": """
import asyncio
result = [1]
async def worker(queue):
    while True: await queue.get()
async def main():
    asyncio.create_task(worker(asyncio.Queue()))
    await asyncio.sleep(0.01)
await main()
""",
    "a timer that was cancelled": """
import asyncio
asyncio.get_event_loop().call_later(1000, print).cancel()
result = [1]
""",
    "within a time": """
import asyncio
async with asyncio.timeout(100): await asyncio.sleep(0.01)
result = [await asyncio.wait_for(asyncio.sleep(0.01, 1), 100)]
""",
}


@pytest.mark.parametrize("code", FINISHED.values(), ids=FINISHED.keys())
def test_what_ends_is_waited_for(sandbox: Sandbox, code: str) -> None:
    outcome = contained(sandbox, code)
    assert (outcome["result"], outcome["error"]) == ([1], None)
