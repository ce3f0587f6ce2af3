// The JavaScript side of bridge.py: each function replaces ten crossings by one.
// Nothing is decided here. Lists of strings cross as lines: neither a URL nor the name or
// value of a header can hold a line break (WHATWG URL; RFC 9110, section 5.5).

import { beginning } from "../../../workers_runtime/bodies.js";
import { timely } from "../../../workers_runtime/timely.js";
import { drilled } from "./drilled.js";
import { change } from "./headers.js";
import { Server, upstreamOf, within } from "./outbound.js";

// The answer of the Durable Object of that name to `method`. Rejects if there is no such object, if
// it fails, or if it does not answer within `timeout` ms: then it goes on, and `late` gets the
// promise of its answer.
export function ask(env, binding, name, method, question, timeout, late) {
  const call = async () => object(env, binding, name)[method](question);
  return timely(call(), timeout, undefined, late);
}

// Gives part of a grant back to the limiter of that name, after the answer. Lost if the limiter
// does not answer.
export function giveBack(env, binding, name, returned, ctx) {
  const call = async () => object(env, binding, name).give_back(returned);
  ctx.waitUntil(call().catch(() => {}));
}

function object(env, binding, name) {
  const namespace = env[binding];
  if (typeof namespace?.idFromName !== "function") throw new Error(`no binding ${binding}`);
  return namespace.get(namespace.idFromName(name));
}

// GETs `url` of a variant, within `timeout` ms. Returns the status of the answer and, in the next
// line, the first `most` bytes of its body (0: the body is not read).
export function probe(env, upstream, url, set, timeout, most, drill) {
  return within(timeout, async (signal) => {
    const headers = new Headers();
    change(headers, { removed: [], set: set.split("\n"), added: [] });
    const init = { headers, redirect: "manual", signal };
    const service = upstreamOf(env, upstream);
    if (!service) throw new Error(`no binding ${upstream}`);
    const fetching = async () => {
      if (!(service instanceof Server)) return service.fetch(url, init);
      await service.check(timeout);
      return service.fetch(service.address(url), init);
    };
    const answer = drill ? await drilled(drill, fetching, signal) : await fetching();
    const begin = await beginning(answer.body, most);
    return `${answer.status}\n${begin}`;
  });
}

const MOST_SHOWN = 512; // bytes of a body that are shown to people

// POSTs JSON to a service, within `timeout` ms. Returns the status of the answer and, in the next
// line, the beginning of its body.
export function askService(env, binding, url, body, timeout) {
  return within(timeout, async (signal) => {
    const service = env[binding];
    if (typeof service?.fetch !== "function") throw new Error(`no binding ${binding}`);
    const headers = {
      "content-type": "application/json",
      "user-agent": "fiberwise-router-check/1",
    };
    const init = { method: "POST", body, headers, redirect: "manual", signal };
    const answer = await service.fetch(url, init);
    return `${answer.status}\n${await beginning(answer.body, MOST_SHOWN)}`;
  });
}
