// The other half of bridge.py: each function is one crossing where there would be ten.
// Nothing is decided here. Lists of strings cross as lines: neither a URL nor the name or
// value of a header can hold a line break (WHATWG URL; RFC 9110, section 5.5).

import { drilled } from "./drilled.js";
import { change } from "./headers.js";

// All bytes of a stream; null if they are more than `most`.
export async function collected(stream, most) {
  const chunks = [];
  let total = 0;
  for await (const chunk of stream ?? []) {
    total += chunk.byteLength;
    if (total > most) return null; // which cancels this branch of the stream
    chunks.push(chunk);
  }
  return new Blob(chunks).arrayBuffer();
}

// What the object of that name answers to `method`. Fails if there is none, if it does, or
// if it does not answer within `timeout` ms: it may go on, but nobody waits for it; `late` gets
// the promise of its answer.
export function ask(env, binding, name, method, question, timeout, late) {
  return within(timeout, async () => object(env, binding, name)[method](question), late);
}

const LOOKS = 5; // at the clock, until time is over

// Time is counted in several parts: while this isolate is busy with something else it hears no
// answer, and however long that takes, it is no more than one part of the time.
async function within(timeout, work, late) {
  let timer;
  let looks = LOOKS;
  const working = work();
  const over = new Promise((_, reject) => {
    const look = () => {
      timer = setTimeout(() => (looks -= 1) > 0 ? look() : reject(tooLate(timeout)), timeout / LOOKS);
    };
    look();
  });
  try {
    return await Promise.race([working, over]);
  } catch (error) {
    if (looks <= 0) late?.(working);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function tooLate(timeout) {
  const error = new Error(`no answer in ${timeout} ms`);
  error.name = "TimeoutError";
  return error;
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
  const bytes = await collected(request.body, most);
  return bytes ? new TextDecoder().decode(bytes) : undefined;
}

// Asks a service for `url`: the status of its answer and, in the next line, the beginning of
// its body, at most `most` bytes of it (0: the body is not read). All of that within
// `timeout` ms.
export function probe(env, binding, url, set, timeout, most, drill) {
  return within(timeout, async () => {
    const headers = new Headers();
    change(headers, { removed: [], set: set.split("\n"), added: [] });
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
