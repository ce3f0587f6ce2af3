// The other half of bridge.py: each function is one crossing where there would be ten.
// Nothing is decided here. Lists of strings cross as lines: neither a URL nor the name or
// value of a header can hold a line break (WHATWG URL; RFC 9110, section 5.5).

import { beginning } from "../../../workers_runtime/bodies.js";
import { timely } from "../../../workers_runtime/timely.js";
import { drilled } from "./drilled.js";
import { change } from "./headers.js";
import { Server, upstreamOf, within } from "./outbound.js";

// What the object of that name answers to `method`. Fails if there is none, if it does, or
// if it does not answer within `timeout` ms: it may go on, but nobody waits for it; `late` gets
// the promise of its answer.
export function ask(env, binding, name, method, question, timeout, late) {
  const asked = async () => object(env, binding, name)[method](question);
  return timely(asked(), timeout, undefined, late);
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

// Asks a variant for `url`: the status of its answer and, in the next line, the beginning of
// its body, at most `most` bytes of it (0: the body is not read). All of that within
// `timeout` ms.
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

const SAID = 512; // bytes of what a service says that people may want to read

// Sends JSON to a service: the status of its answer and, in the next line, the beginning of
// its body. All of that within `timeout` ms.
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
    return `${answer.status}\n${await beginning(answer.body, SAID)}`;
  });
}
