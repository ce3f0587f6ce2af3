// Sends requests to variants, through service bindings, or to their URLs.

import { drilled } from "../runtime/drilled.js";
import { change } from "../runtime/headers.js";
import { Server, upstreamOf } from "../runtime/outbound.js";
import { note } from "./notes.js";
import { carried } from "./uploads.js";

// A `Send` as `wire.py` writes it.
export function parsed(text) {
  const lines = text.split("\n");
  const [, number, upstream, url, timeout, limit, keptBody, drill, wantsHead, codes, attribution] =
    lines;
  const changes = taken(lines, 11);
  const carry = attribution ? { ...taken(lines, changes.end), attribution } : undefined;
  return {
    number: Number(number),
    note: `ok ${number}`,
    upstream,
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
  const { upstream, timeout, drill } = sent;
  const service = upstreamOf(env, upstream);
  if (!service) return undefined;
  if (drill && !Number(drill)) return drilled(drill); // the body is left as it was
  if (!(service instanceof Server)) return sendTo(service, request, sent, upload, controller);
  const url = service.address(sent.url || request.url);
  const began = Date.now();
  return service.check(timeout).then(() => {
    const there = { ...sent, url, timeout: left(timeout, began) };
    return sendTo(service, request, there, upload, controller);
  });
}

// What is left of `timeout` ms since `began`; 0 stays "any time".
export function left(timeout, began) {
  return timeout && Math.max(1, timeout - (Date.now() - began));
}

function sendTo(service, request, sent, upload, controller) {
  const { url, timeout, limit, drill, changes } = sent;
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
  const [, upstream, url, removed, set, added, tag] = copy;
  const init = copied(request);
  change(init.headers, { removed, set, added });
  const sending = async () => {
    const body = source ? await source.copy() : undefined;
    if (body === null) return;
    const signal = AbortSignal.timeout(timeout);
    const began = Date.now();
    let status = 0;
    try {
      const service = upstreamOf(env, upstream);
      const isServer = service instanceof Server;
      if (isServer) await service.check(timeout);
      const address = isServer ? service.address(url) : url;
      const answer = await service.fetch(new Request(address, { ...init, body, signal }));
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
