// Limiters that misbehave: the name of the limit says how.

import { DurableObject } from "cloudflare:workers";

export default {
  fetch() {
    return new Response("only for its limiters", { status: 404 });
  },
};

export class Limiter extends DurableObject {
  asked = 0;

  async take() {
    const [kind] = this.ctx.id.name.split("-");
    this.asked += 1;
    return ACTS[kind](this.asked);
  }

  give_back() {}
}

const GRANT = "[1, 1, 41, 0, 1000]";
const ACTS = {
  throw() {
    throw new Error("SECRET-INSIDE: the limiter is broken");
  },
  async hang() {
    await scheduler.wait(600_000);
  },
  nonsense: () => "{",
  nothing: () => undefined,
  short: () => "[1, 1]",
  // Fails once, then works.
  recover(asked) {
    if (asked === 1) throw new Error("not yet");
    return GRANT;
  },
  // Answers too late, so that it looks as if it hung, then works.
  slow: (asked) => scheduler.wait(asked === 1 ? 400 : 0).then(() => GRANT),
};
