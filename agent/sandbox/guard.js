// What limits a run from inside its isolate: a time and an amount of memory.
//
// workerd by itself enforces neither, and has one thread: code that never ends would stop
// everything. So Python is told to look for signals, and the signal buffer it looks into is a
// clock: past the deadline it holds SIGINT, and if that is caught and ignored, the isolate ends.
// The clock goes on when the code has ended, because of what that left behind. Memory is refused
// where WebAssembly would grow. Requests wait until few of them are under way: the agent passes
// each on, on that same thread. On Cloudflare the clock stands still while code computes; there
// the platform's own limits end it.
//
// It is loaded beside `runner.py`: an isolate has none of the agent's modules. So the agent
// uploads it as a file to read, not as a module of its own (`agent/config.py`).

import { abortIsolate } from "cloudflare:workers";

const PAGE = 65536;
const SIGINT = 2;
const AGAIN = 100; // ms from one interrupt to the next: time to say what it interrupted
const REQUESTS = 6; // at once, as on Cloudflare
const now = Date.now;
let requests = 0;
const waiting = []; // requests
let deadline = Infinity;
let next = Infinity;
let end = Infinity;
let toAnswer;

let cell; // of Python's memory: whether Python looks for signals
let isInstalled = false;
let isClosed = false;

// Before any code runs; a job may come while the isolate is still made ready, and both say so.
// `most`: bytes of memory that Python may have.
export function install(pyodide, most) {
  if (isInstalled) return;
  isInstalled = true;
  const module = pyodide._module;
  for (let it = globalThis; it; it = Object.getPrototypeOf(it)) {
    if (Object.hasOwn(it, "fetch")) fix(it, "fetch", inTurn(it.fetch));
  }
  const memory = WebAssembly.Memory.prototype;
  const grow = memory.grow;
  fix(memory, "grow", function (pages) {
    if (this.buffer.byteLength + pages * PAGE > most) throw new RangeError("no more memory");
    return grow.call(this, pages);
  });
  delete module.Py_EmscriptenSignalBuffer;
  const buffer = {
    get 0() {
      return signal();
    },
    set 0(_) {},
  };
  fix(module, "Py_EmscriptenSignalBuffer", Object.freeze(buffer));
  // workerd's own entry code stops the looking when a request is over; it gets a cell that
  // nobody looks at.
  cell = module._Py_EMSCRIPTEN_SIGNAL_HANDLING;
  fix(module, "_Py_EMSCRIPTEN_SIGNAL_HANDLING", module._malloc(4));
}

function fix(object, name, value) {
  Object.defineProperty(object, name, { value, writable: false, configurable: false });
}

function inTurn(fetch) {
  return async (...given) => {
    if (requests < REQUESTS) requests += 1;
    else await new Promise((go) => waiting.push(go));
    try {
      return await fetch.apply(globalThis, given);
    } finally {
      const next = waiting.shift();
      if (next) next();
      else requests -= 1;
    }
  };
}

function signal() {
  const time = now();
  if (time > end) stop();
  if (time < next) return 0;
  next = time + AGAIN;
  return SIGINT;
}

// From now on `ms` may pass, and `grace` more until the isolate ends; when the code has ended,
// `after` more. Only the first call counts.
export function arm(pyodide, ms, grace, after) {
  if (deadline < Infinity) return;
  toAnswer = after;
  next = deadline = now() + ms;
  end = deadline + grace;
  pyodide._module.HEAPU32[cell / 4] = 1;
}

// The code has ended: no more interrupts, and Python may run on only to give the answer. What
// the code has left behind runs no longer than that, either. Whether the time was over.
export function close() {
  if (isClosed) return true;
  isClosed = true;
  waiting.length = 0;
  const time = now();
  next = Infinity;
  end = time + toAnswer;
  return time >= deadline;
}

export function pause(ms) {
  return scheduler.wait(ms);
}

export function stop() {
  waiting.length = 0;
  abortIsolate("the sandbox has ended");
}
