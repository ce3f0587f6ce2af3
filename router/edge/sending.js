// Requests on their way to variants, through their service bindings.

import { change } from "./headers.js";
import { carried } from "./uploads.js";

// Sends `request` through the service binding of that name, with another URL if one is
// given, and with changed headers. Its body is `upload`, or goes on as it comes, with at
// most `limit` bytes. It is broken off if no answer begins within `timeout` ms; one that has
// begun is not (0: it may take forever), unless by `controller`. Undefined if there is no such
// service.
export function send(
  env, binding, request, url, removed, set, added, timeout, limit, upload, drill, controller,
) {
  const service = env[binding];
  if (typeof service?.fetch !== "function") return undefined;
  if (typeof drill === "string") return drilled(drill); // the body is left as it was
  const body = upload ?? carried(request, limit);
  if (timeout || body) controller ??= new AbortController();
  if (body?.failed) body.abort = () => controller.abort();
  const outbound = readdressed(request, url, body, controller?.signal);
  change(outbound.headers, removed, set, added);
  const fetching = () => service.fetch(outbound);
  const answer = drill ? drilled(drill, fetching, outbound.signal) : fetching();
  if (timeout) abortAfter(timeout, answer, controller);
  return body?.failed ? Promise.race([answer, body.failed]) : answer;
}

// What a drill does in front of a binding: "down" and "errors" send nothing, a number of
// milliseconds waits first, as long as `signal` allows.
export async function drilled(drill, fetching, signal) {
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
  if (body.stream && !url) return new Request(request, init);
  return new Request(url ?? request.url, { ...copied(request), ...init });
}

// A timer of one's own, since `AbortSignal.timeout` would also end an answer that has begun.
function abortAfter(ms, answer, controller) {
  const late = () => controller.abort(new DOMException("no answer in time", "TimeoutError"));
  const timer = setTimeout(late, ms);
  const begun = () => clearTimeout(timer);
  answer.then(begun, begun);
}

// Sends a copy of `request`, as `send` does, whose answer nobody waits for. `source`: only
// with a copy of its body, if there is one. What comes of it is noted for `tag`, if there is
// one.
export function mirror(
  ctx, env, binding, request, url, removed, set, added, timeout, source, tag,
) {
  const init = copied(request);
  change(init.headers, removed, set, added);
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
      if (tag && notes.length < MAX_NOTES) notes.push(`${tag} ${status} ${Date.now() - began}`);
    }
  };
  ctx.waitUntil(sending().catch(() => {}));
}

// What has come of copies since somebody asked last: for whom, the status (0: no answer), and
// how many milliseconds it took.
export function takeCopied() {
  return notes.length ? notes.splice(0).join(" ") : "";
}

const notes = [];
const MAX_NOTES = 1000; // of an isolate that nobody asks; its copies are a sample all the same

// All of a request but its URL and its body.
function copied(request) {
  const { method, cf } = request;
  return { method, cf, headers: new Headers(request.headers), redirect: "manual" };
}
