"""What holds a run back from inside its isolate, in JavaScript: a time and an amount of memory.

workerd by itself enforces neither, and has one thread: code that never ends would stop all
there is. So Python is told to look for signals, and the signal buffer it looks into is a
clock: past the deadline it holds SIGINT, and if that is caught and not heeded, the isolate
ends. Memory is refused where WebAssembly would grow. On Cloudflare the clock stands still
while code computes; there the platform's own limits end it.

It is text, loaded beside `runner.py`: the modules of the agent are none of the isolate's.
"""

from __future__ import annotations

NAME = "guard.js"
JAVASCRIPT = """\
import { abortIsolate } from "cloudflare:workers";

const PAGE = 65536;
const SIGINT = 2;
const AGAIN = 100; // ms from one interrupt to the next: time to say what it interrupted
const now = Date.now;
let deadline = Infinity;
let next = Infinity;
let end = Infinity;

let isInstalled = false;

// Before any code runs; a job may come while the isolate is still made ready, and both say so.
// `most`: bytes of memory that Python may have.
export function install(pyodide, most) {
  if (isInstalled) return;
  isInstalled = true;
  const module = pyodide._module;
  const memory = WebAssembly.Memory.prototype;
  const grow = memory.grow;
  fix(memory, "grow", function (pages) {
    if (this.buffer.byteLength + pages * PAGE > most) throw new RangeError("no more memory");
    return grow.call(this, pages);
  });
  delete module.Py_EmscriptenSignalBuffer;
  const buffer = { get 0() { return signal(); }, set 0(_) {} };
  fix(module, "Py_EmscriptenSignalBuffer", Object.freeze(buffer));
}

function fix(object, name, value) {
  Object.defineProperty(object, name, { value, writable: false, configurable: false });
}

function signal() {
  const time = now();
  if (time > end) stop();
  if (time < next) return 0;
  next = time + AGAIN;
  return SIGINT;
}

// From now on `ms` may pass, and `grace` more until the isolate ends.
export function arm(pyodide, ms, grace) {
  next = deadline = now() + ms;
  end = deadline + grace;
  look(pyodide._module, 1);
}

// Whether the time was over.
export function disarm(pyodide) {
  const late = now() >= deadline;
  deadline = next = end = Infinity;
  look(pyodide._module, 0);
  return late;
}

// Whether Python looks for signals: a cell of its memory.
function look(module, value) {
  module.HEAPU32[module._Py_EMSCRIPTEN_SIGNAL_HANDLING / 4] = value;
}

export function stop() {
  abortIsolate("the sandbox has ended");
}
"""
