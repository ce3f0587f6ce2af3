// The Worker's handler: it reads a request, gets effects from Python, and executes them. Nothing is
// decided here. `wire.py` has the text format; policies/proxy/phases/effects.py says what an effect means.

import { changed, giveable } from "./answers.js";
import * as kept from "./kept.js";
import { read, recall, remember, setDue, turnOff } from "./memory.js";
import { isMany, note, notes, watch } from "./notes.js";
import { race } from "./race.js";
import { left, mirror, parsed, send } from "./sending.js";
import * as uploads from "./uploads.js";

export { drop, forget, reclaim, setMode } from "./memory.js";

import { ask, giveBack } from "../runtime/bridge.js";
import { upstreamOf } from "../runtime/outbound.js";

// The handler as workerd's entry code may call it: as a function, or by the methods that a
// function of Python's has there (`callRelaxed`, `callWithOptions`, and what may come), whose
// last three arguments are the request's. `python`: the functions that `entry.py` exports.
export function handler(python) {
  const run = (request, env, ctx) => handled({ python, request, env, ctx });
  const call = (...args) => run(...args.slice(-3));
  return new Proxy(run, {
    get: (target, name) => (/^call[A-Z]/.test(String(name)) ? call : target[name]),
  });
}

// With each request workerd's entry code asks `module`, the proxy of Python's main module, for
// `on_fetch`, and promises that pass it on ask for `then`. What the prototype of its proxies
// has, nobody asks Python for.
export function handOver(module, found) {
  const kind = Object.getPrototypeOf(module);
  if (!Object.getPrototypeOf(kind)) return;
  const shown = { on_fetch: found, then: undefined };
  for (const [name, value] of Object.entries(shown)) {
    Object.defineProperty(kind, name, { value, writable: true, configurable: true });
  }
}

async function handled(way) {
  try {
    return await answered(way);
  } catch (error) {
    console.error(error);
    return unanswerable(way.python, error);
  }
}

async function answered(way) {
  const { python, request, env, ctx } = way;
  for (;;) {
    const found = read(request);
    const known = recall(found);
    if (known && (!known.isChecked || isStill(python, known, found))) {
      return repeated(way, known, found);
    }
    const reply = python.decide(found.lines.join("\n"), notes(), found.drawn);
    const [chores, due, how] = reply.split("\n", 3);
    const effect = reply.slice(chores.length + due.length + how.length + 3);
    setDue(Number(due));
    if (chores) python.chores(chores, found.colo, env, ctx);
    if (effect !== '["prepare"]') {
      return follow(way, effect, how ? (sent) => remember(found, how, sent) : undefined);
    }
    await finished(python.prepare(env, ctx));
  }
}

// Whether Python would decide so again. If not, nothing is repeated any more.
function isStill(python, known, found) {
  if (!python.check(known.number, found.lines.join("\n"), found.drawn, known.purses)) return true;
  turnOff();
  return false;
}

// Repeats a decision of Python's. Python decides how to go on if no good answer comes.
async function repeated(way, known, found) {
  const came = await attempt(way, known.sent);
  if (!came) {
    if (isMany()) way.ctx.waitUntil(heard(way.python));
    return changed(way, known.sent.carry);
  }
  const args = [found.lines.join("\n"), known.ids, JSON.stringify(came), notes()];
  return follow(way, way.python.retake(known.number, ...args));
}

// Gives Python the notes that have gathered, after the answer.
async function heard(python) {
  await scheduler.wait(0);
  python.heard(notes());
}

// Executes effects to the end. Returns the answer for the client; undefined for work in the
// background. `decided` gets the first effect, if that may be repeated.
async function follow(way, effect, decided) {
  const mark = watch(way);
  try {
    return await followed(way, effect, decided, mark);
  } finally {
    mark.number = 0;
  }
}

async function followed(way, effect, decided, mark) {
  for (;;) {
    if (effect.startsWith("send\n")) {
      const sent = parsed(effect);
      mark.number = sent.number;
      decided?.(sent);
      decided = undefined;
      const came = await attempt(way, sent);
      if (!came) return changed(way, sent.carry);
      effect = way.python.resume(sent.number, JSON.stringify(came), notes());
      continue;
    }
    const [name, number, ...fields] = JSON.parse(effect);
    mark.number = number;
    if (name in ENDS) return ENDS[name](way, ...fields);
    if (name === "with") {
      way.ctx.waitUntil(follow({ ...way }, fields[0]).catch(console.error));
      effect = fields[1];
      continue;
    }
    const outcome = await EFFECTS[name](way, ...fields);
    effect = way.python.resume(number, JSON.stringify(outcome ?? null), notes());
  }
}

// One attempt. Returns its outcome; undefined if the answer is good: then it goes to the client,
// and a note has the outcome.
async function attempt(way, sent) {
  const { request, env } = way;
  discard(way.response);
  way.response = undefined;
  const began = Date.now();
  try {
    let [upload, plan] = [undefined, sent];
    if (sent.keptBody) upload = way.upload ?? way.source?.again();
    else if (way.short) upload = way.short;
    else if (uploads.isShort(request)) {
      upload = way.short = (await uploads.kept(request, sent.timeout)).again();
      plan = { ...sent, timeout: left(sent.timeout, began) };
    }
    const sending = send(env, request, plan, upload);
    if (sending === undefined) return none({ name: "Unbound", message: "" }, way);
    way.response = await sending;
  } catch (error) {
    return none(error, way, isTooShort(request, began, sent.timeout));
  }
  const { status } = way.response;
  if (sent.carry && status < 500 && !sent.codes.includes(status)) {
    note(`${sent.note} ${status} ${Date.now()}`);
    return undefined;
  }
  return came(way, sent.wantsHead);
}

// The outcome of an answer, for Python.
function came(way, wantsHead) {
  const { status, headers } = way.response;
  const head = wantsHead ? [...headers] : [];
  return [Date.now(), status, headers.get("retry-after"), "", "", ...upload(way), head];
}

// Whether a variant had less than half of `timeout` ms, since it waited for the client's body.
function isTooShort(request, began, timeout) {
  return uploads.isIncomplete(request) || (uploads.wholeSince(request) - began) * 2 > timeout;
}

// The outcome of an error, for Python. A variant that waits for the client's body is not late.
function none(error, way, isTooShort) {
  const isLate = error.name === "TimeoutError" && isTooShort;
  return [Date.now(), 0, null, isLate ? "UploadLate" : error.name, `${error}`, ...upload(way), []];
}

// Whether the client has broken its body off, and whether the body is lost for another attempt.
function upload(way) {
  if (!way.source) return [uploads.isBroken(way.request), false];
  way.upload = way.source.again();
  return [uploads.isBroken(way.request), way.upload === undefined];
}

function discard(response) {
  response?.body?.cancel().catch(() => {});
}

// Awaits a promise of Python's, which is a proxy and must be destroyed.
async function finished(proxy) {
  try {
    await proxy;
  } finally {
    proxy.destroy?.();
  }
}

const EFFECTS = {
  async learn({ python, request, env }) {
    await finished(python.learn(request.cf?.colo ?? "", env));
    return Date.now();
  },
  async ask({ env, ctx }, name, question, timeout, used) {
    const late = (answer) => ctx.waitUntil(answer.then(returned).catch(() => {}));
    const returned = (answer) => {
      const [grant, number] = JSON.parse(answer);
      if (number > used)
        giveBack(env, "ROUTER_LIMITER", name, JSON.stringify([grant, number - used]), ctx);
    };
    try {
      const answer = await ask(env, "ROUTER_LIMITER", name, "take", question, timeout, late);
      return [Date.now(), answer, ""];
    } catch (error) {
      return [Date.now(), null, `${error}`];
    }
  },
  giveback: ({ env, ctx }, name, returned) => giveBack(env, "ROUTER_LIMITER", name, returned, ctx),
  async lookup(way, key, mark) {
    const found = await kept.recall(key, mark);
    if (!found) return null;
    way.found = found.body;
    return [found.about, found.size, found.voided];
  },
  async body(way, how, limit, most, timeout) {
    const { request } = way;
    try {
      if (how === "arriving") way.source = uploads.arriving(request, limit, most);
      else way.source = await uploads.kept(request, timeout);
    } catch (error) {
      return [Date.now(), error.name === "UploadLate" ? "late" : "broken"];
    }
    return [Date.now(), way.source ? "kept" : "none"];
  },
  mirror(way, copies, keepsBody, limit, most, timeout) {
    if (keepsBody) way.source = uploads.arriving(way.request, limit, most);
    const bound = copies.filter(([, upstream]) => upstreamOf(way.env, upstream));
    for (const copy of bound) mirror(way, copy, timeout);
    return [bound.map(([variant]) => variant), way.source !== undefined];
  },
  async race(way, first, second, after, codes) {
    const raced = await race(way, parsed(first), parsed(second), after, codes);
    way.response = raced.response;
    return raced.outcome;
  },
  async wait(way, ms) {
    await scheduler.wait(ms);
    return Date.now();
  },
  void: (way, marks, at, seconds) => kept.markVoid(marks, at, seconds),
};

const ENDS = {
  done: ({ response }) => discard(response), // no client reads it
  answer(way, status, headers, body, isKept) {
    if (!isKept) discard({ body: way.found });
    discard(way.response);
    return new Response(isKept ? way.found : giveable(status, body), { status, headers });
  },
  carry(way, removed, set, added, attribution, keeping) {
    if (keeping) way.response = kept.keep(way.ctx, way.response, ...keeping);
    return changed(way, { removed, set, added, attribution });
  },
  own: (way) =>
    way.python.page.callPromising(
      read(way.request).lines.join("\n"),
      way.request,
      way.env,
      way.ctx,
    ),
  store: (way, ...keeping) => kept.store(way.response.body, ...keeping),
  async forget(way, key) {
    discard(way.response);
    await kept.forget(key);
  },
};

// The last resort: Python's answer to the error, if Python still works.
function unanswerable(python, error) {
  try {
    const [, , ...fields] = JSON.parse(python.failed(error?.name ?? "Error", `${error}`));
    return ENDS.answer({}, ...fields);
  } catch {
    return new Response("The router failed.\n", { status: 500 });
  }
}
