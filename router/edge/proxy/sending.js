// Sends requests to variants, through their service bindings.

import { drilled } from "../runtime/drilled.js";
import { change } from "../runtime/headers.js";
import { note } from "./notes.js";
import { carried } from "./uploads.js";

// A `Send` as `wire.py` writes it.
export function parsed(text) {
  const lines = text.split("\n");
  const [, number, binding, url, timeout, limit, keptBody, drill, wantsHead, codes, attribution] =
    lines;
  const changes = taken(lines, 11);
  const carry = attribution ? { ...taken(lines, changes.end), attribution } : undefined;
  return {
    number: Number(number),
    note: `ok ${number}`,
    binding,
    url,
    timeout: Number(timeout),
    limit: Number(limit),
    keptBody,
    drill,
    wantsHead,
    codes: codes ? codes.split(" ").map(Number) : [],
    changes,
    carry,
  };
}

// The changes of headers that begin in line `at`.
function taken(lines, at) {
  const removed = at + 3;
  const set = removed + Number(lines[at]);
  const added = set + Number(lines[at + 1]);
  const end = added + Number(lines[at + 2]);
  return {
    removed: lines.slice(removed, set),
    set: lines.slice(set, added),
    added: lines.slice(added, end),
    end,
  };
}

// Sends `request` as `sent` says. Its body is `upload`, or goes on as it comes, with at most
// `limit` bytes. It is broken off if no answer begins within `timeout` ms; one that has begun
// is not (0: it may take forever), unless by `controller`. Undefined if there is no such
// service.
export function send(env, request, sent, upload, controller) {
  const { binding, url, timeout, limit, drill, changes } = sent;
  const service = env[binding];
  if (typeof service?.fetch !== "function") return undefined;
  if (drill && !Number(drill)) return drilled(drill); // the body is left as it was
  const body = upload ?? carried(request, limit);
  if (timeout || body) controller ??= new AbortController();
  if (body?.failed) body.abort = () => controller.abort();
  const outbound = readdressed(request, url, body, controller?.signal);
  change(outbound.headers, changes);
  const fetching = () => service.fetch(outbound);
  const answer = drill ? drilled(drill, fetching, outbound.signal) : fetching();
  if (timeout) abortAfter(timeout, answer, controller);
  return body?.failed ? Promise.race([answer, body.failed]) : answer;
}

function readdressed(request, url, body, signal) {
  if (!body) return new Request(url ? new Request(url, request) : request, { signal });
  const init = { body: body.stream, signal };
  if (body.stream && !url) return new Request(request, init);
  return new Request(url || request.url, { ...copied(request), ...init });
}

// A timer of its own, since `AbortSignal.timeout` would also end an answer that has begun.
function abortAfter(ms, answer, controller) {
  const late = () => controller.abort(new DOMException("no answer in time", "TimeoutError"));
  const timer = setTimeout(late, ms);
  const begun = () => clearTimeout(timer);
  answer.then(begun, begun);
}

// Mirrors the request, with a copy of its body if it has one; its answer is discarded. The outcome
// is noted with `tag`, if there is one.
export function mirror({ ctx, env, request, source }, copy, timeout) {
  const [, binding, url, removed, set, added, tag] = copy;
  const init = copied(request);
  change(init.headers, { removed, set, added });
  const sending = async () => {
    const body = source ? await source.copy() : undefined;
    if (body === null) return;
    const signal = AbortSignal.timeout(timeout);
    const began = Date.now();
    let status = 0;
    try {
      const answer = await env[binding].fetch(new Request(url, { ...init, body, signal }));
      ({ status } = answer);
      await answer.body?.cancel();
    } finally {
      if (tag) note(`copy ${tag} ${status} ${Date.now() - began}`);
    }
  };
  ctx.waitUntil(sending().catch(() => {}));
}

// All of a request but its URL and its body.
function copied(request) {
  const { method, cf } = request;
  return { method, cf, headers: new Headers(request.headers), redirect: "manual" };
}
