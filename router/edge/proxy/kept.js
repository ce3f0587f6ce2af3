// Answers in Cloudflare's cache.
//
// The Cache API and not KV: a put is free and visible at once in this location, where KV takes one
// write a second of each key, shows it elsewhere after a minute, and bills both. An entry belongs
// to one location. On `*.workers.dev` that cache does nothing.

import { bytes as collected } from "../../../workers_runtime/bodies.js";

// The entry of `key`: its body, its size in bytes, when it was voided under `mark` (0: never), and
// what was stored about it. Undefined if there is none, or the cache does not answer.
export async function recall(key, mark) {
  const cache = caches.default;
  try {
    const [found, voided] = await Promise.all([cache.match(key), cache.match(mark)]);
    if (!found) return undefined;
    const { headers, body } = found;
    return {
      body,
      about: headers.get("x-router-kept") ?? "",
      size: Number(headers.get("x-router-size") ?? 0),
      voided: Number(voided?.headers.get("x-router-voided") ?? 0),
    };
  } catch {
    return undefined;
  }
}

// Stores under each of `marks` that entries requested until `at` are void. If the cache refuses
// it, the answer goes on without it.
export async function markVoid(marks, at, seconds) {
  const headers = { "cache-control": `public, max-age=${seconds}`, "x-router-voided": `${at}` };
  const put = (mark) => caches.default.put(mark, new Response("", { headers }));
  await Promise.allSettled(marks.map(put));
}

// `response`, with a copy stored under `key` for `seconds`, if it has at most `most` bytes.
// `about` is stored with it.
export function keep(ctx, response, key, about, seconds, most) {
  const [first, second] = response.body ? response.body.tee() : [null, null];
  ctx.waitUntil(store(second, key, about, seconds, most).catch(() => {}));
  return new Response(first, response);
}

export async function store(stream, key, about, seconds, most) {
  const bytes = await collected(stream, most);
  if (bytes === null) return;
  const headers = { "cache-control": `public, max-age=${seconds}`, "x-router-kept": about };
  headers["x-router-size"] = `${bytes.byteLength}`;
  await caches.default.put(key, new Response(bytes, { headers }));
}

export function forget(key) {
  return caches.default.delete(key);
}
