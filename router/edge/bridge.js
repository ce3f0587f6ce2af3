// The other half of bridge.py: each function is one crossing where there would be ten.
// Nothing is decided here. Lists of strings cross as lines: neither a URL nor the name or
// value of a header can hold a line break (WHATWG URL; RFC 9110, section 5.5).

import { takeBroken, watched } from "./answers.js";
import { carried } from "./uploads.js";

export { arriving, kept } from "./uploads.js";

// The time, the method, the URL, the client's place, who broke an answer off meanwhile, then
// each header's name and value.
export function read(request) {
  const { colo = "", country = "", continent = "" } = request.cf ?? {};
  const lines = [Date.now(), request.method, request.url, colo, country, continent];
  lines.push(takeBroken());
  for (const [name, value] of request.headers) lines.push(name, value);
  return lines.join("\n");
}

// Sends `request` through the service binding of that name, with another URL if one is
// given, and with changed headers. Its body is `upload`, or goes on as it comes, with at
// most `limit` bytes. It is broken off if no answer begins within `timeout` ms; one that has
// begun is not (0: it may take forever). Undefined if there is no such service.
export function send(
  env, binding, request, url, removed, set, added, timeout, limit, upload, drill,
) {
  const service = env[binding];
  if (typeof service?.fetch !== "function") return undefined;
  if (typeof drill === "string") return drilled(drill); // the body is left as it was
  const body = upload ?? carried(request, limit);
  const controller = timeout || body ? new AbortController() : undefined;
  if (body) body.abort = () => controller.abort();
  const outbound = readdressed(request, url, body, controller?.signal);
  change(outbound.headers, removed, set, added);
  const fetching = () => service.fetch(outbound);
  const answer = drill ? drilled(drill, fetching, outbound.signal) : fetching();
  if (timeout) abortAfter(timeout, answer, controller);
  return body?.failed ? Promise.race([answer, body.failed]) : answer;
}

// What a drill does in front of a binding: "down" and "errors" send nothing, a number of
// milliseconds waits first, as long as `signal` allows.
async function drilled(drill, fetching, signal) {
  if (drill === "errors") return new Response("A drill answers this.\n", { status: 503 });
  if (drill === "down") {
    throw Object.assign(new Error("a drill has it down"), { name: "NotReached" });
  }
  await scheduler.wait(drill, { signal });
  return fetching();
}

function readdressed(request, url, body, signal) {
  if (!body) return new Request(url ? new Request(url, request) : request, { signal });
  const init = { body: body.stream, signal };
  return url ? new Request(url, { ...copied(request), ...init }) : new Request(request, init);
}

// A timer of one's own, since `AbortSignal.timeout` would also end an answer that has begun.
function abortAfter(ms, answer, controller) {
  const late = () => controller.abort(new DOMException("no answer in time", "TimeoutError"));
  const timer = setTimeout(late, ms);
  const begun = () => clearTimeout(timer);
  answer.then(begun, begun);
}

// What is sent of `source` the next time; undefined if there is no other time.
export function again(source) {
  return source.again();
}

export function pause(ms) {
  return scheduler.wait(ms);
}

// Sends a copy of `request`, as `send` does, whose answer nobody waits for. `source`: only
// with a copy of its body, if there is one.
export function mirror(ctx, env, binding, request, url, removed, set, added, timeout, source) {
  const init = copied(request);
  change(init.headers, removed, set, added);
  const sending = async () => {
    const body = source ? await source.copy() : undefined;
    if (body === null) return;
    const signal = AbortSignal.timeout(timeout);
    const answer = await env[binding].fetch(new Request(url, { ...init, body, signal }));
    await answer.body?.cancel();
  };
  ctx.waitUntil(sending().catch(() => {}));
}

// All of a request but its URL and its body.
function copied(request) {
  const { method, cf } = request;
  return { method, cf, headers: new Headers(request.headers), redirect: "manual" };
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

// What is kept under `key`; undefined if nothing is, or the cache does not answer.
export async function recall(key) {
  try {
    return await caches.default.match(key);
  } catch {
    return undefined;
  }
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
  await caches.default.put(key, new Response(bytes, { headers }));
}

export function forget(key) {
  return caches.default.delete(key);
}

function change(headers, removed, set, added) {
  if (removed) for (const name of removed.split("\n")) headers.delete(name);
  const replaced = lines(set);
  for (let i = 0; i < replaced.length; i += 2) headers.set(replaced[i], replaced[i + 1]);
  const more = lines(added);
  for (let i = 0; i < more.length; i += 2) headers.append(more[i], more[i + 1]);
}

function lines(text) {
  return text ? text.split("\n") : [];
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
