// Hands a handler over to Pyodide as it is published, and writes what is read of a main module's
// proxies before and after that, and for what Python is asked.

import { loadPyodide } from "pyodide";
import { handOver } from "../../../../router/edge/proxy/driver.js";

const PYTHON = `
import sys
from types import ModuleType

asked = []

class Main(ModuleType):
    def __getattribute__(self, name):
        if name in ("on_fetch", "then"):
            asked.append(name)
        return super().__getattribute__(name)

sys.modules["main"] = Main("main")
sys.modules["main"].on_fetch = lambda: "Python's"
`;

const pyodide = await loadPyodide();
pyodide.runPython(PYTHON);

// Each time through a new proxy, as a request does.
function read() {
  const { on_fetch, then } = pyodide.pyimport("main");
  const asked = pyodide.runPython("found, asked[:] = list(asked), []; found").toJs();
  return { says: on_fetch(), then: then ?? null, asked };
}

const before = read();
handOver(pyodide.pyimport("main"), () => "JavaScript's");
const after = read();
const future = pyodide.runPython("import asyncio; asyncio.new_event_loop().create_future()");
const others = [pyodide.runPython("lambda: 7")(), typeof future.then];
console.log(JSON.stringify({ before, after, others }));
process.exit(0);
