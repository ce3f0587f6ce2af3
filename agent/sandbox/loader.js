// The agent's side of an isolate, next to isolates.py. Nothing is decided here: a Worker is
// found or loaded by its id and sent an order, and its answer is read up to a limit.

import { text } from "../../workers_runtime/bodies.js";
import { timely } from "../../workers_runtime/timely.js";

// Modules that are bytes, or Python as bytes: the packages, the same for every isolate.
const kept = {};

export function keep(name, bytes) {
  kept[name] = name.endsWith(".py")
    ? { py: new TextDecoder().decode(bytes) }
    : { data: bytes.buffer };
}

// `code` is what the loader takes (WorkerCode), as JSON without what must not be there.
export async function tell(loader, outbound, id, code, order, cpuMs, timeout, most) {
  const worker = loader.get(id, async () => whole(JSON.parse(code), outbound));
  const entry = worker.getEntrypoint(null, cpuMs ? { limits: { cpuMs } } : {});
  const told = async () => {
    const answer = await entry.fetch("http://sandbox/", { method: "POST", body: order });
    const read = await text(answer.body, most);
    if (read === undefined) throw named("TooMuchError", `an answer of more than ${most} bytes`);
    return read;
  };
  return timely(told(), timeout);
}

function whole(code, outbound) {
  const modules = { ...code.modules, ...kept };
  return { ...code, modules, globalOutbound: outbound ?? null };
}

const FLUSHED = 20; // ms: workerd has one thread, and the answer goes first
const END_WITHIN = 500; // ms: one that ends need not answer

// After the response: ends some isolates and makes others ready, in the background. What fails
// here fails again, and is reported, when the isolate is used.
export function tend(ctx, ...more) {
  ctx.waitUntil(care(...more));
}

async function care(loader, outbound, code, ended, ready, end, start, timeout) {
  const quietly = (id, order, ms) =>
    tell(loader, outbound, id, code, order, 0, ms, 1024).catch(() => {});
  await scheduler.wait(FLUSHED);
  await Promise.all(JSON.parse(ended).map((id) => quietly(id, end, END_WITHIN)));
  for (const id of JSON.parse(ready)) await quietly(id, start, timeout);
}

function named(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
}
