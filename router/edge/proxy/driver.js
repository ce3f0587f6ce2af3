// The Worker's handler: it reads a request, asks Python what to do with it, and does it.
// Nothing is decided here. `wire.py` has the form of what goes over; what an effect means is in
// policies/proxy/effects.py.

import { isBroken, kept, arriving } from "./uploads.js";
import { notes, note } from "./notes.js";
import { changed, giveable } from "./answers.js";
import { race } from "./race.js";
import { mirror, parsed, send } from "./sending.js";
import { forget, recall, keep, markVoid, store } from "./kept.js";
import { ask, giveBack } from "../bridge.js";

// The handler as workerd's entry code may call it: as a function, or by the methods that a
// function of Python's has there (`callRelaxed`, `callWithOptions`, and what may come), whose
// last three arguments are the request's. `python`: an object with `decide`, `resume`, `failed`,
// `prepare`, `learn`, `chores` and `page`.
export function handler(python) {
  const run = (request, env, ctx) => handled({ python, request, env, ctx });
  const call = (...args) => run(...args.slice(-3));
  return new Proxy(run, {
    get: (target, name) => (/^call[A-Z]/.test(String(name)) ? call : target[name]),
  });
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
  const { colo = "" } = request.cf ?? {};
  for (;;) {
    const told = python.decide(read(request), notes());
    const end = told.indexOf("\n");
    if (end) python.chores(told.slice(0, end), colo, env, ctx);
    const effect = told.slice(end + 1);
    if (effect !== '["prepare"]') return follow(way, effect);
    await finished(python.prepare(env, ctx));
  }
}

// What decisions need of a request, in one text: the time, the method, the URL, the client's
// place, whether there is a body, then each header's name and value.
function read(request) {
  const { colo = "", country = "", continent = "" } = request.cf ?? {};
  const lines = [Date.now(), request.method, request.url, colo, country, continent];
  lines.push(request.body ? 1 : 0);
  for (const [name, value] of request.headers) lines.push(name, value);
  return lines.join("\n");
}

// Follow a way to its end: the answer for the client; undefined for one in the background.
async function follow(way, effect) {
  for (;;) {
    if (effect.startsWith("send\n")) {
      const sent = parsed(effect);
      const came = await attempt(way, sent);
      if (!came) return changed(way, sent.carry);
      effect = way.python.resume(sent.number, JSON.stringify(came), notes());
      continue;
    }
    const [name, number, ...told] = JSON.parse(effect);
    if (name in ENDS) return ENDS[name](way, ...told);
    if (name === "with") {
      way.ctx.waitUntil(follow({ ...way }, told[0]).catch(console.error));
      effect = told[1];
      continue;
    }
    const outcome = await EFFECTS[name](way, ...told);
    effect = way.python.resume(number, JSON.stringify(outcome ?? null), notes());
  }
}

// One attempt. Undefined if its answer is good: then it is the client's, and a note tells it.
async function attempt(way, sent) {
  const { request, env } = way;
  discard(way.response);
  way.response = undefined;
  const upload = sent.keptBody ? (way.upload ?? way.source?.again()) : undefined;
  try {
    const sending = send(env, request, sent, upload);
    if (sending === undefined) return none({ name: "Unbound", message: "" }, way);
    way.response = await sending;
  } catch (error) {
    return none(error, way);
  }
  const { status } = way.response;
  if (sent.carry && status < 500 && !sent.codes.includes(status)) {
    note(`ok ${sent.number} ${status} ${Date.now()}`);
    return undefined;
  }
  return came(way, sent.wantsHead);
}

// An answer, as Python learns of it.
function came(way, wantsHead) {
  const { status, headers } = way.response;
  const head = wantsHead ? [...headers] : [];
  return [Date.now(), status, headers.get("retry-after"), "", "", ...upload(way), head];
}

// The same of an error.
function none(error, way) {
  return [Date.now(), 0, null, error.name, `${error}`, ...upload(way), []];
}

// Whether the client has broken its body off, and whether that is gone for another attempt.
function upload(way) {
  if (!way.source) return [isBroken(way.request), false];
  way.upload = way.source.again();
  return [isBroken(way.request), way.upload === undefined];
}

function discard(response) {
  response?.body?.cancel().catch(() => {});
}

// Promises of Python's are proxies, which must be destroyed.
async function finished(proxy) {
  try {
    await proxy;
  } finally {
    proxy.destroy?.();
  }
}

const EFFECTS = {
  learn: (way) => finished(way.python.learn(way.request.cf?.colo ?? "", way.env)),
  async ask({ env }, name, question, timeout) {
    try {
      const answer = await ask(env, "ROUTER_LIMITER", name, "take", question, timeout);
      return [Date.now(), answer, ""];
    } catch (error) {
      return [Date.now(), null, `${error}`];
    }
  },
  giveback: ({ env, ctx }, name, returned) => giveBack(env, "ROUTER_LIMITER", name, returned, ctx),
  async lookup(way, key, mark) {
    const found = await recall(key, mark);
    if (!found) return null;
    way.found = found.body;
    return [found.about, found.size, found.voided];
  },
  async body(way, how, limit, most) {
    const { request } = way;
    if (how === "arriving") way.source = arriving(request, limit, most);
    else way.source = await kept(request);
    if (way.source) return "kept";
    return how === "arriving" ? "none" : "broken";
  },
  mirror(way, copies, keepsBody, limit, most, timeout) {
    if (keepsBody) way.source = arriving(way.request, limit, most);
    const bound = copies.filter(([, binding]) => way.env[binding]);
    for (const copy of bound) mirror(way, copy, timeout);
    return [bound.map(([variant]) => variant), way.source !== undefined];
  },
  async race(way, first, second, after, codes) {
    const raced = await race(way, parsed(first), parsed(second), after, codes);
    way.response = raced.response;
    return raced.told;
  },
  async wait(way, ms) {
    await scheduler.wait(ms);
    return Date.now();
  },
  void: (way, marks, at, seconds) => markVoid(marks, at, seconds),
};

const ENDS = {
  done: () => undefined,
  answer(way, status, headers, body, isKept) {
    if (!isKept) discard({ body: way.found });
    discard(way.response);
    return new Response(isKept ? way.found : giveable(status, body), { status, headers });
  },
  carry(way, removed, set, added, blame, keeping) {
    if (keeping) way.response = keep(way.ctx, way.response, ...keeping);
    return changed(way, { removed, set, added, blame });
  },
  own: (way) => way.python.page.callPromising(read(way.request), way.request, way.env, way.ctx),
  store: (way, ...keeping) => store(way.response.body, ...keeping),
  async forget(way, key) {
    discard(way.response);
    await forget(key);
  },
};

// The last resort: Python's answer about the error, if Python can still give one.
function unanswerable(python, error) {
  try {
    const [, , ...told] = JSON.parse(python.failed(error?.name ?? "Error", `${error}`));
    return ENDS.answer({}, ...told);
  } catch {
    return new Response("The router failed.\n", { status: 500 });
  }
}
