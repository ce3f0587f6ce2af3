// Where requests of variants go: through a service binding, or to a server that has a URL.
// What of the latter may be asked, `guard.py` says; nothing is decided here.

import { beginning } from "../../../workers_runtime/bodies.js";
import { timely } from "../../../workers_runtime/timely.js";

const MAX_DNS_ANSWER = 64 * 1024; // bytes
const LOOK_UP_MS = 5_000;
const MOST = 1_000; // servers that an isolate remembers

let guard;
const servers = new Map();

// Called by Python: who says what may be asked.
export function setGuard(found) {
  guard = found;
  servers.clear();
}

// What reaches that upstream by `fetch`: a service, or a `Server`; undefined if it is a binding that
// is not there. A service seems to have every other property, too: each is a call of the Worker.
export function upstreamOf(env, upstream) {
  const bound = env[upstream];
  if (typeof bound?.fetch === "function") return bound;
  return upstream.includes("://") ? serverOf(env, upstream) : undefined;
}

function serverOf(env, url) {
  const server = servers.get(url) ?? new Server(url);
  if (servers.size >= MOST) servers.clear(); // of policies that serve no more
  servers.set(url, server);
  server.env = env;
  return server;
}

export class Server {
  constructor(url) {
    this.url = url;
    this.until = 0;
    const told = JSON.parse(guard.judge(url));
    if (Array.isArray(told)) this.questions = told;
    else this.refusal = told;
  }

  // The URL for a request to `url`: its path and query, behind those of the server.
  address(url) {
    return this.url + url.slice(url.indexOf("/", url.indexOf("://") + 3));
  }

  // Fails if nothing may be sent there. Until then nothing of a request has been taken.
  async check(timeout) {
    if (this.questions?.length && Date.now() >= this.until) await this.lookUp(timeout);
    if (this.refusal) throw named(this.refusal);
  }

  async fetch(...args) {
    const { ROUTER_OUTBOUND: through } = this.env;
    const answer = await (through ? through.fetch(...args) : fetch(...args));
    if (isGiveable(answer)) return answer;
    answer.body?.cancel().catch(() => {});
    throw named({ name: "BadStatus", message: `the server answers ${answer.status}` });
  }

  async lookUp(timeout) {
    let told;
    try {
      const answers = await within(Math.min(timeout || LOOK_UP_MS, LOOK_UP_MS), (signal) =>
        Promise.all(this.questions.map((question) => this.answer(question, signal))),
      );
      told = guard.look_up(this.url, JSON.stringify(answers));
    } catch (error) {
      const message = `the resolver does not answer: ${error.message}`;
      throw named({ name: "NoAddress", message });
    }
    const [seconds, refusal] = told.split("\n");
    this.refusal = refusal ? JSON.parse(refusal) : undefined;
    this.until = Date.now() + Number(seconds) * 1000;
  }

  async answer(question, signal) {
    const headers = { accept: "application/dns-json" };
    const answer = await this.fetch(question, { headers, redirect: "manual", signal });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return beginning(answer.body, MAX_DNS_ANSWER);
  }
}

// Whether the runtime can build an answer of that status.
function isGiveable({ status, webSocket }) {
  return status === 101 ? Boolean(webSocket) : status >= 200 && status < 600;
}

// What `work` gives within `timeout` ms. What is late is broken off, by its signal.
export function within(timeout, work) {
  const controller = new AbortController();
  return timely(work(controller.signal), timeout, undefined, () => controller.abort());
}

function named({ name, message }) {
  return Object.assign(new Error(message), { name });
}
