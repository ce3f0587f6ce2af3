// The other half of bridge.py: each function is one crossing where there would be ten.
// Nothing is decided here. Lists of strings cross as lines: neither a URL nor the name or
// value of a header can hold a line break (WHATWG URL; RFC 9110, section 5.5).

import { takeBroken, watched } from "./answers.js";
import { change } from "./headers.js";
import { drilled, takeCopied } from "./sending.js";

export { race } from "./race.js";
export { mirror, send } from "./sending.js";
export { arriving, isBroken, kept } from "./uploads.js";

// The time, the method, the URL, the client's place, who broke an answer off and what came of
// copies meanwhile, then each header's name and value.
export function read(request) {
  const { colo = "", country = "", continent = "" } = request.cf ?? {};
  const lines = [Date.now(), request.method, request.url, colo, country, continent];
  lines.push(takeBroken(), takeCopied());
  for (const [name, value] of request.headers) lines.push(name, value);
  return lines.join("\n");
}

// What is sent of `source` the next time; undefined if there is no other time.
export function again(source) {
  return source.again();
}

export function pause(ms) {
  return scheduler.wait(ms);
}

// A variant's answer to `request` with headers changed, and without what only the router
// says; its body passes through unread. If that breaks off, `blamed` is told.
export function answer(response, removed, set, added, request, blamed) {
  const changed = renewed(response, watched(response, request, blamed));
  for (const name of [...changed.headers.keys()]) {
    if (name.startsWith("x-router-")) changed.headers.delete(name);
  }
  change(changed.headers, removed, set, added);
  return changed;
}

// An answer with headers changed.
export function amended(response, removed, set, added) {
  const changed = renewed(response, response.body);
  change(changed.headers, removed, set, added);
  return changed;
}

// A copy whose headers can be changed; an upgraded connection keeps its socket.
function renewed(response, body) {
  if (response.status !== 101) return new Response(body, response);
  const { webSocket, headers } = response;
  return new Response(null, { status: 101, webSocket, headers });
}

// The status of an answer, then each header's name and value.
export function head(response) {
  const lines = [response.status];
  for (const [name, value] of response.headers) lines.push(name, value);
  return lines.join("\n");
}

// What is kept under `key`: its body, and in lines how many bytes that has, when it was voided
// under `mark` (0: never), and what was told about it. Undefined if nothing is, or the cache
// does not answer.
export async function recall(key, mark) {
  try {
    const [found, voided] = await Promise.all([caches.default.match(key), caches.default.match(mark)]);
    if (!found) return undefined;
    const { headers, body } = found;
    const at = voided?.headers.get("x-router-voided") ?? 0;
    const told = [headers.get("x-router-size") ?? 0, at, headers.get("x-router-kept")];
    return { body, told: told.join("\n") };
  } catch {
    return undefined;
  }
}

// Notes under each of `marks` that what was asked for until `at` is void. If the cache does not
// take a note, the answer goes on without it.
export async function markVoid(marks, at, seconds) {
  const headers = { "cache-control": `public, max-age=${seconds}`, "x-router-voided": `${at}` };
  const put = (mark) => caches.default.put(mark, new Response("", { headers }));
  await Promise.allSettled(marks.split("\n").map(put));
}

// The URLs that an answer names, a line each.
export function namedUrls({ headers }) {
  return ["location", "content-location"].map((name) => headers.get(name) ?? "").join("\n");
}

// `response`, of which a copy is kept under `key` for so many seconds, if it has at most
// `most` bytes. `about` is told with it.
export function keep(ctx, key, response, about, seconds, most) {
  const [first, second] = response.body ? response.body.tee() : [null, null];
  ctx.waitUntil(store(key, second, about, seconds, most).catch(() => {}));
  return new Response(first, response);
}

// All bytes of a stream; null if they are more than `most`.
async function collect(stream, most) {
  const chunks = [];
  let total = 0;
  for await (const chunk of stream ?? []) {
    total += chunk.byteLength;
    if (total > most) return null; // which cancels this branch of the stream
    chunks.push(chunk);
  }
  return new Blob(chunks).arrayBuffer();
}

export async function store(key, stream, about, seconds, most) {
  const bytes = await collect(stream, most);
  if (bytes === null) return;
  const headers = { "cache-control": `public, max-age=${seconds}`, "x-router-kept": about };
  headers["x-router-size"] = `${bytes.byteLength}`;
  await caches.default.put(key, new Response(bytes, { headers }));
}

export function forget(key) {
  return caches.default.delete(key);
}

// What the object of that name answers to `method`. Fails if there is none, if it does, or
// if it does not answer within `timeout` ms: it may go on, but nobody waits for it.
export function ask(env, binding, name, method, question, timeout) {
  return within(timeout, async () => object(env, binding, name)[method](question));
}

async function within(timeout, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer in ${timeout} ms`);
      error.name = "TimeoutError";
      reject(error);
    }, timeout);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

// Gives the limiter of that name something back, after the answer. If it is not there to
// take it, it is lost.
export function giveBack(env, binding, name, returned, ctx) {
  const given = async () => object(env, binding, name).give_back(returned);
  ctx.waitUntil(given().catch(() => {}));
}

function object(env, binding, name) {
  const namespace = env[binding];
  if (typeof namespace?.idFromName !== "function") throw new Error(`no binding ${binding}`);
  return namespace.get(namespace.idFromName(name));
}

// The body of a request as text; undefined if it has more than `most` bytes.
export async function text(request, most) {
  const bytes = await collect(request.body, most);
  return bytes ? new TextDecoder().decode(bytes) : undefined;
}

// Asks a service for `url`: the status of its answer and, in the next line, the beginning of
// its body, at most `most` bytes of it (0: the body is not read). All of that within
// `timeout` ms.
export function probe(env, binding, url, set, timeout, most, drill) {
  return within(timeout, async () => {
    const headers = new Headers();
    change(headers, "", set, "");
    const init = { headers, redirect: "manual", signal: AbortSignal.timeout(timeout) };
    const service = env[binding];
    if (typeof service?.fetch !== "function") throw new Error(`no binding ${binding}`);
    const fetching = () => service.fetch(url, init);
    const answer = drill ? await drilled(drill, fetching, init.signal) : await fetching();
    const begin = await beginning(answer.body, most);
    return `${answer.status}\n${begin}`;
  });
}

const SAID = 512; // bytes of what a service says that people may want to read

// Sends JSON to a service: the status of its answer and, in the next line, the beginning of
// its body. All of that within `timeout` ms.
export function askService(env, binding, url, body, timeout) {
  return within(timeout, async () => {
    const service = env[binding];
    if (typeof service?.fetch !== "function") throw new Error(`no binding ${binding}`);
    const headers = { "content-type": "application/json", "user-agent": "fiberwise-router-check/1" };
    const signal = AbortSignal.timeout(timeout);
    const init = { method: "POST", body, headers, redirect: "manual", signal };
    const answer = await service.fetch(url, init);
    return `${answer.status}\n${await beginning(answer.body, SAID)}`;
  });
}

// At most `most` bytes of a stream, as text; the rest is not read.
async function beginning(stream, most) {
  if (!stream) return "";
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let left = most; left > 0; ) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.byteLength;
  }
  reader.cancel().catch(() => {});
  return text;
}
